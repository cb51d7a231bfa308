"""How much each parameter decides whether a trial becomes one of the good ones.

PED-ANOVA (Watanabe, Bansal, Hutter 2023, arXiv:2304.10255), as Optuna has it, which also takes
parameters that have an effect only sometimes (arXiv:2601.20800): a parameter counts for much when
the best quarter of the trials has quite other values of it than all of them. Only the order of the
trials matters, so trials that trained for different times can be ranked by the best value that
each has reached: who trained for longer had been better than those that were stopped before.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from skillbank.automl.domains import ChoiceDomain, Domain, Raw
from skillbank.automl.history import Goal
from skillbank.automl.result import SearchResult, TrialRecord
from skillbank.automl.space import SearchSpace
from skillbank.conditions import is_number
from skillbank.search.journal import distribution_of

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

LEAST_TRIALS = 5
_FEW_TRIALS = 20
_ENOUGH_TRIALS = 10  # of a parameter that only some trials have: with fewer, chance comes out first
# Two of five trials, five of twenty. On a made-up space with one parameter that matters, it came
# out first in 18 of 20 searches of 21 trials; with Optuna's own tenth, in 11.
_GOOD_SHARE = 0.25


@dataclass(frozen=True)
class Importance:
    """What was found.

    Attributes:
        shares: Name of a parameter -> its share of 1, largest first; empty when unknown.
        note: Why there is none, or how far it can be trusted, in a sentence; empty for all is well.
    """

    shares: dict[str, float] = field(default_factory=dict)
    note: str = ""


def importance_of(result: SearchResult, space: SearchSpace) -> dict[str, float]:
    """Share of each parameter, largest first; empty when too few trials have ended."""
    return explain_importance(result, space).shares


def explain_importance(result: SearchResult, space: SearchSpace) -> Importance:
    """Share of each parameter, and how far that can be trusted."""
    ended = [record for record in result.history if not record.state.is_active]
    ranked = [r for r in ended if None not in values_of(r, result.goals)]
    if len(ranked) < LEAST_TRIALS:
        return Importance(
            note=f"it needs the results of {LEAST_TRIALS} trials; so far there are {len(ranked)}."
        )
    if len({values_of(record, result.goals) for record in ranked}) == 1:
        return Importance(note="all trials have the same result, so nothing made a difference.")
    trials, names = _to_optuna(ranked, result.goals, space)
    if not names:
        return Importance(note=f"no parameter was varied in {_ENOUGH_TRIALS} trials or more.")
    shares = _sum_by_parameter(_evaluate(trials, names, result.goals), space)
    if not shares:
        return Importance(note="the good trials have the same values as all the others.")
    note = f"a rough estimate: only {len(ranked)} trials." if len(ranked) < _FEW_TRIALS else ""
    return Importance(shares, note)


def values_of(record: TrialRecord, goals: Sequence[Goal]) -> tuple[float | None, ...]:
    """What a trial reached, one value per goal; the first is what it was ranked by."""
    return (record.metric, *(record.metrics.get(goal.metric) for goal in goals[1:]))


def _to_optuna(
    records: Sequence[TrialRecord], goals: Sequence[Goal], space: SearchSpace
) -> tuple[list[FrozenTrial], list[str]]:
    """The trials as Optuna has them, and the names that enough of them have drawn."""
    from optuna.trial import create_trial

    domains = space.domains()
    trials, counts = [], Counter[str]()
    for record in records:
        drawn = {
            name: raw
            for name, raw in record.params.items()
            if name in domains and _holds(domains[name], raw)
        }
        counts.update(drawn.keys())
        distributions = {name: distribution_of(domains[name]) for name in drawn}
        values = [value for value in values_of(record, goals) if value is not None]
        trials.append(create_trial(values=values, params=drawn, distributions=distributions))
    enough = min(len(trials), _ENOUGH_TRIALS)
    return trials, [name for name in domains if counts[name] >= enough]


def _evaluate(
    trials: Sequence[FrozenTrial], names: list[str], goals: Sequence[Goal]
) -> dict[str, float]:
    import optuna
    from optuna.importance import PedAnovaImportanceEvaluator

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        directions=["minimize" if goal.minimize else "maximize" for goal in goals]
    )
    study.add_trials(trials)
    evaluator = PedAnovaImportanceEvaluator(target_quantile=_GOOD_SHARE)
    with warnings.catch_warnings():
        # Optuna warns of small groups; the note says so in our words.
        warnings.simplefilter("ignore", UserWarning)
        # What Optuna's get_param_importances makes of no difference at all is equal shares.
        return evaluator.evaluate(study, params=names)


def _sum_by_parameter(weights: dict[str, float], space: SearchSpace) -> dict[str, float]:
    """Shares of parameters from the weights of what is drawn for them: a switch, a value."""
    found = {
        p.name: sum(weights.get(name, 0.0) for name in {p.switch_name, p.drawn_name})
        for p in space.parameters
        if p.switch_name in weights or p.drawn_name in weights
    }
    total = sum(found.values())
    order = sorted(found, key=lambda name: -found[name])
    return {name: min(round(found[name] / total, 4), 1.0) for name in order} if total else {}


def _holds(domain: Domain, raw: Raw) -> bool:
    """Tell whether a value, perhaps of another search, lies in the domain."""
    if isinstance(domain, ChoiceDomain):
        return raw in domain.options
    return is_number(raw) and domain.low <= raw <= domain.high
