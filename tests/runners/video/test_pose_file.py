"""Files of poses as DeepStream writes them: every key in its unit, whole or not there."""

import json
import math
import resource

import numpy as np
import pytest

from skillbank_runners.errors import RunnerError
from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.poses import Box
from skillbank_runners.video.pose_file import LEAST_CONFIDENCE, PoseFileWriter, Written


def person(object_id=7, *, confidence=(0.9, 0.5), world=True):
    return Written(
        object_id=object_id,
        box=Box(10.0, 20.0, 30.0, 40.5),
        joints_V2=np.array([[100.123, 50.5], [110, 70]], np.float32),
        confidence_V=np.array(confidence, np.float32),
        world_V3=np.array([[0, 0, 0], [0.1, -0.25, 0.0304]], np.float32) if world else None,
        depth_V=np.array([0, 0.0304], np.float32),
    )


def write(path, *frames):
    with PoseFileWriter(path) as file:
        for number, time_s, people in frames:
            file.write(number, time_s, people)
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_frame_has_every_key_in_its_unit(tmp_path):
    (element,) = write(tmp_path / "a.json", (3, 0.15, [person()]))

    assert element == {
        "num_frames_in_batch": 1,
        "batches": [
            {
                "batch_id": 0,
                "frame_num": 3,
                "ntp_timestamp": 150_000_000,
                "num_obj_meta": 1,
                "objects": [
                    {
                        "object_id": 7,
                        "bbox": [10.0, 20.0, 30.0, 40.5],
                        "pose25d": [100.12, 50.5, 0.0, 0.9, 110.0, 70.0, 0.0304, 0.5],
                        "pose3d": [0.0, 0.0, 0.0, 0.9, 100.0, -250.0, 30.4, 0.5],
                    }
                ],
            }
        ],
    }


def test_frames_without_people_are_written_too(tmp_path):
    frames = write(tmp_path / "a.json", (0, 0.0, []), (1, 0.1, [person()]), (4, 0.4, []))

    counts = [(b["frame_num"], b["num_obj_meta"]) for e in frames for b in e["batches"]]
    assert counts == [(0, 0), (1, 1), (4, 0)]


def test_a_video_of_no_frames_gives_an_empty_list(tmp_path):
    assert write(tmp_path / "a.json") == []


def test_a_missing_joint_is_all_zeros_and_an_unsure_one_is_never_taken_for_missing(tmp_path):
    (element,) = write(tmp_path / "a.json", (0, 0.0, [person(confidence=(0.0, 1e-9))]))

    (written,) = element["batches"][0]["objects"]
    assert written["pose25d"][:4] == written["pose3d"][:4] == [0, 0, 0, 0]
    assert written["pose25d"][7] == written["pose3d"][7] == LEAST_CONFIDENCE


def test_an_estimator_without_depth_gives_a_pose3d_of_missing_joints(tmp_path):
    (element,) = write(tmp_path / "a.json", (0, 0.0, [person(world=False)]))

    (written,) = element["batches"][0]["objects"]
    assert written["pose3d"] == [0.0] * 8
    assert written["pose25d"][3] == pytest.approx(0.9)


@pytest.mark.parametrize(("pose_type", "coordinates"), [("3dbp", 3), ("25dbp", 3), ("2dbp", 2)])
def test_the_importer_reads_back_what_was_written(tmp_path, pose_type, coordinates):
    path = tmp_path / "a.json"
    write(path, (0, 0.0, [person(1), person(2)]), (1, 0.1, []), (2, 0.2, [person(2)]))

    (recording,) = read_recordings("deepstream", path, ReadOptions(pose_type))
    people = list(recording.observations)

    assert [(each.frame, each.object_id) for each in people] == [(0, 1), (0, 2), (2, 2)]
    assert people[0].joints_VD.shape == (2, coordinates)
    assert people[0].confidence_V == pytest.approx([0.9, 0.5])
    assert people[0].box == Box(10.0, 20.0, 30.0, 40.5)


def test_a_file_appears_only_once_it_is_whole(tmp_path):
    path = tmp_path / "a.json"
    with PoseFileWriter(path) as file:
        file.write(0, 0.0, [person()])
        assert not path.exists()
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_failure_halfway_keeps_the_old_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")

    broken = person()
    broken.joints_V2[0, 0] = math.inf

    with pytest.raises(ValueError, match="JSON"):
        write(path, (0, 0.0, [person()]), (1, 0.1, [broken]))

    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    path = tmp_path / "none" / "a.json"

    with pytest.raises(RunnerError, match="cannot write poses: No such file"), PoseFileWriter(path):
        pass


def test_a_name_that_is_taken_by_a_folder_is_told_and_leaves_nothing(tmp_path):
    path = tmp_path / "a.json"
    path.mkdir()

    with (
        pytest.raises(RunnerError, match=r"a\.json: cannot write poses: Is a directory; name an"),
        PoseFileWriter(path) as file,
    ):
        file.write(0, 0.0, [person()])

    assert list(tmp_path.rglob("*")) == [path]


@pytest.fixture
def full_disk():
    """No file may grow beyond ten bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("full_disk")
def test_a_file_that_cannot_be_completed_is_told_and_leaves_nothing(tmp_path):
    with pytest.raises(RunnerError, match="cannot write poses: File too large; name another"):
        write(tmp_path / "a.json", (0, 0.0, [person()]))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("full_disk")
def test_what_failed_first_is_told_though_the_file_cannot_be_closed_either(tmp_path):
    def fail():
        with PoseFileWriter(tmp_path / "a.json") as file:
            file.write(0, 0.0, [person()])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert list(tmp_path.iterdir()) == []
