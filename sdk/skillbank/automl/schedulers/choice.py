"""Which scheduler an algorithm's name stands for, and how the settings shape it."""

from __future__ import annotations

from skillbank.automl.history import Goal
from skillbank.automl.schedulers.asha import Asha
from skillbank.automl.schedulers.brackets import Geometry, plan_brackets
from skillbank.automl.schedulers.early_stop import HyperbandEarlyStop
from skillbank.automl.schedulers.full import Full
from skillbank.automl.schedulers.hyperband import Hyperband
from skillbank.automl.schedulers.pbt import PopulationBasedTraining
from skillbank.automl.schedulers.scheduler import TrialScheduler
from skillbank.automl.settings import Algorithm, SearchSettings

DEFAULT_MAX_EPOCHS = 27
"""TAO's `max_epochs` of the hyperband family."""

MODEL_DEPTH = 2
"""Most promotions on the way to the top in asha, bohb and dehb."""

MODEL_LED = {Algorithm.BOHB, Algorithm.DEHB}
"""These propose by what they have seen. Very short trainings mislead them (after one epoch, what
learns fast looks best), and a bracket that trains everybody to the end teaches them little for its
epochs: their brackets have one or two promotions (tools/bench/automl/multifidelity.py)."""

BRACKETED = {Algorithm.HYPERBAND, Algorithm.HYPERBAND_ES, Algorithm.BOHB, Algorithm.DEHB}
MULTI_FIDELITY = {*BRACKETED, Algorithm.ASHA}


def make_scheduler(settings: SearchSettings, goal: Goal, num_epochs: int) -> TrialScheduler:
    """The scheduler of a search.

    Args:
        settings: What the user asked for; `auto` with `max_epochs` gets asha's scheduler, without
            it every recommendation trains to the end.
        goal: Which values are better.
        num_epochs: Epochs of the spec that is tuned.
    """
    if settings.algorithm in BRACKETED:
        return _make_hyperband(settings, goal, num_epochs)
    if settings.algorithm is Algorithm.ASHA or _is_auto_with_fidelities(settings):
        return _make_asha(settings, goal, num_epochs)
    if settings.algorithm is Algorithm.PBT:
        return _make_pbt(settings, goal, num_epochs)
    if settings.algorithm is Algorithm.AUTORESEARCH:
        return Full(full_epochs(settings, num_epochs), settings.max_experiments)
    return Full(full_epochs(settings, num_epochs), settings.max_recommendations)


def full_epochs(settings: SearchSettings, num_epochs: int) -> int:
    """Epochs of the longest training of a search over a spec of `num_epochs` epochs."""
    if settings.max_epochs is not None:
        return settings.max_epochs
    return DEFAULT_MAX_EPOCHS if settings.algorithm in MULTI_FIDELITY else num_epochs


def _is_auto_with_fidelities(settings: SearchSettings) -> bool:
    return settings.algorithm is Algorithm.AUTO and settings.max_epochs is not None


def _make_hyperband(settings: SearchSettings, goal: Goal, num_epochs: int) -> Hyperband:
    epochs = full_epochs(settings, num_epochs)
    factor, first, least_depth = settings.reduction_factor, settings.epoch_multiplier, 0
    if settings.algorithm in MODEL_LED:
        first, least_depth = max(first, epochs // factor**MODEL_DEPTH), 1
    geometry = Geometry(epochs, factor, first)
    brackets = plan_brackets(geometry, settings.max_recommendations, least_depth)
    if settings.algorithm is not Algorithm.HYPERBAND_ES:
        return Hyperband(goal, brackets, epochs)
    return HyperbandEarlyStop(
        goal,
        brackets,
        epochs,
        threshold=settings.early_stop_threshold,
        min_points=settings.min_early_stop_epochs,
    )


def _make_asha(settings: SearchSettings, goal: Goal, num_epochs: int) -> Asha:
    epochs, factor = full_epochs(settings, num_epochs), settings.reduction_factor
    geometry = Geometry(epochs, factor, settings.epoch_multiplier)
    return Asha(
        goal,
        rungs=tuple(geometry.rung_epochs(min(geometry.depth, MODEL_DEPTH))),
        reduction_factor=factor,
        max_starts=settings.max_trials or settings.max_recommendations,
        min_results=settings.min_top_configs,
    )


def _make_pbt(settings: SearchSettings, goal: Goal, num_epochs: int) -> PopulationBasedTraining:
    """PBT within `num_epochs`; an interval that leaves no exploit step is halved into two."""
    epochs = full_epochs(settings, num_epochs)
    interval = min(settings.eval_interval, max(1, epochs // 2))
    ends = [min(start + interval, epochs) for start in range(0, epochs, interval)]
    return PopulationBasedTraining(
        goal,
        size=settings.population_size,
        ends=tuple(ends[: settings.max_generations]),
        full_epochs=epochs,
    )
