"""The training loop of a classifier, resumable at any step without a trace of the interruption.

A batch is a pair (inputs, labels); one that was done before an interruption comes empty and is
passed over. Steps are taken here rather than by Lightning, so that nothing but the position, the
weights and the optimizer has to be restored.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import Logger
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from skillbank_runners.errors import Diverged
from skillbank_runners.signals import StopRequest
from skillbank_runners.training.checkpoints import State
from skillbank_runners.training.determinism import Purpose, seed_torch
from skillbank_runners.training.devices import (
    Devices,
    each_of_processes,
    largest_over_processes,
)
from skillbank_runners.training.joining import environment_of
from skillbank_runners.training.optim import (
    OptimSettings,
    build_optimizer,
    build_schedule,
    restore_optimizer,
)
from skillbank_runners.training.position import Sums, own_sums, position_of


@dataclass(frozen=True)
class LoopSettings:
    """What a training follows, apart from its data and network.

    Attributes:
        seed: What all randomness follows from.
        num_epochs: Passes over the data.
        validation_interval: Epochs between two validations.
        grad_clip: Largest norm of the gradient; 0: no limit.
        optim: Optimizer and schedule.
        label_smoothing: Share of each training label that is spread over all classes.
        rank: Number of this process.
        pause_after: Epochs after which training pauses; None: never.
        stop: Tells when somebody wants it to stop.
    """

    seed: int
    num_epochs: int
    validation_interval: int
    grad_clip: float
    optim: OptimSettings
    label_smoothing: float = 0.0
    rank: int = 0
    pause_after: int | None = None
    stop: StopRequest = field(default_factory=StopRequest)

    @property
    def stop_after(self) -> int:
        """Epochs after which this process has done its part: at the pause, or at the end."""
        return min(self.num_epochs, self.pause_after or self.num_epochs)

    def is_validated(self, epoch: int) -> bool:
        """Tell whether a zero-indexed epoch is validated, whether or not training pauses."""
        return (epoch + 1) % min(self.validation_interval, self.num_epochs) == 0

    def regular(self, metrics: Mapping[str, float], epoch: int) -> dict[str, float]:
        """What was measured in an epoch, less a validation that only a pause asked for."""
        is_kept = self.is_validated(epoch)
        return {n: v for n, v in metrics.items() if is_kept or not n.startswith("val_")}


class Classifier(pl.LightningModule):
    """A network with the state of its training.

    Attributes:
        model: The network; its weights are saved under TAO's prefix `model.`.
        epoch: Zero-indexed epoch that goes on or has just ended.
        batch: Batches of it that are done.
        step: Optimizer steps taken in all.
        metrics: What was measured in the last epoch that ended: train_loss, train_acc, lr, and
            val_loss and val_acc where it was validated.
        regular_metrics: The same, less a validation that only a pause asked for: what a training
            depends on, which must not depend on pauses.
        stopped_by: Signal for which all processes are to stop after this step; 0: none.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: LoopSettings,
        *,
        hyper_parameters: Mapping[str, object],
        state: State | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.model = network
        self.settings = settings
        self.start = position_of(state)
        self.epoch, self.batch, self.step = self.start.epoch, self.start.batch, self.start.step
        self.metrics: dict[str, float] = {}
        self.regular_metrics: dict[str, float] = {}
        self._facts = hyper_parameters
        self._restored = state
        self.stopped_by = 0
        self._sums = own_sums(state, settings.rank)
        self._val_sums = Sums()
        self._val_metrics: dict[str, float] = {}

    @property
    def lr(self) -> float:
        """Learning rate in use."""
        return float(self._optimizer.param_groups[0]["lr"])

    @property
    def running_metrics(self) -> dict[str, float]:
        """Training metrics of the part of the epoch that this process has done."""
        clips = max(self._sums.clips, 1)
        return {"train_loss": self._sums.loss / clips, "train_acc": self._sums.correct / clips}

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (N, classes)."""
        logits_NC: Tensor = self.model(inputs)
        return logits_NC

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Optimizer and schedule, as they stood where a restored training had stopped."""
        self._optimizer = build_optimizer(self.model.parameters(), self.settings.optim)
        settings = self.settings
        self._schedule = build_schedule(self._optimizer, settings.optim, settings.num_epochs)
        if self._restored is not None:
            restore_optimizer(self._optimizer, self._restored["optimizer_states"][0])
            for schedule in self._restored.get("lr_schedulers", [])[:1]:
                self._schedule.restore(schedule)
            self._restored = None
        return self._optimizer

    def on_fit_start(self) -> None:
        """Tell Lightning which epoch goes on."""
        progress = self.trainer.fit_loop.epoch_progress
        state = progress.state_dict()
        state["current"] |= {"processed": self.start.epoch, "completed": self.start.epoch}
        progress.load_state_dict(state)

    def on_train_start(self) -> None:
        """Take the signals back: Lightning has just put handlers of its own in their place."""
        self.settings.stop.listen()

    def on_train_epoch_start(self) -> None:
        """Begin to count, unless the epoch goes on after an interruption."""
        self.epoch = self.trainer.current_epoch
        if self.epoch != self.start.epoch or not self.start.batch:
            self._sums = Sums()
            self.batch = 0
        self._val_metrics = {}
        if self.epoch + 1 == self.settings.pause_after:
            self.trainer.check_val_every_n_epoch = 1
        self._schedule.start_epoch(self.epoch)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Take one optimizer step, unless it was taken before the interruption."""
        inputs, labels_N = batch
        if not len(labels_N):
            return
        seed_torch(self.settings.seed, Purpose.STEP, self.step, self.settings.rank)
        logits_NC = self(inputs)
        smoothing = self.settings.label_smoothing
        loss = functional.cross_entropy(logits_NC, labels_N, label_smoothing=smoothing)
        mean_loss = float(loss.detach())
        self._agree("train_loss", mean_loss)
        self._take_step(loss)
        self._sums.add(logits_NC.detach(), labels_N, mean_loss)
        self.batch = batch_idx + 1
        self.step += 1

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Count one batch of the validation."""
        del batch_idx
        inputs, labels_N = batch
        logits_NC = self(inputs)
        mean_loss = float(functional.cross_entropy(logits_NC, labels_N))
        self._agree("val_loss", mean_loss)
        self._val_sums.add(logits_NC, labels_N, mean_loss)

    def on_validation_epoch_start(self) -> None:
        """Begin to count."""
        self._val_sums = Sums()

    def on_validation_epoch_end(self) -> None:
        """Every process has validated on all clips, so nothing is summed over processes."""
        sums = self._val_sums
        clips = max(sums.clips, 1)
        self._val_metrics = {"val_loss": sums.loss / clips, "val_acc": sums.correct / clips}

    def on_train_epoch_end(self) -> None:
        """Close the epoch: its metrics, and the next learning rate."""
        trained = self._sums.means("train", self.device)
        self.metrics = {**trained, **self._val_metrics, "lr": self.lr}
        self.regular_metrics = self.settings.regular(self.metrics, self.epoch)
        self._schedule.end_epoch(self.regular_metrics)

    def sums_of_processes(self) -> list[list[float]]:
        """Running totals of this epoch of each process; every one of them has to ask."""
        return each_of_processes(astuple(self._sums), self.device)

    def state(self, sums: Sequence[Sequence[float]] | None = None) -> State:
        """Checkpoint of this moment; Lightning's keys where it has them.

        Args:
            sums: Running totals of each process within an epoch; None: the epoch has ended.
        """
        epoch_ended = sums is None
        told = [list(one) for one in sums or [astuple(Sums())]]
        return {
            "epoch": self.epoch,
            "global_step": self.step,
            "batch": 0 if epoch_ended else self.batch,
            "epoch_ended": epoch_ended,
            "metrics": self.metrics if epoch_ended else {},
            "epoch_sums": told[0] if len(told) == 1 else told,
            "state_dict": self.state_dict(),
            "optimizer_states": [self._optimizer.state_dict()],
            "lr_schedulers": [self._schedule.state()],
            "hyper_parameters": dict(self._facts),
            "pytorch-lightning_version": version("pytorch-lightning"),
        }

    def _take_step(self, loss: Tensor) -> None:
        optimizer = self.optimizers()
        assert not isinstance(optimizer, list)
        optimizer.zero_grad()
        self.manual_backward(loss)
        if self.settings.grad_clip > 0:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.grad_clip)
        optimizer.step()

    def _agree(self, name: str, value: float) -> None:
        """Go on only if no process has lost itself; learn whether one was asked to stop."""
        own = [float(not math.isfinite(value)), float(self.settings.stop.signum)]
        is_lost, self.stopped_by = map(int, largest_over_processes(own, self.device))
        if not is_lost:
            return
        found = "infinite or no number" if math.isfinite(value) else str(value)
        raise Diverged(
            f"{name} became {found} in epoch {self.epoch}, step {self.step}, at learning rate "
            f"{self.lr:g}: training has diverged. Set train.optim.lr to {self.lr / 10:g}, or "
            "train.grad_clip to 1.0, and start in a new results folder or from an earlier "
            "checkpoint (train.resume_training_checkpoint_path)"
        ).of_all()


