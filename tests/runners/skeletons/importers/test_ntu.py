"""NTU RGB+D .skeleton files.

Axes: V joints, D coordinates.
"""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.runners.skeletons.importers.damaging import damaged, read_calmly

from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.poses import PoseFileInvalid, Space

NAME = "S001C002P003R002A013.skeleton"
BODY = 72057594037931691


def skeleton(frames, states=2):
    """Text of a file: one list of (body id, joints (25, 3)) per frame."""
    lines = [str(len(frames))]
    for bodies in frames:
        lines.append(str(len(bodies)))
        for body, joints_VD in bodies:
            lines += [f"{body} 0 1 1 0 0 0 -0.1469 0.0351 2", "25"]
            for joint, (x, y, z) in enumerate(joints_VD):
                state = np.broadcast_to(states, 25)[joint]
                lines.append(f"{x} {y} {z} 277.4 191.8 1036.1 519.2 -0.21 0.03 0.97 -0.01 {state}")
    return "\r\n".join(lines) + "\r\n"


def joints(seed=0):
    return np.random.default_rng(seed).uniform(-2, 4, (25, 3)).round(6)


def read(path, **options):
    (recording,) = read_recordings("ntu", path, ReadOptions(**options))
    return recording, list(recording.observations)


@pytest.fixture
def path(tmp_path):
    return tmp_path / NAME


def test_places_people_and_facts_are_read(path):
    frames = [[(BODY, joints(0))], [], [(BODY + 5, joints(1)), (BODY, joints(2))]]
    path.write_text(skeleton(frames))
    recording, found = read(path)
    assert (recording.name, recording.layout) == (NAME.removesuffix(".skeleton"), "ntu25")
    assert (recording.label, recording.subject) == ("A013", "P003")
    assert (recording.space, recording.frame_rate) == (Space.WORLD, 30.0)
    assert [(one.frame, one.object_id, one.camera) for one in found] == [
        (0, 0, 2),
        (2, 1, 2),
        (2, 0, 2),
    ]
    for one, seed in zip(found, (0, 1, 2), strict=True):
        np.testing.assert_array_equal(one.joints_VD, joints(seed).astype(np.float32))
        assert (one.confidence_V == 1).all()


def test_joints_that_were_guessed_or_lost_are_less_certain(path):
    states = [2, 1, 0] + [2] * 22
    path.write_text(skeleton([[(BODY, joints())]], states))
    _, (one,) = read(path)
    assert one.confidence_V[:4].tolist() == [1, 0.5, 0, 1]
    assert one.joints_VD[2].tolist() == [0, 0, 0]


@pytest.mark.parametrize("text", ["0\r\n", "2\r\n0\r\n0\r\n", "0"])
def test_clips_of_the_lists_of_missing_skeletons_are_recordings_without_people(path, text):
    path.write_text(text)
    recording, found = read(path)
    assert recording.label == "A013"
    assert found == []


def test_a_name_that_says_nothing_leaves_label_and_subject_open(tmp_path):
    path = tmp_path / "mine.skeleton"
    path.write_text(skeleton([[(1, joints())]]))
    recording, (one,) = read(path, layout="ntu-rgb+d", frame_rate=15.0)
    assert (recording.label, recording.subject, one.camera) == (None, None, 0)
    assert (recording.layout, recording.frame_rate) == ("ntu-rgb+d", 15.0)


def test_a_folder_gives_its_files_in_order(tmp_path):
    for action in (2, 1):
        (tmp_path / f"S001C001P001R001A00{action}.skeleton").write_text("0")
    (tmp_path / "notes.txt").write_text("no")
    found = [one.label for one in read_recordings("ntu", tmp_path, ReadOptions())]
    assert found == ["A001", "A002"]
    with pytest.raises(PoseFileInvalid, match=r"no file that ends in \.skeleton"):
        list(read_recordings("ntu", tmp_path.parent, ReadOptions()))


TEXT = skeleton([[(BODY, joints())]])


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("1\r\n1\r\n", "x\r\n1\r\n", "line 1: found 'x', expected the number of frames"),
        ("1\r\n1\r\n", "", r"line 1: found '72\d+ 0 1 1 0.*expected the number of frames"),
        ("\r\n25\r\n", "\r\n24\r\n", "line 4: found 24 joints, expected 25"),
        (f"{BODY} 0 1", f"{BODY} 1", "line 3: found .*, expected the id of a body of frame 0 and"),
        (" -0.01 2\r\n", " 2\r\n", "line 5: found 11 numbers, expected 12 of joint 0"),
        (" -0.01 2\r\n", " -0.01 7\r\n", "line 5: found the tracking state 7, expected 0, 1 or 2"),
        (" -0.01 2\r\n", " -0.01 two\r\n", "line 5: found '.*', expected 12 numbers of joint 0"),
        ("1\r\n1\r\n", "2\r\n1\r\n", "line 29: the file ends here, expected the number of bodies"),
        ("1\r\n1\r\n", "1\r\n2\r\n", "line 29: the file ends here, expected the id of a body"),
        ("1\r\n1\r\n", "0\r\n1\r\n", "line 2: found '1' behind the last frame, expected the end"),
        ("1\r\n1\r\n", f"{10**9}\r\n1\r\n", "line 29: the file ends here"),
        ("1\r\n1\r\n", "\xff\r\n", "line 1: found 'ÿ'"),
    ],
)
def test_damage_is_told_with_its_line(path, old, new, said):
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PoseFileInvalid, match=said):
        read(path)


def test_bytes_that_are_no_text_and_endless_lines_are_told(path):
    path.write_bytes(b"1\n\xff\xfe\n")
    with pytest.raises(PoseFileInvalid, match="cannot be read as text"):
        read(path)
    path.write_bytes(b"1" * 3_000_000)
    with pytest.raises(PoseFileInvalid, match="a line of more than 1048576 characters"):
        read(path)


def test_places_that_are_no_numbers_are_missing(path):
    broken = joints()
    broken[3], broken[4] = (np.nan, 0, 0), (np.inf, 0, 0)
    path.write_text(skeleton([[(BODY, broken)]]))
    _, (one,) = read(path)
    assert one.confidence_V[2:6].tolist() == [1, 0, 0, 1]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_files_are_refused_or_read(path, data):
    content = data.draw(damaged(TEXT.encode()))
    read_calmly("ntu", path, content, ReadOptions())
