"""Skeletons stand upright, keep left apart from right, and leave out what was not found."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest

from skillbank_runners.skeletons.layout import all_layouts
from skillbank_runners.training.report_content import Clip
from skillbank_runners.training.report_skeleton import skeleton_strips

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stickman:
    """Hip at the origin, head above it, a foot below on each side."""

    name: str = "stickman"
    joint_names: tuple[str, ...] = ("hip", "head", "left_ankle", "right_ankle")
    draw_edges: tuple[tuple[int, int], ...] = ((0, 1), (0, 2), (0, 3), (2, 3))
    left_right_pairs: tuple[tuple[int, int], ...] = ((2, 3),)


# right, up and away, as the camera sees a person who faces it
STANDING_VC = np.array([[0, 0, 0], [0, 0.8, 0], [0.2, -0.9, 0], [-0.2, -0.9, 0]])


def clip(joints_VC: Floats, num_frames: int = 4) -> Clip:
    values_CTVM = np.repeat(joints_VC.T[:, None, :, None], num_frames, axis=1)
    return Clip("a clip", values_CTVM, "standing", 0.9)


def points(svg: str, side: str) -> Floats:
    """End points of the first frame's bones of one side, (bones * 2, 2), y down."""
    match = re.search(rf'<path class="{side}" d="([^"]+)"', svg)
    assert match
    return np.array(re.findall(r"[ML](\S+) (\S+?)(?=[ML]|$)", match[1]), dtype=float)


@pytest.mark.parametrize(("up", "sign"), [(1, 1), (1, -1), (2, 1), (0, -1)])
def test_the_head_is_above_the_feet_whichever_way_is_up(up: int, sign: int) -> None:
    others = [axis for axis in range(3) if axis != up]
    turned_VC = np.empty((4, 3))
    turned_VC[:, up] = sign * STANDING_VC[:, 1]
    turned_VC[:, others] = STANDING_VC[:, [0, 2]]

    (svg,) = skeleton_strips([clip(turned_VC)], Stickman())

    _, head = points(svg, "trunk")[:2]
    assert head[1] < points(svg, "left")[:, 1].max()


def test_a_person_is_seen_from_the_front() -> None:
    (svg,) = skeleton_strips([clip(STANDING_VC)], Stickman())

    assert points(svg, "left")[1, 0] > points(svg, "right")[1, 0]


def test_a_bone_between_left_and_right_belongs_to_the_trunk() -> None:
    (svg,) = skeleton_strips([clip(STANDING_VC)], Stickman())

    assert len(points(svg, "trunk")) == 4
    assert len(points(svg, "left")) == len(points(svg, "right")) == 2


def test_a_turned_person_keeps_the_width_of_the_stance() -> None:
    angle = np.deg2rad(90)
    turned_VC = STANDING_VC @ np.array(
        [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    )

    (front,) = skeleton_strips([clip(STANDING_VC)], Stickman())
    (turned,) = skeleton_strips([clip(turned_VC)], Stickman())

    np.testing.assert_allclose(points(turned, "left"), points(front, "left"), atol=0.11)


def test_padding_is_not_drawn() -> None:
    values_CTVM = clip(STANDING_VC, 20).values.copy()
    values_CTVM[:, 5:] = 0

    (svg,) = skeleton_strips([Clip("padded", values_CTVM, "standing", 0.9)], Stickman())

    assert re.findall(r">(\d+)</text>", svg) == ["0", "1", "2", "3", "4"]


def test_an_image_joint_that_was_not_found_is_not_drawn() -> None:
    layout = Stickman(name="openpose")
    image_VC = STANDING_VC * [1, -1, 0] + [0.1, 0.1, 0.9]  # x, y down, confidence
    image_VC[3] = 0

    (svg,) = skeleton_strips([clip(image_VC)], layout)

    assert 'class="right"' not in svg
    assert points(svg, "trunk")[1, 1] < points(svg, "left")[:, 1].max()


def test_two_people_are_both_drawn() -> None:
    one = clip(STANDING_VC).values
    both = np.concatenate([one, one + 0.5], axis=3)

    (svg,) = skeleton_strips([Clip("two", both, "meeting", 0.9)], Stickman())

    assert svg.count('class="left"') == 2 * 4


def test_a_clip_of_zeros_is_an_empty_strip_and_not_an_error() -> None:
    (svg,) = skeleton_strips([clip(np.zeros((4, 3)))], Stickman())

    assert "<path" not in svg
    assert "nan" not in svg


def test_values_that_are_not_finite_do_not_reach_the_picture() -> None:
    broken_VC = STANDING_VC.copy()
    broken_VC[1] = np.nan

    (svg,) = skeleton_strips([clip(broken_VC)], Stickman())

    assert "nan" not in svg


@pytest.mark.parametrize("name", all_layouts())
def test_every_layout_is_drawn_within_its_frame(name: str) -> None:
    layout = all_layouts()[name]
    rng = np.random.default_rng(1)
    values_CTVM = rng.normal(size=(3, 30, layout.num_joints, 1)).astype(np.float16)

    (svg,) = skeleton_strips([Clip("noise", values_CTVM, "none", 0.5)], layout)

    box = re.search(r'viewBox="0 0 (\d+) (\d+)"', svg)
    assert box
    sides = set(re.findall(r'<path class="(\w+)"', svg))
    assert {"left", "right"} <= sides or not layout.left_right_pairs
    drawn = np.concatenate([points(svg, side) for side in sides])
    assert drawn.min() >= 0
    assert drawn[:, 0].max() <= int(box[1]) / 4
    assert drawn[:, 1].max() <= int(box[2])


def test_no_clips_give_no_strips() -> None:
    assert skeleton_strips([], Stickman()) == []