def fit(
    module: Classifier,
    loaders: tuple[DataLoader[Any], DataLoader[Any]],
    devices: Devices,
    *,
    callbacks: Sequence[pl.Callback],
    results: Path,
    logger: Logger | None = None,
) -> None:
    """Train to the last epoch, or to the one after which training pauses.

    Args:
        module: The network; starts at its position.
        loaders: Training and validation batches.
        devices: What to compute on.
        callbacks: Reports and checkpoints.
        results: Where Lightning may leave files; it has no reason to.
        logger: Outside service that gets the metrics.
    """
    for name in ("pytorch_lightning", "lightning_fabric", "lightning_utilities"):
        logging.getLogger(name).setLevel(logging.ERROR)
    settings = module.settings
    with warnings.catch_warnings():
        # Lightning advises more worker processes; data.py explains why there are none.
        warnings.filterwarnings("ignore", ".*does not have many workers.*")
        # Lightning's own use of PyTorch, in releases up to 2.6.
        warnings.filterwarnings("ignore", ".*LeafSpec.*deprecated.*")
        # It takes every process of a machine with SLURM for one that srun should have started.
        warnings.filterwarnings("ignore", ".*`srun` command is available.*")
        trainer = pl.Trainer(
            accelerator="gpu" if devices.gpu_ids else "cpu",
            devices=list(devices.gpu_ids) or devices.per_node,
            num_nodes=devices.place.num_nodes,
            plugins=[environment_of(devices.place)],
            strategy="ddp" if devices.num_processes > 1 else "auto",
            max_epochs=settings.stop_after,
            check_val_every_n_epoch=min(settings.validation_interval, settings.num_epochs),
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            callbacks=list(callbacks),
            logger=logger or False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=results,
        )
        with settings.stop.deferred(), settings.stop.held_back():
            trainer.fit(module, *loaders)
    if settings.rank == 0:  # for a last signal that no step has seen
        settings.stop.check()
