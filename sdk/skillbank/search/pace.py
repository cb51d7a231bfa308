"""How fast a training is here, measured on its first epochs or steps."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from skillbank.following import StatusLine
from skillbank.job import JobState
from skillbank.search.trial_jobs import is_validation

if TYPE_CHECKING:
    from skillbank.client import Client

_LOOK_EVERY_S = 0.1
_LONGEST_S = 60.0
# A first epoch, and a first step, are slower than the rest. Of a long one a part is enough.
_LONG_EPOCH_S = 10.0
_STEPS_BETWEEN = 2


@dataclass(frozen=True)
class Pace:
    """How fast a training is here.

    Attributes:
        seconds_per_epoch: Of one epoch with its validation.
        startup_s: From the start of its process to its first line.
        how: What was measured, in words.
    """

    seconds_per_epoch: float
    startup_s: float
    how: str


@dataclass
class _Clock:
    """When each count of epochs, and of steps of the first epoch, was first seen."""

    began_at: float
    epochs: dict[int, float] = field(default_factory=dict)
    steps: dict[int, float] = field(default_factory=dict)
    steps_per_epoch: int = 0

    def look(self, lines: list[StatusLine], now: float) -> None:
        """Take note of what is new."""
        for line in lines:
            if is_validation(line):
                self.epochs.setdefault(int(line["epoch"]) + 1, now)
            elif line.get("step") and line.get("max_step") and not line.get("epoch"):
                self.steps.setdefault(int(line["step"]), now)
                self.steps_per_epoch = int(line["max_step"])

    def read(self, startup_s: float, now: float, *, is_over: bool) -> Pace | None:
        """The pace as soon as it can be told; at the end, whatever can be told."""
        seconds = now - self.began_at
        counts = [min(self.epochs), max(self.epochs)] if self.epochs else [0, 0]
        between = self.epochs[counts[1]] - self.epochs[counts[0]] if self.epochs else 0.0
        if between > 0:
            num = counts[1] - counts[0]
            return Pace(between / num, startup_s, f"{_count(num, 'epoch')} in {between:.1f} s")
        if self.epochs and (is_over or seconds >= _LONG_EPOCH_S):
            return Pace(
                seconds / counts[1], startup_s, f"{_count(counts[1], 'epoch')} in {seconds:.1f} s"
            )
        return self._read_steps(startup_s, seconds, is_over=is_over)

    def _read_steps(self, startup_s: float, seconds: float, *, is_over: bool) -> Pace | None:
        if not self.steps or not (is_over or seconds >= 2 * _LONG_EPOCH_S):
            return None
        first, last = min(self.steps), max(self.steps)
        if last - first >= _STEPS_BETWEEN:
            passed_s, done = self.steps[last] - self.steps[first], last - first
        elif is_over:
            passed_s, done = seconds, last
        else:
            return None
        told = f"{done} of {self.steps_per_epoch} steps in {passed_s:.1f} s"
        return Pace(passed_s / done * self.steps_per_epoch, startup_s, told)


def measure_pace(client: Client, job_id: str) -> Pace | None:
    """Watch a training until its pace can be told.

    Short epochs are timed from the first to the second; of a long one some steps are, the first
    left out. None when the training showed nothing within a minute.
    """
    deadline = time.monotonic() + _LONGEST_S
    clock: _Clock | None = None
    while True:
        job, now = client.job(job_id), time.time()
        lines = client.events(job_id)
        is_over = job.state.is_final or time.monotonic() >= deadline
        if job.state is JobState.QUEUED:
            deadline = time.monotonic() + _LONGEST_S
        if lines and clock is None:
            # Epochs that were over before anybody looked are timed from the start of the process.
            is_late = any(map(is_validation, lines))
            clock = _Clock(job.started_at if is_late and job.started_at is not None else now)
        if clock is not None and job.started_at is not None:
            clock.look(lines, now)
            startup_s = max(0.0, clock.began_at - job.started_at)
            pace = clock.read(startup_s, now, is_over=is_over)
            if pace is not None:
                return pace
        if is_over:
            return None
        time.sleep(_LOOK_EVERY_S)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
