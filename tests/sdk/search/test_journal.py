"""The durable record of a search."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from skillbank.automl.domains import ChoiceDomain, Domain, FloatDomain, IntDomain
from skillbank.automl.history import Goal, TrialState
from skillbank.errors import StoreInvalid
from skillbank.search.journal import JOURNAL, Journal, Note, drop_half_line, open_storage

LOSS = (Goal("val_loss", minimize=True),)
DOMAINS: dict[str, Domain] = {
    "lr": FloatDomain(1e-4, 1.0, log=True),
    "depth": IntDomain(1, 8),
    "optimizer": ChoiceDomain(("sgd", "adam")),
    "lr:on": ChoiceDomain((False, True)),
}
POINT = {"lr": 0.1, "depth": 3, "optimizer": "adam", "lr:on": True}
NOTE = Note("train-abc", "train-abc-t{number:03d}", origin="tpe", values={"train.lr": 0.1})


def open_journal(results: Path, goals: tuple[Goal, ...] = LOSS) -> Journal:
    return Journal(open_storage(results, None), "train-abc", goals)


def test_what_was_recorded_is_there_when_it_is_opened_again(tmp_path: Path) -> None:
    first = open_journal(tmp_path)
    entry = first.add(POINT, DOMAINS, NOTE)
    entry = first.report(entry, 1, 0.5)
    first.write(entry, state=TrialState.PAUSED, adjustments=("halved",), metrics={"val_acc": 0.7})

    (again,) = open_journal(tmp_path).entries()

    assert again.trial.params == POINT
    assert again.trial.values == {1: 0.5}
    assert again.trial.state is TrialState.PAUSED
    assert again.note.adjustments == ("halved",)
    assert again.note.metrics == {"val_acc": 0.7}
    assert again.note.values == {"train.lr": 0.1}


def test_each_recommendation_names_its_job_by_its_number(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)

    ids = [journal.add(POINT, DOMAINS, NOTE).note.job_id for _ in range(3)]

    assert ids == ["train-abc-t000", "train-abc-t001", "train-abc-t002"]


def test_a_point_may_leave_out_what_has_no_effect(tmp_path: Path) -> None:
    entry = open_journal(tmp_path).add({"lr:on": False}, DOMAINS, NOTE)

    assert entry.trial.params == {"lr:on": False}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (TrialState.COMPLETE, optuna.trial.TrialState.COMPLETE),
        (TrialState.PRUNED, optuna.trial.TrialState.PRUNED),
        (TrialState.FAILED, optuna.trial.TrialState.FAIL),
    ],
)
def test_an_ended_recommendation_is_an_ended_optuna_trial(
    tmp_path: Path, state: TrialState, expected: optuna.trial.TrialState
) -> None:
    journal = open_journal(tmp_path)
    entry = journal.report(journal.add(POINT, DOMAINS, NOTE), 1, 0.5)
    entry = journal.write(entry, state=state)

    journal.finish(entry, [0.5])
    journal.finish(entry, [0.5])

    (trial,) = load_study(tmp_path).trials
    assert trial.state is expected
    assert trial.intermediate_values == {1: 0.5}
    assert trial.value == (None if state is TrialState.FAILED else 0.5)


def test_a_complete_trial_that_lacks_a_value_counts_as_failed_in_the_study(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    entry = journal.write(journal.add(POINT, DOMAINS, NOTE), state=TrialState.COMPLETE)

    journal.finish(entry, None)

    assert load_study(tmp_path).trials[0].state is optuna.trial.TrialState.FAIL


def test_optuna_reads_the_journal_as_it_is(tmp_path: Path) -> None:
    goals = (Goal("val_acc", minimize=False), Goal("latency_ms", minimize=True))
    journal = open_journal(tmp_path, goals)
    entry = journal.write(journal.add(POINT, DOMAINS, NOTE), state=TrialState.COMPLETE)
    journal.finish(entry, [0.9, 12.0])

    study = load_study(tmp_path)

    assert [d.name for d in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert study.metric_names == ["val_acc", "latency_ms"]
    assert study.best_trials[0].values == [0.9, 12.0]
    assert study.trials[0].user_attrs["job"] == "train-abc-t000"


def test_a_half_written_last_line_is_dropped_and_nothing_else(tmp_path: Path) -> None:
    journal = open_journal(tmp_path)
    journal.add(POINT, DOMAINS, NOTE)
    path = tmp_path / JOURNAL
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code": 4, "worker')

    journal = open_journal(tmp_path)
    journal.add(POINT, DOMAINS, NOTE)

    assert path.read_bytes().startswith(whole)
    assert [entry.number for entry in open_journal(tmp_path).entries()] == [0, 1]


def test_dropping_a_half_line_leaves_a_missing_or_whole_file_alone(tmp_path: Path) -> None:
    drop_half_line(tmp_path / "absent")
    (tmp_path / "whole").write_bytes(b"1\n2\n")

    drop_half_line(tmp_path / "whole")

    assert not (tmp_path / "absent").exists()
    assert (tmp_path / "whole").read_bytes() == b"1\n2\n"


def test_a_writer_that_is_killed_with_the_lock_in_its_hand_blocks_nobody(tmp_path: Path) -> None:
    code = f"""
import os, signal
from pathlib import Path
from skillbank.search.journal import _make_lock
_make_lock(Path({str(tmp_path / JOURNAL)!r})).acquire()
os.kill(os.getpid(), signal.SIGKILL)
"""
    killed = subprocess.run([sys.executable, "-c", code], check=False, env=dict(os.environ))
    assert killed.returncode == -signal.SIGKILL

    assert open_journal(tmp_path).add(POINT, DOMAINS, NOTE).number == 0


def test_other_goals_than_those_of_the_study_are_refused(tmp_path: Path) -> None:
    open_journal(tmp_path)

    with pytest.raises(StoreInvalid, match=r"minimize.*val_acc \(maximize\)"):
        open_journal(tmp_path, (Goal("val_acc", minimize=False),))


def test_a_database_that_cannot_be_opened_is_an_error_with_an_example(tmp_path: Path) -> None:
    with pytest.raises(StoreInvalid, match=r"automl\.storage.*postgresql"):
        open_storage(tmp_path, "nosuchdatabase://host/name")


def test_several_searches_can_share_a_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shared.db"
    one = Journal(open_storage(tmp_path, url), "toy train", LOSS)
    other = Journal(open_storage(tmp_path, url), "toy train", LOSS)

    one.add(POINT, DOMAINS, NOTE)
    other.add(POINT, DOMAINS, replace(NOTE, search_id="train-xyz"))

    assert [entry.note.search_id for entry in one.entries()] == ["train-abc", "train-xyz"]


def load_study(results: Path) -> optuna.Study:
    """The study as a program that knows nothing of us opens it."""
    backend = optuna.storages.journal.JournalFileBackend(str(results / JOURNAL))
    return optuna.load_study(
        study_name="train-abc", storage=optuna.storages.JournalStorage(backend)
    )


def test_a_databases_address_can_be_kept_in_a_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIES", f"sqlite:///{tmp_path}/shared.db")

    Journal(open_storage(tmp_path, "env:STUDIES"), "toy train", LOSS).add(POINT, DOMAINS, NOTE)

    assert (tmp_path / "shared.db").is_file()


def test_an_error_about_a_database_never_shows_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreInvalid) as raised:
        open_storage(tmp_path, "nosuchdatabase://me:s3cret@host/name")

    assert "s3cret" not in str(raised.value)
    assert raised.value.__suppress_context__
