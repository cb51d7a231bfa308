"""The filter: lines in, lines out, at once, and a clean end whatever happens."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from tests.runners.pose_classification.continual.checkpoints import (
    NAMES,
    make_facts,
    make_frames,
    make_person,
    network_of,
    offline_clip,
    write_checkpoint,
    write_line,
    write_lines,
)
from tests.runners.pose_classification.continual.networks import TINY_BLOCKS, offline_logits

from skillbank_runners.pose_classification import network as stgcn
from skillbank_runners.pose_classification.graph import adjacency
from skillbank_runners.pose_classification.pose_stream import main
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.training.checkpoints import read_checkpoint

MODULE = "skillbank_runners.pose_classification.pose_stream"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Of the real size, for processes of their own."""
    return write_checkpoint(tmp_path_factory.mktemp("model") / "model.pth", make_facts(frames=300))


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """For this process: it takes no time."""
    monkeypatch.setattr(stgcn, "BLOCKS", TINY_BLOCKS)
    return write_checkpoint(tmp_path / "tiny.pth", make_facts(frames=300))


def run(checkpoint, frames, tmp_path, *options):
    """Exit code, and the lines that came out."""
    source = write_lines(tmp_path / "poses.jsonl", frames)
    target = tmp_path / "actions.jsonl"
    words = ["--checkpoint", str(checkpoint), "--input", str(source), "--output", str(target)]
    code = main([*words, *options])
    lines = target.read_text().splitlines() if target.exists() else []
    return code, [json.loads(line) for line in lines]


def test_a_file_goes_in_and_a_line_comes_out_for_each_frame(tiny, tmp_path):
    person = make_person(90, first=100)
    code, lines = run(tiny, make_frames(person), tmp_path, "--top-k", "3")
    assert code == 0
    assert [line["frame"] for line in lines] == [*range(100, 190), 189]
    early, late = lines[75]["objects"][0], lines[76]["objects"][0]
    assert early == {
        "object_id": 1,
        "action": None,
        "score": None,
        "since_frame": None,
        "for_frame": None,
        "top": [],
    }
    assert late["for_frame"] == 100
    assert late["action"] in NAMES
    assert len(late["top"]) == 3
    assert late["top"][0]["score"] >= late["top"][1]["score"] >= late["top"][2]["score"]
    end = lines[-1]
    assert end["end"] is True
    assert [one["for_frame"] for one in end["objects"]] == list(range(116, 190, 4))
    assert all(one["last"] for one in end["objects"])


def test_the_last_answer_is_the_offline_networks(tmp_path, checkpoint):
    """Takes a second or two: a process, and the network in its real size."""
    facts, person = make_facts(frames=300), make_person(12)
    lines = pipe(checkpoint, make_frames(person), "--top-k", "5").stdout.splitlines()
    top = json.loads(lines[-1])["objects"][-1]["top"]
    logits = offline_logits(network_of(facts), offline_clip(facts, person, tmp_path))
    expected = dict(zip(NAMES, logits.double().softmax(0).tolist(), strict=True))
    assert {one["action"]: one["score"] for one in top} == pytest.approx(expected, abs=2e-4)


def command(checkpoint, *options):
    return [sys.executable, "-m", MODULE, "--checkpoint", str(checkpoint), *options]


def pipe(checkpoint, frames, *options):
    text = "".join(write_line(frame) + "\n" for frame in frames)
    return subprocess.run(
        command(checkpoint, *options), input=text, text=True, capture_output=True, check=False
    )


