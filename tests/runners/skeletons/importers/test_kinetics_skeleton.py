"""Kinetics-skeleton, field by field."""

import numpy as np
import pytest
from tests.runners.skeletons.samples import HEIGHT, WIDTH, kinetics_clip, place, score, write_json

from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.poses import NO_TRACK, PoseFileInvalid, Space


def read(path, **options):
    options = {"width": WIDTH, "height": HEIGHT} | options
    recordings = read_recordings("kinetics-skeleton", path, ReadOptions(**options))
    return [(recording, list(recording.observations)) for recording in recordings]


def test_coordinates_become_pixels_and_scores_confidence(tmp_path):
    path = write_json(tmp_path / "clip.json", kinetics_clip())
    ((recording, people),) = read(path)
    assert (recording.name, recording.layout, recording.space) == (
        "clip",
        "openpose18",
        Space.IMAGE,
    )
    assert (recording.label, recording.split) == ("juggling balls", None)
    found = people[0]
    assert (found.frame, found.object_id, found.box) == (1, NO_TRACK, None)
    expected = [
        (round(x / WIDTH, 3) * WIDTH, round(y / HEIGHT, 3) * HEIGHT)
        for x, y in (place(1, 0, joint) for joint in range(18))
    ]
    np.testing.assert_allclose(found.joints_VD, expected, rtol=1e-6)
    assert found.confidence_V.tolist() == [score(joint) for joint in range(18)]


def test_joints_of_score_0_are_missing(tmp_path):
    content = kinetics_clip(1)
    content["data"][0]["skeleton"][0]["score"][5] = 0
    ((_, (found,)),) = read(write_json(tmp_path / "clip.json", content))
    assert found.joints_VD[5].tolist() == [0, 0]
    assert found.confidence_V[5] == 0


def test_a_joint_beyond_all_pictures_is_missing(tmp_path):
    content = kinetics_clip(1)
    content["data"][0]["skeleton"][0]["pose"][10] = 1e307  # pixels would be infinite
    ((_, (found,)),) = read(write_json(tmp_path / "clip.json", content))
    assert found.confidence_V[5] == 0
    assert np.isfinite(found.joints_VD).all()


def test_frames_without_people_leave_a_gap(tmp_path):
    content = kinetics_clip(3)
    content["data"][1]["skeleton"] = []
    ((_, people),) = read(write_json(tmp_path / "clip.json", content))
    assert [p.frame for p in people] == [1, 3]


def test_the_label_may_stand_before_the_data(tmp_path):
    content = dict(reversed(kinetics_clip().items()))
    ((recording, people),) = read(write_json(tmp_path / "clip.json", content))
    assert recording.label == "juggling balls"
    assert len(people) == 3


@pytest.mark.parametrize(("folder", "split"), [("kinetics_train", "train"), ("x_val", "val")])
def test_the_label_file_beside_the_folder_is_heeded(tmp_path, folder, split):
    unlabelled = kinetics_clip() | {"label": None}
    write_json(tmp_path / folder / "a.json", unlabelled)
    write_json(tmp_path / folder / "b.json", {"data": [], "label": "abseiling"})
    write_json(tmp_path / folder / "c.json", kinetics_clip())
    entries = {
        "a": {"has_skeleton": True, "label": "juggling", "label_index": 0},
        "b": {"has_skeleton": False, "label": "abseiling", "label_index": 1},
    }
    write_json(tmp_path / f"{folder}_label.json", entries)
    found = [(r.name, r.label, r.split) for r, _ in read(tmp_path / folder)]
    assert found == [("a", "juggling", split), ("c", "juggling balls", split)]
    assert [r.name for r, _ in read(tmp_path)] == ["a", "c"]


def test_a_clip_without_frames_is_a_recording_without_people(tmp_path):
    path = write_json(tmp_path / "a.json", {"data": [], "label": "x", "label_index": 0})
    ((recording, people),) = read(path)
    assert (recording.label, people) == ("x", [])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"pose": [0.5] * 34}, "found 17 joints and 18 scores, expected 18 of each"),
        ({"pose": [0.5] * 35}, "pose: found 35 numbers, expected 2 for each joint"),
        ({"score": None}, "score: found null, expected a list"),
        ({"pose": [[0.5] * 36, 3]}, "pose: found something else than numbers"),
    ],
)
def test_what_is_wrong_with_a_person_is_told(tmp_path, change, told):
    content = kinetics_clip()
    content["data"][1]["skeleton"][0].update(change)
    with pytest.raises(PoseFileInvalid) as caught:
        read(write_json(tmp_path / "clip.json", content))
    assert told in str(caught.value)
    assert "data[1], skeleton[0]" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"frames": []}, "found no object with 'data' and 'label'"),
        ([1, 2], "found no object with 'data' and 'label'"),
        ({"data": 3, "label": "x"}, "found 3, expected an object"),
        ({"data": [[]], "label": "x"}, "data[0]: found a list, expected an object"),
        ({"data": [{"frame_index": True}]}, "frame_index: found True, expected a whole number"),
        ({"data": [{"frame_index": 1, "skeleton": 0}]}, "skeleton: found 0, expected a list"),
        ({"data": [], "label": 7}, "label: found 7, expected text"),
    ],
)
def test_what_is_wrong_with_a_clip_is_told(tmp_path, content, told):
    with pytest.raises(PoseFileInvalid) as caught:
        read(write_json(tmp_path / "clip.json", content))
    assert told in str(caught.value)


def test_frames_out_of_order_are_an_error(tmp_path):
    content = kinetics_clip()
    content["data"].reverse()
    with pytest.raises(PoseFileInvalid, match="found frame 2 after frame 3"):
        read(write_json(tmp_path / "clip.json", content))


def test_a_damaged_label_file_is_an_error_that_names_it(tmp_path):
    write_json(tmp_path / "k_train" / "a.json", kinetics_clip())
    write_json(tmp_path / "k_train_label.json", {"a": 5})
    with pytest.raises(PoseFileInvalid, match=r"k_train_label\.json.*'a': found 5"):
        read(tmp_path / "k_train")
