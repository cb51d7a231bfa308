"""Every recommendation trains all epochs."""

from __future__ import annotations

from dataclasses import dataclass

from skillbank.automl.history import History, Move, Start, Trial
from skillbank.automl.schedulers.scheduler import recommendations


@dataclass(frozen=True)
class Full:
    """Starts `max_starts` recommendations, each to the end; failed ones count among them."""

    full_epochs: int
    max_starts: int

    @property
    def summary(self) -> str:
        """See TrialScheduler."""
        return f"{self.max_starts} recommendations of {self.full_epochs} epochs each"

    def next_move(self, history: History) -> Move | None:
        """See Scheduler."""
        if history and len(recommendations(history)) >= self.max_starts:
            return None
        return Start(self.full_epochs)

    def stop_reason(self, trial: Trial, history: History) -> str | None:
        """See Scheduler; none is stopped early."""
        del trial, history
        return None

    def is_last(self, trial: Trial) -> bool:
        """See Scheduler; a trial has only one rung."""
        del trial
        return True

    def never_again(self, history: History) -> list[int]:
        """See TrialScheduler; none is ever paused."""
        del history
        return []
