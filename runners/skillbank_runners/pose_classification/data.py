"""Batches of clips: which clips, in which order and how changed, all from (seed, epoch, index).

Axes: N clips, C channels, T frames, V joints, M people.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from skillbank_runners.pose_classification.augment import Clip, choose_window, fit_window, move
from skillbank_runners.pose_classification.augmentation import augment
from skillbank_runners.pose_classification.contract import ClipSet
from skillbank_runners.pose_classification.preprocessing import sample_frames
from skillbank_runners.pose_classification.serving import ServingFacts, prepare, preprocess_clip
from skillbank_runners.pose_classification.spec import DatasetSpec
from skillbank_runners.pose_classification.spec_preprocessing import AugmentationSpec
from skillbank_runners.signals import leave_signals_to_parent
from skillbank_runners.training.determinism import Purpose, generator

IN_MEMORY_BYTES = 2**30  # larger files stay on the disk, and workers read ahead


class Batch(NamedTuple):
    """What one step sees; empty for a batch that an interrupted run has already done."""

    x_NCTVM: Tensor
    labels_N: Tensor


class BatchKey(NamedTuple):
    """Position of a batch in a training: all that its content depends on."""

    epoch: int
    position: int
    is_done: bool = False


@dataclass(frozen=True)
class Feeding:
    """How clips become batches.

    Attributes:
        batch_size: Clips per batch and process.
        window_size: Frames per clip; -1: as they are.
        random_choose: Take a random stretch of the clip instead of its start.
        random_move: Turn, scale and shift the clip.
        random_sampling: Take a random frame of each part where frames are sampled evenly.
        augmentation: Further random changes.
        facts: What train uses, or used: how clips are prepared; None: they are only cut.
        frame_rate: Frames per second of these clips; None: as `facts` say.
        shuffle: Another order in each epoch.
        seed: What all randomness follows from.
        rank: Number of this process.
        world_size: Processes that share the clips.
    """

    batch_size: int
    window_size: int = -1
    random_choose: bool = False
    random_move: bool = False
    random_sampling: bool = False
    augmentation: AugmentationSpec = field(default_factory=AugmentationSpec)
    facts: ServingFacts | None = None
    frame_rate: float | None = None
    shuffle: bool = False
    seed: int = 0
    rank: int = 0
    world_size: int = 1

    @property
    def is_random(self) -> bool:
        """Whether a clip looks different in every epoch."""
        is_augmented = self.augmentation != AugmentationSpec()
        return self.random_choose or self.random_move or self.random_sampling or is_augmented

    def serve(self, clip_CTVM: Clip) -> Clip:
        """The clip as it is measured and named."""
        if self.facts is not None:
            return prepare(clip_CTVM, self.facts, frame_rate=self.frame_rate)
        return clip_CTVM if self.window_size < 0 else fit_window(clip_CTVM, self.window_size)

    def change(self, clip_CTVM: Clip, random: np.random.Generator) -> Clip:
        """The clip as it is trained on once: prepared, and changed at random."""
        if self.facts is not None:
            clip_CTVM = preprocess_clip(clip_CTVM, self.facts, frame_rate=self.frame_rate)
            clip_CTVM = augment(
                clip_CTVM,
                self.augmentation,
                self.facts.skeleton,
                random,
                has_confidence=self.facts.preprocessing.has_confidence,
            )
        if self.random_sampling:
            clip_CTVM = sample_frames(clip_CTVM, self.window_size, random)
        elif self.random_choose:
            clip_CTVM = choose_window(clip_CTVM, self.window_size, random)
        elif self.window_size > 0:
            clip_CTVM = fit_window(clip_CTVM, self.window_size)
        return move(clip_CTVM, random) if self.random_move else clip_CTVM


class Batches(Dataset[Batch]):
    """The batches of a clip set; a pure function from `BatchKey`."""

    def __init__(self, clips: ClipSet, feeding: Feeding) -> None:
        self.clips = clips
        self.feeding = feeding
        fits = clips.x_NCTVM.nbytes <= IN_MEMORY_BYTES
        self.is_in_memory = fits
        self._x_NCTVM = np.asarray(clips.x_NCTVM, dtype=np.float32) if fits else clips.x_NCTVM
        self._order: tuple[int, np.ndarray] = (-1, np.arange(len(clips)))

    def __len__(self) -> int:
        per_process = math.ceil(len(self.clips) / self.feeding.world_size)
        return math.ceil(per_process / self.feeding.batch_size)

    def __getitem__(self, key: BatchKey) -> Batch:
        indices = self.indices(key) if not key.is_done else np.arange(0)
        x = [self._clip(key.epoch, int(index)) for index in indices]
        labels_N = self.clips.labels_N
        ids = np.zeros(len(indices), np.int64) if labels_N is None else labels_N[indices]
        # A tensor of its own: aligned memory, on which the same numbers give the same bits.
        return Batch(torch.tensor(np.stack(x)) if x else torch.empty(0), torch.tensor(ids))

    def indices(self, key: BatchKey) -> np.ndarray:
        """Indices of the clips of one batch of this process."""
        feeding = self.feeding
        order = self._epoch_order(key.epoch)
        if feeding.world_size > 1:  # every process needs equally many clips: the first ones twice
            padded = math.ceil(len(order) / feeding.world_size) * feeding.world_size
            order = np.resize(order, padded)[feeding.rank :: feeding.world_size]
        start = key.position * feeding.batch_size
        return order[start : start + feeding.batch_size]

    def _epoch_order(self, epoch: int) -> np.ndarray:
        if self.feeding.shuffle and self._order[0] != epoch:
            random = generator(self.feeding.seed, Purpose.SHUFFLE, epoch)
            self._order = (epoch, random.permutation(len(self.clips)))
        return self._order[1]

    def _clip(self, epoch: int, index: int) -> Clip:
        feeding = self.feeding
        clip_CTVM = np.asarray(self._x_NCTVM[index], dtype=np.float32)
        if not feeding.is_random:
            return feeding.serve(clip_CTVM)
        random = generator(feeding.seed, Purpose.AUGMENTATION, epoch, index)
        return feeding.change(clip_CTVM, random)


class EpochOrder(Sampler[BatchKey]):
    """Keys of an epoch's batches; those before the starting point are marked as done."""

    def __init__(self, num_batches: int, *, epoch: int = 0, batch: int = 0) -> None:
        self._num_batches = num_batches
        self._start = (epoch, batch)
        self._epoch = epoch

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration is for; Lightning calls this."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._num_batches

    def __iter__(self) -> Iterator[BatchKey]:
        epoch = self._epoch
        for index in range(self._num_batches):
            yield BatchKey(epoch, index, (epoch, index) < self._start)


