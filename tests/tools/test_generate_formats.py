"""Schemas of dataclasses, described by their docstrings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from generate_formats import format_files, record_schema, result_rows


@dataclass
class Told:
    """One thing.

    Attributes:
        name: What it is called, which may take
            more than one line.
        size_bytes: How large it is: never negative.
    """

    name: str
    size_bytes: int | None = None


@dataclass
class Untold:
    """One thing.

    Attributes:
        name: What it is called.
    """

    name: str
    size_bytes: int


def test_each_key_is_required_and_described() -> None:
    schema = record_schema(Told)

    said = {name: field["description"] for name, field in schema["properties"].items()}
    assert schema["description"] == "One thing."
    assert schema["required"] == ["name", "size_bytes"]
    assert said == {
        "name": "What it is called, which may take more than one line.",
        "size_bytes": "How large it is: never negative.",
    }


def test_an_attribute_that_the_docstring_leaves_out_is_told() -> None:
    with pytest.raises(SystemExit, match=r"Untold\.size_bytes: describe it under 'Attributes:'"):
        record_schema(Untold)


def test_every_format_says_which_dialect_it_is_written_in(tmp_path: Path) -> None:
    for path, text in format_files(tmp_path).items():
        assert json.loads(text)["$schema"].endswith("/2020-12/schema"), path


def test_every_key_of_a_search_s_result_is_listed_with_its_meaning_and_its_words() -> None:
    rows = dict(result_rows())

    assert rows["`history[].state`"].endswith("`complete`, `pruned`, `failed`")
    assert "null" in rows["`best.checkpoint`"]
    assert {"`final_evaluation.comparison_to_baseline.gain`", "`cost.money`"} <= rows.keys()
    assert all(rows.values())
