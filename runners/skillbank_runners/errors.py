"""What a runner raises when the user, not the code, has to act; the launcher prints it bare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self


class RunnerError(Exception):
    """A mistake in the job's spec, data or checkpoint; its message is the whole explanation.

    A message says what was found and where (dotted key, file, index), what was expected, and what
    to do next. The launcher writes it to the log and to status.json without a traceback.

    Attributes:
        failure: Kind of failure, for programs: `failure` of the job's last status line. One of
            `bad_configuration`, `diverged`, `out_of_memory`, `infrastructure`; empty: unknown.
        is_common: Every process that trains together raises it, in the same step.
    """

    failure = ""
    is_common = False

    def of_all(self) -> Self:
        """The same, raised by every process that trains together."""
        self.is_common = True
        return self


class WrongRequest(RunnerError):
    """What was asked for cannot be done: the spec, or what it names, has to change first.

    The launcher exits with 2 where any other failure of a job is 1.
    """

    failure = "bad_configuration"


class DataInvalid(WrongRequest):
    """The data breaks the contract of its network; `problems` lists every breach found."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("the data cannot be used:\n" + "\n".join(f"  - {p}" for p in problems))
        self.problems = tuple(problems)


class NotBuilt(WrongRequest):
    """The action has a spec, and nothing that carries it out."""


class Diverged(RunnerError):
    """Training left the realm of numbers; other settings may keep it there."""

    failure = "diverged"


class Unreachable(RunnerError):
    """The processes that train together do not find one another."""

    failure = "infrastructure"


class PeerFailed(RunnerError):
    """A process that trains together with this one ended first.

    Args:
        message: What it said, and which one it was.
        exit_code: What it exited with.
        failure: Kind of its failure.
    """

    def __init__(self, message: str, exit_code: int, failure: str) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.failure = failure


class Paused(RunnerError):
    """Training stopped after the epoch where it was asked to; the same command goes on.

    Args:
        epochs: Epochs that are done.
        num_epochs: Epochs of the whole training.
        metrics: What was measured after the last one.
    """

    def __init__(self, epochs: int, num_epochs: int, metrics: Mapping[str, float]) -> None:
        super().__init__(f"paused after epoch {epochs} of {num_epochs}")
        self.is_common = True  # all were asked by the same command line
        self.epochs = epochs
        self.num_epochs = num_epochs
        self.metrics = metrics


class Cancelled(RunnerError):
    """The job was asked to stop (SIGTERM); what was written so far stays usable."""
