"""Batches are a function of (seed, epoch, position), whoever makes them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from skillbank_runners.pose_classification.contract import ClipSet
from skillbank_runners.pose_classification.data import (
    Batches,
    BatchKey,
    Feeding,
    build_loader,
    plain_feeding,
    train_feeding,
)
from skillbank_runners.pose_classification.serving import ServingFacts, prepare
from skillbank_runners.pose_classification.spec import DatasetSpec
from skillbank_runners.skeletons.layout import load_layout


def clip_set(clips=7, frames=6, dtype=np.float32):
    x = np.random.default_rng(0).normal(size=(clips, 3, frames, 4, 1)).astype(dtype)
    names = tuple(str(i) for i in range(clips))
    return ClipSet("dataset.x", Path("x.npy"), None, x, np.arange(clips), names)


AUGMENTED = Feeding(3, window_size=5, random_choose=True, random_move=True, shuffle=True, seed=1)


def epoch_of(feeding, epoch=0, clips=None):
    batches = Batches(clips or clip_set(), feeding)
    return [batches[BatchKey(epoch, i)] for i in range(len(batches))]


def labels_of(batches):
    return [int(label) for batch in batches for label in batch.labels_N]


def test_an_epoch_holds_every_clip_once():
    assert sorted(labels_of(epoch_of(Feeding(3, shuffle=True)))) == list(range(7))


def test_the_order_changes_with_the_epoch_and_the_seed():
    orders = {
        tuple(labels_of(epoch_of(Feeding(3, shuffle=True, seed=seed), epoch)))
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len(orders) == 4


def test_clips_in_order_are_not_changed():
    clips = clip_set()
    batches = epoch_of(plain_feeding(DatasetSpec(batch_size=3)), clips=clips)
    assert labels_of(batches) == list(range(7))
    assert np.array_equal(torch.cat([b.x_NCTVM for b in batches]).numpy(), clips.x_NCTVM)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int16])
def test_every_kind_of_number_becomes_float32(dtype):
    batch = epoch_of(Feeding(3), clips=clip_set(dtype=dtype))[0]
    assert batch.x_NCTVM.dtype == torch.float32


def test_a_clip_is_changed_alike_in_whatever_batch_it_is():
    by_label = {}
    for size in (1, 3, 7):
        feeding = Feeding(size, window_size=5, random_choose=True, random_move=True, seed=1)
        for batch in epoch_of(feeding):
            for label, x in zip(batch.labels_N, batch.x_NCTVM, strict=True):
                assert torch.equal(by_label.setdefault(int(label), x), x)


def test_a_clip_is_changed_otherwise_in_another_epoch():
    feeding = Feeding(7, random_move=True, seed=1)
    first, second = (epoch_of(feeding, epoch)[0].x_NCTVM for epoch in (0, 1))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("window", [4, 9])
def test_a_window_is_fitted_where_none_is_chosen(window):
    x = epoch_of(Feeding(3, window_size=window))[0].x_NCTVM
    assert x.shape[2] == window


# Two worker processes load PyTorch anew only where fork is not used; a second at most.
def test_worker_processes_make_the_same_batches(monkeypatch):
    monkeypatch.setattr("skillbank_runners.pose_classification.data.IN_MEMORY_BYTES", 0)
    batches = Batches(clip_set(), AUGMENTED)
    assert not batches.is_in_memory
    for made, expected in zip(build_loader(batches, 2), epoch_of(AUGMENTED), strict=True):
        assert torch.equal(made.x_NCTVM, expected.x_NCTVM)
        assert torch.equal(made.labels_N, expected.labels_N)


def test_a_loader_can_start_inside_an_epoch():
    batches = Batches(clip_set(), AUGMENTED)
    loader = build_loader(batches, 1, epoch=2, batch=1)
    loader.sampler.set_epoch(2)
    made, expected = list(loader), epoch_of(AUGMENTED, 2)
    assert len(loader) == len(made) == 3
    assert [len(batch.labels_N) for batch in made] == [0, 3, 1]
    assert torch.equal(made[1].x_NCTVM, expected[1].x_NCTVM)


def test_a_loader_goes_on_to_whole_epochs():
    loader = build_loader(Batches(clip_set(), AUGMENTED), 1, epoch=2, batch=1)
    loader.sampler.set_epoch(3)
    assert labels_of(loader) == labels_of(epoch_of(AUGMENTED, 3))


def test_processes_share_an_epoch_and_take_equally_many_steps():
    shares = [
        epoch_of(train_feeding(DatasetSpec(batch_size=2), seed=1, rank=rank, world_size=2))
        for rank in (0, 1)
    ]
    assert len(shares[0]) == len(shares[1]) == 2
    labels = labels_of(shares[0]) + labels_of(shares[1])
    assert len(labels) == 8
    assert set(labels) == set(range(7))


def whole_bodies(clips=5, frames=12):
    """Clips of human3.6m, whose joints have names."""
    x = np.random.default_rng(1).normal(size=(clips, 3, frames, 17, 1)).astype(np.float32)
    names = tuple(str(i) for i in range(clips))
    return ClipSet("dataset.x", Path("x.npy"), None, x, np.arange(clips), names)


def facts_of(dataset):
    return ServingFacts(
        class_names=("a", "b"),
        layout=load_layout("human3.6m").to_dict(),
        clip_shape=(3, 12, 17, 1),
        window_size=dataset.window_size,
        preprocessing=dataset.preprocessing,
    )


def first_epochs(dataset, num_epochs=2):
    """Inputs of the whole set in some epochs of a training."""
    feeding = train_feeding(dataset, 1, 0, 1, facts_of(dataset))
    batches = Batches(whole_bodies(), feeding)
    made = [batches[BatchKey(epoch, 0)] for epoch in range(num_epochs)]
    return [batch.x_NCTVM[batch.labels_N.argsort()].numpy() for batch in made]


@pytest.mark.parametrize(
    "options",
    [{}, {"window_size": 5}, {"window_size": 5, "random_choose": True, "random_move": True}],
)
def test_without_preprocessing_every_bit_of_a_clip_is_as_it_was(options):
    dataset = DatasetSpec(batch_size=5, **options)
    without = train_feeding(dataset, 1, 0, 1)
    expected = Batches(whole_bodies(), without)[BatchKey(0, 0)]

    found = Batches(whole_bodies(), train_feeding(dataset, 1, 0, 1, facts_of(dataset)))

    assert torch.equal(found[BatchKey(0, 0)].x_NCTVM, expected.x_NCTVM)


def test_clips_are_measured_as_they_are_served():
    dataset = DatasetSpec.model_validate(
        {
            "window_size": 6,
            "batch_size": 5,
            "preprocessing": {"centring": "frame", "scale": "torso", "sampling": "uniform"},
            "augmentation": {"rotation_deg": 30.0, "flip": 1.0},
        }
    )
    facts = facts_of(dataset)

    x_NCTVM = Batches(whole_bodies(), plain_feeding(dataset, facts=facts))[BatchKey(3, 0)].x_NCTVM

    served = [prepare(clip, facts) for clip in whole_bodies().x_NCTVM]
    assert np.array_equal(x_NCTVM.numpy(), np.stack(served))
    assert x_NCTVM.shape == (5, 3, 6, 17, 1)
    assert not np.array_equal(served[0], whole_bodies().x_NCTVM[0, :, :6])


def test_training_prepares_clips_as_serving_does_where_nothing_is_random():
    dataset = DatasetSpec.model_validate(
        {"batch_size": 5, "window_size": 6, "preprocessing": {"centring": "frame"}}
    )

    first, second = first_epochs(dataset)

    assert np.array_equal(first, second)
    facts = facts_of(dataset)
    assert np.array_equal(first, [prepare(clip, facts) for clip in whole_bodies().x_NCTVM])


@pytest.mark.parametrize(
    "dataset",
    [
        {"augmentation": {"rotation_deg": 30.0}},
        {"augmentation": {"time_warp": 0.5}, "window_size": 6},
        {"preprocessing": {"sampling": "uniform"}, "window_size": 4},
    ],
)
def test_what_is_random_differs_by_epoch_and_repeats_in_it(dataset):
    spec = DatasetSpec.model_validate({"batch_size": 5, **dataset})

    first, second = first_epochs(spec)

    assert first.shape == second.shape
    assert not np.array_equal(first, second)
    assert np.array_equal(first, first_epochs(spec)[0])


def test_augmentation_comes_after_preprocessing():
    turned = DatasetSpec.model_validate(
        {
            "batch_size": 5,
            "preprocessing": {"centring": "first_frame"},
            "augmentation": {"flip": 1.0},
        }
    )
    plain = turned.model_copy(update={"augmentation": DatasetSpec().augmentation})

    (mirrored,), (centred,) = first_epochs(turned, 1), first_epochs(plain, 1)

    swapped = centred[:, :, :, load_layout("human3.6m").flip_index]
    swapped[:, 0] *= -1
    assert np.allclose(mirrored, swapped)


def test_frames_of_a_further_data_set_are_resampled_from_its_own_rate():
    dataset = DatasetSpec.model_validate({"preprocessing": {"frame_rate": 10.0}})
    facts = facts_of(dataset).model_copy(update={"frame_rate": 20.0})

    lengths = [
        Batches(whole_bodies(), plain_feeding(dataset, facts=facts, frame_rate=rate))[
            BatchKey(0, 0)
        ].x_NCTVM.shape[2]
        for rate in (None, 40.0)
    ]

    assert lengths == [6, 3]
