"""A small search space with every kind of parameter, and trials of it."""

from __future__ import annotations

from typing import Any

from skillbank.automl.history import Goal, History, Proposal, Start, Trial, TrialState
from skillbank.automl.parameter import Activation, Parameter
from skillbank.automl.space import SearchSpace

GOAL = Goal("val_loss", minimize=True)
SPACE = SearchSpace(
    parameters=(
        Parameter("optim.type", "SGD", options=("SGD", "Adam")),
        Parameter("optim.lr", 0.1, low=0.001, high=1.0, log=True),
        Parameter(
            "optim.momentum",
            0.9,
            low=0.5,
            high=0.99,
            log=True,
            complement=True,
            active=Activation("optim.type", ("SGD",)),
        ),
        Parameter("optim.decay", 0.0, low=1e-6, high=1e-2, log=True, off=0.0, has_off=True),
        Parameter("data.batch", 16, low=4, high=64, is_int=True, power_of=2),
        Parameter("data.window", 30, low=10, high=100, is_int=True, step=10),
        Parameter("data.workers", 2, options=(1, 2, 4, 8)),
        Parameter("data.mirror", default=True, options=(False, True)),
        Parameter("data.scale", 0.5, low=0.1, high=0.9, index=0),
        Parameter("data.scale", 1.5, low=0.2, high=3.0, index=1, above="data.scale[0]"),
    ),
    base={
        "optim": {"type": "SGD", "lr": 0.1, "momentum": 0.9, "decay": 0.0},
        "data": {"batch": 16, "window": 30, "workers": 2, "mirror": True, "scale": [0.5, 1.5]},
    },
)


def trial(number: int, value: float | None = None, **changes: Any) -> Trial:
    """A trial that is complete, with `value` after 9 epochs; `values` gives its spec values."""
    params = SPACE.encode(changes.pop("values", {"optim.lr": 0.001 * (number + 1)}))
    state = changes.pop("state", TrialState.COMPLETE)
    curve = changes.pop("curve", {9: value} if value is not None else {})
    return Trial(number, changes.pop("params", params), state, curve, 9, **changes)


BASELINE = Trial(0, SPACE.defaults(), TrialState.COMPLETE, {9: 0.9}, 9, origin="baseline")


class Draws:
    """Stands in for TPE: proposes an always different point, and remembers for which trials."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def propose(self, number: int, start: Start, history: History) -> Proposal:
        del start, history
        self.numbers.append(number)
        return Proposal(SPACE.encode({"optim.lr": 0.5 / number}), "tpe", "best expected gain")
