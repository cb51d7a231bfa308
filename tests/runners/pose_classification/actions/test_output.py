"""The score file, and the folder of several recordings."""

import json

import numpy as np
import pytest
from tests.runners.skeletons.deepstream_writer import make_person, write

from skillbank_runners.api import Run
from skillbank_runners.pose_classification.actions import output
from skillbank_runners.pose_classification.actions.merging import UNKNOWN, TrackActions
from skillbank_runners.pose_classification.actions.output import Found, SharesFile
from skillbank_runners.pose_classification.actions.sources import Poses
from skillbank_runners.pose_classification.actions.tracks import TrackKey
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec

NAMES = ("sit", "walk")
FRAMES = np.array([3, 4])
SHARES = np.array([[0.25, 0.75], [np.nan, np.nan]], np.float32)


def save(path, *keys, many=False):
    with SharesFile(path, NAMES, has_many_sources=many) as file:
        for key in keys:
            file.write(key, FRAMES, SHARES)
    return np.load(path, allow_pickle=False)


def test_scores_are_found_by_camera_and_id(tmp_path):
    content = save(tmp_path / "s.npz", TrackKey("a", 0, 7), TrackKey("a", 2, 2**40))

    assert set(content.files) == {
        "class_names",
        "camera_0/object_7/frames",
        "camera_0/object_7/shares",
        f"camera_2/object_{2**40}/frames",
        f"camera_2/object_{2**40}/shares",
    }
    assert content["class_names"].tolist() == list(NAMES)
    np.testing.assert_array_equal(content["camera_0/object_7/shares"], SHARES)


def test_recordings_are_told_apart_where_there_are_several(tmp_path):
    content = save(tmp_path / "s.npz", TrackKey("a", 0, 1), TrackKey("b", 0, 1), many=True)

    assert {"a/camera_0/object_1/frames", "b/camera_0/object_1/frames"} <= set(content.files)


def test_a_score_file_that_is_not_finished_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="broken"):
        _break_off(tmp_path / "s.npz")

    assert list(tmp_path.iterdir()) == []


def _break_off(path):
    with SharesFile(path, NAMES, has_many_sources=False) as file:
        file.write(TrackKey("a", 0, 1), FRAMES, SHARES)
        raise ValueError("broken")


def found(path, *keys):
    actions = TrackActions(
        np.arange(4), np.array([0, 0, 1, UNKNOWN]), np.array([0.5, 0.5, 0.75, 0]), (0,)
    )
    poses = Poses("inference.poses", path, DatasetConvertSpec())
    rates = {key.source: None for key in keys}
    return Found(poses, dict.fromkeys(keys, actions), rates, NAMES)


def actions_of(path):
    content = json.loads(path.read_text())
    return [o["action"] for e in content for b in e["batches"] for o in b["objects"]]


def test_a_folder_of_files_gives_a_folder_of_files(tmp_path):
    folder = tmp_path / "poses"
    folder.mkdir()
    for name in ("left door", "right"):
        write(folder / f"{name}.json", [make_person(1, range(4))])
    run = Run(tmp_path)

    output.write_poses(run, found(folder, TrackKey("left door", 0, 1), TrackKey("right", 0, 9)))

    files = sorted((tmp_path / "poses_with_actions").iterdir())
    assert [file.name for file in files] == ["left_door.json", "right.json"]
    assert actions_of(files[0]) == ["sit", "sit", "walk", ""]
    assert actions_of(files[1]) == ["", "", "", ""]
    assert {a.path for a in run.artefacts()} == {
        "poses_with_actions/left_door.json",
        "poses_with_actions/right.json",
    }


def test_names_that_look_alike_on_the_disk_do_not_collide(tmp_path):
    folder = tmp_path / "poses"
    folder.mkdir()
    for name in ("a b", "a_b"):
        write(folder / f"{name}.json", [make_person(1, range(4))])

    output.write_poses(Run(tmp_path), found(folder, TrackKey("a b", 0, 1)))

    files = sorted((tmp_path / "poses_with_actions").iterdir())
    assert len(files) == 2
    assert sorted(actions_of(file)[0] for file in files) == ["", "sit"]


def test_one_file_gives_one_file(tmp_path):
    path = write(tmp_path / "cam.json", [make_person(1, range(4))])
    run = Run(tmp_path)

    output.write_poses(run, found(path, TrackKey("cam", 0, 1)))
    output.write_table(run, found(path, TrackKey("cam", 0, 1)))
    output.write_picture(run, found(path, TrackKey("cam", 0, 1)), "cam")

    assert actions_of(tmp_path / "poses_with_actions.json") == ["sit", "sit", "walk", ""]
    rows = (tmp_path / "timeline.csv").read_text().splitlines()
    assert rows[1:] == [
        "0,1,0,1,,,sit,0,0.5000,cam",
        "0,1,2,2,,,walk,1,0.7500,cam",
        "0,1,3,3,,,,,,cam",
    ]
    assert (tmp_path / "timeline.png").stat().st_size > 1000
