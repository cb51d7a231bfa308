"""Poses of one layout as poses of another.

Axes: N poses, V joints of the source, W of the target, D coordinates.
"""

import time

import numpy as np
import pytest

from skillbank_runners.skeletons.layout import (
    LayoutInvalid,
    all_layouts,
    conversion_steps,
    convert_joints,
    load_layout,
)

DIRECT = [(one.name, target) for one in all_layouts().values() for target, _ in one.conversions]


def reachable():
    return list(_reachable())


def _reachable():
    for source in all_layouts().values():
        for target in all_layouts().values():
            try:
                if conversion_steps(source, target):
                    yield source.name, target.name
            except LayoutInvalid:
                pass


def poses(layout, num_poses=7, missing=0.2, seed=0):
    """Random (N, V, 3) poses of which some joints are missing."""
    rng = np.random.default_rng(seed)
    confidence_NV = rng.uniform(0.1, 1, (num_poses, layout.num_joints)).astype(np.float32)
    confidence_NV[rng.random(confidence_NV.shape) < missing] = 0
    joints_NVD = rng.normal(size=(*confidence_NV.shape, 3)).astype(np.float32)
    return joints_NVD * (confidence_NV[..., None] > 0), confidence_NV


def straightforward(joints_VD, confidence_V, sources):
    """The rule of docs/layouts.md, joint by joint."""
    for listed in sources:
        there = [v for v in listed or () if confidence_V[v] > 0]
        if not there:
            yield np.zeros(joints_VD.shape[1]), 0
        else:
            yield joints_VD[there].mean(axis=0), confidence_V[there].min()


@pytest.mark.parametrize(("source", "target"), DIRECT)
def test_a_conversion_is_the_mean_of_the_joints_that_are_there(source, target):
    layout = load_layout(source)
    joints_NVD, confidence_NV = poses(layout)
    got_NWD, certain_NW = convert_joints(joints_NVD, confidence_NV, layout, load_layout(target))
    assert got_NWD.dtype == certain_NW.dtype == np.float32
    for n in range(len(joints_NVD)):
        rows = straightforward(joints_NVD[n], confidence_NV[n], dict(layout.conversions)[target])
        for w, (place_D, confidence) in enumerate(rows):
            np.testing.assert_allclose(got_NWD[n, w], place_D, atol=1e-6)
            assert certain_NW[n, w] == np.float32(confidence)


@pytest.mark.parametrize(("source", "target"), reachable())
def test_conversions_commute_with_mirroring(source, target):
    before, after = load_layout(source), load_layout(target)
    joints_NVD, confidence_NV = poses(before)
    flip_V, flip_W = list(before.flip_index), list(after.flip_index)
    mirror_D = np.array([-1, 1, 1], np.float32)
    converted = convert_joints(joints_NVD, confidence_NV, before, after)
    mirrored = convert_joints(
        joints_NVD[:, flip_V] * mirror_D, confidence_NV[:, flip_V], before, after
    )
    np.testing.assert_allclose(mirrored[0], converted[0][:, flip_W] * mirror_D, atol=1e-6)
    np.testing.assert_array_equal(mirrored[1], converted[1][:, flip_W])


@pytest.mark.parametrize(("source", "target"), reachable())
def test_conversions_move_with_the_body(source, target):
    before, after = load_layout(source), load_layout(target)
    joints_NVD, confidence_NV = poses(before, missing=0)
    there, _ = convert_joints(joints_NVD + 5, confidence_NV, before, after)
    here, certain_NW = convert_joints(joints_NVD, confidence_NV, before, after)
    np.testing.assert_allclose(there, here + 5 * (certain_NW > 0)[..., None], atol=1e-5)


