"""What a runner raises when the user, not the code, has to act; the launcher prints it bare."""

from __future__ import annotations

from collections.abc import Sequence


class RunnerError(Exception):
    """A mistake in the job's spec, data or checkpoint; its message is the whole explanation.

    A message says what was found and where (dotted key, file, index), what was expected, and what
    to do next. The launcher writes it to the log and to status.json without a traceback.
    """


class DataInvalid(RunnerError):
    """The data breaks the contract of its network; `problems` lists every breach found."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("the data cannot be used:\n" + "\n".join(f"  - {p}" for p in problems))
        self.problems = tuple(problems)


class Cancelled(RunnerError):
    """The job was asked to stop (SIGTERM); what was written so far stays usable."""
