"""People handed to the drawing frame by frame, while the poses are read once."""

from pathlib import Path

import numpy as np
import pytest

from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.skeletons.poses import Box, Observation, Recording, Space
from skillbank_runners.video.overlays import PoseOverlays


def seen(frame, object_id):
    joints = np.full((17, 3), frame, np.float32)
    return Observation(frame, object_id, joints, np.ones(17, np.float32), box=Box(1, 2, 3, 4))


def recording(*people):
    return Recording("a", Path("a.json"), "coco17", Space.IMAGE, iter(people))


def test_each_frame_has_its_own_people_and_frames_without_any_have_none():
    overlays = PoseOverlays(recording(seen(1, 5), seen(1, 6), seen(4, 5)))

    ids = [[each.object_id for each in overlays(number)] for number in range(6)]

    assert ids == [[], [5, 6], [], [], [5], []]


def test_frames_that_are_not_asked_for_are_passed_over():
    overlays = PoseOverlays(recording(*(seen(number, number) for number in range(10))))

    assert [each.object_id for each in overlays(3)] == [3]
    assert [each.object_id for each in overlays(8)] == [8]


def test_a_frame_may_be_asked_for_twice():
    overlays = PoseOverlays(recording(seen(2, 5)))

    assert len(overlays(2)) == len(overlays(2)) == 1


def test_a_person_is_drawn_by_the_bones_of_the_layout_in_two_dimensions():
    (overlay,) = PoseOverlays(recording(seen(0, 5)))(0)

    assert overlay.joints_V2.shape == (17, 2)
    assert overlay.bones == load_layout("coco17").draw_edges
    assert overlay.box == Box(1, 2, 3, 4)
    assert overlay.text == "id 5"


def test_another_text_can_stand_at_a_person():
    overlays = PoseOverlays(recording(seen(0, 5)), lambda person: f"{person.object_id}!")

    assert overlays(0)[0].text == "5!"


def test_no_poses_at_all_draw_nobody():
    assert PoseOverlays(recording())(0) == ()


@pytest.mark.parametrize("count", [10, 1000])
def test_no_more_than_the_next_frame_is_read_ahead(count):
    read = []

    def people():
        for number in range(count):
            read.append(number)
            yield seen(number, 1)

    overlays = PoseOverlays(Recording("a", Path("a.json"), "coco17", Space.IMAGE, people()))
    overlays(3)

    assert max(read) <= 5
