"""Decide between plain training and AutoML, and say why."""

from __future__ import annotations

from skillbank.plan import Route
from skillbank.request import AutomlPolicy
from skillbank.skill import Skill

SEARCHED_ACTION = "train"
EVALUATION = "evaluate"  # what a search measures its best checkpoint with
SEARCH_SKILL = "tao-run-automl"


def choose_route(skill: Skill, action: str, policy: AutomlPolicy) -> tuple[Route, str]:
    """Who does the work, and why, in a sentence that can be shown.

    The policy is that of one run; the skill's own metadata never change.
    """
    if action != SEARCHED_ACTION:
        return Route.DIRECT, f"{action} runs directly: only {SEARCHED_ACTION} is ever searched."
    if policy is AutomlPolicy.OFF:
        return Route.DIRECT, "AutoML is off for this run."
    if not skill.info.automl_enabled:
        return Route.DIRECT, f"{skill.name} does not enable AutoML."
    if not skill.can_automl():
        packaged = {
            "schema": skill.has_schema(SEARCHED_ACTION),
            "spec template": skill.has_template(SEARCHED_ACTION),
        }
        missing = " and ".join(name for name, is_there in packaged.items() if not is_there)
        return train_directly(f"the {missing} of {SEARCHED_ACTION} is not packaged")
    return Route.AUTOML, (
        f"AutoML is on for this run and {skill.name} enables it: {SEARCHED_ACTION} runs through "
        f"{SEARCH_SKILL}."
    )


def train_directly(obstacle: str) -> tuple[Route, str]:
    """The route when a search was wanted and cannot run."""
    return Route.DIRECT, f"AutoML is enabled but not runnable: {obstacle}; training directly."
