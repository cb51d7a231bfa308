"""Layouts of motion capture rigs: what their joints are by name.

Axes: V joints, D coordinates.
"""

import numpy as np
import pytest

from skillbank_runners.skeletons.layout import convert_joints, load_layout
from skillbank_runners.skeletons.rigs import rig_layout


def rig(names):
    """Layout of a rig of `name parent` lines, in any order that has parents first."""
    pairs = [line.partition(" ")[::2] for line in names]
    order = [name for name, _ in pairs]
    return rig_layout(order, [order.index(parent) if parent else -1 for _, parent in pairs])


def limbs(left, names, parent):
    """A left limb and its twin."""
    right = {"Left": "Right", "l": "r"}[left]
    for side in (left, right):
        above = parent.replace(left, side)
        for name in names.split():
            yield f"{side}{name} {above}"
            above = f"{side}{name}"


CMU = [
    *("Hips", "LHipJoint Hips", "RHipJoint Hips", "LowerBack Hips", "Spine LowerBack"),
    *("Spine1 Spine", "Neck Spine1", "Neck1 Neck", "Head Neck1", "Head_end Head"),
    *("LeftUpLeg LHipJoint", "RightUpLeg RHipJoint"),
    *limbs("Left", "Leg Foot ToeBase", "LeftUpLeg"),
    *limbs("Left", "Shoulder Arm ForeArm Hand", "Spine1"),
]
MIXAMO = [
    *("Hips", "Spine Hips", "Spine1 Spine", "Spine2 Spine1", "Neck Spine2", "Head Neck"),
    "HeadTop_End Head",
    *limbs("Left", "UpLeg Leg Foot ToeBase", "Hips"),
    *limbs("Left", "Shoulder Arm ForeArm Hand", "Spine2"),
]
BIOVISION = [
    *("Hips", "Chest Hips", "Neck Chest", "Head Neck"),
    *limbs("Left", "Hip Knee Ankle", "Hips"),
    *limbs("Left", "Collar Shoulder Elbow Wrist", "Chest"),
]
POSER = [
    *("hip", "abdomen hip", "chest abdomen", "neck chest", "head neck"),
    *limbs("l", "Thigh Shin Foot", "hip"),
    *limbs("l", "Collar Shldr ForeArm Hand", "chest"),
]
JOINTS = "left_hip left_knee left_ankle left_shoulder left_elbow left_wrist spine thorax head"
OWN = {
    "cmu": "LeftUpLeg LeftLeg LeftFoot LeftArm LeftForeArm LeftHand Spine Neck Head_end",
    "mixamo": "LeftUpLeg LeftLeg LeftFoot LeftArm LeftForeArm LeftHand Spine1 Neck HeadTop_End",
    "biovision": "LeftHip LeftKnee LeftAnkle LeftShoulder LeftElbow LeftWrist Chest Neck Head",
    "poser": "lThigh lShin lFoot lShldr lForeArm lHand abdomen neck head",
}
RIGS = {
    "cmu": rig(CMU),
    "mixamo": rig([" ".join(f"mixamorig:{name}" for name in one.split()) for one in MIXAMO]),
    "biovision": rig(BIOVISION),
    "poser": rig(POSER),
}


@pytest.mark.parametrize("name", RIGS)
def test_joints_of_common_rigs_become_those_of_h36m17(name):
    source, target = RIGS[name], load_layout("h36m17")
    numbers_VD = np.arange(source.num_joints, dtype=np.float32)[:, None]
    got_WD, certain_W = convert_joints(numbers_VD, np.ones(source.num_joints), source, target)
    assert (certain_W == 1).all()
    prefix = "mixamorig:" if name == "mixamo" else ""
    for joint, own in zip(JOINTS.split(), OWN[name].split(), strict=True):
        found = source.joint_names[int(got_WD[target.joint_names.index(joint), 0])]
        assert found == prefix + own


@pytest.mark.parametrize("target", ["h36m17", "nvidia34", "coco17"])
@pytest.mark.parametrize("name", RIGS)
def test_rigs_convert_and_mirror_alike(name, target):
    source, wanted = RIGS[name], load_layout(target)
    joints_VD = np.random.default_rng(0).normal(size=(source.num_joints, 3)).astype(np.float32)
    ones_V = np.ones(source.num_joints, np.float32)
    straight, _ = convert_joints(joints_VD, ones_V, source, wanted)
    flipped, _ = convert_joints(joints_VD[list(source.flip_index)], ones_V, source, wanted)
    np.testing.assert_array_equal(flipped, straight[list(wanted.flip_index)])


@pytest.mark.parametrize(
    ("name", "middle"),
    [("cmu", 8), ("mixamo", 7), ("biovision", 4), ("poser", 5)],
)
def test_all_but_the_middle_of_a_rig_is_paired(name, middle):
    layout = RIGS[name]
    assert layout.num_joints - 2 * len(layout.left_right_pairs) == middle


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("LeftArm", "RightArm"),
        ("mixamorig:LeftArm", "mixamorig:RightArm"),
        ("left_knee", "right_knee"),
        ("LHipJoint", "RHipJoint"),
        ("lShldr", "rShldr"),
        ("L_Hand", "R_Hand"),
        ("hand_l", "hand_r"),
        ("Hand.L", "Hand.R"),
        ("LEFT_HAND", "RIGHT_HAND"),
    ],
)
def test_sides_are_told_by_names(left, right):
    layout = rig_layout(["root", right, left], [-1, 0, 0])
    assert layout.left_right_pairs == ((2, 1),)


def test_names_that_only_begin_like_a_side_have_no_twin():
    layout = rig_layout(["root", "Lower", "Rower", "leg", "reg"], [-1, 0, 1, 0, 3])
    assert layout.left_right_pairs == ()


def test_a_rig_with_other_names_keeps_its_own_layout():
    layout = rig_layout(["root", "tail", "tip"], [-1, 0, 1])
    assert layout.conversions == ()
    assert layout.edges == ((1, 0), (2, 1))
    assert (layout.root, layout.root_joints) == (0, (0,))
