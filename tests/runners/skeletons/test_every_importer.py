"""What every format keeps: right facts of a sound file, and a clear word about any other."""

import os
import random
import re
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from tests.runners.skeletons import samples_of_captures
from tests.runners.skeletons.samples import SAMPLES

from skillbank_runners.errors import RunnerError
from skillbank_runners.skeletons.importers import FORMATS, ReadOptions, read_recordings
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.skeletons.poses import PoseFileInvalid, Space

EVERY_SAMPLE = sorted(SAMPLES)
EVERY_FORMAT = sorted(FORMATS)
DAMAGES = 40
assert samples_of_captures  # its samples are registered


def options_of(format_name):
    layout = "coco17" if format_name == "generic" else ""
    return ReadOptions(layout=layout)


def written(name, folder):
    format_name, write = SAMPLES[name]
    folder.mkdir(parents=True, exist_ok=True)
    return format_name, write(folder)


def read_all(format_name, path, options):
    """Each recording with its observations."""
    recordings = read_recordings(format_name, path, options)
    return [(recording, list(recording.observations)) for recording in recordings]


def test_every_format_has_a_sample():
    assert {format_name for format_name, _ in SAMPLES.values()} == set(FORMATS)


@pytest.fixture(params=EVERY_SAMPLE)
def sound(request, tmp_path):
    format_name, sample = written(request.param, tmp_path)
    return sample, read_all(format_name, sample.path, sample.options)


def test_a_sound_file_has_the_layout_and_space_of_its_format(sound):
    sample, recordings = sound
    assert recordings
    for recording, _ in recordings:
        assert recording.space is sample.space
        assert load_layout(recording.layout).num_joints == sample.joints
        assert recording.layout == sample.layout or not sample.layout


def test_a_sound_file_has_its_frames_in_order(sound):
    sample, recordings = sound
    frames = [observation.frame for _, people in recordings for observation in people]
    assert frames == sample.frames


def test_a_sound_file_has_its_labels(sound):
    sample, recordings = sound
    assert tuple(recording.label for recording, _ in recordings) == sample.labels


def test_recordings_have_names_and_paths_that_lead_back_to_the_file(sound):
    sample, recordings = sound
    names = [recording.name for recording, _ in recordings]
    assert all(names)
    assert len(set(names)) == len(names)
    inside = (sample.path, *sample.path.parents)
    for recording, _ in recordings:
        assert recording.path in inside or sample.path in recording.path.parents


def test_joints_are_float32_finite_and_of_the_right_shape(sound):
    sample, recordings = sound
    for _, people in recordings:
        for person in people:
            assert person.joints_VD.shape == (sample.joints, sample.axes)
            assert person.confidence_V.shape == (sample.joints,)
            assert person.joints_VD.dtype == person.confidence_V.dtype == np.float32
            assert np.isfinite(person.joints_VD).all()
            assert ((person.confidence_V >= 0) & (person.confidence_V <= 1)).all()
            assert isinstance(person.frame, int)
            assert isinstance(person.object_id, int)


def test_missing_joints_are_zero(sound):
    _, recordings = sound
    for recording, people in recordings:
        if recording.space is Space.WORLD and recording.layout == "nvidia":
            continue  # TAO zeroes them in conversion, with an option
        for person in people:
            assert (person.joints_VD[person.confidence_V == 0] == 0).all()


@pytest.mark.parametrize("name", EVERY_SAMPLE)
def test_reading_twice_gives_the_same(name, tmp_path):
    format_name, sample = written(name, tmp_path)
    first = read_all(format_name, sample.path, sample.options)
    second = read_all(format_name, sample.path, sample.options)
    for (_, people), (_, again) in zip(first, second, strict=True):
        for one, other in zip(people, again, strict=True):
            assert (one.frame, one.object_id, one.box) == (other.frame, other.object_id, other.box)
            np.testing.assert_array_equal(one.joints_VD, other.joints_VD)


def clean_or_told(format_name, path, options):
    """Read a file that may be damaged; anything but an error of ours goes through."""
    try:
        recordings = read_all(format_name, path, options)
    except RunnerError as error:
        return str(error)[:2000]
    for _, people in recordings:
        frames = [person.frame for person in people]
        assert frames == sorted(frames)
        for person in people:
            assert np.isfinite(person.joints_VD).all()
            assert np.isfinite(person.confidence_V).all()
    return None


def cut(content, chance):
    return content[: chance.randrange(len(content))]


def flip(content, chance):
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def remove(content, chance):
    begin = chance.randrange(len(content))
    return content[:begin] + content[begin + chance.randint(1, 40) :]


def repeat(content, chance):
    begin = chance.randrange(len(content))
    return content[: begin + 20] + content[begin:]


@pytest.mark.parametrize("damage", [cut, flip, remove, repeat])
@pytest.mark.parametrize("name", EVERY_SAMPLE)
def test_a_damaged_file_is_a_clear_error_or_read_cleanly(name, damage, tmp_path):
    format_name, sample = written(name, tmp_path)
    content = sample.file.read_bytes()
    chance = random.Random(f"{name} {damage.__name__}")
    for _ in range(DAMAGES):
        sample.file.write_bytes(damage(content, chance))
        clean_or_told(format_name, sample.path, sample.options)


