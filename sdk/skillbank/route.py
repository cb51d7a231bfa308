"""Decide between plain training and AutoML, and say why."""

from __future__ import annotations

from skillbank.plan import Route
from skillbank.request import AutomlPolicy
from skillbank.skill import Skill

SEARCHED_ACTION = "train"
CANNOT_SEARCH_YET = (
    "AutoML is planned, but cannot be run yet in this version. Train directly with --automl off "
    '(in Python: automl_policy="off").'
)


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
        return Route.DIRECT, (
            f"AutoML is enabled but not runnable: the {missing} of {SEARCHED_ACTION} is not "
            "packaged; training directly."
        )
    return Route.AUTOML, f"AutoML is on for this run and {skill.name} enables it."
