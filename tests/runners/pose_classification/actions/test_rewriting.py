"""Recordings of any format as DeepStream JSON with actions."""

import json

import numpy as np
import pytest
from tests.runners.skeletons.deepstream_writer import SPACED, Writing, make_person, write

from skillbank_runners.pose_classification.actions.rewriting import rewrite, write_deepstream
from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.poses import Box, Observation, PoseFileInvalid, Recording, Space

JOINTS_V2 = np.array([[10.25, 20.5], [0, 0], [30.75, 5.125]], np.float32)
SURE_V = np.array([0.5, 0, 1], np.float32)


def tell(camera, object_id, frame):
    return f"{camera}/{object_id}/{frame}", 0.5


def observe(frame, object_id=1, camera=0, box=None):
    return Observation(frame, object_id, JOINTS_V2, SURE_V, camera, box)


def recording(tmp_path, *people, space=Space.IMAGE):
    return Recording("clip", tmp_path, "any", space, iter(people))


def written(tmp_path, *people, space=Space.IMAGE):
    target, told = tmp_path / "out.json", []
    write_deepstream(
        recording(tmp_path, *people, space=space), target, tell, lambda: told.append(1)
    )
    assert len(told) == len(people)
    return json.loads(target.read_text())


def test_a_frame_is_an_element_with_a_batch_per_camera(tmp_path):
    elements = written(
        tmp_path, observe(3, 1), observe(3, 2, camera=1), observe(3, 5), observe(7, 1)
    )

    assert [
        [(b["batch_id"], b["frame_num"], b["num_obj_meta"]) for b in element["batches"]]
        for element in elements
    ] == [[(0, 3, 2), (1, 3, 1)], [(0, 7, 1)]]
    actions = [o["action"] for b in elements[0]["batches"] for o in b["objects"]]
    assert actions == ["0/1/3", "0/5/3", "1/2/3"]


def test_joints_in_pixels_come_back_from_the_reader(tmp_path):
    written(tmp_path, observe(0), observe(1))

    (again,) = read_recordings(
        "deepstream", tmp_path / "out.json", ReadOptions(pose_type="2dbp", layout="coco17")
    )
    people = list(again.observations)
    assert [one.frame for one in people] == [0, 1]
    assert people[0].joints_VD[[0, 2]].tolist() == JOINTS_V2[[0, 2]].tolist()
    assert people[0].confidence_V.tolist() == SURE_V.tolist()


@pytest.mark.parametrize(
    ("space", "key", "other"),
    [(Space.IMAGE, "pose25d", "pose3d"), (Space.WORLD, "pose3d", "pose25d")],
)
def test_the_key_says_what_coordinates_mean(tmp_path, space, key, other):
    (element,) = written(tmp_path, observe(0), space=space)

    (one,) = element["batches"][0]["objects"]
    assert one[key] == [10.25, 20.5, 0, 0.5, 0, 0, 0, 0, 30.75, 5.125, 0, 1]
    assert other not in one


@pytest.mark.parametrize(
    ("box", "space", "expected"),
    [
        (Box(1, 2, 3, 4.5), Space.IMAGE, [1, 2, 3, 4.5]),
        (None, Space.IMAGE, [10.25, 5.12, 20.5, 15.38]),
        (None, Space.WORLD, [0, 0, 0, 0]),
    ],
)
def test_a_missing_box_is_that_of_the_joints_in_the_picture(tmp_path, box, space, expected):
    (element,) = written(tmp_path, observe(0, box=box), space=space)

    assert element["batches"][0]["objects"][0]["bbox"] == pytest.approx(expected, abs=0.011)


def read(path):
    (recording,) = read_recordings("deepstream", path, ReadOptions(pose_type="3dbp"))
    return recording


@pytest.mark.parametrize("style", [{}, SPACED, {"separators": (",", ":")}])
@pytest.mark.parametrize("as_lines", [False, True])
def test_between_elements_every_byte_is_kept(tmp_path, style, as_lines):
    if as_lines and style is SPACED:
        style = {}
    source = write(
        tmp_path / "in.json", [make_person(1, range(4))], Writing(style=style, as_lines=as_lines)
    )
    source.write_bytes(b" \n" + source.read_bytes() + b"\n\n")
    told = []

    rewrite(read(source), tmp_path / "out.json", lambda *_: ("walk", 0.5), told.append)

    added = b', "action": "walk", "action_score": 0.5'
    text = (tmp_path / "out.json").read_bytes()
    assert text.count(added) == 4
    assert text.replace(added, b"") == source.read_bytes()
    assert told == sorted(told)
    assert len(told) == 4


def test_a_damaged_file_leaves_nothing(tmp_path):
    source = write(tmp_path / "in.json", [make_person(1, range(4))])
    source.write_bytes(source.read_bytes()[:-100])

    with pytest.raises(PoseFileInvalid):
        rewrite(read(source), tmp_path / "out.json", tell, lambda _: None)

    assert [path.name for path in tmp_path.iterdir()] == ["in.json"]


def walk_by(object_id, start, step):
    """Somebody who crosses the picture, and is seen by box alone."""
    frames = range(12)
    boxes = [[start + step * t, 100.0, 50.0, 120.0] for t in frames]
    return make_person(object_id, frames), boxes


def untracked(path, *people):
    """A file of an app without a tracker: every id is DeepStream's word for none."""
    write(path, [person for person, _ in people])
    content = json.loads(path.read_text())
    for t, element in enumerate(content):
        for one in element["batches"][0]["objects"]:
            one["bbox"] = people[one["object_id"]][1][t]
            one["object_id"] = 2**64 - 1
    path.write_text(json.dumps(content))
    return path


def test_people_without_ids_are_found_again_by_their_boxes(tmp_path):
    """The second comes first in the file from frame 6 on."""
    source = untracked(tmp_path / "in.json", walk_by(0, 0.0, 12.0), walk_by(1, 700.0, -12.0))
    content = json.loads(source.read_text())
    for element in content[6:]:
        element["batches"][0]["objects"].reverse()
    source.write_text(json.dumps(content))

    rewrite(read(source), tmp_path / "out.json", tell, lambda _: None)

    after = json.loads((tmp_path / "out.json").read_text())
    who = [
        (one["bbox"][0], one["action"].split("/")[1])
        for element in after
        for one in element["batches"][0]["objects"]
    ]
    left = {name for place, name in who if place <= 12 * 11}
    right = {name for place, name in who if place >= 700 - 12 * 11}
    assert (left, right) == ({"1"}, {"2"})


def test_cameras_that_count_frames_of_their_own_keep_their_actions(tmp_path):
    source = untracked(tmp_path / "in.json", walk_by(0, 0.0, 12.0))
    content = json.loads(source.read_text())
    for element in content:
        (first,) = element["batches"]
        second = {**first, "batch_id": 1, "frame_num": first["frame_num"] + 500}
        element["batches"].append(second)
        element["num_frames_in_batch"] = 2
    source.write_text(json.dumps(content))

    rewrite(read(source), tmp_path / "out.json", tell, lambda _: None)

    after = json.loads((tmp_path / "out.json").read_text())
    found = [one["action"] for e in after for batch in e["batches"] for one in batch["objects"]]
    assert found == [name for t in range(12) for name in (f"0/1/{t}", f"1/1/{500 + t}")]
