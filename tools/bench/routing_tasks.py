"""Routing tasks of skills (`skills/*/evals/evals.json`), held against what words are read as.

Those of skills that train a model are used: they state the part of a plan that matters. Tasks of
skills that only guide their reader are for agents, who know more than one sentence says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.routing_cases import Step, describe_steps
from skillbank.bank import SkillBank
from skillbank.skill import Skill
from skillbank.words.answer import Answer, Outcome

_PARTIAL = frozenset({"overrides", "automl"})  # a step may have more of these than is stated


@dataclass(frozen=True)
class Task:
    """One routing task.

    Attributes:
        skill: Skill that it stands with.
        request: The words.
        action: Action that is wanted; None: the skill is not to be used.
        expect: What is stated of the plan.
    """

    skill: str
    request: str
    action: str | None
    expect: Mapping[str, Any]


def read_tasks(bank: SkillBank) -> list[Task]:
    """The tasks of every skill that has actions of its own."""
    return [
        task for skill in bank if skill.has_info and skill.info.actions for task in _tasks_of(skill)
    ]


def is_met(task: Task, answer: Answer) -> bool:
    """Tell whether everything that a task states is so; what it does not state is free."""
    own = [step for step in describe_steps(answer) if step["skill"] == task.skill]
    if task.action is None:
        return answer.outcome is not Outcome.PLAN or not own
    if "resume" in task.expect:
        command = answer.command
        return command is not None and (command.name, *command.arguments) == (
            "resume",
            task.expect["resume"],
        )
    return any(step["action"] == task.action and _is_stated(step, task.expect) for step in own)


def _tasks_of(skill: Skill) -> Iterator[Task]:
    path = skill.folder / "evals/evals.json"
    if not path.is_file():
        return
    for content in json.loads(path.read_text(encoding="utf-8"))["tasks"]:
        action = content["action"] if content["use"] else None
        yield Task(skill.name, content["request"], action, content.get("expect", {}))


def _is_stated(step: Step, expect: Mapping[str, Any]) -> bool:
    return all(_has(step, key, value) for key, value in expect.items())


def _has(step: Step, key: str, value: object) -> bool:
    found = step.get("parent", {}).get("job") if key == "parent_job_id" else step.get(key)
    if key in _PARTIAL and isinstance(value, Mapping):
        return isinstance(found, dict) and found.items() >= value.items()
    return bool(found == value)
