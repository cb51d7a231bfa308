"""The DeepStream JSON with `"action"` and `"action_score"` in every object, the rest byte for byte.

TAO's Triton client adds `"action"`, the name of the class; `"action_score"` is its share in [0, 1].
A person whose action is not known gets an empty name and a score of 0.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from simdjson import Parser

from skillbank_runners.pose_classification.actions.linked import LinkedIds
from skillbank_runners.pose_classification.actions.merging import UNKNOWN, TrackActions
from skillbank_runners.pose_classification.actions.tracks import TrackKey

Find = Callable[[int, int, int], tuple[str, float]]
"""(camera, object id, frame number) -> (name of the action, its score)."""

ACTION, SCORE = "action", "action_score"

# A string or a bracket, and all that stands before it: numbers are passed over in one go.
_TOKEN = re.compile(rb'[^"{}\[\]]*("[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]])')
_OBJECTS_DEPTH = 4  # { "batches": [ { "objects": [


class ActionTable:
    """Actions of all tracks of one recording.

    Args:
        source: Name of the recording.
        tracks: Its tracks, and maybe those of others.
        class_names: In the order of class ids.
    """

    def __init__(
        self, source: str, tracks: Mapping[TrackKey, TrackActions], class_names: Sequence[str]
    ) -> None:
        self._tracks = {
            (key.camera, key.object_id): actions
            for key, actions in tracks.items()
            if key.source == source
        }
        self._names = class_names

    def find(self, camera: int, object_id: int, frame: int) -> tuple[str, float]:
        """Action and score of a person in a frame; empty and 0 where nothing is known."""
        track = self._tracks.get((camera, object_id))
        if track is None:
            return "", 0.0
        position = bisect_left(track.frames_F, frame)
        if position == len(track.frames_F) or track.frames_F[position] != frame:
            return "", 0.0
        class_id = int(track.classes_F[position])
        if class_id == UNKNOWN:
            return "", 0.0
        return self._names[class_id], round(float(track.scores_F[position]), 4)


def add_actions(element: bytes, find: Find, linked: LinkedIds | None = None) -> bytes:
    """One top-level element of the file, with the actions of its objects.

    All else keeps its bytes, unless an object has actions already: then they are replaced, and the
    element is written anew.

    Args:
        element: `{"num_frames_in_batch": ..., "batches": [...]}`, valid JSON.
        find: Tells the actions.
        linked: Ids of people, where the file has none.
    """
    places, has_actions = _places(element, linked)
    ends = list(_object_ends(element))
    if has_actions or len(ends) != len(places):
        return _written_anew(json.loads(element), [find(*place) for place in places])
    starts = [0, *ends]
    parts = (element[a:b] for a, b in zip(starts, [*ends, len(element)], strict=True))
    texts = (_keys(find(*place)) for place in places)
    return b"".join(chain.from_iterable(zip(parts, chain(texts, [b""]), strict=True)))


def _keys(found: tuple[str, float]) -> bytes:
    name, score = found
    return f', "{ACTION}": {json.dumps(name, ensure_ascii=False)}, "{SCORE}": {score}'.encode()


def _places(element: bytes, linked: LinkedIds | None) -> tuple[list[tuple[int, int, int]], bool]:
    """(camera, object id, frame number) of each object in turn; whether one has actions."""
    places = []
    has_actions = False
    document: Any = Parser().parse(element)
    for batch in document["batches"]:
        camera, frame = batch.get("batch_id", 0), batch["frame_num"]
        for one in batch["objects"]:
            object_id = linked.find(camera, frame, one["bbox"]) if linked else one["object_id"]
            places.append((camera, object_id, frame))
            has_actions = has_actions or ACTION in one or SCORE in one
    return places, has_actions


def _written_anew(document: dict[str, Any], found: Iterable[tuple[str, float]]) -> bytes:
    objects = (one for batch in document["batches"] for one in batch["objects"])
    for one, (name, score) in zip(objects, found, strict=True):
        one |= {ACTION: name, SCORE: score}
    return json.dumps(document, ensure_ascii=False).encode()


def _object_ends(element: bytes) -> Iterator[int]:
    """Where keys can be added to each object: behind its last value."""
    depth = 0
    is_objects = False
    name = b""
    for match in _TOKEN.finditer(element):
        token = match[1]
        if token in b"{[":
            depth += 1
            if depth == _OBJECTS_DEPTH:
                is_objects = name == b'"objects"'
        elif token in b"]}":
            depth -= 1
            if is_objects and depth == _OBJECTS_DEPTH and token == b"}":
                yield _before_space(element, match.start(1))
        elif depth < _OBJECTS_DEPTH:
            name = token


def _before_space(element: bytes, end: int) -> int:
    while element[end - 1 : end].isspace():
        end -= 1
    return end
