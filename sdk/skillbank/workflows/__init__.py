"""Workflows: jobs that build on one another as one durable object that advances by itself.

`workflow` holds the values, `workflow_plan` what is decided beforehand, `planning` and `rehearsal`
how, `folder` the files, `progress` what is true now, `driver` the process that advances one, and
`workflow_client` the methods of the client.
"""
