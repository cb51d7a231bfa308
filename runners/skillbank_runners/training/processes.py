"""Which of the processes that train together this one is; torch is not needed to know."""

from __future__ import annotations

import os


def rank(processes_per_node: int = 1) -> int:
    """Number of this process; 0 speaks for all.

    Args:
        processes_per_node: As many as there are GPUs in use on one machine.
    """
    if "RANK" in os.environ:
        return int(os.environ["RANK"])
    node = int(os.environ.get("NODE_RANK", "0"))
    return node * processes_per_node + int(os.environ.get("LOCAL_RANK", "0"))
