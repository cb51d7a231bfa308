"""The whole way: DeepStream JSON in; JSON with actions, table, text and picture out.

Each test sends some windows through the network and draws a picture: a second or two.
"""

import itertools
import json
import re

import numpy as np
import pytest
import torch
from tests.runners.pose_classification.actions.scenes import (
    CLASSES,
    infer,
    motion,
    person,
    scene,
    table,
    told,
)

from skillbank_runners.pose_classification.graph import adjacency
from skillbank_runners.pose_classification.network import STGCN
from skillbank_runners.skeletons.layout import load_layout

LENGTH, STEP, LEAST = 30, 15, 10
"""What follows from clips of 30 frames and the defaults of dataset_convert."""


def shares_of_windows(trained, x_CTV, step):
    """(first, end, soft-max) of each window, by slicing arrays; T = 30, zeros behind the end."""
    state = torch.load(trained.results / "pc_model_latest.pth", weights_only=True)
    network = STGCN(6, 3, adjacency(load_layout("human3.6m"), "spatial"))
    network.load_state_dict({k.removeprefix("model."): v for k, v in state["state_dict"].items()})
    network.eval()
    centred = x_CTV - x_CTV[:, :, :1]
    found = []
    for first in range(0, x_CTV.shape[1] - LEAST + 1, step):
        window = np.zeros((1, 3, LENGTH, 17, 1), np.float32)
        part = centred[:, first : first + LENGTH]
        window[0, :, : part.shape[1], :, 0] = part
        with torch.inference_mode():
            shares = network(torch.from_numpy(window)).double().softmax(dim=1)[0].numpy()
        found.append((first, first + part.shape[1], shares))
    return found


def classes_by_hand(windows, num_frames, margin, duration):
    """Mean of soft-max and hysteresis, frame by frame, with nothing but loops."""
    shares = [
        np.mean([share for low, high, share in windows if low <= frame < high], axis=0)
        for frame in range(num_frames)
    ]
    current = int(np.mean(shares[:duration], axis=0).argmax())
    classes, since = [], 0
    for frame in range(num_frames):
        classes.append(current)
        last = range(max(since, frame - duration + 1), frame + 1)
        if len(last) < duration:
            continue
        better = [
            c for c in range(6) if all(shares[f][c] - shares[f][current] > margin for f in last)
        ]
        if better:
            current = max(better, key=lambda c: sum(shares[f][c] for f in last))
            classes[last[0] :] = [current] * duration
            since = frame + 1
    return classes, [float(shares[f][c]) for f, c in enumerate(classes)]


@pytest.mark.parametrize(("step", "margin", "duration"), [(0, 0.1, 10), (4, 0.0, 1), (7, 0.05, 5)])
def test_the_timeline_is_what_the_windows_imply(tmp_path, trained, step, margin, duration):
    x_CTV = motion(0, 5, 1, 4)
    poses = scene(tmp_path / "cam.json", person(7, x_CTV))

    code = infer(
        trained,
        tmp_path / "out",
        f"inference.step={step}",
        f"inference.hysteresis={margin}",
        f"inference.min_duration={duration}",
        "dataset_convert.frame_rate=15",
        poses=poses,
    )

    assert code == 0
    windows = shares_of_windows(trained, x_CTV, step or STEP)
    classes, scores = classes_by_hand(windows, x_CTV.shape[1], margin, duration)
    assert len(set(classes)) > 1
    found = told(tmp_path / "out" / "poses_with_actions.json")
    assert [found[0, 7, f][0] for f in range(len(classes))] == [CLASSES[c] for c in classes]
    assert [found[0, 7, f][1] for f in range(len(classes))] == pytest.approx(scores, abs=1e-4)
    edges = [0, *(np.flatnonzero(np.diff(classes)) + 1).tolist(), len(classes)]
    assert [
        (row["start_frame"], row["end_frame"], row["action"], row["start_s"], row["score"])
        for row in table(tmp_path / "out")
    ] == [
        (
            str(low),
            str(high - 1),
            CLASSES[classes[low]],
            f"{low / 15:.3f}",
            pytest.approx(f"{np.mean(scores[low:high]):.4f}"),
        )
        for low, high in itertools.pairwise(edges)
    ]


def test_every_window_has_a_ranked_line(tmp_path, trained):
    x_CTV = motion(0, 4)
    poses = scene(tmp_path / "cam.json", person(1, x_CTV))

    assert infer(trained, tmp_path / "out", poses=poses) == 0

    lines = (tmp_path / "out" / "results.txt").read_text().splitlines()
    windows = shares_of_windows(trained, x_CTV, STEP)
    assert len(lines) == len(windows)
    for index, (line, (_, _, shares)) in enumerate(zip(lines, windows, strict=True)):
        number, *ranked = line.split(", ")
        assert int(number) == index
        parts = [re.fullmatch(r"(0\.\d{4})\((\d)\)=(\w+)", each).groups() for each in ranked]
        order = np.argsort(-shares).tolist()
        assert [(int(c), name) for _, c, name in parts] == [(c, CLASSES[c]) for c in order]
        assert [float(score) for score, _, _ in parts] == pytest.approx(shares[order], abs=1e-4)


