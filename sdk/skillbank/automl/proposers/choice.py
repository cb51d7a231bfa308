"""Which algorithm, and which model behind `bayesian`, suits a space and a budget."""

from __future__ import annotations

from enum import StrEnum
from importlib.util import find_spec

from skillbank.automl.settings import Algorithm, SearchSettings
from skillbank.automl.space import SearchSpace

GP_MAX_DIMENSIONS = 20
GP_MAX_TRIALS = 200
"""A Gaussian process takes time with the cube of the trials, and learns little in more dimensions
(tools/bench/automl/proposals.py measures both models)."""


class Model(StrEnum):
    """What learns from the trials: a Gaussian process, or a tree-structured Parzen estimator."""

    GP = "gp"
    TPE = "tpe"


def choose_algorithm(settings: SearchSettings, space: SearchSpace) -> tuple[Algorithm, str]:
    """The algorithm of a search, and why, in a sentence.

    Args:
        settings: What the user asked for; `auto` becomes `bayesian`.
        space: What is searched.
    """
    if settings.algorithm is Algorithm.AUTO:
        model, reason = choose_model(settings, space)
        return Algorithm.BAYESIAN, f"every trial trains to the end; {model.value} because {reason}"
    if settings.algorithm in {Algorithm.BAYESIAN, Algorithm.BFBO}:
        model, reason = choose_model(settings, space)
        return settings.algorithm, f"asked for; {model.value} because {reason}"
    return settings.algorithm, "asked for"


def choose_model(settings: SearchSettings, space: SearchSpace) -> tuple[Model, str]:
    """The model that suits a space and a budget, and why, in half a sentence."""
    dimensions = len(space.domains())
    trials = settings.max_recommendations
    if space.has_conditions:
        return Model.TPE, "some parameters have an effect only sometimes"
    if space.has_choices:
        return Model.TPE, "some parameters have no order"
    if dimensions > GP_MAX_DIMENSIONS:
        return Model.TPE, f"the space has {dimensions} dimensions, more than {GP_MAX_DIMENSIONS}"
    if trials > GP_MAX_TRIALS:
        return Model.TPE, f"{trials} recommendations are more than {GP_MAX_TRIALS}"
    if find_spec("torch") is None:
        return Model.TPE, "the Gaussian process needs torch, which is not installed here"
    return Model.GP, (
        f"{dimensions} numbers without conditions and {trials} recommendations suit it"
    )
