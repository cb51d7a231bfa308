"""No page costs its reader more tokens than its kind may, and the tokens are counted well."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generate_agents import BUDGETS
from skillbank.skill_check.tokens import count_tokens

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    pytest.param(path, budget.max_tokens, id=str(path.relative_to(ROOT)))
    for budget in BUDGETS
    for path in budget.files(ROOT)
]
# What OpenAI's o200k_base makes of these texts, counted once with gpt-tokenizer 3.
MEASURED = {
    "Trains, evaluates, tunes and exports vision models with the skillbank command.": 16,
    "skillbank run tao-train-pose-classification train --data FOLDER --set num_epochs=30": 21,
    "train:\n  num_epochs: 10\n  optim:\n    lr: 0.1\n    momentum: 0.9\n    nesterov: true\n": 35,
    "| `train.optim.lr` | `0.1` | ≥ 0.0 | 0.001 to 1, log |\n"
    "| `model.dropout` | `0.5` | 0.0 to 1.0 | 0 to 0.9 |\n": 59,
}


@pytest.mark.parametrize(("path", "max_tokens"), FILES)
def test_a_file_stays_within_the_budget_of_its_kind(path: Path, max_tokens: int) -> None:
    tokens = count_tokens(path.read_text(encoding="utf-8"))

    assert tokens <= max_tokens, f"{tokens} tokens; move details to a reference page"


def test_every_page_of_every_skill_has_a_budget() -> None:
    counted = {path for budget in BUDGETS for path in budget.files(ROOT)}
    read = {
        path
        for pattern in ("*/SKILL.md", "*/references/*", "*/schemas/*.schema.json")
        for path in (ROOT / "skills").glob(pattern)
    }

    assert read - counted == set()


@pytest.mark.parametrize("text", MEASURED)
def test_the_count_is_near_that_of_a_tokenizer(text: str) -> None:
    assert count_tokens(text) == pytest.approx(MEASURED[text], rel=0.25)


@given(st.text(), st.text())
def test_more_text_takes_more_tokens(first: str, second: str) -> None:
    assert 0 <= count_tokens(first) <= count_tokens(f"{first} {second}")
