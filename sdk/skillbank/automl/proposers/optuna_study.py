"""Optuna's samplers as sources of points: a fresh study and a fresh sampler for every question."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from skillbank.automl.domains import ChoiceDomain, Domain, IntDomain, Raw
from skillbank.automl.proposers.observations import Observation, Standing, num_goals_seen
from skillbank.automl.space import SearchSpace

_STATES = {
    Standing.MEASURED: OptunaState.COMPLETE,
    Standing.BEHIND: OptunaState.PRUNED,
    Standing.RUNNING: OptunaState.RUNNING,
}


@dataclass(frozen=True)
class TrialDraw:
    """Draws what an Optuna trial suggests."""

    trial: optuna.Trial

    def __call__(self, name: str, domain: Domain) -> Raw:
        """See Draw."""
        if isinstance(domain, ChoiceDomain):
            return self.trial.suggest_categorical(name, domain.options)
        if isinstance(domain, IntDomain):
            return self.trial.suggest_int(
                name, domain.low, domain.high, step=domain.step, log=domain.log
            )
        return self.trial.suggest_float(
            name, domain.low, domain.high, step=domain.step, log=domain.log
        )


def suggest(
    space: SearchSpace, observations: Sequence[Observation], sampler: BaseSampler
) -> dict[str, Raw]:
    """The point that a sampler proposes after the observations."""
    study = new_study(sampler, num_goals_seen(observations))
    study.add_trials(_frozen_trials(space, observations))
    return space.suggest(TrialDraw(study.ask()))


def new_study(sampler: BaseSampler, num_goals: int) -> Study:
    """An empty study in memory; losses, so everything is minimized."""
    return optuna.create_study(
        storage=optuna.storages.InMemoryStorage(),
        sampler=sampler,
        pruner=optuna.pruners.NopPruner(),
        directions=["minimize"] * num_goals,
    )


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Keep Optuna's notes about its own interfaces from the user.

    They tell of arguments that are experimental or will be renamed, which the pinned range of
    versions and the tests take care of.
    """
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            warnings.filterwarnings("ignore", category=FutureWarning, message=".*(?i:deprecated)")
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)


def distribution_of(domain: Domain) -> BaseDistribution:
    """Optuna's distribution for a domain."""
    if isinstance(domain, ChoiceDomain):
        return CategoricalDistribution(domain.options)
    if isinstance(domain, IntDomain):
        return IntDistribution(domain.low, domain.high, domain.log, domain.step)
    return FloatDistribution(domain.low, domain.high, domain.log, domain.step)


def _frozen_trials(space: SearchSpace, observations: Sequence[Observation]) -> list[FrozenTrial]:
    domains = space.domains()
    distributions = {name: distribution_of(domain) for name, domain in domains.items()}
    return [_frozen(each, distributions) for each in observations]


def _frozen(each: Observation, distributions: Mapping[str, BaseDistribution]) -> FrozenTrial:
    told: dict[str, Any] = {}
    if each.is_measured:
        told["values"] = each.losses
    elif each.standing is Standing.BEHIND:
        told["intermediate_values"] = {each.epochs: each.losses[0]}
    return optuna.trial.create_trial(
        state=_STATES[each.standing],
        params=dict(each.params),
        distributions={name: distributions[name] for name in each.params},
        **told,
    )
