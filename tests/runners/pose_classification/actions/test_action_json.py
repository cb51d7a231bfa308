"""Actions in the JSON of the poses: the rest of the file keeps its bytes."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillbank_runners.pose_classification.actions.action_json import ActionTable, add_actions
from skillbank_runners.pose_classification.actions.merging import UNKNOWN, TrackActions
from skillbank_runners.pose_classification.actions.tracks import TrackKey


def element(objects, **more):
    frame = {"batch_id": 2, "frame_num": 30, "ntp_timestamp": "objects", "objects": objects}
    return {"num_frames_in_batch": 1, "batches": [frame | more]}


def tell(camera, object_id, frame):
    return f"act {camera}/{object_id}/{frame}", 0.25


def test_every_object_gets_its_action_and_score():
    source = element([{"object_id": 4, "pose3d": [1.0, 2.0]}, {"object_id": 9}])

    written = json.loads(add_actions(json.dumps(source).encode(), tell))

    found = [(o["action"], o["action_score"]) for o in written["batches"][0]["objects"]]
    assert found == [("act 2/4/30", 0.25), ("act 2/9/30", 0.25)]


@pytest.mark.parametrize(
    "text",
    [
        b'{"num_frames_in_batch":1,"batches":[{"batch_id":0,"frame_num":3,"objects":[{"object_id"'
        b':1,"pose25d":[1.50,-2e-3,0.0,1]}]}]}',
        b'{\n "batches" : [\n  {"objects": [ {"bbox": {"left": 1.0}, "object_id": 1\n }\t],'
        b' "frame_num": 3, "extra": [{"a": [1, {}]}], "note": "\\"}]{"}\n ]\n}',
        b'{"batches": [{"frame_num": 3, "objects": []}, {"frame_num": 4, "objects": ['
        b'{"object_id": 5, "who": "J\xc3\xbcrgen"}, {"object_id": 6, "k": [[{"deep": [1]}]]}]}]}',
    ],
)
def test_nothing_else_changes_a_byte(text):
    written = add_actions(text, lambda *_: ("walk", 0.5))

    assert written.replace(b', "action": "walk", "action_score": 0.5', b"") == text
    assert written.count(b'"action"') == text.count(b'"object_id"')
    json.loads(written)


def test_actions_of_an_earlier_run_are_replaced():
    first = add_actions(json.dumps(element([{"object_id": 4}])).encode(), lambda *_: ("sit", 0.1))

    second = json.loads(add_actions(first, lambda *_: ("run", 0.9)))

    assert second == element([{"object_id": 4, "action": "run", "action_score": 0.9}])


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
_ODD = st.sampled_from(["objects", "batches", 'a"b', "}", "[{", "é", ""])


@given(
    extras=st.dictionaries(_ODD.filter(lambda k: k != "objects"), _VALUES, max_size=3),
    inside=st.lists(st.dictionaries(_ODD | st.text(max_size=5), _VALUES, max_size=3), max_size=3),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
)
def test_whatever_else_the_file_holds_is_kept(extras, inside, indent, ascii_only):
    objects = [{"object_id": i} | extra for i, extra in enumerate(inside)]
    source = element(objects, **extras) | {"objects": extras}
    text = json.dumps(source, indent=indent, ensure_ascii=ascii_only).encode()

    written = json.loads(add_actions(text, tell))

    for one in written["batches"][0]["objects"]:
        assert one.pop("action_score") == 0.25
        assert one.pop("action") == f"act 2/{one['object_id']}/30"
    assert written == source


def test_a_table_knows_frames_cameras_and_what_it_does_not_know():
    def track(frames, classes):
        scores = np.full(len(frames), 0.87654, np.float32)
        return TrackActions(np.array(frames), np.array(classes, np.int16), scores, (0,))

    tracks = {
        TrackKey("a", 0, 1): track([3, 5], [1, UNKNOWN]),
        TrackKey("a", 1, 1): track([3], [0]),
        TrackKey("b", 0, 2): track([3], [0]),
    }
    table = ActionTable("a", tracks, ("sit", "run"))

    assert table.find(0, 1, 3) == ("run", 0.8765)
    assert table.find(1, 1, 3) == ("sit", 0.8765)
    for unknown in ((0, 1, 5), (0, 1, 4), (0, 1, 9), (0, 2, 3), (7, 1, 3)):
        assert table.find(*unknown) == ("", 0.0)