def start(checkpoint, *options):
    return subprocess.Popen(
        command(checkpoint, *options),
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def send(process, frame):
    process.stdin.write(write_line(frame).encode() + b"\n")


def test_a_line_is_answered_before_the_next_one_comes(checkpoint):
    """Seconds long: a process has to start."""
    process = start(checkpoint)
    for frame in make_frames(make_person(3)):
        send(process, frame)
        assert json.loads(process.stdout.readline())["frame"] == frame.number
    rest, errors = process.communicate()
    assert json.loads(rest)["end"] is True
    assert (process.returncode, errors) == (0, b"")


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_without_a_word(checkpoint, signum, code):
    """Seconds long: a process has to start."""
    process = start(checkpoint)
    send(process, make_frames(make_person(1))[0])
    process.stdout.readline()
    process.send_signal(signum)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (code, b"")


def test_it_ends_quietly_when_nobody_reads_on(checkpoint):
    """Seconds long: a process has to start."""
    process = start(checkpoint)
    frames = make_frames(make_person(40))
    send(process, frames[0])
    process.stdout.readline()
    process.stdout.close()
    with contextlib.suppress(BrokenPipeError):
        for frame in frames[1:]:
            send(process, frame)
    process.stdin.close()
    assert process.wait(timeout=30) == 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_damaged_line_ends_it_with_its_number(tiny, tmp_path, capfd):
    frames = make_frames(make_person(4))
    source = write_lines(tmp_path / "poses.jsonl", frames)
    lines = source.read_text().splitlines()
    source.write_text("\n".join([*lines[:2], lines[2][:50], lines[3]]) + "\n")
    words = ["--checkpoint", str(tiny), "--input", str(source)]
    assert main(words) == 1
    out, err = capfd.readouterr()
    assert len(out.splitlines()) == 2
    assert re.search(r"^error: line 3: no JSON", err)
    assert main([*words, "--skip-bad"]) == 0
    out, err = capfd.readouterr()
    assert [json.loads(line)["frame"] for line in out.splitlines()] == [0, 1, 3, 3]
    assert err.startswith("skipped: line 3:")


def test_empty_lines_and_no_lines_are_fine(tiny, tmp_path, capfd):
    source = tmp_path / "poses.jsonl"
    source.write_text("\n\n")
    assert main(["--checkpoint", str(tiny), "--input", str(source)]) == 0
    assert capfd.readouterr() == ("", "")


def test_a_line_without_an_end_is_refused_in_bounded_memory(tiny, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr("skillbank_runners.pose_classification.pose_stream._MAX_LINE_BYTES", 100)
    source = tmp_path / "poses.jsonl"
    source.write_text("{" + " " * 1000 + "}\n" + '{"frame_num": 1, "objects": []}\n')
    words = ["--checkpoint", str(tiny), "--input", str(source), "--skip-bad"]
    assert main(words) == 0
    out, err = capfd.readouterr()
    assert err == "skipped: line 1: longer than 100 bytes, expected a frame per line\n"
    assert [json.loads(line)["frame"] for line in out.splitlines()] == [1, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--input", "nowhere.jsonl"], "--input: 'nowhere.jsonl': No such file"),
        (["--set", "pose_type"], "--set: found 'pose_type', expected KEY=VALUE"),
        (["--set", "pose_type=[1"], "--set: the value of"),
        (["--set", "pose_type=2dbp"], "pose_type: trained with '3dbp', --set says '2dbp'"),
        (["--checkpoint", "none.pth"], "checkpoint: no file"),
    ],
)
def test_a_wrong_request_is_told_apart_from_a_wrong_line(tiny, capfd, options, message):
    assert main(["--checkpoint", str(tiny), *options]) == 2
    assert message in capfd.readouterr().err


@pytest.mark.parametrize("option", ["--top-k=0", "--hysteresis=2", "--frame-rate=0", "--window=x"])
def test_options_out_of_range_are_refused(tiny, option, capfd):
    with pytest.raises(SystemExit, match="2"):
        main(["--checkpoint", str(tiny), option])
    assert "invalid" in capfd.readouterr().err


def test_a_short_training_is_remarked_on_stderr(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(stgcn, "BLOCKS", TINY_BLOCKS)
    path = write_checkpoint(tmp_path / "short.pth", make_facts(frames=40))
    assert main(["--checkpoint", str(path), "--input", os.devnull]) == 0
    assert capfd.readouterr().err.startswith("note: trained on clips of 40 frames")


def test_a_model_that_train_wrote_names_the_frames_as_the_offline_network_does(trained, tmp_path):
    """Of two epochs on noise, at the real size: a second or two."""
    path = trained.results / trained.checkpoints()[-1]
    person = [
        type(one)(one.frame, 1, one.joints_VD[:17], one.confidence_V[:17])
        for one in make_person(14)
    ]
    code, lines = run(
        path, make_frames(person), tmp_path, "--set", "focal_length=1000.0", "--top-k", "3",
        "--window", "40",
    )  # fmt: skip
    assert code == 0
    joints_TVD = np.stack([one.joints_VD for one in person])
    clip = ((joints_TVD - joints_TVD[:, :1]) / 1000).transpose(2, 0, 1)[..., None]
    expected = offline_logits(trained_network(path), clip).double().softmax(0).tolist()
    found = {one["action"]: one["score"] for one in lines[-1]["objects"][-1]["top"]}
    assert found == pytest.approx(
        dict(zip(("sit", "walk", "run"), expected, strict=True)), abs=2e-4
    )


def trained_network(path):
    network = stgcn.STGCN(3, 3, adjacency(load_layout("human3.6m"), "spatial"))
    stgcn.load_weights(network, read_checkpoint(path, "test")["state_dict"], source="test")
    return network.eval()