def train_feeding(
    dataset: DatasetSpec,
    seed: int,
    rank: int,
    world_size: int,
    facts: ServingFacts | None = None,
) -> Feeding:
    """How the spec feeds training clips."""
    return Feeding(
        batch_size=dataset.batch_size,
        window_size=dataset.window_size,
        random_choose=dataset.random_choose,
        random_move=dataset.random_move,
        random_sampling=dataset.preprocessing.sampling == "uniform",
        augmentation=dataset.augmentation,
        facts=facts,
        shuffle=True,
        seed=seed,
        rank=rank,
        world_size=world_size,
    )


def plain_feeding(
    dataset: DatasetSpec,
    batch_size: int = -1,
    facts: ServingFacts | None = None,
    frame_rate: float | None = None,
) -> Feeding:
    """How the spec feeds clips that are measured or named: in order, and prepared by `facts`."""
    size = dataset.batch_size if batch_size < 0 else batch_size
    return Feeding(size, window_size=dataset.window_size, facts=facts, frame_rate=frame_rate)


def build_loader(
    batches: Batches, num_workers: int, *, epoch: int = 0, batch: int = 0
) -> DataLoader[Batch]:
    """Loader of whole batches that starts at a position.

    Clips in memory are prepared and changed in about a millisecond each, less than it costs to
    pass them between processes: worker processes are used only for files that stay on the disk.
    """
    return DataLoader(
        batches,
        batch_size=None,
        sampler=EpochOrder(len(batches), epoch=epoch, batch=batch),
        num_workers=0 if batches.is_in_memory else num_workers,
        worker_init_fn=leave_signals_to_parent,
    )
