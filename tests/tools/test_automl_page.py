"""The page of AutoML's figures holds what the benches wrote, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.automl import page


def render(folder: Path, content: object, program: str = "") -> str:
    """The page of one bench that wrote `content`."""
    (folder / "results").mkdir()
    (folder / "results" / "speed.json").write_text(json.dumps(content), encoding="utf-8")
    if program:
        (folder / "speed.py").write_text(program, encoding="utf-8")
    return page.render(folder / "results", folder)


def test_the_page_in_the_docs_is_what_the_results_give() -> None:
    assert page.PAGE.read_text("utf-8") == page.render(page.FOLDER / "results", page.FOLDER)


def test_every_result_has_a_bench_that_writes_it_or_says_its_command() -> None:
    for path in (page.FOLDER / "results").glob("*.json"):
        told = json.loads(path.read_text(encoding="utf-8"))
        assert path.with_suffix(".py").name in {p.name for p in page.FOLDER.glob("*.py")} or (
            "command" in told
        ), path.name


def test_a_list_of_objects_is_a_table_with_a_column_per_key(tmp_path: Path) -> None:
    made = render(
        tmp_path, {"runs": [{"seed": 1, "regret": {"405": 0.05}}, {"seed": 2, "x": None}]}
    )

    assert "### runs\n\n| seed | regret 405 | x |\n| --- | --- | --- |\n" in made
    assert "| 1 | 0.05 |  |\n| 2 |  | - |\n" in made


def test_objects_by_name_are_a_table_with_a_row_per_name(tmp_path: Path) -> None:
    made = render(tmp_path, {"medians": {"tpe": {"branin": 0.4}, "gp": {"branin": 0.398}}})

    assert "|  | branin |\n| --- | --- |\n| tpe | 0.4 |\n| gp | 0.398 |\n" in made


def test_plain_values_come_first_in_a_table_of_their_own(tmp_path: Path) -> None:
    made = render(tmp_path, {"rows": [{"a": 1}], "wanted_ratio": 0.75})

    assert made.index("| wanted_ratio | 0.75 |") < made.index("### rows")


def test_deeper_figures_get_a_table_each_that_names_its_place(tmp_path: Path) -> None:
    made = render(tmp_path, {"families": {"crossing": {"rows": [{"a": 1}]}}})

    assert "### families · crossing · rows\n" in made


def test_a_section_is_named_by_the_docstring_of_its_bench(tmp_path: Path) -> None:
    made = render(tmp_path, {"a": 1}, '"""Measure the speed: `python speed.py`.\n\nMore."""\n')

    assert "## Measure the speed\n\nMeasured by `python tools/bench/automl/speed.py`.\n" in made


def test_a_bench_may_name_its_section_and_its_command(tmp_path: Path) -> None:
    told = {"title": "How fast", "about": "On two cores.", "command": "make speed", "a": 1}

    made = render(tmp_path, told)

    assert "## How fast\n\nOn two cores.\n\nMeasured by `make speed`.\n" in made
    assert "| title |" not in made


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (3.0, "3"),
        (0.12345, "0.1235"),
        (0.0000123, "1.2e-05"),
        (1234.56, "1234.6"),
        (-3.3224, "-3.3224"),
        (float("inf"), "inf"),
        (True, "yes"),
        ([1, 0.5], "1, 0.5"),
        ("a|b", "a\\|b"),
    ],
)
def test_figures_are_rounded_for_the_reader(tmp_path: Path, value: object, word: str) -> None:
    assert f"| it | {word} |" in render(tmp_path, {"it": value})


def test_wrong_arguments_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert page.main(["--chek"]) == 2
    assert "--check" in capsys.readouterr().err
