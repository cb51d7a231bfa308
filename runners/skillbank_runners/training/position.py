"""Where a training stands: its position, and the running totals of an epoch that is not over."""

from __future__ import annotations

import logging
from dataclasses import astuple, dataclass

import torch
from torch import Tensor

from skillbank_runners.training.checkpoints import State
from skillbank_runners.training.devices import sum_over_processes

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Position:
    """Where a training stands.

    Attributes:
        epoch: Zero-indexed epoch that goes on.
        batch: Batches of it that are done.
        step: Optimizer steps taken in all.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0


@dataclass
class Sums:
    """Running totals over the clips of an epoch."""

    loss: float = 0.0
    correct: float = 0.0
    clips: float = 0.0

    def add(self, logits_NC: Tensor, labels_N: Tensor, loss: float) -> None:
        """Count a batch whose mean loss is known."""
        self.loss += loss * len(labels_N)
        self.correct += int((logits_NC.argmax(dim=1) == labels_N).sum())
        self.clips += len(labels_N)

    def means(self, prefix: str, device: torch.device) -> dict[str, float]:
        """Loss and accuracy over all processes."""
        total = sum_over_processes([self.loss, self.correct, self.clips], device)
        clips = max(total[2], 1)
        return {f"{prefix}_loss": total[0] / clips, f"{prefix}_acc": total[1] / clips}


def own_sums(state: State | None, rank: int) -> Sums:
    """Running totals of the epoch with which one process goes on."""
    each = _sums_of_processes(state or {})
    return Sums(*each[rank]) if rank < len(each) else Sums()


def fit_to_processes(state: State, num_processes: int, batch_size: int) -> State:
    """A state for another number of processes than wrote it.

    Within an epoch they go on behind the clips that are done, at the last whole batch of all.

    Args:
        state: A checkpoint.
        num_processes: Processes that go on with it.
        batch_size: Clips of each of their batches.
    """
    each = _sums_of_processes(state)
    if state.get("epoch_ended", True) or len(each) == num_processes:
        return state
    total = [sum(values) for values in zip(*each, strict=True)]
    batch = int(total[2]) // (num_processes * batch_size)
    log.warning(
        "the checkpoint is from within an epoch and was written by %d processes, %d go on: from "
        "batch %d of the epoch; the result is sound, and not the same to the bit",
        len(each),
        num_processes,
        batch + 1,
    )
    others = [list(astuple(Sums()))] * (num_processes - 1)
    return {**state, "batch": batch, "epoch_sums": [total, *others]}


def _sums_of_processes(state: State) -> list[list[float]]:
    told = state.get("epoch_sums", [])
    return told if not told or isinstance(told[0], list) else [told]


def position_of(state: State | None) -> Position:
    """Where a checkpoint's training goes on; Lightning's own checkpoints hold ended epochs."""
    if state is None:
        return Position()
    step = int(state.get("global_step", 0))
    if state.get("epoch_ended", True):
        return Position(int(state.get("epoch", -1)) + 1, 0, step)
    return Position(int(state["epoch"]), int(state["batch"]), step)