@pytest.mark.parametrize("shape", [(), (4,), (2, 3, 4)])
@pytest.mark.parametrize("num_coordinates", [2, 3])
def test_any_number_of_leading_axes_gives_the_same(shape, num_coordinates):
    source, target = load_layout("body25"), load_layout("coco17")
    rng = np.random.default_rng(3)
    joints = rng.normal(size=(*shape, 25, num_coordinates)).astype(np.float32)
    confidence = rng.integers(0, 2, (*shape, 25)).astype(np.float32)
    got, certain = convert_joints(joints, confidence, source, target)
    assert (got.shape, certain.shape) == ((*shape, 17, num_coordinates), (*shape, 17))
    flat, _ = convert_joints(
        joints.reshape(-1, 25, num_coordinates), confidence.reshape(-1, 25), source, target
    )
    np.testing.assert_array_equal(flat.reshape(got.shape), got)


def test_missing_joints_do_not_move_a_mean_whatever_stands_in_their_place():
    source, target = load_layout("coco17"), load_layout("openpose18")
    joints_VD = np.full((17, 2), np.nan, np.float32)
    confidence_V = np.zeros(17, np.float32)
    joints_VD[5], confidence_V[5] = (4, 2), 0.7  # the left shoulder alone
    got_WD, certain_W = convert_joints(joints_VD, confidence_V, source, target)
    neck = target.joint_names.index("neck")
    assert got_WD[neck].tolist() == [4, 2]
    assert certain_W[neck] == np.float32(0.7)
    assert np.isfinite(got_WD).all()
    assert np.count_nonzero(certain_W) == 2  # the neck and that shoulder


@pytest.mark.parametrize(("name", "own"), [("nvidia", "nvidia34"), ("human3.6m", "h36m17")])
def test_taos_name_and_the_own_one_need_no_conversion(name, own):
    joints_NVD, confidence_NV = poses(load_layout(own))
    for pair in ((name, own), (own, name)):
        got = convert_joints(joints_NVD, confidence_NV, *map(load_layout, pair))
        np.testing.assert_array_equal(got[0], joints_NVD)
        np.testing.assert_array_equal(got[1], confidence_NV)


@pytest.mark.parametrize("target", ["coco", "coco17"])
@pytest.mark.parametrize("source", ["nvidia", "nvidia34"])
def test_conversions_work_under_either_name(source, target):
    joints_NVD, confidence_NV = poses(load_layout(source))
    got, _ = convert_joints(joints_NVD, confidence_NV, load_layout(source), load_layout(target))
    np.testing.assert_array_equal(got[:, 0], joints_NVD[:, 15])  # the nose


def test_without_a_conversion_the_way_goes_by_the_layout_that_keeps_most():
    source, target = load_layout("body25"), load_layout("h36m17")
    assert "h36m17" not in dict(source.conversions)
    joints_NVD, confidence_NV = poses(source, missing=0)
    got, certain = convert_joints(joints_NVD, confidence_NV, source, target)
    hip = source.joint_names.index("mid_hip")  # COCO, the other way, has none
    np.testing.assert_array_equal(got[:, target.joint_names.index("hip")], joints_NVD[:, hip])
    assert (certain > 0).all()


def test_without_any_way_the_error_lists_what_there_is():
    with pytest.raises(LayoutInvalid) as caught:
        conversion_steps(load_layout("hand21"), load_layout("coco"))
    assert str(caught.value) == (
        "no conversion from layout 'hand21' to 'coco'; hand21 can become no other; coco can be "
        "made of nvidia, openpose, nvidia34, nova77, openpose18, body25, mediapipe33, halpe26"
    )
    with pytest.raises(LayoutInvalid, match="openpose can become coco17; hand21 can be made of no"):
        conversion_steps(load_layout("openpose"), load_layout("hand21"))


def test_millions_of_poses_take_seconds_not_minutes():
    source, target = load_layout("mediapipe33"), load_layout("nvidia34")
    joints_NVD, confidence_NV = poses(source, num_poses=20_000)
    begin = time.process_time()
    convert_joints(joints_NVD, confidence_NV, source, target)
    assert time.process_time() - begin < 2  # 0.1 s on a quiet machine
