"""What a plan says about a search: settings with nothing left open, and why they are so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from skillbank.automl.history import Goal
from skillbank.errors import RequestInvalid, SpecInvalid
from skillbank.spec_keys import get_value

if TYPE_CHECKING:
    from skillbank.automl.settings import Algorithm, SearchSettings
    from skillbank.automl.space import SearchSpace
    from skillbank.skill import Skill

EPOCHS_KEY = "train.num_epochs"
_INSTALL = "run \"pip install 'skillbank[automl]'\""


@dataclass(frozen=True)
class SearchPlan:
    """A search, decided but not yet run.

    Attributes:
        settings: Every setting, with algorithm and max_epochs chosen.
        goals: What is optimized.
        algorithm_reason: Why this algorithm, in a sentence.
        asked_algorithm: What the user asked for.
        data: Dataset roots of the request, for the final evaluation.
        import_folder: Where modules of callbacks are looked for.
    """

    settings: SearchSettings
    goals: tuple[Goal, ...]
    algorithm_reason: str = ""
    asked_algorithm: str = "auto"
    data: Mapping[str, str] = field(default_factory=dict)
    import_folder: str = ""

    def to_mapping(self) -> dict[str, Any]:
        """What JobPlan holds, as JSON has it."""
        return {
            "settings": self.settings.model_dump(mode="json"),
            "goals": [{"metric": g.metric, "minimize": g.minimize} for g in self.goals],
            "algorithm_reason": self.algorithm_reason,
            "asked_algorithm": self.asked_algorithm,
            "data": dict(self.data),
            "import_folder": self.import_folder,
        }

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> SearchPlan:
        """The search of a plan that was saved."""
        from skillbank.automl.settings import SearchSettings

        return cls(
            settings=SearchSettings.model_validate(content["settings"]),
            goals=tuple(Goal(**goal) for goal in content["goals"]),
            **{
                name: content[name]
                for name in ("algorithm_reason", "asked_algorithm", "data", "import_folder")
            },
        )


def name_callbacks(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in which functions stand under the names by which another process imports them.

    Raises:
        RequestInvalid: A function that no other process can import.
    """
    if not any(map(callable, given.values())):
        return dict(given)
    from skillbank.automl.callbacks import reference_of

    return {name: reference_of(v) if callable(v) else v for name, v in given.items()}


def why_not_searchable(spec: Mapping[str, Any]) -> str:
    """Why a train spec cannot be searched here; empty when it can."""
    if find_spec("optuna") is None:
        return f"Optuna is not installed: {_INSTALL}"
    if not isinstance(get_value(spec, EPOCHS_KEY), int):
        return f"its train spec has no {EPOCHS_KEY}"
    return ""


def plan_search(
    skill: Skill, spec: Mapping[str, Any], given: Mapping[str, Any]
) -> tuple[SearchPlan, SearchSpace]:
    """Decide how a spec is searched.

    Args:
        skill: The skill whose train action is searched.
        spec: The complete spec that is tuned.
        given: Settings as the user wrote them.

    Raises:
        SpecInvalid: Settings that cannot be used, or nothing that can be searched.
        RequestInvalid: Metric and direction contradict each other.
    """
    from skillbank.automl.goals import read_goals
    from skillbank.automl.schedulers import full_epochs
    from skillbank.automl.settings import read_search_settings
    from skillbank.automl.space_reading import read_space

    settings = read_search_settings(given)
    metric = skill.info.metric
    goals = read_goals(settings, metric.name, metric.direction.value)
    space = read_space(skill, dict(spec), settings)
    asked = settings.algorithm
    num_epochs = int(get_value(spec, EPOCHS_KEY))
    algorithm, reason = _choose(settings, space, num_epochs, goals)
    max_epochs = full_epochs(settings, num_epochs)
    settings = settings.model_copy(update={"algorithm": algorithm, "max_epochs": max_epochs})
    _check(settings)
    return SearchPlan(settings, goals, reason, asked.value), space


def _choose(
    settings: SearchSettings, space: SearchSpace, epochs: int, goals: tuple[Goal, ...]
) -> tuple[Algorithm, str]:
    from skillbank.automl.proposers import choose_algorithm
    from skillbank.automl.settings import Algorithm

    budget = settings.max_epochs or epochs
    rungs = settings.reduction_factor**2
    if settings.algorithm is not Algorithm.AUTO:
        return choose_algorithm(settings, space)
    if budget >= rungs and len(goals) == 1:
        return Algorithm.ASHA, (
            f"a full training takes {budget} epochs, so weak trials are paused early and the best "
            "promoted (TPE proposals, asha's rungs)"
        )
    return choose_algorithm(settings, space)


def _check(settings: SearchSettings) -> None:
    """Refuse now what would fail when the search has begun."""
    problems = []
    if settings.cost_budget is not None and not settings.cost_per_hour:
        problems.append(
            "automl.cost_budget: a budget in money needs automl.cost_per_hour, the price of one "
            "trial's machine per hour."
        )
    if settings.storage and urlsplit(settings.storage).password:
        problems.append(
            "automl.storage: a password was given in plain text; put the whole URL into a variable "
            "and name that: automl.storage=env:NAME, or a file: automl.storage=file:PATH."
        )
    problems += _wrong_references(settings)
    if problems:
        raise SpecInvalid(problems, "the AutoML settings")
    from skillbank.automl.llm import check_llm_settings

    check_llm_settings(settings)


def _wrong_references(settings: SearchSettings) -> list[str]:
    """What is wrong with the names of callbacks; they are imported when the search begins."""
    from skillbank.automl.callbacks import CallbackKind, check_reference

    problems = []
    for kind in CallbackKind:
        reference = getattr(settings, kind.value)
        try:
            check_reference(reference or "module:function", kind.value)
        except RequestInvalid as error:
            problems.append(str(error))
    return problems
