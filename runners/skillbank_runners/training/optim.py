"""Optimizers and learning rate schedules under TAO's names."""

from __future__ import annotations

import logging
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from skillbank_runners.errors import RunnerError

log = logging.getLogger(__name__)

_PLATEAU_STATE = ("best", "cooldown_counter", "num_bad_epochs", "last_epoch")
# What each optimizer remembers of a weight; whose state has other names is another optimizer's.
_REMEMBERED = {
    torch.optim.SGD: {"momentum_buffer"},
    torch.optim.Adam: {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
    torch.optim.AdamW: {"step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"},
    torch.optim.Adamax: {"step", "exp_avg", "exp_inf"},
}


@dataclass(frozen=True)
class OptimSettings:
    """The `train.optim` section, as TAO's networks share it; the spec explains each key."""

    optimizer_type: str
    lr: float
    momentum: float
    nesterov: bool
    weight_decay: float
    lr_scheduler: str
    lr_monitor: str
    patience: int
    min_lr: float
    lr_steps: tuple[int, ...]
    lr_decay: float
    warmup_epochs: int = 0


def build_optimizer(
    parameters: Iterable[torch.nn.Parameter], settings: OptimSettings
) -> torch.optim.Optimizer:
    """Optimizer of the type that `optimizer_type` names; `initial_lr` says where it began."""
    optimizer = _new_optimizer(parameters, settings)
    for group in optimizer.param_groups:
        group["initial_lr"] = settings.lr  # the name that PyTorch's own schedules use
    return optimizer


def _new_optimizer(
    parameters: Iterable[torch.nn.Parameter], settings: OptimSettings
) -> torch.optim.Optimizer:
    match settings.optimizer_type:
        case "torch.optim.SGD":
            return torch.optim.SGD(
                parameters,
                lr=settings.lr,
                momentum=settings.momentum,
                nesterov=settings.nesterov,
                weight_decay=settings.weight_decay,
            )
        case "torch.optim.Adam":
            return torch.optim.Adam(parameters, lr=settings.lr, weight_decay=settings.weight_decay)
        case "torch.optim.AdamW":  # arXiv:1711.05101: weight decay apart from the gradient's scale
            return torch.optim.AdamW(parameters, lr=settings.lr, weight_decay=settings.weight_decay)
        case "torch.optim.Adamax":
            return torch.optim.Adamax(
                parameters, lr=settings.lr, weight_decay=settings.weight_decay
            )
    raise RunnerError(
        f"train.optim.optimizer_type: found {settings.optimizer_type!r}, expected "
        "torch.optim.SGD, torch.optim.Adam, torch.optim.Adamax or torch.optim.AdamW"
    )


def restore_optimizer(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Load what a checkpoint remembers of each weight; every option stays as the spec says.

    The learning rate is the spec's, reduced by the factor by which it had been reduced when the
    checkpoint was written. With the spec of that time this is the rate of that time, bit for bit.
    Another optimizer's memory is left aside.
    """
    fresh = [
        {key: value for key, value in group.items() if key != "params"}
        for group in optimizer.param_groups
    ]
    known = {name for memory in state["state"].values() for name in memory}
    if known <= _REMEMBERED[type(optimizer)]:
        optimizer.load_state_dict(dict(state))
    else:
        kind = type(optimizer).__name__
        log.info("the checkpoint is of another optimizer than %s, whose memory starts empty", kind)
    for group, options, old in zip(
        optimizer.param_groups, fresh, state["param_groups"], strict=True
    ):
        group.update(options, lr=_rate_that_goes_on(options, old))


def _rate_that_goes_on(options: Mapping[str, Any], old: Mapping[str, Any]) -> float:
    """Learning rate with the spec's options, after a group whose old options are given."""
    began_at = old.get("initial_lr")
    is_same = not began_at or began_at == options["initial_lr"]  # TAO's files do not always say
    return float(old["lr"] if is_same else options["initial_lr"] * (old["lr"] / began_at))


class Schedule(Protocol):
    """Sets the learning rate of an optimizer from epoch to epoch."""

    def start_epoch(self, epoch: int) -> None:
        """Set what holds during this epoch."""

    def end_epoch(self, metrics: Mapping[str, float]) -> None:
        """Take note of an epoch's metrics; a metric that was not measured is absent."""

    def state(self) -> dict[str, float]:
        """What the next epochs depend on."""

    def restore(self, state: Mapping[str, float]) -> None:
        """Go on from a state."""


class MultiStep:
    """Multiplies the learning rate by `lr_decay` at each of the epochs `lr_steps`."""

    def __init__(self, optimizer: torch.optim.Optimizer, settings: OptimSettings) -> None:
        self._optimizer = optimizer
        self._settings = settings

    def start_epoch(self, epoch: int) -> None:
        """Set the learning rate, which depends on nothing but the epoch."""
        settings = self._settings
        passed = bisect_right(sorted(settings.lr_steps), epoch)
        for group in self._optimizer.param_groups:
            group["lr"] = settings.lr * settings.lr_decay**passed

    def end_epoch(self, metrics: Mapping[str, float]) -> None:
        """Nothing: metrics change nothing here."""

    def state(self) -> dict[str, float]:
        """Nothing is remembered."""
        return {}

    def restore(self, state: Mapping[str, float]) -> None:
        """Nothing is remembered."""


class AutoReduce:
    """Lowers the learning rate when `lr_monitor` has not fallen for `patience` epochs."""

    def __init__(self, optimizer: torch.optim.Optimizer, settings: OptimSettings) -> None:
        if settings.lr_decay >= 1:
            raise RunnerError(
                f"train.optim.lr_decay: found {settings.lr_decay!r}, expected a factor below 1 "
                "with train.optim.lr_scheduler AutoReduce, such as 0.1"
            )
        self._monitor = settings.lr_monitor
        self._plateau = ReduceLROnPlateau(
            optimizer,
            mode="min",
            factor=settings.lr_decay,
            patience=settings.patience,
            min_lr=settings.min_lr,
        )

    def start_epoch(self, epoch: int) -> None:
        """Nothing: the optimizer holds the learning rate."""

    def end_epoch(self, metrics: Mapping[str, float]) -> None:
        """Count an epoch without progress, where the metric was measured."""
        if self._monitor in metrics:
            self._plateau.step(metrics[self._monitor])

    def state(self) -> dict[str, float]:
        """Best metric so far, and the epochs since then."""
        return {key: getattr(self._plateau, key) for key in _PLATEAU_STATE}

    def restore(self, state: Mapping[str, float]) -> None:
        """Go on counting; patience and factor stay as the spec says."""
        known = {key: state[key] for key in _PLATEAU_STATE if key in state}
        self._plateau.load_state_dict(known)


class Cosine:
    """Half a cosine from the learning rate towards 0, after a linear rise.

    The rate is that of the epoch's beginning, so that the last epoch still learns.
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, settings: OptimSettings, num_epochs: int
    ) -> None:
        if settings.warmup_epochs >= num_epochs:
            raise RunnerError(
                f"train.optim.warmup_epochs: found {settings.warmup_epochs}, expected fewer than "
                f"the {num_epochs} epochs of train.num_epochs"
            )
        self._optimizer = optimizer
        self._settings = settings
        self._num_epochs = num_epochs

    def start_epoch(self, epoch: int) -> None:
        """Set the learning rate, which depends on nothing but the epoch."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.lr * self._share(epoch)

    def _share(self, epoch: int) -> float:
        rising = self._settings.warmup_epochs
        if epoch < rising:
            return (epoch + 1) / (rising + 1)
        # eq. 5 of arXiv:1608.03983, for one period that ends with the training
        passed = (epoch - rising) / (self._num_epochs - rising)
        return (1 + math.cos(math.pi * min(passed, 1.0))) / 2

    def end_epoch(self, metrics: Mapping[str, float]) -> None:
        """Nothing: metrics change nothing here."""

    def state(self) -> dict[str, float]:
        """Nothing is remembered."""
        return {}

    def restore(self, state: Mapping[str, float]) -> None:
        """Nothing is remembered."""


def build_schedule(
    optimizer: torch.optim.Optimizer, settings: OptimSettings, num_epochs: int
) -> Schedule:
    """Schedule that `lr_scheduler` names, for a training of `num_epochs`."""
    match settings.lr_scheduler:
        case "MultiStep":
            return MultiStep(optimizer, settings)
        case "AutoReduce":
            return AutoReduce(optimizer, settings)
        case "Cosine":
            return Cosine(optimizer, settings, num_epochs)
    raise RunnerError(
        f"train.optim.lr_scheduler: found {settings.lr_scheduler!r}, expected MultiStep, "
        "AutoReduce or Cosine"
    )
