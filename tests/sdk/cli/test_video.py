"""Commands from a camera to actions: `pose`, `pose-stream`, `demo video`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.runners.video.films import film, plain

ROOT = Path(__file__).resolve().parents[3]
PLUG = "pose.estimator=tests.runners.video.plugs:bright"


@pytest.fixture
def video(tmp_path):
    """Four dark pictures with one bright column: a person, to the estimator of the test."""
    image = plain(96, 64, 16)
    image[:, 40:64] = 200
    return film(tmp_path / "people.mp4", [image] * 4)


def test_pose_leaves_the_people_of_a_video_and_names_what_to_do_with_them(cli, video, monkeypatch):
    # Some 2 s: a real job, which loads the video libraries.
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    done = cli("pose", video, "--set", PLUG, "--set", "pose.layout=coco17")

    assert done.status == 0, done.err
    (poses,) = [line.split()[1] for line in done.out.splitlines() if line.startswith("poses:")]
    frames = json.loads(Path(poses).read_text())
    assert [len(frame["batches"][0]["objects"]) for frame in frames] == [1, 1, 1, 1]
    assert f"inference --parent TRAINING --set inference.poses={poses}" in done.out
    assert f"dataset_convert --set dataset_convert.data={poses}" in done.out


def test_pose_can_be_left_to_run(cli, video, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    started = cli("pose", video, "--set", PLUG, "--detach", "--json")
    cli("cancel", started.document["id"])

    assert started.status == 0
    assert started.document["action"] == "pose"


def test_a_video_that_is_not_there_is_refused_before_anything_starts(cli, tmp_path):
    done = cli("pose", tmp_path / "none.mp4")

    assert done.status == 2
    assert "pose.video:" in done.err
    assert "does not exist" in done.err
    assert cli("jobs").out.startswith("no jobs")


def test_a_stream_needs_a_model(cli):
    done = cli("pose-stream")

    assert done.status == 2
    assert "--checkpoint: found 'best', expected a file, or --parent JOB" in done.err


def test_a_stream_of_an_unknown_job_is_refused(cli):
    assert cli("pose-stream", "--parent", "train-nothere").status == 2


def test_a_stream_is_handed_the_model_the_poses_and_its_options(root, tmp_path):
    # Over 1 s: processes that load PyTorch, and refuse the file.
    junk = tmp_path / "junk.pth"
    junk.write_bytes(b"no checkpoint")
    line = [sys.executable, "-m", "skillbank.cli", "--root", str(root), "pose-stream"]
    options = ["--checkpoint", str(junk), "--top-k", "2", "--window", "90", "--frame-rate", "30"]

    done = subprocess.run([*line, *options], capture_output=True, text=True, check=False)
    wrong = ["--set", "dataset_convert.pose_typ=2dbp"]
    told = subprocess.run([*line, *options, *wrong], capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert str(junk) in done.stderr
    assert told.returncode == 2
    assert "dataset_convert.pose_typ" in told.stderr or str(junk) in told.stderr


def test_a_demo_without_its_video_is_refused_before_it_trains(cli, tmp_path):
    done = cli("demo", "video", tmp_path / "none.mp4")

    assert done.status == 2
    assert "is no file; expected a video" in done.err
    assert cli("jobs").out.startswith("no jobs")


def test_a_demo_on_a_model_that_is_not_there_is_refused(cli, video):
    assert cli("demo", "video", video, "--parent", "train-nothere").status == 2
