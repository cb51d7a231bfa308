"""The plans that an agent was shown: nothing else can be started."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from skillbank.errors import PlanInvalid

PlanT = TypeVar("PlanT")

KEEP_S = 3600.0
"""Seconds for which a shown plan can be started."""
MOST_PLANS = 200
"""Plans that a server remembers, of all agents together; the oldest go first."""


class ShownPlans(Generic[PlanT]):
    """Plans by agent and hash, in memory: what a server forgets is planned again.

    Args:
        tool: Name of the tool that shows them, for errors.
        clock: Seconds that only grow.
    """

    def __init__(self, tool: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._tool = tool
        self._clock = clock
        self._shown: OrderedDict[tuple[str, str], tuple[float, PlanT]] = OrderedDict()
        self._lock = Lock()

    def add(self, agent: str, plan_hash: str, plan: PlanT) -> None:
        """Remember that an agent was shown a plan."""
        with self._lock:
            self._shown[agent, plan_hash] = (self._clock(), plan)
            self._shown.move_to_end((agent, plan_hash))
            while len(self._shown) > MOST_PLANS:
                self._shown.popitem(last=False)

    def get(self, agent: str, plan_hash: str) -> PlanT:
        """The plan of a hash, exactly as it was shown.

        Raises:
            PlanInvalid: The agent was shown none with this hash, or too long ago.
        """
        with self._lock:
            shown_at, plan = self._shown.get((agent, plan_hash), (0.0, None))
        if plan is None:
            raise PlanInvalid(
                f"no plan with the hash {plan_hash[:16]!r} was shown to agent {agent!r} by this "
                f"server; a request that changed in any way has another hash. Call '{self._tool}' "
                "with the whole request, review what it shows, and pass that hash."
            )
        age_s = self._clock() - shown_at
        if age_s > KEEP_S:
            raise PlanInvalid(
                f"the plan {plan_hash[:16]!r} was shown {age_s / 60:.0f} minutes ago, and a shown "
                f"plan can be started for {KEEP_S / 60:.0f}; data or checkpoints may have changed. "
                f"Call '{self._tool}' again and pass the new hash."
            )
        return plan
