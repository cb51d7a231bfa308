"""From pose files and videos to the action of every person over time.

`infer.run` is the door; `merging` holds what decides: windows become one action per frame.
"""
