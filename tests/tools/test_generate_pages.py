"""Tables that pages show, made from a skill's data."""

from __future__ import annotations

from pathlib import Path

import pytest

import generate_pages
from skillbank.bank import SkillBank
from skillbank.inference import FUNCTIONS

SKILL = SkillBank()["tao-train-pose-classification"]


def rows(name: str) -> list[list[str]]:
    """Cells of a table, its head first and without the line below that."""
    lines = generate_pages.TABLES[name](SKILL).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [cells[0], *cells[2:]]


def test_a_table_keeps_bars_inside_its_cells() -> None:
    made = generate_pages.table(("A", "B"), [("x|y", "z")])

    assert made == "| A | B |\n| --- | --- |\n| x\\|y | z |\n"


def test_the_actions_are_listed_with_parents_and_outputs() -> None:
    listed = {row[0].strip("`"): row[1:] for row in rows("actions")[1:]}

    assert list(listed) == list(SKILL.info.actions)
    assert listed["evaluate"][1] == "`train`"
    assert listed["train"][1] == "`dataset_convert`"
    assert "`pc_model_latest.pth`" in listed["train"][2]
    assert "`train_*`" in listed["dataset_convert"][2]


def test_the_data_are_listed_per_action_and_key() -> None:
    listed = {(row[0], row[1]): row[2:] for row in rows("data")[1:]}

    assert listed["`train`", "`dataset.val_dataset.data_path`"] == ["`val_data.npy`", "-"]
    assert listed["`evaluate`", "`evaluate.test_dataset.data_path`"] == [
        "`val_data.npy`",
        "test: `test_data.npy`",
    ]
    assert ("`inference`", "`inference.test_dataset.label_path` (optional)") in listed


def test_a_key_that_every_action_fills_alike_is_listed_once() -> None:
    listed = rows("inference")[1:]

    assert ["`results_dir`", "`output_dir`", "every action"] in listed
    assert ["`evaluate.checkpoint`", "`parent_model`", "`evaluate`"] in listed


@pytest.mark.parametrize(
    ("key", "cells"),
    [
        ("model.dropout", ["`0.5`", "0.0 to 1.0", "0 to 0.9"]),
        ("train.optim.lr", ["`0.1`", "≥ 0.0", "0.001 to 1, log"]),
        ("train.optim.momentum", ["`0.9`", "≥ 0.0", "0.5 to 0.99, log of 1 - value"]),
        ("train.grad_clip", ["`0.0`", "≥ 0.0", "0.1 to 10, log, or 0.0"]),
        ("dataset.window_size", ["`-1`", "≥ -1", "left at its default"]),
    ],
)
def test_a_searched_key_is_listed_with_its_range(key: str, cells: list[str]) -> None:
    listed = {row[0].strip("`"): row[1:] for row in rows("search")[1:]}

    assert listed[key] == cells


def test_every_piece_of_advice_is_listed() -> None:
    listed = generate_pages.TABLES["errors"](SKILL).splitlines()

    assert listed == [f"- {pattern.advice}" for pattern in SKILL.info.error_patterns]


def test_the_page_of_functions_lists_each_with_what_it_gives() -> None:
    page = generate_pages.function_page()

    for name in FUNCTIONS:
        [line] = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        assert line.endswith(". |")


def test_text_outside_the_markers_stays() -> None:
    text = "before\n<!-- generated: shorthand -->\nold\n<!-- end generated -->\nafter\n"

    filled = generate_pages.fill_tables(text, SKILL, Path("SKILL.md"))

    assert filled.startswith("before\n<!-- generated: shorthand -->\n| Shorthand |")
    assert filled.endswith("|\n<!-- end generated -->\nafter\n")
    assert generate_pages.fill_tables(filled, SKILL, Path("SKILL.md")) == filled
