"""A ledger keeps every entry whole, whatever happened to whoever wrote before."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from skillbank.errors import RequestInvalid
from skillbank.locks import is_locked
from skillbank.mcp.ledger import Entry, Kind, Ledger, read_agent


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    ledger = Ledger(tmp_path / "agents", "ann")
    with ledger.hold():
        ledger.add(job("one"))
    return ledger


def job(name: str, at: float = 1.0) -> Entry:
    return Entry(Kind.JOB, name, 1, 1, at)


def test_entries_are_read_as_they_were_written(ledger: Ledger, tmp_path: Path) -> None:
    workflow = Entry(Kind.WORKFLOW, "two", 3, 0, 2.5)

    ledger.add(workflow)

    assert ledger.entries() == [job("one"), workflow]
    lines = (tmp_path / "agents/ann.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[1]) == asdict(workflow)


@pytest.mark.parametrize("rest", ['{"kind": "jo', '{"kind": "job"}', "{}", "[]", '"}', "\n", ""])
def test_what_a_killed_writer_left_spoils_no_other_entry(
    ledger: Ledger, tmp_path: Path, rest: str
) -> None:
    with (tmp_path / "agents/ann.jsonl").open("a", encoding="utf-8") as file:
        file.write(rest)

    ledger.add(job("two"))

    assert ledger.entries() == [job("one"), job("two")]


def test_an_entry_that_was_written_twice_counts_once(ledger: Ledger) -> None:
    ledger.add(job("one", at=2.0))

    assert [entry.id for entry in ledger.entries()] == ["one"]


def test_what_is_put_aside_is_kept_elsewhere(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add(job("two"))

    ledger.put_aside([job("one")])

    assert ledger.entries() == [job("two")]
    (line,) = (tmp_path / "agents/ann.jsonl.past").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["id"] == "one"


def test_agents_have_ledgers_and_locks_of_their_own(ledger: Ledger, tmp_path: Path) -> None:
    other = Ledger(tmp_path / "agents", "bob")

    with ledger.hold():
        assert is_locked(tmp_path / "agents/ann.lock")
        with other.hold():
            assert other.entries() == []
    assert not is_locked(tmp_path / "agents/ann.lock")


@pytest.mark.parametrize("name", ["", "a/b", "..", ".a", "a" * 65, "a b", "a\n"])
def test_a_name_that_could_be_a_path_is_no_agent(name: str) -> None:
    with pytest.raises(RequestInvalid, match="expected a name of at most 64 letters"):
        read_agent(name)
