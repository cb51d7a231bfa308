"""Actions while they happen: a trained ST-GCN that takes frames one by one.

`stream.stream_actions` is the door; `network` says what equals the offline network, and when.
"""
