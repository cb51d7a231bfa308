"""Settings of a search, under TAO's names; `schemas/automl.schema.json` is generated from here.

Every name is also taken with TAO's prefix `automl_`, such as `automl_max_recommendations`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skillbank.errors import SpecInvalid, did_you_mean

PREFIX = "automl_"
_LISTS = ("parameters", "warm_start")


class Algorithm(StrEnum):
    """How points are proposed and how long each trains."""

    AUTO = "auto"
    BAYESIAN = "bayesian"
    BFBO = "bfbo"
    RANDOM = "random"
    QMC = "qmc"
    CMAES = "cmaes"
    NSGA2 = "nsga2"
    HYPERBAND = "hyperband"
    HYPERBAND_ES = "hyperband_es"
    ASHA = "asha"
    BOHB = "bohb"
    DEHB = "dehb"
    PBT = "pbt"
    LLM = "llm"
    HYBRID = "hybrid"
    AUTORESEARCH = "autoresearch"

    @property
    def needs_endpoint(self) -> bool:
        """Tell whether a language model proposes points."""
        return self in {Algorithm.LLM, Algorithm.HYBRID, Algorithm.AUTORESEARCH}


SHORT_NAMES = {
    "b": Algorithm.BAYESIAN,
    "h": Algorithm.HYPERBAND,
    "hes": Algorithm.HYPERBAND_ES,
}
"""TAO's one-letter names."""


class Range(BaseModel):
    """Where the user wants a parameter searched; it must lie within the schema's own bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    valid_min: float | tuple[float, ...] | None = Field(
        default=None, description="Least value; one per element for a list."
    )
    valid_max: float | tuple[float, ...] | None = Field(
        default=None, description="Largest value; one per element for a list."
    )
    valid_options: tuple[bool | int | float | str, ...] | None = Field(
        default=None, description="Only these values."
    )
    option_weights: tuple[Annotated[float, Field(ge=0)], ...] | None = Field(
        default=None, description="How likely each option is at first."
    )
    log: bool | None = Field(default=None, description="Draw evenly in the logarithm.")


class SearchSettings(BaseModel):
    """What a search does, how long, and what it optimizes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    algorithm: Algorithm = Field(
        default=Algorithm.AUTO,
        description="Search algorithm; auto chooses by the space and the budget and says why.",
    )
    max_recommendations: int = Field(
        default=20, ge=1, description="Points that are tried, besides the baseline."
    )
    metric: str | None = Field(
        default=None,
        description="Metric of the status lines to optimize; empty: the skill's own. Several, "
        "separated by commas, give a Pareto set: 'val_acc, latency_ms'.",
    )
    direction: str | None = Field(
        default=None,
        description="minimize or maximize, one per metric; empty: by the metric's name.",
    )
    max_concurrent: int = Field(
        default=4, ge=1, description="Most trials that train at once; never more than fit."
    )
    max_epochs: int | None = Field(
        default=None,
        ge=1,
        description="Epochs of a full training; empty: 27 for the hyperband family, else the "
        "spec's own train.num_epochs.",
    )
    reduction_factor: int = Field(
        default=3, ge=2, description="One in so many trials of a rung goes on to the next."
    )
    epoch_multiplier: int = Field(
        default=1, ge=1, description="Epochs of the first rung of the most aggressive bracket."
    )
    max_trials: int | None = Field(
        default=None, ge=1, description="asha: most recommendations; empty: max_recommendations."
    )
    min_top_configs: int = Field(
        default=5, ge=1, description="asha: results a rung needs before its best is promoted."
    )
    early_stop_threshold: float = Field(
        default=0.1,
        ge=0,
        description="hyperband_es: stop a trial whose fitted curve ends this much, relatively, "
        "behind the best.",
    )
    min_early_stop_epochs: int = Field(
        default=3, ge=1, description="hyperband_es: validations before a curve is fitted."
    )
    kde_samples: int = Field(
        default=64, ge=1, description="bohb: candidates drawn from the model per proposal."
    )
    top_n_percent: float = Field(
        default=15.0, gt=0, le=100, description="bohb: percent of trials that count as good."
    )
    min_points_in_model: int = Field(
        default=10, ge=1, description="bohb: results before the model is used."
    )
    mutation_factor: float = Field(
        default=0.5, gt=0, le=2, description="dehb: weight of the difference of two points."
    )
    crossover_prob: float = Field(
        default=0.5, ge=0, le=1, description="dehb: share of parameters taken from the mutant."
    )
    population_size: int = Field(default=10, ge=2, description="pbt: trials that train together.")
    max_generations: int = Field(default=20, ge=1, description="pbt: rounds of exploit, explore.")
    eval_interval: int = Field(default=10, ge=1, description="pbt: epochs between two rounds.")
    perturbation_factor: float = Field(
        default=1.2, gt=1, description="pbt: a number is multiplied or divided by this."
    )
    max_experiments: int = Field(
        default=50, ge=1, description="autoresearch: recommendations, instead of 20."
    )
    llm_endpoint: str | None = Field(
        default=None,
        description="llm, hybrid, autoresearch: base URL of an OpenAI-compatible service, such "
        "as 'http://localhost:8000/v1'.",
    )
    llm_model: str | None = Field(
        default=None, description="llm, hybrid, autoresearch: name of the model."
    )
    llm_api_key: str | None = Field(
        default=None,
        description="llm, hybrid, autoresearch: reference to the service's key, 'env:NAME' or "
        "'file:PATH'; empty: none is sent.",
    )
    llm_temperature: float = Field(
        default=0.7, ge=0, le=2, description="llm, hybrid, autoresearch: sampling temperature."
    )
    llm_max_tokens: int = Field(
        default=4096, ge=1, description="llm, hybrid, autoresearch: longest answer, in tokens."
    )
    parameters: tuple[str, ...] = Field(
        default=(),
        description="Spec keys to search; empty: those that the skill recommends.",
    )
    custom_param_ranges: Mapping[str, Range] = Field(
        default={}, description="Spec key -> narrower range, within the schema's bounds."
    )
    train_sample_count: int | None = Field(
        default=None,
        ge=1,
        description="Training samples; caps batch sizes that would give no step.",
    )
    time_budget_s: float | None = Field(
        default=None, gt=0, description="Seconds after which no trial starts or goes on."
    )
    cost_budget: float | None = Field(
        default=None, gt=0, description="Money after which no trial starts or goes on."
    )
    cost_per_hour: float = Field(
        default=0.0, ge=0, description="Price of one trial's machine per hour, for cost_budget."
    )
    seed: int = Field(default=1234, ge=0, description="What every proposal follows from.")
    delete_intermediate_ckpt: bool = Field(
        default=True,
        description="Delete the checkpoints of trials that have ended and are not the best.",
    )
    max_retries: int = Field(
        default=2, ge=0, description="Times a trial is tried again after its machine failed."
    )
    divergence_factor: float = Field(
        default=10.0,
        gt=1,
        description="A trial whose training loss exceeds this multiple of the baseline's highest "
        "is cut.",
    )
    final_evaluation: bool = Field(
        default=True, description="Evaluate the best checkpoint, and the baseline's, at the end."
    )
    storage: str | None = Field(
        default=None,
        description="URL of a database, such as 'postgresql://host/name', when several machines "
        "search together, or a reference to it: 'env:NAME'; empty: a journal in the job's folder.",
    )
    warm_start: tuple[str, ...] = Field(
        default=(), description="Earlier AutoML jobs of the same skill to learn from."
    )
    metric_extractor: str | None = Field(
        default=None, description="'module:function' (logs, name) -> value of the metric."
    )
    eval_fn: str | None = Field(
        default=None, description="'module:function' (trial, job_id) -> value of the metric."
    )
    final_eval_fn: str | None = Field(
        default=None, description="'module:function' (best, job_id) -> final metric."
    )


