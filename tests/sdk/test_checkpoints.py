from __future__ import annotations

import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fixtures.toy import checkpoint_name, record

from skillbank.artefacts import ArtefactKind, Checkpoint
from skillbank.checkpoints import choose, list_artefacts, list_checkpoints, newest_whole
from skillbank.errors import CheckpointNotFound, RequestInvalid


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Three epochs, the second the best by loss, the first by accuracy."""
    for epoch, (loss, accuracy) in enumerate([(0.9, 0.8), (0.3, 0.7), (0.5, 0.6)]):
        record(
            tmp_path,
            checkpoint_name(epoch),
            epoch=epoch,
            metrics={"val_loss": loss, "val_acc": accuracy},
        )
    return tmp_path


def test_records_are_listed_earliest_first_with_their_metrics(results: Path) -> None:
    found = list_checkpoints(results)

    assert [(c.epoch, c.step, c.metrics["val_loss"]) for c in found] == [
        (0, 10, 0.9),
        (1, 20, 0.3),
        (2, 30, 0.5),
    ]


def test_without_records_the_file_names_tell_epoch_and_step(tmp_path: Path) -> None:
    for name in ("model_epoch_010_step_00200.pth", "model_epoch_002.pth", "other.pth"):
        (tmp_path / name).write_bytes(b"weights")

    found = list_checkpoints(tmp_path)

    assert [(c.path.name, c.epoch, c.step) for c in found] == [
        ("model_epoch_002.pth", 2, None),
        ("model_epoch_010_step_00200.pth", 10, 200),
    ]


@pytest.mark.parametrize("recorded", [True, False])
def test_the_link_to_the_newest_is_never_listed(tmp_path: Path, recorded: bool) -> None:
    name = checkpoint_name(0)
    (record(tmp_path, name) if recorded else tmp_path / name).write_bytes(name.encode())
    (tmp_path / "model_epoch_099.pth").symlink_to(name)

    assert [c.path.name for c in list_checkpoints(tmp_path)] == [name]


def test_a_deleted_checkpoint_is_no_longer_listed(results: Path) -> None:
    (results / checkpoint_name(1)).unlink()

    assert [c.epoch for c in list_checkpoints(results)] == [0, 2]


@pytest.mark.parametrize(
    ("selection", "metric", "direction", "epoch"),
    [
        ("best", "val_loss", "minimize", 1),
        ("best", "val_acc", "maximize", 0),
        (None, "val_loss", "minimize", 1),
        ("latest", "val_loss", "minimize", 2),
        ("epoch=0", "val_loss", "minimize", 0),
        ("step=30", "val_loss", "minimize", 2),
        (checkpoint_name(0), "val_loss", "minimize", 0),
    ],
)
def test_a_selection_finds_its_checkpoint(
    results: Path, selection: str | None, metric: str, direction: str, epoch: int
) -> None:
    assert choose(results, selection, metric, direction).checkpoint.epoch == epoch


def test_the_reason_says_why_and_the_candidates_what_else_there_was(results: Path) -> None:
    resolution = choose(results, "best")

    assert resolution.reason == (
        "model_epoch_001_step_00020.pth (epoch 1, step 20, val_loss 0.3, val_acc 0.7) has the "
        "lowest val_loss (0.3) of 3 checkpoints"
    )
    assert [c.epoch for c in resolution.candidates] == [0, 1, 2]


def test_of_equally_good_checkpoints_the_latest_wins(tmp_path: Path) -> None:
    for epoch in range(3):
        record(tmp_path, checkpoint_name(epoch), epoch=epoch, metrics={"val_loss": 0.5})

    assert choose(tmp_path, "best").checkpoint.epoch == 2


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_metric_that_is_no_number_never_wins(tmp_path: Path, direction: str) -> None:
    for epoch, loss in enumerate([math.nan, 0.5, None]):
        record(tmp_path, checkpoint_name(epoch), epoch=epoch, metrics={"val_loss": loss})

    assert choose(tmp_path, "best", "val_loss", direction).checkpoint.epoch == 1


def test_of_several_checkpoints_of_an_epoch_the_last_step_is_taken(tmp_path: Path) -> None:
    for step in (5, 10):
        record(tmp_path, checkpoint_name(0, step), epoch=0)

    assert choose(tmp_path, "epoch=0").checkpoint.step == 10


def test_without_a_wish_and_without_metrics_the_latest_is_taken_and_said(tmp_path: Path) -> None:
    for epoch in range(2):
        record(tmp_path, checkpoint_name(epoch), epoch=epoch)

    resolution = choose(tmp_path)

    assert resolution.checkpoint.epoch == 1
    assert resolution.reason.endswith("is the latest of 2 checkpoints (none has a val_loss)")


def test_best_without_metrics_is_an_error_that_offers_the_others(tmp_path: Path) -> None:
    record(tmp_path, checkpoint_name(0), epoch=0)

    with pytest.raises(CheckpointNotFound, match="no checkpoint with a val_loss") as caught:
        choose(tmp_path, "best")

    assert "Choose one by 'latest', 'epoch=N' or 'step=N'." in str(caught.value)


def test_nothing_fitting_lists_what_there_is(results: Path) -> None:
    with pytest.raises(CheckpointNotFound, match="no checkpoint of epoch 7; there are") as caught:
        choose(results, "epoch=7")

    assert all(checkpoint_name(epoch) in str(caught.value) for epoch in range(3))


def test_an_empty_folder_says_what_may_be_wrong(tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFound, match="holds no checkpoint; it has no artefacts"):
        choose(tmp_path, "best")


def test_a_path_is_taken_as_it_is(results: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("other") / "mine.pth"
    path.write_bytes(b"weights")

    resolution = choose(results, str(path))

    assert resolution.checkpoint == Checkpoint(path, size_bytes=7)
    assert resolution.reason == f"{path} was named"


def test_the_link_is_used_when_it_is_named(results: Path) -> None:
    (results / "toy_model_latest.pth").symlink_to(checkpoint_name(2))

    resolution = choose(results, "toy_model_latest.pth")

    assert resolution.checkpoint.epoch == 2
    assert "which is model_epoch_002_step_00030.pth" in resolution.reason


def test_a_path_that_is_not_there_lists_what_is(results: Path) -> None:
    with pytest.raises(CheckpointNotFound, match=r"nope\.pth: no such file, nor in .*; there are"):
        choose(results, "nope.pth")


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ("epoch=x", "'epoch=x' has no number; expected epoch=N"),
        ("step=-1", "'step=-1' has no number"),
        ("epoch=", "has no number"),
        ("bset", "neither a rule nor a file; did you mean 'best'"),
    ],
)
def test_a_selection_that_cannot_be_read_is_told(
    results: Path, selection: str, expected: str
) -> None:
    with pytest.raises(RequestInvalid, match=expected):
        choose(results, selection)


def test_a_file_of_another_size_than_recorded_is_refused(results: Path) -> None:
    (results / checkpoint_name(1)).write_bytes(b"half")

    with pytest.raises(CheckpointNotFound, match="damaged: found 4 bytes, recorded were 30"):
        choose(results, "best")


def test_a_job_resumes_from_the_newest_checkpoint_that_is_whole(results: Path) -> None:
    (results / checkpoint_name(2)).write_bytes(b"half")

    newest = newest_whole(results)

    assert newest
    assert newest.epoch == 1


def test_a_folder_without_checkpoints_has_no_newest(tmp_path: Path) -> None:
    assert newest_whole(tmp_path) is None


def test_a_changed_file_of_the_same_size_is_found_by_its_digest(results: Path) -> None:
    checkpoint = choose(results, "best").checkpoint
    checkpoint.path.write_bytes(b"x" * checkpoint.size_bytes)

    with pytest.raises(CheckpointNotFound, match="the file was changed: its sha256 is"):
        choose(results, "best")


@pytest.mark.parametrize("kind", ["onnx", "engine", "metrics"])
def test_other_kinds_of_artefacts_are_chosen_too(results: Path, kind: str) -> None:
    record(results, "model.any", kind=kind)

    resolution = choose(results, None, kind=ArtefactKind(kind))

    assert resolution.checkpoint.path == results / "model.any"
    assert resolution.reason == f"model.any is the only {kind}"


def test_without_records_an_onnx_file_is_found_by_its_ending(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"onnx")

    assert choose(tmp_path, kind=ArtefactKind.ONNX).checkpoint.path.name == "model.onnx"


def test_a_kind_that_is_not_there_lists_what_is(results: Path) -> None:
    with pytest.raises(CheckpointNotFound, match="nothing of the kind 'onnx'; it has: model_epoch"):
        choose(results, None, kind=ArtefactKind.ONNX)


def test_a_file_of_another_kind_is_refused(results: Path) -> None:
    with pytest.raises(CheckpointNotFound, match="of the kind 'checkpoint'; expected 'onnx'"):
        choose(results, checkpoint_name(0), kind=ArtefactKind.ONNX)


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        '{"artefacts": 3}',
        '{"artefacts": [{}]}',
        '{"artefacts": [{"kind": "cake", "path": "x"}]}',
    ],
)
def test_records_that_cannot_be_read_are_told_with_their_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "artefacts.json").write_text(text)

    with pytest.raises(CheckpointNotFound, match=r"artefacts\.json: cannot be read"):
        list_artefacts(tmp_path)


def test_a_metric_written_as_null_is_no_metric(tmp_path: Path) -> None:
    record(tmp_path, checkpoint_name(0), epoch=0, metrics={"val_loss": None})
    assert json.loads((tmp_path / "artefacts.json").read_text())["artefacts"][0]["metrics"]

    assert list_checkpoints(tmp_path)[0].metrics == {}


LOSSES = st.lists(st.floats(allow_infinity=False), min_size=1, max_size=6).filter(
    lambda values: not all(math.isnan(value) for value in values)
)


@settings(max_examples=30)  # each example writes files
@given(LOSSES)
def test_the_best_is_the_last_of_the_lowest(losses: list[float]) -> None:
    with TemporaryDirectory() as folder:
        for epoch, loss in enumerate(losses):
            metrics = {"val_loss": loss}
            record(Path(folder), checkpoint_name(epoch), epoch=epoch, metrics=metrics)

        best = choose(Path(folder), "best").checkpoint

    lowest = min(loss for loss in losses if not math.isnan(loss))
    assert best.epoch == max(epoch for epoch, loss in enumerate(losses) if loss == lowest)
