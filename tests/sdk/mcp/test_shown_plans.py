"""Only a plan that was shown, to this agent, not long ago, can be started."""

from __future__ import annotations

import pytest

from skillbank.errors import PlanInvalid
from skillbank.mcp import shown_plans
from skillbank.mcp.shown_plans import ShownPlans


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def plans(clock: Clock) -> ShownPlans[str]:
    plans: ShownPlans[str] = ShownPlans("plan", clock)
    plans.add("ann", "a" * 64, "the plan")
    return plans


def test_a_shown_plan_is_found_until_its_time_is_up(plans: ShownPlans[str], clock: Clock) -> None:
    clock.now = shown_plans.KEEP_S

    assert plans.get("ann", "a" * 64) == "the plan"


def test_an_old_plan_is_refused_and_told_to_be_planned_again(
    plans: ShownPlans[str], clock: Clock
) -> None:
    clock.now = shown_plans.KEEP_S + 60

    with pytest.raises(PlanInvalid, match=r"shown 61 minutes ago.* for 60;.*Call 'plan' again"):
        plans.get("ann", "a" * 64)


@pytest.mark.parametrize(
    ("agent", "plan_hash"), [("ann", "b" * 64), ("ann", "a" * 63), ("ann", ""), ("bob", "a" * 64)]
)
def test_no_other_hash_and_no_other_agent_gets_it(
    plans: ShownPlans[str], agent: str, plan_hash: str
) -> None:
    with pytest.raises(PlanInvalid, match=f"shown to agent '{agent}' by this server.*Call 'plan'"):
        plans.get(agent, plan_hash)


def test_the_oldest_plans_are_forgotten_when_there_are_too_many(
    plans: ShownPlans[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown_plans, "MOST_PLANS", 2)

    plans.add("ann", "b" * 64, "second")
    plans.add("ann", "c" * 64, "third")

    assert plans.get("ann", "b" * 64) == "second"
    with pytest.raises(PlanInvalid):
        plans.get("ann", "a" * 64)
