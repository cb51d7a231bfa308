"""Learning curves of 81 epochs whose ranking changes as they go on, for measuring schedulers.

Two families that differ in kind. Schedulers and their settings were chosen on `crossing` alone;
`takeoff` is for the final check.

* `crossing`: a loss falls along a power law. What makes it fall fast (a large learning rate, little
  regularization) makes it end high.
* `takeoff`: an accuracy waits at chance, takes off along a sigmoid, jumps when the learning rate
  drops, and sinks again when too little regularized; good settings take off late. One optimizer
  has a parameter of its own, about a tenth of the space diverges, and noise depends on the point.

Each seed is another instance: optimum, weights and noise are drawn from it.

    python tools/bench/automl/curves.py     # how well early ranks tell the last one
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr  # type: ignore[import-untyped]  # ships no types

from skillbank.automl.domains import ChoiceDomain, Domain, FloatDomain, IntDomain, Raw
from skillbank.automl.history import Goal
from skillbank.automl.space import Activation, Parameter, SearchSpace

EPOCHS = 81
OPTIMIZERS = ("adam", "sgd", "adamw")
Curve = NDArray[np.float64]
"""The metric without noise after 1, 2, ..., 81 epochs; NaN from where the training diverges."""


class Problem(Protocol):
    """One instance of a family."""

    @property
    def seed(self) -> int:
        """What the instance is drawn from."""

    @property
    def goal(self) -> Goal:
        """Its metric."""

    @property
    def space(self) -> SearchSpace:
        """What is searched."""

    def curve(self, params: Mapping[str, Raw]) -> Curve:
        """What training a point gives, without noise."""

    def noise(self, params: Mapping[str, Raw]) -> float:
        """Standard deviation of a validation."""


def _space(parameters: tuple[Parameter, ...]) -> SearchSpace:
    base: dict[str, Any] = {}
    for parameter in parameters:
        at = base
        *sections, leaf = parameter.key.split(".")
        for section in sections:
            at = at.setdefault(section, {})
        at[leaf] = parameter.default
    return SearchSpace(parameters, base)


LR = Parameter("train.lr", 1e-3, 1e-5, 1e-1, log=True)
DECAY = Parameter("train.weight_decay", 1e-4, 1e-6, 1e-2, log=True)
DROPOUT = Parameter("model.dropout", 0.5, 0.0, 0.9)
WIDTH = Parameter("model.width", 64, 16, 512, is_int=True, log=True)
SMOOTHING = Parameter("train.label_smoothing", 0.1, 0.0, 0.4)
OPTIMIZER = Parameter("train.optimizer", "sgd", options=OPTIMIZERS)
MOMENTUM = Parameter(
    "train.momentum",
    0.9,
    0.5,
    0.99,
    log=True,
    complement=True,
    active=Activation("train.optimizer", ("sgd",)),
)
DROP = Parameter("train.drop_epoch", 40, 10, 75, is_int=True)


def _unit(parameter: Parameter, params: Mapping[str, Raw]) -> float:
    """Where a drawn number lies in its range, from 0 to 1, as it is drawn (log or not)."""
    domain, raw = parameter.domain(), params[parameter.drawn_name]
    assert isinstance(domain, FloatDomain | IntDomain)
    assert isinstance(raw, int | float)
    if domain.log:
        return math.log(raw / domain.low) / math.log(domain.high / domain.low)
    return (raw - domain.low) / (domain.high - domain.low)


@dataclass(frozen=True)
class Crossing:
    """Power laws that cross."""

    seed: int
    goal: ClassVar[Goal] = Goal("val_loss", minimize=True)
    space: ClassVar[SearchSpace] = _space((LR, DECAY, DROPOUT, WIDTH, SMOOTHING, OPTIMIZER))

    def curve(self, params: Mapping[str, Raw]) -> Curve:
        """See Problem."""
        rng = np.random.default_rng([self.seed, 1])
        centre = rng.uniform([0.25, 0.35, 0.3, 0.3, 0.2], [0.5, 0.7, 0.7, 0.8, 0.7])
        weights = rng.uniform([1.0, 0.4, 0.2, 0.05, 0.02], [2.0, 0.8, 0.4, 0.2, 0.1])
        penalty = rng.permutation([0.0, 0.02, 0.05])[OPTIMIZERS.index(str(params[OPTIMIZER.name]))]
        u = np.array([_unit(p, params) for p in (LR, DECAY, DROPOUT, WIDTH, SMOOTHING)])
        away = u - centre
        end = 0.1 + penalty + float(weights @ away**2) + 0.5 * away[0] * away[1]
        haste = 3.5 * u[0] - 1.2 * u[1] - 1.0 * u[2] + 0.5 * (1 - u[3])
        tau = math.exp(2.4 - haste)
        power = 1.1 + 0.4 * u[3]
        epochs = np.arange(1, EPOCHS + 1)
        return np.asarray(end + 2.0 * (1 + epochs / tau) ** -power)

    def noise(self, params: Mapping[str, Raw]) -> float:
        """See Problem."""
        del params
        return 0.01


@dataclass(frozen=True)
class Takeoff:
    """Sigmoids that take off late, with a jump, a decline and divergence."""

    seed: int
    goal: ClassVar[Goal] = Goal("val_acc", minimize=False)
    space: ClassVar[SearchSpace] = _space((LR, DROPOUT, WIDTH, OPTIMIZER, MOMENTUM, DROP))

    def curve(self, params: Mapping[str, Raw]) -> Curve:
        """See Problem."""
        rng = np.random.default_rng([self.seed, 2])
        centre = rng.uniform([0.3, 0.4, 0.5, 0.3], [0.6, 0.7, 0.9, 0.7])
        weights = rng.uniform([1.2, 0.4, 0.2, 0.1], [2.2, 0.9, 0.6, 0.4])
        tax = rng.permutation([0.0, 0.03, 0.06])[OPTIMIZERS.index(str(params[OPTIMIZER.name]))]
        u = np.array([_unit(p, params) for p in (LR, DROPOUT, WIDTH, DROP)])
        speed = u[0]
        if MOMENTUM.drawn_name in params:
            inertia = 1 - _unit(MOMENTUM, params)
            speed += 0.35 * (inertia - 0.5)
            tax -= 0.04 * (1 - abs(inertia - 0.7))
        away = np.array([speed, *u[1:]]) - centre
        peak = 0.95 - tax - 0.6 * (1 - math.exp(-float(weights @ np.abs(away) ** 1.5)))
        epochs = np.arange(1, EPOCHS + 1)
        start = 1 + 6 * u[1] ** 2 + 6 * u[2] * (1 - speed)
        rise = 1 / (1 + np.exp(-(epochs - start) / (1.5 + 5 * (1 - speed))))
        drop_epoch = int(str(params[DROP.drawn_name]))
        jump = 0.12 * max(speed, 0.0) * (epochs >= drop_epoch)
        decline = 0.004 * max(0.0, 0.6 - u[1]) * np.maximum(0, epochs - start - 25)
        curve = 0.1 + (peak - 0.1 - 0.12 * max(speed, 0.0)) * rise + jump * rise - decline
        if speed > 0.95:
            curve[int(1 + 40 * max(0.0, 1.1 - speed)) :] = np.nan
        return np.asarray(curve)

    def noise(self, params: Mapping[str, Raw]) -> float:
        """See Problem."""
        return 0.004 + 0.012 * _unit(LR, params)


FAMILIES: dict[str, Callable[[int], Problem]] = {"crossing": Crossing, "takeoff": Takeoff}


@dataclass
class RandomDraw:
    """Draws every quantity at random."""

    rng: np.random.Generator

    def __call__(self, name: str, domain: Domain) -> Raw:
        """See Draw."""
        del name
        if isinstance(domain, ChoiceDomain):
            return domain.options[int(self.rng.integers(len(domain.options)))]
        low, high = float(domain.low), float(domain.high)
        share = self.rng.random()
        number = low * (high / low) ** share if domain.log else low + share * (high - low)
        return min(round(number), domain.high) if isinstance(domain, IntDomain) else number


def losses(problem: Problem, params: Mapping[str, Raw]) -> Curve:
    """A point's curve without noise, lower is better."""
    curve = problem.curve(params)
    return curve if problem.goal.minimize else -curve


