"""Measures what an earlier search of the same skill is worth to a later one on other data.

    python tools/bench/automl/warm_start.py --seeds 30

A family of trainings with six parameters stands for a skill on many data sets: data sets share the
landscape, but for a shift of the best point and of the level of the loss. A search of 20 trials on
one data set is done; then one on another, in four ways: without it, with its best points tried
first, with its results added to what TPE learns from, and with both. The regret is the loss above
the least there is, after 5, 10 and 20 trials, the baseline counted: median over seeds.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna

from skillbank.automl.domains import ChoiceDomain, Domain, FloatDomain, Params, Raw
from skillbank.automl.history import Goal
from skillbank.automl.parameter import Parameter
from skillbank.automl.space import SearchSpace
from skillbank.automl.warm_start import EarlierPoint, warm_start_points

RESULTS = Path(__file__).with_name("results") / "warm_start.json"
GOAL = Goal("val_loss", minimize=True)
NUM_TRIALS, NUM_POINTS = 20, 3
AFTER = (5, 10, 20)
SHIFTS = (0.0, 0.1, 0.2, 0.4)
BASE = {"lr": 0.1, "decay": 1e-4, "momentum": 0.9, "dropout": 0.5, "batch": 16, "rule": "SGD"}
SPACE = SearchSpace(
    parameters=(
        Parameter("lr", 0.1, low=1e-3, high=1.0, log=True),
        Parameter("decay", 1e-4, low=1e-6, high=1e-2, log=True),
        Parameter("momentum", 0.9, low=0.5, high=0.99, log=True, complement=True),
        Parameter("dropout", 0.5, low=0.0, high=0.9),
        Parameter("batch", 16, low=4, high=64, is_int=True, power_of=2),
        Parameter("rule", "SGD", options=("SGD", "Adam", "Adamax")),
    ),
    base=BASE,
)
WEIGHTS = {"lr": 1.0, "decay": 0.3, "1-momentum": 0.3, "dropout": 0.3, "batch:exponent": 0.1}


@dataclass(frozen=True)
class DataSet:
    """A training: where its loss is least, and how large it is there.

    Attributes:
        best: Name of a drawn quantity -> its best place in its domain, 0 to 1.
        rule: The best optimizer.
        level: The least loss.
    """

    best: Mapping[str, float]
    rule: str
    level: float

    @classmethod
    def draw(cls, rng: random.Random) -> DataSet:
        """Any data set."""
        best = {name: rng.uniform(0.15, 0.85) for name in WEIGHTS}
        return cls(best, rng.choice(("SGD", "Adam", "Adamax")), rng.uniform(0.3, 0.6))

    def shifted(self, shift: float, rng: random.Random) -> DataSet:
        """Another data set whose best point lies about `shift` of each range away."""
        best = {n: min(max(at + rng.gauss(0, shift), 0.0), 1.0) for n, at in self.best.items()}
        rules = tuple({"SGD", "Adam", "Adamax"} - {self.rule})
        rule = rng.choice(sorted(rules)) if rng.random() < shift else self.rule
        return DataSet(best, rule, self.level + rng.gauss(0, 0.1 if shift else 0.0))

    def regret(self, params: Params) -> float:
        """Loss above the least: quadratic in each place; steps and momentum trade off."""
        domains = SPACE.domains()
        gaps = {n: _place(params[n], domains[n]) - at for n, at in self.best.items()}
        total = sum(WEIGHTS[name] * gap**2 for name, gap in gaps.items())
        total += 0.3 * (gaps["lr"] + gaps["1-momentum"]) ** 2
        return total + (0.0 if params["rule"] == self.rule else 0.1)


def _place(raw: Raw, domain: Domain) -> float:
    """Where a number lies in its domain, from 0 to 1."""
    assert not isinstance(domain, ChoiceDomain)
    low, high = domain.low, domain.high
    number = float(raw)  # type: ignore[arg-type]
    if domain.log:
        return math.log(number / low) / math.log(high / low)
    return (number - low) / (high - low)


@dataclass
class Search:
    """One search; its trials in order.

    Attributes:
        data: What is trained on.
        seed: Of the sampler.
        trials: Point and loss of each.
    """

    data: DataSet
    seed: int
    noise: random.Random
    trials: list[tuple[Params, float]] = field(default_factory=list)

    def run(self, *, first: list[Params], known: list[tuple[Params, float]]) -> Search:
        """Do all trials: the baseline, the points that come first, then TPE's.

        Args:
            first: Points tried after the baseline.
            known: Points and losses of elsewhere that TPE learns from.
        """
        for number in range(NUM_TRIALS):
            given = [SPACE.defaults(), *first]
            params = given[number] if number < len(given) else self._ask(number, known)
            loss = self.data.level + self.data.regret(params) + self.noise.gauss(0, 0.005)
            self.trials.append((params, loss))
        return self

    def regret(self, after: int) -> float:
        """Regret of the point that looked best so far."""
        params, _ = min(self.trials[:after], key=lambda trial: trial[1])
        return self.data.regret(params)

    def _ask(self, number: int, known: list[tuple[Params, float]]) -> Params:
        sampler = optuna.samplers.TPESampler(
            multivariate=True, group=True, n_startup_trials=8, seed=self.seed * 1000 + number
        )
        study = optuna.create_study(sampler=sampler)
        spaces = {name: _distribution(domain) for name, domain in SPACE.domains().items()}
        for params, loss in [*known, *self.trials]:
            study.add_trial(
                optuna.create_trial(params=dict(params), distributions=spaces, value=loss)
            )
        return dict(study.ask(spaces).params)


def _distribution(domain: Domain) -> Any:  # noqa: ANN401 - one of three classes of Optuna
    if isinstance(domain, ChoiceDomain):
        return optuna.distributions.CategoricalDistribution(domain.options)
    if isinstance(domain, FloatDomain):
        return optuna.distributions.FloatDistribution(domain.low, domain.high, log=domain.log)
    return optuna.distributions.IntDistribution(domain.low, domain.high, log=domain.log)


Way = Callable[[Search], tuple[list[Params], list[tuple[Params, float]]]]
"""What a later search takes of an earlier one: points to try first, and results to learn from."""


def _points(earlier: Search) -> list[Params]:
    found = [
        EarlierPoint("earlier", number, SPACE.values(params), GOAL.metric, loss, loss, epochs=1)
        for number, (params, loss) in enumerate(earlier.trials)
    ]
    return [proposal.params for proposal in warm_start_points(found, SPACE, NUM_POINTS)]


WAYS: dict[str, Way] = {
    "cold": lambda _: ([], []),
    "best points first": lambda earlier: (_points(earlier), []),
    "results to learn from": lambda earlier: ([], earlier.trials),
    "both": lambda earlier: (_points(earlier), earlier.trials),
}


def measure(shift: float, seeds: int) -> list[dict[str, object]]:
    """One row per way, for data sets that lie `shift` apart."""
    regrets: dict[str, list[tuple[float, ...]]] = {way: [] for way in WAYS}
    for seed in range(seeds):
        rng = random.Random(seed)
        data = DataSet.draw(rng)
        earlier = Search(data, seed, random.Random(seed + 1)).run(first=[], known=[])
        later = data.shifted(shift, rng)
        for name, way in WAYS.items():
            first, known = way(earlier)
            search = Search(later, seed + 500, random.Random(seed + 2)).run(
                first=first, known=known
            )
            regrets[name].append(tuple(search.regret(after) for after in AFTER))
    return [
        {
            "shift of the best point": shift,
            "way": name,
            **{
                f"after {after}": statistics.median(each[index] for each in found)
                for index, after in enumerate(AFTER)
            },
        }
        for name, found in regrets.items()
    ]


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rows = [row for shift in SHIFTS for row in measure(shift, options.seeds)]
    for row in rows:
        print(*(f"{cell:.4f}" if isinstance(cell, float) else cell for cell in row.values()))
    content = {
        "title": "Warm start",
        "about": f"Median regret of {options.seeds} seeds after 5, 10 and 20 trials of a search on "
        "data whose best point lies a shift away (share of each range) from that of an earlier "
        "search of 20 trials.",
        "command": f"python tools/bench/automl/warm_start.py --seeds {options.seeds}",
        "regret": rows,
    }
    options.output.parent.mkdir(exist_ok=True)
    options.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
