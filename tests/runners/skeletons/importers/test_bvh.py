"""BVH motion capture: hierarchies, forward kinematics, and rigs that are known.

Axes: T frames, V joints, C channels, D coordinates.
"""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from tests.runners.skeletons.importers.damaging import damaged, read_calmly

from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.skeletons.poses import PoseFileInvalid, Space

ARM = """HIERARCHY
ROOT Hips
{
    OFFSET 0.0 0.0 0.0
    CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
    JOINT LeftArm
    {
        OFFSET 1.0 0.0 0.0
        CHANNELS 3 Zrotation Xrotation Yrotation
        End Site
        {
            OFFSET 2.0 0.0 0.0
        }
    }
    JOINT RightArm {
        OFFSET -1.0 0.0 0.0
        CHANNELS 3 Zrotation Xrotation Yrotation
        End Site
        {
            OFFSET -2.0 0.0 0.0
        }
    }
}
MOTION
Frames: %d
Frame Time: 0.008333
%s
"""
REST = [0.0] * 12


def write(path, rows, text=ARM):
    lines = [" ".join(map(str, row)) for row in rows]
    path.write_text(text % (len(rows), "\n".join(lines)))
    return path


def read(path, **options):
    (recording,) = read_recordings("bvh", path, ReadOptions(**options))
    return recording, np.array([one.joints_VD for one in recording.observations])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "arms.bvh"


def moved(**values):
    row = list(REST)
    turns = [f"{joint}_{axis}" for joint in ("hips", "left", "right") for axis in "zxy"]
    names = [*"xyz", *turns]
    for name, value in values.items():
        row[names.index(name)] = value
    return row


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ({}, [(0, 0, 0), (1, 0, 0), (3, 0, 0), (-1, 0, 0), (-3, 0, 0)]),
        ({"x": 5, "y": 6, "z": 7}, [(5, 6, 7), (6, 6, 7), (8, 6, 7), (4, 6, 7), (2, 6, 7)]),
        ({"hips_z": 90}, [(0, 0, 0), (0, 1, 0), (0, 3, 0), (0, -1, 0), (0, -3, 0)]),
        ({"hips_y": 90}, [(0, 0, 0), (0, 0, -1), (0, 0, -3), (0, 0, 1), (0, 0, 3)]),
        ({"hips_x": 90}, [(0, 0, 0), (1, 0, 0), (3, 0, 0), (-1, 0, 0), (-3, 0, 0)]),
        ({"left_z": 90}, [(0, 0, 0), (1, 0, 0), (1, 2, 0), (-1, 0, 0), (-3, 0, 0)]),
        # The first channel turns outermost: x to z about y, then z stays under z's turn ...
        ({"left_z": 90, "left_y": 90}, [(0, 0, 0), (1, 0, 0), (1, 0, -2), (-1, 0, 0), (-3, 0, 0)]),
        # ... and about x, the second: y stands between.
        (
            {"left_x": 90, "left_y": 90},
            [(0, 0, 0), (1, 0, 0), (1, 2, 0), (-1, 0, 0), (-3, 0, 0)],
        ),
        (
            {"hips_z": 90, "right_z": -90, "y": 1},
            [(0, 1, 0), (0, 2, 0), (0, 4, 0), (0, 0, 0), (-2, 0, 0)],
        ),
    ],
)
def test_quarter_turns_put_joints_where_hands_say(path, values, places):
    _, x_TVD = read(write(path, [moved(**values)]))
    np.testing.assert_allclose(x_TVD[0], places, atol=1e-6)


def test_facts_come_from_the_file(path):
    recording, x_TVD = read(write(path, [REST] * 3))
    assert (recording.name, recording.space) == ("arms", Space.WORLD)
    assert recording.frame_rate == pytest.approx(120, rel=1e-4)
    assert x_TVD.shape == (3, 5, 3)
    layout = recording.layout
    assert layout.joint_names == (
        "Hips",
        "LeftArm",
        "LeftArm_end",
        "RightArm",
        "RightArm_end",
    )
    assert layout.parents == (-1, 0, 1, 0, 3)
    assert layout.left_right_pairs == ((1, 3), (2, 4))
    assert layout.name.startswith("bvh5_")
    assert load_layout(layout) is layout
    found = list(next(read_recordings("bvh", path, ReadOptions())).observations)
    assert [(one.frame, one.object_id) for one in found] == [(0, 0), (1, 0), (2, 0)]
    assert all((one.confidence_V == 1).all() for one in found)


def test_files_of_one_rig_share_its_layout_and_others_do_not(tmp_path):
    first, _ = read(write(tmp_path / "a.bvh", [REST]))
    second, _ = read(write(tmp_path / "b.bvh", [moved(x=1)]))
    third, _ = read(write(tmp_path / "c.bvh", [REST], ARM.replace("Hips", "Pelvis")))
    assert first.layout == second.layout
    assert first.layout.name != third.layout.name


CHAIN = """HIERARCHY
ROOT a
{
  OFFSET 1 2 3
  CHANNELS 6 Xposition Yposition Zposition %s
  JOINT b
  {
    OFFSET 4 5 6
    CHANNELS 3 %s
    JOINT c
    {
      OFFSET -7 8 9
      CHANNELS 4 Yposition %s
      End Site
      {
        OFFSET 1 1 1
      }
    }
  }
}
MOTION
Frames: %d
Frame Time: 0.04
%s
"""


