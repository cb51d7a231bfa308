"""Several wanted jobs, each with the one whose results it builds on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Any

from skillbank.errors import RequestInvalid, SpecInvalid, did_you_mean
from skillbank.request import AutomlPolicy, JobRequest
from skillbank.spec_file import read_spec_file
from skillbank.spec_keys import plain

_EXPECTED = "a list of {skill, action, ...}"


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
    """The steps of a workflow: each runs as soon as the step that it builds on is complete.

    Attributes:
        steps: The wanted jobs; a step stands after its parent.
        name: What the workflow is called in listings.
    """

    steps: tuple[WorkflowStep, ...]
    name: str = ""

    def __post_init__(self) -> None:
        """Check the links between the steps.

        Raises:
            RequestInvalid: There is no step.
            SpecInvalid: A parent is no earlier step, or is named twice; every one is listed.
        """
        if not self.steps:
            raise RequestInvalid(f"steps: found none, expected {_EXPECTED} with at least one.")
        problems = [
            problem
            for index, step in enumerate(self.steps)
            for problem in [_link_problem(index, step)]
            if problem
        ]
        if problems:
            raise SpecInvalid(problems, "the workflow")

    @property
    def hash(self) -> str:
        """SHA-256 of what is wanted: of everything but the name."""
        content = {"steps": self.to_mapping()["steps"]}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def to_mapping(self) -> dict[str, Any]:
        """The request as JSON and YAML hold it; values left at their default are not listed."""
        steps = [_step_mapping(step) for step in self.steps]
        return {**({"name": self.name} if self.name else {}), "steps": steps}

    @classmethod
    def from_mapping(cls, content: Mapping[str, Any]) -> WorkflowRequest:
        """Read what `to_mapping` writes, and what people write.

        A step's `spec` may be the path of a spec file, and its `parent` the action of an earlier
        step, where only one step has that action.

        Raises:
            RequestInvalid: There is no list of steps.
            SpecInvalid: A step is no mapping, has an unknown key, lacks skill or action, or builds
                on no earlier step; every problem of every step is listed.
        """
        if not isinstance(content, Mapping):
            raise RequestInvalid(f"found {_shown(content)}, expected 'steps:' with {_EXPECTED}.")
        steps = content.get("steps")
        if not isinstance(steps, Sequence) or isinstance(steps, str):
            raise RequestInvalid(f"steps: found {_shown(steps)}, expected {_EXPECTED}.")
        problems = [
            f"{key}: no such key; {did_you_mean(str(key), ('name', 'steps'))}"
            for key in content
            if key not in ("name", "steps")
        ]
        read = []
        for index, step in enumerate(steps):
            try:
                read.append(_read_step(index, step, steps[:index]))
            except SpecInvalid as error:
                problems += error.problems
        if problems:
            raise SpecInvalid(problems, "the workflow")
        return cls(tuple(read), str(content.get("name") or ""))

    @classmethod
    def from_file(cls, path: Path) -> WorkflowRequest:
        """Read a YAML or JSON file; paths in it count from the working directory.

        Raises:
            RequestInvalid: There is no such file, or it holds no workflow.
            SpecInvalid: It is not YAML, holds a key twice, or a step is wrong.
        """
        if not path.is_file():
            raise RequestInvalid(
                f"{path}: no such workflow file; expected YAML with 'steps:', {_EXPECTED}."
            )
        what = f"the workflow {path}"
        try:
            return cls.from_mapping(read_spec_file(path))
        except SpecInvalid as error:
            raise SpecInvalid(error.problems, what) from error
        except RequestInvalid as error:
            raise RequestInvalid(f"{path}: {error}") from error


def _link_problem(index: int, step: WorkflowStep) -> str:
    """What is wrong with the parent of a step; empty when nothing is."""
    if step.parent is None:
        return ""
    if not 0 <= step.parent < index:
        return _no_earlier_step(index, step.parent)
    if step.request.parent_job_id is not None:
        return (
            f"steps[{index}]: both parent {step.parent!r} and parent_job_id "
            f"{step.request.parent_job_id!r} are given; leave one out."
        )
    return ""


def _no_earlier_step(index: int, found: object) -> str:
    earlier = f"0 to {index - 1}" if index else "none: the first step has no earlier one"
    return (
        f"steps[{index}].parent: found {found!r}, expected the index of an earlier step "
        f"({earlier}), or parent_job_id for a job that exists."
    )


def _step_mapping(step: WorkflowStep) -> dict[str, Any]:
    kept: dict[str, Any] = plain(
        {
            each.name: str(value) if isinstance(value, AutomlPolicy) else value
            for each in fields(JobRequest)
            if (value := getattr(step.request, each.name)) != _default(each)
        }
    )
    return kept if step.parent is None else {**kept, "parent": step.parent}


def _default(each: Field[Any]) -> object:
    return each.default if each.default_factory is MISSING else each.default_factory()


def _read_step(index: int, step: object, earlier: Sequence[object]) -> WorkflowStep:
    """One step.

    Raises:
        SpecInvalid: It is wrong; every problem is listed.
    """
    where = f"steps[{index}]"
    if not isinstance(step, Mapping):
        raise SpecInvalid([f"{where}: found {_shown(step)}, expected {{skill, action, ...}}."])
    problems = [*_key_problems(where, step)]
    parent: int | None = None
    wanted = {str(key): value for key, value in step.items() if key != "parent"}
    try:
        parent = _read_parent(index, step.get("parent"), earlier)
        if isinstance(wanted.get("spec"), str):
            wanted["spec"] = read_spec_file(Path(wanted["spec"]).expanduser())
        request = None if problems else JobRequest(**wanted)
    except SpecInvalid as error:
        problems += [f"{where}.spec: {problem}" for problem in error.problems]
    except RequestInvalid as error:
        told = str(error)
        problems.append(told if told.startswith(where) else f"{where}: {told}")
    if problems or request is None:
        raise SpecInvalid(problems)
    return WorkflowStep(request, parent)


def _key_problems(where: str, step: Mapping[Any, object]) -> list[str]:
    names = [each.name for each in fields(JobRequest)]
    known = [*names, "parent"]
    problems = [
        f"{where}.{key}: no such key; {did_you_mean(str(key), known)}"
        for key in step
        if key not in known
    ]
    for key in ("skill", "action"):
        if key not in step:
            problems.append(f"{where}.{key}: a value is required, none was given.")
    texts = ("skill", "action", "parent_job_id", "platform", "idempotency_key")
    return problems + [
        f"{where}.{key}: found {_shown(step[key])}, expected text."
        for key in texts
        if step.get(key, "") is not None and not isinstance(step.get(key, ""), str)
    ]


def _read_parent(index: int, parent: object, earlier: Sequence[object]) -> int | None:
    if parent is None:
        return None
    if isinstance(parent, int) and not isinstance(parent, bool) and 0 <= parent < index:
        return parent
    actions = [step.get("action") if isinstance(step, Mapping) else None for step in earlier]
    if not isinstance(parent, str) or parent not in actions:
        raise RequestInvalid(_no_earlier_step(index, parent))
    if actions.count(parent) > 1:
        raise RequestInvalid(
            f"steps[{index}].parent: {actions.count(parent)} earlier steps are of {parent!r}; "
            "name the one that is meant by its index, counted from 0."
        )
    return actions.index(parent)


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value)