def read_search_settings(content: Mapping[str, Any]) -> SearchSettings:
    """Settings from what a user wrote, with or without TAO's prefix.

    Raises:
        SpecInvalid: Some cannot be used; every problem is listed.
    """
    known = SearchSettings.model_fields
    given: dict[str, Any] = {}
    problems = []
    for written, value in content.items():
        name = str(written).removeprefix(PREFIX)
        if name not in known:
            problems.append(f"automl.{written}: no such setting; {did_you_mean(name, known)}")
        elif name in given:
            problems.append(f"automl.{name}: given twice, with and without {PREFIX!r}; keep one.")
        else:
            given[name] = _listed(value) if name in _LISTS else value
    if "algorithm" in given:
        word = str(given["algorithm"]).lower()
        given["algorithm"] = SHORT_NAMES.get(word, word)
    try:
        settings = SearchSettings.model_validate(given)
    except ValidationError as error:
        problems += [_problem(dict(each)) for each in error.errors()]
    if problems:
        raise SpecInvalid(problems, "the AutoML settings")
    return settings


def _listed(value: object) -> object:
    """Names that were written as one text, separated by commas."""
    if not isinstance(value, str):
        return value
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _problem(error: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["loc"] == ("algorithm",):
        hint = did_you_mean(str(error["input"]), [a.value for a in Algorithm])
        return f"automl.algorithm: {error['input']!r} is no algorithm; {hint}"
    message = str(error["msg"])
    expected = f"{message[:1].lower()}{message[1:]}".replace("input should be", "expected", 1)
    return f"automl.{where}: {error['input']!r} is not allowed; {expected}."
