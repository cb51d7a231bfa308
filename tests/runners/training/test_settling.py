"""A process that dies between two files of one moment, and the one that goes on behind it."""

import shutil

import pytest
from tests.runners.training.tiny import LATEST, train

from skillbank_runners.api import Run
from skillbank_runners.spec_sections import CheckpointerSpec
from skillbank_runners.training.best_checkpoints import BestCheckpoints

EPOCHS = 3
KEPT = {
    "the best and the latest": {"replace_periodic": True, "monitor": "train_loss"},
    "two best by another name": {"save_top_k": 2, "filename": "best_{step}"},
    "one best in one file": {"filename": "best", "monitor": "train_acc"},
    "the worst of all": {"replace_periodic": True, "monitor": "train_loss", "mode": "max"},
}


class Killed(BaseException):
    """What no handler of the training catches."""


def best_of(kept):
    return BestCheckpoints(CheckpointerSpec(enable_topk=True, **kept))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != LATEST}


def recorded(folder):
    return {entry.path: entry for entry in Run(folder).artefacts()}


@pytest.fixture
def writes(monkeypatch):
    """Counts the changes of artefacts.json; dies at the one that is asked for."""

    class Writes:
        done = 0
        deadly = None
        is_recorded = False

    write = Run._write_artefacts

    def counted(self, artefacts):
        Writes.done += 1
        is_deadly = Writes.done == Writes.deadly
        if not is_deadly or Writes.is_recorded:
            write(self, artefacts)
        if is_deadly:
            raise Killed

    monkeypatch.setattr(Run, "_write_artefacts", counted)
    return Writes


@pytest.mark.parametrize("is_recorded", [False, True], ids=["before", "behind"])
@pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT)
def test_a_death_at_any_record_leaves_no_trace(tmp_path, writes, kept, is_recorded):
    train(tmp_path / "whole", best=best_of(kept), num_epochs=EPOCHS)
    expected, number = contents(tmp_path / "whole"), writes.done
    assert number > EPOCHS
    writes.is_recorded = is_recorded
    for deadly in range(1, number + 1):
        folder = tmp_path / str(deadly)
        writes.done, writes.deadly = 0, deadly
        with pytest.raises(Killed):
            train(folder, best=best_of(kept), num_epochs=EPOCHS)
        train(folder, best=best_of(kept), num_epochs=EPOCHS)
        found = contents(folder)
        assert found.keys() == expected.keys(), deadly
        assert recorded(folder) == recorded(tmp_path / "whole"), deadly
        del found["artefacts.json"]
        assert all(found[name] == expected[name] for name in found), deadly


def test_what_only_the_best_checkpoint_outlived_is_written_again(tmp_path):
    """A bucket may have got the one and not yet the other."""
    best = best_of({"replace_periodic": True, "monitor": "train_loss"})
    train(tmp_path / "whole", best=best, num_epochs=1)
    shutil.copytree(tmp_path / "whole", tmp_path / "part", symlinks=True)
    periodic = "model_epoch_000_step_00003.pth"
    for name in (LATEST, periodic):
        (tmp_path / "part" / name).unlink()
    Run(tmp_path / "part").forget(periodic)
    start = tmp_path / "part" / "model_best_000.pth"
    train(tmp_path / "part", best=best, num_epochs=1, start=start)
    assert recorded(tmp_path / "part") == recorded(tmp_path / "whole")
    assert (tmp_path / "part" / LATEST).resolve() == tmp_path / "part" / periodic


def test_nothing_is_left_in_a_folder_for_an_epoch_of_another(tmp_path):
    train(tmp_path / "first", num_epochs=1)
    start = tmp_path / "first" / "model_epoch_000_step_00003.pth"
    train(tmp_path / "second", num_epochs=2, start=start)
    assert recorded(tmp_path / "second").keys() == {"model_epoch_001_step_00006.pth"}
