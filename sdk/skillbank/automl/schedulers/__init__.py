"""How long each trial trains: schedulers as pure functions of the history."""

from skillbank.automl.schedulers.choice import full_epochs, make_scheduler
from skillbank.automl.schedulers.scheduler import TrialScheduler

__all__ = ["TrialScheduler", "full_epochs", "make_scheduler"]
