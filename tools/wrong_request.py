"""What the tables of wrong requests are made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WrongRequest:
    """One request that must be refused.

    Attributes:
        what: The mistake, in the words of the table.
        command: The command line.
        names: What the message must contain.
        status: Exit status: 2 for a wrong request, 1 for a job that failed or has not ended.
    """

    what: str
    command: str
    names: tuple[str, ...]
    status: int = 2