@pytest.mark.parametrize("axes", list(itertools.permutations("XYZ", 3)))
def test_any_order_of_channels_agrees_with_scipy(path, axes):
    orders = [axes, axes[::-1], axes[1:] + axes[:1]]
    channels = [" ".join(f"{axis}rotation" for axis in order) for order in orders]
    values_TC = np.random.default_rng(4).uniform(-180, 180, (300, 13)).round(4)
    rows = "\n".join(" ".join(map(str, row)) for row in values_TC)
    path.write_text(CHAIN % (*channels, len(values_TC), rows))

    _, x_TVD = read(path)

    spelled = ["".join(order) for order in orders]
    a, b, c = (
        Rotation.from_euler(order, values_TC[:, start : start + 3], degrees=True)
        for order, start in zip(spelled, (3, 6, 10), strict=True)
    )
    at_a = values_TC[:, :3]  # position channels stand in the place of the offset
    at_b = at_a + a.apply([4, 5, 6])
    offset_c = np.tile([-7.0, 8, 9], (300, 1))
    offset_c[:, 1] = values_TC[:, 9]
    at_c = at_b + (a * b).apply(offset_c)
    at_end = at_c + (a * b * c).apply([1, 1, 1])
    expected = np.stack([at_a, at_b, at_c, at_end], axis=1)
    np.testing.assert_allclose(x_TVD, expected, rtol=1e-5, atol=1e-4)


def test_a_rig_with_other_names_keeps_its_own_layout(path):
    recording, _ = read(write(path, [REST]))
    assert recording.layout.conversions == ()


def test_a_layout_of_the_users_may_name_the_joints(path, tmp_path):
    write(path, [REST])
    mine = tmp_path / "mine.yaml"
    mine.write_text("joints: [a, b, c, d, e]\nedges: [[0, 1], [1, 2], [0, 3], [3, 4]]\n")
    recording, _ = read(path, layout=str(mine))
    assert recording.layout == str(mine)
    with pytest.raises(PoseFileInvalid, match="found 5 joints, but 'coco17' has 17"):
        read(path, layout="coco17")


def test_the_layout_can_be_saved_and_trained_on(path, tmp_path):
    recording, _ = read(write(path, [REST]))
    (tmp_path / "rig.yaml").write_text(recording.layout.to_yaml())
    assert load_layout(str(tmp_path / "rig.yaml")) == recording.layout


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("HIERARCHY", "HIERARCHIE", "line 1: found 'HIERARCHIE', expected HIERARCHY"),
        ("ROOT", "JOINT", "line 2: found JOINT, expected ROOT"),
        ("JOINT LeftArm", "ROOT LeftArm", "line 6: found ROOT, expected a JOINT"),
        ("JOINT RightArm", "JOINT LeftArm", "line 15: found the joint 'LeftArm', expected a name"),
        ("OFFSET 1.0 0.0 0.0", "OFFSET 1.0 0.0", "line 8: found OFFSET '1.0 0.0', expected three"),
        ("OFFSET 1.0", "OFFSET nan", "line 8: found OFFSET 'nan 0.0 0.0', expected three numbe"),
        ("CHANNELS 6", "CHANNELS 5", "line 5: found CHANNELS '5 Xposition .*, expected their num"),
        ("Xposition", "Wposition", "line 5: found CHANNELS '6 Wposition"),
        ("CHANNELS 6", "CHANNELS 1000000000", "line 5: found CHANNELS '1000000000"),
        ("MOTION", "EMOTION", "line 24: found 'EMOTION', expected MOTION"),
        ("Frames: 1", "Frames: one", "line 25: found 'one' frames, expected a whole number"),
        ("Frames: 1", "Frames: 1000000000", "the file ends here, expected the numbers of frame 1"),
        ("Frame Time: 0.008333", "Frame Time: 0", "line 26: found the frame time '0', expected s"),
        ("Frame Time: 0.008333", "Rate: 3", "line 26: found 'Rate: 3', expected 'Frame Time:'"),
        ("\n0.0 0.0", "\n0.0", "line 27: found 11 numbers, expected 12, one per channel"),
        ("\n0.0 0.0", "\nnan 0.0", "line 27: found a number that is not finite"),
        (
            "\n0.0 0.0",
            "\n1e308 0.0",
            "line 27: found a number that is not finite or beyond all mea",
        ),
        ("\n0.0 0.0", "\nten 0.0", "line 27: found 'ten 0.0.*, expected the numbers of frame 0"),
        ("    }\n}\n", "    }\n", "line 23: found 'MOTION' in the hierarchy"),
    ],
)
def test_damage_is_told_with_its_line(path, old, new, said):
    write(path, [REST])
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(PoseFileInvalid, match=said):
        read(path)


def test_a_hierarchy_that_never_ends_is_refused(path):
    path.write_text("HIERARCHY\nROOT r\n{\n" + "".join(f"JOINT j{i}\n{{\n" for i in range(2000)))
    with pytest.raises(PoseFileInvalid, match="found more than 1000 joints"):
        read(path)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_files_are_refused_or_read(path, data):
    whole = (ARM % (2, " ".join(map(str, REST)) + "\n" + " ".join(map(str, REST)))).encode()
    read_calmly("bvh", path, data.draw(damaged(whole)), ReadOptions())
