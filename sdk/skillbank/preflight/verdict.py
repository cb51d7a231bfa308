"""What the launch gate found, and whether the launch may go on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from skillbank.plan import JobPlan
from skillbank.platforms.inspection import Check, CheckState


@dataclass(frozen=True)
class Section:
    """The checks of one platform, or of one job.

    Attributes:
        about: What was checked: `platform local`, or `step 1: SKILL ACTION`.
        checks: What was found, in the order of the gate.
        plan: The job as it would run; None for a platform, or where none could be made.
    """

    about: str
    checks: tuple[Check, ...]
    plan: JobPlan | None = None

    def to_mapping(self) -> dict[str, Any]:
        """The section as JSON shows it; of the plan only what names it."""
        plan = self.plan and {
            "job_id": self.plan.job_id,
            "hash": self.plan.hash,
            "request_hash": self.plan.request_hash,
            "route": self.plan.route.value,
        }
        return {
            "about": self.about,
            "checks": [asdict(check) for check in self.checks],
            "plan": plan,
        }


@dataclass(frozen=True)
class Preflight:
    """The verdict on a launch; nothing was started.

    Attributes:
        sections: The platforms first, then each job in its order.
    """

    sections: tuple[Section, ...]

    @property
    def go(self) -> bool:
        """Tell whether nothing fails; warnings and skipped checks hold nobody up."""
        return not self.count(CheckState.FAIL)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Every check of every section."""
        return tuple(check for section in self.sections for check in section.checks)

    def count(self, state: CheckState) -> int:
        """How many checks ended so."""
        return sum(check.state is state for check in self.checks)

    def to_mapping(self) -> dict[str, Any]:
        """The verdict as JSON shows it."""
        counts = {state.value: self.count(state) for state in CheckState}
        return {
            "go": self.go,
            "counts": counts,
            "sections": [section.to_mapping() for section in self.sections],
        }
