"""The phrase files are well formed, and say what they are thought to."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from skillbank.bank import SkillBank
from skillbank.words.phrasebook import phrases, tables

BOOKS = sorted(files("skillbank.words").joinpath("phrases").iterdir(), key=lambda one: one.name)


@pytest.mark.parametrize("book", BOOKS, ids=lambda one: one.name)
def test_lines_of_a_book_are_short(book) -> None:
    assert all(len(line) <= 100 for line in book.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("book", BOOKS, ids=lambda one: one.name)
def test_a_book_names_no_skill(book) -> None:
    text = book.read_text(encoding="utf-8").replace("_", "-")

    assert not [skill.name for skill in SkillBank() if skill.name in text]


def test_phrases_of_a_section_are_parted_at_bars_and_lines() -> None:
    assert phrases("policies", "it_on")[:2] == ("run it this time", "run it again")


def test_a_group_of_sections_is_a_table() -> None:
    assert tables("jobs", "rules").keys() == {"best", "latest"}
    assert "最佳检查点" in tables("jobs", "rules")["best"]


def test_a_wheel_carries_every_book() -> None:
    builder = WheelBuilder(str(Path(__file__).resolve().parents[3]))

    carried = {file.distribution_path for file in builder.recurse_included_files()}

    assert BOOKS
    assert {f"skillbank/words/phrases/{book.name}" for book in BOOKS} <= carried