def test_everything_else_in_the_file_keeps_its_bytes(tmp_path, trained):
    poses = scene(
        tmp_path / "cam.jsonl",
        person(1, motion(0, 1)),
        person(2, motion(4), frames=range(10, 40), camera=3),
        as_lines=True,
        num_obj_meta_extra=2,
    )

    assert infer(trained, tmp_path / "out", poses=poses) == 0

    before = poses.read_text().splitlines()
    after = (tmp_path / "out" / "poses_with_actions.json").read_text().splitlines()
    for old, new in zip(before, after, strict=True):
        for batch in json.loads(new)["batches"]:
            for one in batch["objects"]:
                added = f', "action": "{one["action"]}", "action_score": {one["action_score"]}'
                new = new.replace(added, "", 1)  # noqa: PLW2901 - what is left must be the old line
        assert new == old


def test_cameras_gaps_returns_and_short_tracks_are_kept_apart(tmp_path, trained):
    away = [*range(30), *range(500, 530)]
    poses = scene(
        tmp_path / "cam.json",
        person(1, motion(0, 4), frames=away),
        person(1, motion(5, 5), camera=1),
        person(2, motion(1)[:, :9]),
        person(3, motion(4)[:, :LEAST], frames=range(0, 20, 2)),
    )

    assert infer(trained, tmp_path / "out", poses=poses) == 0

    rows = [
        (int(r["camera"]), int(r["object_id"]), int(r["start_frame"]), int(r["end_frame"]))
        for r in table(tmp_path / "out")
    ]
    assert (0, 1, 30, 499) not in rows
    of_first = [row for row in rows if row[:2] == (0, 1)]
    assert {29, 529} <= {row[3] for row in of_first}
    assert all(row[3] < 30 or row[2] >= 500 for row in of_first)
    short = [row for row in table(tmp_path / "out") if row["object_id"] == "2"]
    assert [(row["action"], row["end_frame"]) for row in short] == [("", "8")]
    found = told(tmp_path / "out" / "poses_with_actions.json")
    assert found[0, 2, 4] == ("", 0.0)
    assert found[0, 3, 18][0] in CLASSES
    assert len(found) == 60 + 60 + 9 + 10


def test_all_shares_of_every_frame_are_written_on_request(tmp_path, trained):
    x_CTV = motion(0, 1)
    poses = scene(tmp_path / "cam.json", person(4, x_CTV, frames=range(100, 160)))

    assert infer(trained, tmp_path / "out", "inference.frame_probabilities=true", poses=poses) == 0

    content = np.load(tmp_path / "out" / "probabilities.npz")
    assert tuple(content["class_names"]) == CLASSES
    assert content["camera_0/object_4/frames"].tolist() == list(range(100, 160))
    shares_FC = content["camera_0/object_4/shares"]
    assert shares_FC.sum(axis=1) == pytest.approx(1, abs=1e-5)
    windows = shares_of_windows(trained, x_CTV, STEP)
    expected = np.mean([share for low, high, share in windows if low <= 20 < high], axis=0)
    assert shares_FC[20] == pytest.approx(expected, abs=1e-5)


def test_what_is_left_is_listed_and_shown(tmp_path, trained):
    poses = scene(tmp_path / "cam.json", person(1, motion(0)))

    assert infer(trained, tmp_path / "out", poses=poses) == 0

    artefacts = json.loads((tmp_path / "out" / "artefacts.json").read_text())["artefacts"]
    names = {"results.txt", "sequences.csv", "timeline.csv", "timeline.png"}
    assert {one["path"] for one in artefacts} == names | {
        "poses_with_actions.json",
        "report.html",
    }
    report = (tmp_path / "out" / "report.html").read_text()
    assert "Actions over time" in report
    assert 'id="timeline-' in report
    assert "the frame rate is not known" in report
    status = [json.loads(s) for s in (tmp_path / "out" / "status.json").read_text().splitlines()]
    assert status[-1]["kpi"]["poses_named"] == 1.0
    info = json.loads((tmp_path / "out" / "run_info.json").read_text())
    assert info["data"]["inference.poses"]["path"] == str(poses)


def test_the_text_goes_where_the_spec_says(tmp_path, trained):
    poses = scene(tmp_path / "cam.json", person(1, motion(0)))
    target = tmp_path / "deep" / "lines.txt"

    assert infer(trained, tmp_path / "out", f"inference.output_file={target}", poses=poses) == 0

    assert target.read_text().startswith("0, ")
    assert not (tmp_path / "out" / "results.txt").exists()
