"""What a report is built from: history, spec changes, digests, the choice of clips."""

from __future__ import annotations

import hashlib
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from skillbank_runners.training.report_content import (
    ClipSet,
    Epoch,
    Selection,
    best_epoch,
    choose_clips,
    command_line,
    count_predictions,
    data_source,
    library_versions,
    spec_changes,
    training_history,
)


def status(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "status.json"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_a_resumed_run_shows_all_epochs_once(tmp_path: Path) -> None:
    path = status(
        tmp_path,
        '{"status": "STARTED", "message": "first attempt"}',
        '{"status": "RUNNING", "epoch": 0, "kpi": {"val_loss": 0.9}}',
        '{"status": "RUNNING", "epoch": 1, "step": 4, "kpi": {"train_loss": 5.0}}',
        '{"status": "STARTED", "message": "second attempt"}',
        '{"status": "RUNNING", "epoch": 1, "kpi": {"train_loss": 0.7, "val_loss": 0.8}}',
        '{"status": "SUCCESS", "message": "done"}',
    )

    assert training_history(path) == (
        Epoch(0, {"val_loss": 0.9}),
        Epoch(1, {"train_loss": 0.7, "val_loss": 0.8}),
    )


def test_a_line_cut_off_by_a_kill_and_a_null_metric_are_passed_over(tmp_path: Path) -> None:
    path = status(
        tmp_path,
        '{"status": "RUNNING", "epoch": 0, "kpi": {"val_loss": null, "val_acc": 0.5}}',
        '{"status": "RUNNING", "epoch": 1, "kp',
    )

    assert training_history(path) == (Epoch(0, {"val_acc": 0.5}),)


def test_the_first_of_equally_good_epochs_is_the_best() -> None:
    history = [Epoch(n, {"val_acc": value}) for n, value in enumerate([0.5, 0.8, 0.8])]

    assert best_epoch(history, Selection("val_acc", minimize=False)) == history[1]
    assert best_epoch(history, Selection("val_acc", minimize=True)) == history[0]
    assert best_epoch(history, Selection("val_loss")) is None


def test_changes_are_the_keys_that_differ_from_the_defaults() -> None:
    spec = {"train": {"lr": 0.05, "steps": (1, 2), "path": "x"}, "map": {"walk": 0}}
    defaults = {"train": {"lr": 0.1, "steps": (1, 2), "path": ""}, "map": None}

    changes = [(c.key, c.default, c.value) for c in spec_changes(spec, defaults)]

    assert changes == [
        ("train.lr", "0.1", "0.05"),
        ("train.path", "-", "x"),
        ("map.walk", "-", "0"),
    ]


@pytest.mark.parametrize("key", ["encryption_key", "api_key", "token", "client_secret", "password"])
def test_a_secret_is_never_shown(key: str) -> None:
    (change,) = spec_changes({"wandb": {key: "hunter2"}}, {"wandb": {key: ""}})

    assert change.value == "(hidden)"


def test_the_command_line_hides_secrets_and_quotes_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["/usr/bin/python3", "-m", "x", "train", "encryption_key=abc", "name=two words"]
    monkeypatch.setattr(sys, "orig_argv", words)

    assert command_line() == "python3 -m x train 'encryption_key=(hidden)' 'name=two words'"


def test_a_files_digest_is_its_sha256(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(b"abc")

    source = data_source("dataset.data_path", tmp_path / "a.npy")

    assert (source.sha256, source.size_bytes) == (hashlib.sha256(b"abc").hexdigest(), 3)


def test_a_folders_digest_changes_with_a_name_and_with_a_byte(tmp_path: Path) -> None:
    digests = set()
    for name, content in [("a", b"1"), ("b", b"1"), ("b", b"2")]:
        folder = tmp_path / str(len(digests))
        folder.mkdir()
        (folder / name).write_bytes(content)
        digests.add(data_source("key", folder).sha256)

    assert len(digests) == 3


def test_versions_name_python_and_the_libraries_that_are_there() -> None:
    versions = library_versions()

    assert versions["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert versions["numpy"] == np.__version__


def clip_set(num_clips: int) -> ClipSet:
    values_NCTVM = np.arange(num_clips, dtype=np.float32).reshape(-1, 1, 1, 1, 1)
    return ClipSet(values_NCTVM, [f"clip {n}" for n in range(num_clips)], ("a", "b"))


def test_the_clips_whose_true_class_scored_lowest_come_first() -> None:
    scores_NC = np.array([[2.0, 0.0], [0.0, 3.0], [1.0, 0.0], [0.0, 9.0]])
    labels_N = np.array([0, 0, 1, 1])

    first, second = choose_clips(clip_set(4), scores_NC, labels_N, limit=2)

    assert (first.name, first.true_class, first.predicted_class) == ("clip 1", "a", "b")
    assert first.predicted_share == pytest.approx(1 / (1 + math.exp(-3)))
    assert first.true_share == pytest.approx(1 - 1 / (1 + math.exp(-3)))
    assert float(first.values.item()) == 1.0
    assert second.name == "clip 2"
    assert first.is_wrong
    assert second.is_wrong


def test_without_labels_the_least_certain_clips_come_first() -> None:
    scores_NC = np.array([[2.0, 0.0], [0.1, 0.0], [-5.0, 5.0]])

    chosen = choose_clips(clip_set(3), scores_NC, limit=8)

    assert [clip.name for clip in chosen] == ["clip 1", "clip 0", "clip 2"]
    assert [clip.true_class for clip in chosen] == [None] * 3
    assert not any(clip.is_wrong for clip in chosen)


def test_predictions_are_counted_for_every_class() -> None:
    scores_NC = np.array([[2.0, 0.0, 1.0], [1.0, 0.0, 0.5]])

    assert count_predictions(scores_NC, ["a", "b", "c"]) == {"a": 2, "b": 0, "c": 0}