def optimum(problem: Problem, num_points: int = 3000, num_steps: int = 3000) -> float:
    """The least loss after any number of epochs: random points, then ever smaller steps."""
    rng = np.random.default_rng([problem.seed, 3])
    draw = RandomDraw(rng)

    def least(params: Mapping[str, Raw]) -> float:
        with np.errstate(all="ignore"):
            curve = losses(problem, params)
        finite = curve[np.isfinite(curve)]
        return float(finite.min()) if finite.size else math.inf

    points = [problem.space.suggest(draw) for _ in range(num_points)]
    best = min(points, key=least)
    value = least(best)
    for step in range(num_steps):
        width = 0.2 * (1 - step / num_steps) + 1e-3
        near = problem.space.suggest(_Near(best, draw, width))
        if least(near) < value:
            best, value = near, least(near)
    return value


@dataclass
class _Near:
    """Draws near a point; choices seldom change."""

    point: Mapping[str, Raw]
    draw: RandomDraw
    width: float

    def __call__(self, name: str, domain: Domain) -> Raw:
        """See Draw."""
        raw, rng = self.point.get(name), self.draw.rng
        if raw is None or (isinstance(domain, ChoiceDomain) and rng.random() < 0.1):
            return self.draw(name, domain)
        if isinstance(domain, ChoiceDomain) or rng.random() < 0.3:
            return raw
        assert isinstance(raw, int | float)
        low, high = float(domain.low), float(domain.high)
        move = rng.normal(0, self.width)
        number = raw * (high / low) ** move if domain.log else raw + move * (high - low)
        number = min(max(number, low), high)
        return round(number) if isinstance(domain, IntDomain) else number


def rank_correlations(problem: Problem, num_points: int = 300) -> dict[int, float]:
    """Spearman's correlation of the loss after 1, 3, 9, 27 epochs with the last."""
    draw = RandomDraw(np.random.default_rng([problem.seed, 4]))
    rows = [losses(problem, problem.space.suggest(draw)) for _ in range(num_points)]
    curves = np.array([row for row in rows if np.isfinite(row).all()])
    good = curves[np.argsort(curves[:, -1])[: len(curves) // 2]]
    return {
        epochs: float(spearmanr(good[:, epochs - 1], good[:, -1]).statistic)
        for epochs in (1, 3, 9, 27)
    }


if __name__ == "__main__":
    for name, family in FAMILIES.items():
        tables = [rank_correlations(family(seed)) for seed in range(5)]
        medians = {at: round(float(np.median([t[at] for t in tables])), 2) for at in tables[0]}
        print(name, "better half, early against last:", medians)
        print(name, "optima:", [round(optimum(family(seed)), 4) for seed in range(5)])
