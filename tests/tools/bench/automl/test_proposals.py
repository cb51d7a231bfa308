"""The functions on which proposals are measured, and the bench's own arithmetic."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from bench.automl import proposals
from bench.automl.functions import Function, branin, hartmann6, mixed
from skillbank.automl.history import Proposal, Start, Trial, TrialState
from skillbank.automl.settings import Algorithm

FUNCTIONS = [branin(), hartmann6(), mixed(), mixed(log=False)]
BEST: dict[str, dict[str, Any]] = {
    "Branin": {"x": math.pi, "y": 2.275},
    "Hartmann6": dict(
        zip(
            ["x1", "x2", "x3", "x4", "x5", "x6"],
            [0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573],
            strict=True,
        )
    ),
    "mixed": {
        "optimizer": "sgd",
        "lr": 10**-1.2,
        "momentum": 0.9,
        "weight_decay": 10**-3.5,
        "dropout": 0.3,
        "layers": 4,
        "width": 256,
        "augment": True,
    },
}
BEST["mixed, linear ranges"] = BEST["mixed"]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_the_optimum_is_where_it_is_said_to_be(function: Function) -> None:
    params = function.space.encode(BEST[function.name])

    assert function.at(params) == pytest.approx(function.optimum, abs=1e-4)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_no_random_point_is_better_than_the_optimum(function: Function) -> None:
    proposer = proposals.of(Algorithm.RANDOM)(function, 3)

    found = proposals.search(function, proposer)

    assert function.optimum <= found[-1] < found[0]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_each_seed_has_a_baseline_of_its_own_within_the_space(function: Function) -> None:
    bases = [function.from_base(seed) for seed in range(5)]

    losses = {each.at(each.space.defaults()) for each in bases}
    assert len(losses) == 5
    assert all(each.space.domains() == function.space.domains() for each in bases)
    assert function.from_base(2).space.base == bases[2].space.base


def test_what_has_no_effect_changes_no_loss() -> None:
    function = mixed()
    adam = {**BEST["mixed"], "optimizer": "adam"}

    losses = {
        function.at(function.space.encode({**adam, "momentum": momentum}))
        for momentum in (0.5, 0.9, 0.99)
    }

    assert len(losses) == 1


class Worse:
    """Proposes points that get worse, and remembers how many trials it was told of."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def propose(self, number: int, start: Start, history: list[Trial]) -> Proposal:
        del start
        self.told.append(sum(trial.state is TrialState.COMPLETE for trial in history))
        return Proposal({"x": 10.0, "y": 5 + number / 10}, "test")


@pytest.mark.parametrize(("knows", "told"), [(True, 1), (False, 0)])
def test_the_baseline_is_one_of_fifty_evaluations_and_can_be_kept_secret(
    knows: bool, told: int
) -> None:
    proposer = Worse()

    best = proposals.search(branin(), proposer, knows_baseline=knows)  # type: ignore[arg-type]

    assert len(best) == 50
    assert proposer.told == list(range(told, told + 49))
    assert best == sorted(best, reverse=True)


def test_a_measured_line_replaces_the_old_one_and_keeps_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Takes seconds: 100 searches of 50 points, and 20 proposals of TPE for their time."""
    results = tmp_path / "proposals.json"
    line = {
        "function": "Branin",
        "name": "random",
        "model": "random",
        "seeds": 1,
        "after_20": 9.0,
        "after_50": 9.0,
        "mean_after_50": 9.0,
        "excess": 9.0,
        "cpu_s_per_proposal": 9.0,
    }
    kept = {**line, "name": "bayesian: gp", "after_50": 0.39}
    results.write_text(json.dumps({"lines": [line, kept]}), encoding="utf-8")
    monkeypatch.setattr("sys.argv", ["proposals", "--only", "random", "--json", str(results)])

    proposals.main()

    written = json.loads(results.read_text(encoding="utf-8"))
    lines = {(each["function"], each["name"]): each for each in written["lines"]}
    assert lines["Branin", "bayesian: gp"] == kept
    assert lines["Branin", "random"]["seeds"] == 100
    assert lines["mixed", "random"]["excess"] == pytest.approx(0.085, abs=0.003)
    assert {row["what"]: row["measured"] for row in written["bounds"]}[
        "Branin, best after 50"
    ] == 0.39
    assert "wanted 0.4   measured 0.39" in capsys.readouterr().out


def test_the_written_results_hold_what_the_task_asks_for() -> None:
    written = json.loads(proposals.RESULTS.read_text(encoding="utf-8"))

    for row in written["bounds"]:
        assert row["measured"] <= row["wanted"], row["what"]
    assert min(each["seeds"] for each in written["lines"]) >= 20
