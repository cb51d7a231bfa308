"""What the pages about AutoML name exists: files, tests, algorithms, settings, papers' links."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from skillbank.automl.history import TrialState
from skillbank.automl.settings import Algorithm, SearchSettings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs" / "automl.md", ROOT / "docs" / "decisions.md", ROOT / "docs" / "planning.md"]
PAGE = PAGES[0].read_text(encoding="utf-8")


def cells(heading: str) -> list[list[str]]:
    """Cells of the rows of the first table below a heading, without its head."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_file_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`((?:tests|tools|sdk|runners|skills|schemas)/[\w./-]+)(?:::\w+)?`", text)

    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_promise_names_a_test_or_a_bench_and_the_test_is_there() -> None:
    rows = cells("What is promised")

    assert len(rows) >= 8
    for promise, proof in rows:
        proofs = re.findall(r"`((?:tests|tools)/[\w./-]+)(?:::(\w+))?`", proof)
        assert proofs, promise
        for name, function in proofs:
            if function:
                tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
                known = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
                assert function in known, f"{promise}: {name} has no {function}"


def test_every_algorithm_has_its_sources() -> None:
    named = [name for row in cells("Algorithms") for name in re.findall(r"`(\w+)`", row[0])]

    assert sorted(named) == sorted(Algorithm)


def test_every_state_of_a_trial_that_a_reader_meets_is_a_word_of_the_page() -> None:
    explained = " ".join(row[0] for row in cells("Words"))

    for state in (TrialState.PAUSED, TrialState.PRUNED, TrialState.FAILED):
        assert state.value[:5] in explained


@pytest.mark.parametrize("page", PAGES[:1], ids=lambda page: page.name)
def test_a_setting_that_the_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", text))
    others = {"search_range", "option_weights", "math_cond", "depends_on", "final_evaluation"}
    others |= {"automl_default_parameters", "automl_disabled_parameters", "plan_job"}

    assert named - others - {*Algorithm} <= set(SearchSettings.model_fields)