@pytest.mark.parametrize("name", EVERY_SAMPLE)
def test_a_file_without_its_last_quarter_is_an_error_that_names_it(name, tmp_path):
    format_name, sample = written(name, tmp_path)
    if name == "generic table":
        pytest.skip("a table may end after any of its rows")
    content = sample.file.read_bytes()
    sample.file.write_bytes(content[: len(content) * 3 // 4])
    told = clean_or_told(format_name, sample.path, sample.options)
    assert told is not None
    assert sample.file.name in told


@pytest.mark.parametrize("name", EVERY_SAMPLE)
def test_an_empty_file_is_an_error_that_names_it(name, tmp_path):
    format_name, sample = written(name, tmp_path)
    if name == "ultralytics labels":
        pytest.skip("an empty label file is a frame without people")
    sample.file.write_bytes(b"")
    told = clean_or_told(format_name, sample.path, sample.options)
    assert told is not None
    assert sample.file.name in told


@pytest.mark.parametrize("format_name", EVERY_FORMAT)
def test_an_empty_folder_is_an_error_that_says_what_was_looked_for(format_name, tmp_path):
    with pytest.raises(RunnerError, match=r"\.[a-z]{3}"):
        read_all(format_name, tmp_path, options_of(format_name))


@pytest.mark.parametrize("format_name", EVERY_FORMAT)
def test_a_folder_of_foreign_files_is_an_error(format_name, tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    (tmp_path / "notes.md").write_text("# nothing")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(PoseFileInvalid):
        read_all(format_name, tmp_path, options_of(format_name))


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"hello\n" * 20, b"[]", b"{}", b"[[[]]]"])
@pytest.mark.parametrize("format_name", EVERY_FORMAT)
def test_a_file_of_something_else_is_told_or_has_nobody(format_name, content, tmp_path):
    for ending in (".json", ".csv", ".npy", ".pkl", ".bvh", ".skeleton", ".txt"):
        path = tmp_path / f"file{ending}"
        path.write_bytes(content)
        if clean_or_told(format_name, path, options_of(format_name)) is None:
            people = [p for _, p in read_all(format_name, path, options_of(format_name)) if p]
            assert not people


@pytest.mark.parametrize("format_name", EVERY_FORMAT)
def test_a_path_that_is_not_there_is_an_error_that_names_it(format_name, tmp_path):
    with pytest.raises(RunnerError, match=r"no such file or folder: .*nowhere"):
        read_recordings(format_name, tmp_path / "nowhere", options_of(format_name))


@contextmanager
def nobody_special():
    """Without root's right to read everything, where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("name", EVERY_SAMPLE)
def test_a_file_that_may_not_be_read_is_an_error_that_names_it(name):
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        format_name, sample = written(name, Path(folder))
        read_all(format_name, sample.path, sample.options)  # imports what root alone may
        sample.file.chmod(0)
        with nobody_special(), pytest.raises(RunnerError, match=re.escape(sample.file.name)):
            read_all(format_name, sample.path, sample.options)


@pytest.mark.parametrize("format_name", EVERY_FORMAT)
def test_a_folder_that_may_not_be_listed_is_an_error(format_name):
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        with nobody_special(), pytest.raises(PoseFileInvalid, match="cannot be read"):
            read_all(format_name, Path(folder), options_of(format_name))


@pytest.mark.parametrize("name", EVERY_SAMPLE)
def test_a_folder_that_may_not_be_entered_is_an_error(name):
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        format_name, sample = written(name, Path(folder) / "closed")
        read_all(format_name, sample.path, sample.options)
        (Path(folder) / "closed").chmod(0)
        try:
            with nobody_special(), pytest.raises(RunnerError, match="closed"):
                read_all(format_name, sample.path, sample.options)
        finally:
            (Path(folder) / "closed").chmod(0o755)


@pytest.mark.parametrize("name", EVERY_SAMPLE)
def test_a_link_to_nowhere_is_an_error(name, tmp_path):
    format_name, sample = written(name, tmp_path)
    sample.file.unlink()
    sample.file.symlink_to(tmp_path / "gone")
    path = sample.path if sample.path.exists() else sample.path.parent
    clean_or_told(format_name, path, sample.options)


ASK_LAYOUT = sorted(FORMATS.keys() - {"deepstream", "nova77", "ntu", "pyskl"})
"""Formats whose readers look the user's layout up; of the others, conversion does."""


@pytest.mark.parametrize("format_name", ASK_LAYOUT)
def test_an_unknown_layout_is_an_error_that_lists_the_known_ones(format_name, tmp_path):
    names = [name for name in EVERY_SAMPLE if SAMPLES[name][0] == format_name]
    _, sample = written(names[0], tmp_path)
    told = clean_or_told(format_name, sample.path, ReadOptions(layout="coco71"))
    assert told is not None
    assert "coco71" in told
