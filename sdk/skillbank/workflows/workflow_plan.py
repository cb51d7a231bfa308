"""A workflow, decided as far as it can be before anything runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skillbank.errors import PlanInvalid, RequestInvalid
from skillbank.plan import JobPlan, Route
from skillbank.workflow_request import WorkflowRequest, WorkflowStep

_KEYS = ("workflow_id", "folder", "working_folder", "request", "steps", "idempotency_key")


@dataclass(frozen=True)
class PlannedStep:
    """One step, as far as it is decided.

    Attributes:
        route: Who does the work.
        reason: Why this route, in a sentence that can be shown.
        num_gpus: GPUs that its job holds while it runs; 0 on the CPU.
        notes: What the user should know.
        plan: Its job in full, which is submitted as it is; None where it depends on what an
            earlier step leaves, and is planned when that is complete.
    """

    route: Route
    reason: str
    num_gpus: int
    notes: tuple[str, ...] = ()
    plan: JobPlan | None = None

    def to_mapping(self) -> dict[str, Any]:
        """The step as JSON holds it."""
        plan = None if self.plan is None else json.loads(self.plan.to_json())
        return {
            "route": self.route.value,
            "reason": self.reason,
            "num_gpus": self.num_gpus,
            "notes": list(self.notes),
            "plan": plan,
        }

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> PlannedStep:
        """Read what `to_mapping` writes.

        Raises:
            PlanInvalid: The plan of its job was changed.
        """
        plan = content["plan"]
        return cls(
            Route(content["route"]),
            content["reason"],
            content["num_gpus"],
            tuple(content["notes"]),
            None if plan is None else JobPlan.from_json(json.dumps(plan)),
        )


@dataclass(frozen=True)
class WorkflowPlan:
    """Everything about a workflow that is decided before anything runs.

    Attributes:
        workflow_id: Id that the workflow will have.
        folder: Its own folder, absolute.
        working_folder: Where relative paths of the request count from.
        request: What is wanted.
        steps: One per step of the request.
        idempotency_key: A second workflow under the same key is the first one.
    """

    workflow_id: str
    folder: Path
    working_folder: Path
    request: WorkflowRequest
    steps: tuple[PlannedStep, ...]
    idempotency_key: str | None = None

    @property
    def hash(self) -> str:
        """SHA-256 over everything else in the plan."""
        text = json.dumps(
            self._content(), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        )
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def wanted(self) -> tuple[WorkflowStep, ...]:
        """The steps of the request."""
        return self.request.steps

    def key_of(self, index: int) -> str:
        """Idempotency key of a step's job: asked for twice, it is started once."""
        return step_key(self.workflow_id, index)

    def to_json(self) -> str:
        """The plan as JSON that `from_json` takes back, with its hash."""
        return json.dumps({**self._content(), "hash": self.hash}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> WorkflowPlan:
        """Read a saved plan.

        Raises:
            PlanInvalid: It is not a plan of a workflow, or it was changed after it was made.
        """
        try:
            content = json.loads(text)
            claimed = content["hash"]
            plan = cls(
                content["workflow_id"],
                Path(content["folder"]),
                Path(content["working_folder"]),
                WorkflowRequest.from_mapping(content["request"]),
                tuple(PlannedStep.from_mapping(step) for step in content["steps"]),
                content["idempotency_key"],
            )
        except PlanInvalid:
            raise  # of a step's job, which says what was changed
        except (ValueError, KeyError, TypeError, AttributeError, RequestInvalid) as error:
            found = _what_is_wrong(error)
            raise PlanInvalid(
                f"this is not a saved plan of a workflow ({found}); expected JSON with the keys "
                f"{', '.join(_KEYS)}, hash. Make one with "
                "'skillbank workflow plan FILE --json > plan.json'."
            ) from error
        if plan.hash != claimed or len(plan.steps) != len(plan.wanted):
            raise PlanInvalid(
                f"the plan of workflow {plan.workflow_id} was changed after it was made: its "
                f"content hashes to {plan.hash[:12]}, it claims {str(claimed)[:12]}. Make a new "
                "one with 'skillbank workflow plan'."
            )
        return plan

    def _content(self) -> dict[str, Any]:
        return {
            "workflow_id": self.workflow_id,
            "folder": str(self.folder),
            "working_folder": str(self.working_folder),
            "request": self.request.to_mapping(),
            "steps": [step.to_mapping() for step in self.steps],
            "idempotency_key": self.idempotency_key,
        }


def _what_is_wrong(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return "it is no JSON"
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def step_key(workflow_id: str, index: int) -> str:
    """Idempotency key of a step's job."""
    return f"{workflow_id}/{index}"
