"""What happens beside the training steps: lines of progress, and checkpoints.

Both are Lightning `Checkpoint` callbacks: those are called last at the end of an epoch, when the
module has closed it.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Checkpoint

from skillbank_runners.api import Run
from skillbank_runners.training.best_checkpoints import BestCheckpoints
from skillbank_runners.training.checkpoints import (
    State,
    checkpoint_name,
    periodic_before,
    point_latest,
    remove_checkpoint,
    write_checkpoint,
)
from skillbank_runners.training.loop import Classifier, LoopSettings
from skillbank_runners.training.position import position_of

_STEP_REPORT_S = 2.0

log = logging.getLogger(__name__)


class ProgressReport(Checkpoint):
    """A line per epoch to the log and to status.json, and some in between to status.json."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._epoch_started_s = self._reported_s = time.monotonic()
        self._epochs_here = 0
        self._seconds_here = 0.0

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock."""
        del trainer, pl_module
        self._epoch_started_s = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object
    ) -> None:
        """Report a step, at most every two seconds."""
        module = _classifier(pl_module)
        now_s = time.monotonic()
        is_last = module.batch == trainer.num_training_batches
        if is_last or now_s - self._reported_s < _STEP_REPORT_S or not trainer.is_global_zero:
            return
        self._reported_s = now_s
        self._run.report(
            f"epoch {module.epoch + 1}: step {module.batch} of {trainer.num_training_batches}",
            kpi=module.running_metrics,
            epoch=module.epoch,
            max_epoch=module.settings.num_epochs,
            step=module.batch,
            max_step=int(trainer.num_training_batches),
            eta=self._eta(module, module.batch / trainer.num_training_batches),
        )

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Report an epoch."""
        module = _classifier(pl_module)
        now_s = time.monotonic()
        seconds = now_s - self._epoch_started_s
        self._reported_s = now_s
        self._epochs_here += 1
        self._seconds_here += seconds
        if trainer.logger is not None:
            trainer.logger.log_metrics(module.metrics, step=module.step)
        if not trainer.is_global_zero:
            return
        eta = self._eta(module)
        message = f"epoch {module.epoch + 1}/{module.settings.num_epochs}: {_figures(module)}"
        log.info("%s, %.1f s, ETA %s", message, seconds, eta)
        self._run.report(
            message,
            kpi=module.metrics,
            epoch=module.epoch,
            max_epoch=module.settings.num_epochs,
            time_per_epoch=_duration(seconds),
            eta=eta,
        )

    def _eta(self, module: Classifier, done: float = 1.0) -> str | None:
        """How long it will take yet, `done` of this epoch being over; None in the first epoch."""
        if not self._epochs_here:
            return None
        left = module.settings.stop_after - module.epoch - done
        return _duration(self._seconds_here / self._epochs_here * left)


class CheckpointWriter(Checkpoint):
    """Periodic checkpoints, the latest link, and the best checkpoints where they are wanted.

    Args:
        run: Where to write.
        latest_name: Link to the newest checkpoint.
        interval: Epochs or steps between two checkpoints.
        by_step: Whether `interval` counts steps.
        best: Keeps the best checkpoints; None: they are not wanted.
    """

    def __init__(
        self,
        run: Run,
        latest_name: str,
        *,
        interval: int,
        by_step: bool = False,
        best: BestCheckpoints | None = None,
    ) -> None:
        self._run = run
        self._latest = run.results / latest_name
        self._interval = interval
        self._by_step = by_step
        self._best = best

    def settle(self, state: State | None, settings: LoopSettings) -> None:
        """Do what an interruption kept the process before from doing, then training goes on.

        It may have come within a write, or between the files that the end of an epoch leaves.

        Args:
            state: Where training goes on; None: it starts.
            settings: What it follows.
        """
        for path in self._run.results.glob(".*.pth.*.tmp"):
            path.unlink()
        metrics = (state or {}).get("metrics")
        if state is None or not metrics:
            return
        position = position_of(state)
        path = self._run.results / checkpoint_name(position.epoch - 1, position.step)
        known = {entry.path: (entry.epoch, entry.step) for entry in self._run.artefacts()}
        is_own = path.is_file() or (position.epoch - 1, position.step) in known.values()
        if not is_own:
            return
        is_last = position.epoch == settings.stop_after
        is_due = is_last or self._is_due(position.step if self._by_step else position.epoch)
        if is_due and path.name not in known:
            write_checkpoint(self._run, path, state, metrics)
            point_latest(self._latest, path)
        self._replace_before(path)
        if self._best:
            self._best.settle(self._run, state, settings.regular(metrics, position.epoch - 1))

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object
    ) -> None:
        """Write a checkpoint within an epoch; that of its last step waits for its metrics."""
        module = _classifier(pl_module)
        is_inside = 0 < module.batch < trainer.num_training_batches
        is_new = module.step > module.start.step
        is_due = self._by_step and is_inside and is_new and module.step % self._interval == 0
        if is_due or module.stopped_by:
            self._write(trainer, module, epoch_ended=False)
        self._stop_if_asked(trainer, module)

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: object
    ) -> None:
        """Stop between two batches of a validation, behind all steps of its epoch."""
        module = _classifier(pl_module)
        if module.stopped_by:
            self._write(trainer, module, epoch_ended=False)
            self._stop_if_asked(trainer, module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write the epoch's checkpoint where one is due; where training stops it always is."""
        module = _classifier(pl_module)
        is_last = module.epoch + 1 == module.settings.stop_after
        if is_last or self._is_due(module.step if self._by_step else module.epoch + 1):
            self._write(trainer, module, epoch_ended=True)
        if self._best and trainer.is_global_zero:
            self._best.consider(self._run, module.state(), module.regular_metrics)

    def _stop_if_asked(self, trainer: pl.Trainer, module: Classifier) -> None:
        """Leave the loop, every process after the same step.

        Raises:
            Cancelled: One of them was asked to stop.
        """
        if not module.stopped_by:
            return
        done = f"after step {module.batch} of {trainer.num_training_batches}"
        saved = checkpoint_name(module.epoch, module.step)
        where = f" {done} of epoch {module.epoch + 1}, saved as {saved}"
        raise module.settings.stop.cancelled(module.stopped_by, where).of_all()

    def _write(self, trainer: pl.Trainer, module: Classifier, *, epoch_ended: bool) -> None:
        sums = None if epoch_ended else module.sums_of_processes()
        if not trainer.is_global_zero:
            return
        path = self._run.results / checkpoint_name(module.epoch, module.step)
        metrics = module.metrics if epoch_ended else {}
        write_checkpoint(self._run, path, module.state(sums), metrics)
        point_latest(self._latest, path)
        self._replace_before(path)

    def _is_due(self, count: int) -> bool:
        """Tell whether so many epochs, or steps, ask for a checkpoint."""
        return count % self._interval == 0

    def _replace_before(self, path: Path) -> None:
        """Delete the periodic checkpoint before this one, where only the latest is wanted."""
        if not self._best or not self._best.replace_periodic:
            return
        before = periodic_before(self._run, path)
        if before:
            remove_checkpoint(self._run, before)


def _classifier(module: pl.LightningModule) -> Classifier:
    if not isinstance(module, Classifier):
        raise TypeError(f"expected a Classifier, found {type(module).__name__}")
    return module


def _figures(module: Classifier) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in module.metrics.items())


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
