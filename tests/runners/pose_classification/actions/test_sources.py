"""Poses that can be read as often as needed, each recording at its own frame rate."""

import numpy as np
import pytest
from tests.runners.skeletons.deepstream_writer import make_person, write

from skillbank_runners.pose_classification.actions.sources import Poses
from skillbank_runners.pose_classification.conversion import Tally
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec

SETTINGS = DatasetConvertSpec(
    sequence_length=10, sequence_length_min=4, sequence_length_max=12, num_joints=34
)


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "cam.json", [make_person(1, range(40)), make_person(2, range(5, 9))])


def poses(file, **more):
    settings = SETTINGS.model_copy(update={"frame_rate": more.pop("frame_rate", 0.0)})
    return Poses("inference.poses", file, settings, **more)


def spans(poses):
    return [
        (one.object_id, int(one.frames_T[0]), int(one.frames_T[-1])) for one, _ in poses.windows()
    ]


def test_windows_can_be_taken_again_and_again(file):
    read = poses(file)

    assert spans(read) == spans(read)
    assert spans(read)[:2] == [(1, 0, 9), (1, 5, 14)]


@pytest.mark.parametrize(("rate", "length"), [(0.0, 10), (15.0, 10), (30.0, 20), (7.5, 5)])
def test_windows_last_as_long_as_in_training(file, rate, length):
    read = poses(file, frame_rate=rate, trained_rate=15.0)

    first, settings = next(read.windows())

    assert len(first.frames_T) == length
    assert settings.sequence_length == length


def test_without_resampling_the_frame_rate_changes_nothing(file):
    assert spans(poses(file, frame_rate=60.0)) == spans(poses(file))


def test_the_step_is_in_frames_of_the_recording(file):
    read = poses(file, step=3, frame_rate=30.0, trained_rate=15.0)

    assert [start for who, start, _ in spans(read) if who == 1][:4] == [0, 3, 6, 9]


def test_short_tracks_count_and_have_no_window_where_they_are_too_short(file):
    tally = Tally()
    longer = Poses("k", file, SETTINGS.model_copy(update={"sequence_length_min": 5}))

    people = {one.object_id for one, _ in longer.windows(tally)}

    assert people == {1}
    assert tally.tracks == 2


def test_a_recording_can_have_the_name_of_what_it_was_made_of(file):
    (recording,) = poses(file, name="street").recordings()

    assert recording.name == "street"
    assert {one.source for one, _ in poses(file, name="street").windows()} == {"street"}


def test_the_same_poses_in_pixels(file):
    (recording,) = poses(file).in_pixels().recordings()

    first = next(recording.observations)
    expected = make_person(1, range(40)).pose25d_TV4[0, :, :2]
    np.testing.assert_allclose(first.joints_VD, expected, rtol=1e-6)
