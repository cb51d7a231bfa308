"""Importers of JSON against trees of plausible keys and wrong values: a clear error or a result."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.runners.skeletons import samples_of_captures
from tests.runners.skeletons.samples import SAMPLES

from skillbank_runners.errors import RunnerError
from skillbank_runners.skeletons.importers import ReadOptions, read_recordings

assert samples_of_captures
JSON_FORMATS = [
    "coco",
    "deepstream",
    "halpe26",
    "kinetics-skeleton",
    "mediapipe",
    "nova77",
    "openpose",
    "ultralytics",
]
KEYS = [
    "images annotations categories id image_id keypoints track_id bbox file_name frame_id video_id",
    "name box x1 y1 x2 y2 x y visible confidence",
    "frame frames timestamp_ms landmarks pose_landmarks pose_world_landmarks landmark z visibility",
    "people person_id pose_keypoints_2d pose_keypoints_3d version data frame_index skeleton pose",
    "score label label_index has_skeleton idx instances instance_info keypoint_scores meta_info",
    "detections tracking_id keypoints_2d keypoints_3d keypoints_confidence batches batch_id",
    "frame_num objects object_id pose3d pose25d num_obj_meta",
]
keys = st.sampled_from(" ".join(KEYS).split())
numbers = st.one_of(
    st.integers(-3, 40),
    st.floats(),
    st.sampled_from([10**30, -(10**30), 2**63, 10**400, 1e308, -0.0, 0.5, True]),
)
number_lists = st.builds(
    lambda value, length: [value] * length,
    numbers,
    st.sampled_from([0, 1, 2, 4, 17, 18, 25, 26, 33, 34, 36, 51, 54, 68, 75, 77, 78, 136, 408]),
)
leaves = st.one_of(
    st.none(),
    numbers,
    number_lists,
    st.sampled_from(["", "12.jpg", "a/b_3.png", "9" * 30 + ".jpg", "\ud800", "x", "\0"]),
)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)
# Up to 1 s a test: what takes the time is drawing the trees. Every run draws others.
quick = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def check(format_name, content, name="run_000000000001_keypoints.json"):
    """Read what was written; only our own errors may come, and only sound people."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(json.dumps(content))
        for pose_type in ("2dbp", "3dbp"):
            read_soundly(format_name, path, ReadOptions(pose_type=pose_type))


def read_soundly(format_name, path, options):
    try:
        for recording in read_recordings(format_name, path, options):
            for person in recording.observations:
                assert np.isfinite(person.joints_VD).all()
                assert ((person.confidence_V >= 0) & (person.confidence_V <= 1)).all()
                assert person.joints_VD.dtype == np.float32
            recording.name.encode()
    except RunnerError as error:
        str(error).encode()


@pytest.mark.parametrize("format_name", JSON_FORMATS)
@quick
@given(content=trees)
def test_any_tree_of_plausible_keys_is_told_or_read(format_name, content):
    check(format_name, content)


@cache
def sound_content(name):
    with TemporaryDirectory() as folder:
        _, write = SAMPLES[name]
        text = write(Path(folder)).file.read_text()
    return text if text.startswith(("[", "{")) else "[]"


def paths_of(value, path=()):
    """Ways to all inner values, those of long lists of numbers but for the first."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths_of(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value[:2]):
            yield from paths_of(inner, (*path, place))


def replaced(value, path, new):
    """The value with another one at the end of a way."""
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


SOUND = sorted(
    name
    for name, (format_name, _) in SAMPLES.items()
    if format_name in JSON_FORMATS and not name.endswith(("labels", "csv"))
)


@pytest.mark.parametrize("name", SOUND)
@quick
@given(data=st.data())
def test_a_sound_file_with_something_else_somewhere_is_told_or_read(name, data):
    text = sound_content(name)
    content = json.JSONDecoder().raw_decode(text)[0]
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(list(paths_of(content))))
        content = replaced(content, path, data.draw(trees))
    check(SAMPLES[name][0], content)
