"""The launch gate: everything that can be known to be wrong before a job is started."""
