"""Several wanted jobs, each with the one whose results it builds on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from skillbank.errors import RequestInvalid
from skillbank.request import JobRequest
from skillbank.spec_keys import plain


@dataclass(frozen=True)
class WorkflowStep:
    """One job of a workflow.

    Attributes:
        request: What is wanted; `parent_job_id` only names a job that exists already.
        parent: Index of the earlier step whose job is this one's parent; None: the request's own
            `parent_job_id`, if any.
    """

    request: JobRequest
    parent: int | None = None


@dataclass(frozen=True)
class WorkflowRequest:
    """The steps of a workflow, in the order in which they run."""

    steps: tuple[WorkflowStep, ...]

    def __post_init__(self) -> None:
        """Check the links between the steps.

        Raises:
            RequestInvalid: There is no step, or a parent is no earlier step, or is named twice.
        """
        if not self.steps:
            raise RequestInvalid("steps: found none, expected at least one {skill, action}.")
        for index, step in enumerate(self.steps):
            if step.parent is None:
                continue
            if not 0 <= step.parent < index:
                earlier = (
                    f"0 to {index - 1}" if index else "none: the first step has no earlier one"
                )
                raise RequestInvalid(
                    f"steps[{index}].parent: found {step.parent!r}, expected the index of an "
                    f"earlier step ({earlier}), or parent_job_id for a job that exists."
                )
            if step.request.parent_job_id is not None:
                raise RequestInvalid(
                    f"steps[{index}]: both parent {step.parent!r} and parent_job_id "
                    f"{step.request.parent_job_id!r} are given; leave one out."
                )

    def to_mapping(self) -> dict[str, Any]:
        """The request as JSON and YAML hold it; values left at their default are not listed."""
        return {"steps": [_step_mapping(step) for step in self.steps]}

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> WorkflowRequest:
        """Read what `to_mapping` writes.

        Raises:
            RequestInvalid: A step is no mapping, or has an unknown key, or lacks skill or action.
        """
        steps = content.get("steps")
        if not isinstance(steps, Sequence) or isinstance(steps, str):
            raise RequestInvalid(f"steps: found {steps!r}, expected a list of {{skill, action}}.")
        return cls(tuple(_read_step(index, step) for index, step in enumerate(steps)))


def _step_mapping(step: WorkflowStep) -> dict[str, Any]:
    kept: dict[str, Any] = plain(
        {
            name: value
            for name, value in asdict(step.request).items()
            if name in ("skill", "action") or value not in (None, {})
        }
    )
    return kept if step.parent is None else {**kept, "parent": step.parent}


def _read_step(index: int, step: object) -> WorkflowStep:
    if not isinstance(step, Mapping):
        raise RequestInvalid(f"steps[{index}]: found {step!r}, expected {{skill, action, ...}}.")
    known = [field.name for field in fields(JobRequest)]
    unknown = [key for key in step if key not in (*known, "parent")]
    missing = [key for key in ("skill", "action") if key not in step]
    if unknown or missing:
        what = [f"no key is named {key!r}" for key in unknown]
        what += [f"{key} is missing" for key in missing]
        raise RequestInvalid(
            f"steps[{index}]: {'; '.join(what)}. Expected skill and action, and any of: parent, "
            f"{', '.join(known[2:])}."
        )
    parent = step.get("parent")
    if parent is not None and (not isinstance(parent, int) or isinstance(parent, bool)):
        raise RequestInvalid(
            f"steps[{index}].parent: found {parent!r}, expected the index of an earlier step."
        )
    wanted = {key: value for key, value in step.items() if key != "parent"}
    return WorkflowStep(JobRequest(**wanted), parent)
