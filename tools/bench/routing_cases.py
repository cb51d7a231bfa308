"""Requests in plain words with the answers that they should get, and how far an answer is off.

A case is what tests/requests/*.yaml hold: a request, what is expected of its answer, and tags. What
a step does not state is expected to be empty, or at its default.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from skillbank.request import LOCAL, AutomlPolicy
from skillbank.route import SEARCHED_ACTION
from skillbank.words.answer import Answer, AskedStep, Outcome

REQUESTS = Path(__file__).resolve().parents[2] / "tests/requests"

# The same in C, ten times as fast, where PyYAML was built with it.
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_CASE_KEYS = {"request", "expect", "tags", "note", "platforms"}
_EXPECT_KEYS = {"outcome", "steps", "command", "missing", "candidates"}
_STEP_KEYS = {
    *("skill", "action", "data", "overrides", "parent", "checkpoint", "base_checkpoint"),
    *("automl_policy", "automl", "platform", "resources", "results", "spec"),
}
_CHANGING = frozenset({"resume", "cancel"})  # commands that do more than show

Step = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One request.

    Attributes:
        file: Stem of the file that holds it.
        request: The words.
        outcomes: Outcomes that are right.
        expect: What is expected besides: `steps`, `command`, `missing`, `candidates`.
        tags: What it is about.
        platforms: Platforms besides this machine that jobs could run on where it was said.
    """

    file: str
    request: str
    outcomes: frozenset[Outcome]
    expect: Mapping[str, Any]
    tags: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()

    @property
    def steps(self) -> list[Step]:
        """The expected steps, without what is at its default."""
        return [_tidy(step) for step in self.expect.get("steps") or []]

    @property
    def is_negative(self) -> bool:
        """Tell whether nothing may be launched."""
        return Outcome.PLAN not in self.outcomes

    @property
    def policies(self) -> list[str]:
        """The expected AutoML policy of every train step."""
        return [] if self.is_negative else policies_of(self.steps)


def read_cases(folder: Path = REQUESTS) -> list[Case]:
    """The cases of every YAML file in a folder, in the order of the files' names.

    Raises:
        ValueError: A file holds something else; names the case.
    """
    return [case for path in sorted(folder.glob("*.yaml")) for case in read_file(path)]


def read_file(path: Path) -> list[Case]:
    """The cases of one YAML file.

    Raises:
        ValueError: It holds something else; names the case.
    """
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)
    return [_read_case(path.stem, index, each) for index, each in enumerate(content)]


def describe_steps(answer: Answer) -> list[Step]:
    """The steps of an answer in the form of the expected ones."""
    return [_describe(step) for step in answer.steps]


def policies_of(steps: Iterable[Step]) -> list[str]:
    """The AutoML policy of every train step."""
    return [step["automl_policy"] for step in steps if step["action"] == SEARCHED_ACTION]


def acts(answer: Answer) -> bool:
    """Tell whether running the answer starts, goes on with or stops a job."""
    command = answer.command
    return answer.outcome is Outcome.PLAN or (command is not None and command.name in _CHANGING)


def differences(case: Case, answer: Answer) -> list[str]:
    """What is not as expected, a line each; none when the answer is exactly right."""
    if answer.outcome not in case.outcomes:
        wanted = " or ".join(sorted(case.outcomes))
        return [f"outcome: wanted {wanted}, got {answer.outcome}"]
    if answer.outcome is Outcome.PLAN:
        return _step_differences(case.steps, describe_steps(answer))
    part = {
        Outcome.COMMAND: "command",
        Outcome.INCOMPLETE: "missing",
        Outcome.AMBIGUOUS: "candidates",
    }.get(answer.outcome)
    if part is None or part not in case.expect:
        return []
    expected, got = [str(value) for value in case.expect[part]], _part(answer, part)
    if part != "command":  # sets, in no order
        expected, got = sorted({*expected}), sorted({*got})
    return [] if expected == got else [f"{part}: wanted {expected}, got {got}"]


def _part(answer: Answer, part: str) -> list[str]:
    if part == "missing":
        return [each.key for each in answer.missing]
    if part == "candidates":
        return [*answer.candidates]
    return [] if answer.command is None else [answer.command.name, *answer.command.arguments]


def _step_differences(wanted: Sequence[Step], got: Sequence[Step]) -> list[str]:
    if len(wanted) != len(got):
        return [f"steps: wanted {_actions(wanted)}, got {_actions(got)}"]
    return [
        f"steps[{index}].{key}: wanted {_shown(want.get(key))}, got {_shown(have.get(key))}"
        for index, (want, have) in enumerate(zip(wanted, got, strict=True))
        for key in sorted({*want, *have})
        if _shown(want.get(key)) != _shown(have.get(key))
    ]


def _actions(steps: Iterable[Step]) -> str:
    return ", ".join(step["action"] for step in steps) or "none"


def _shown(value: object) -> str:
    """A value as JSON, in which 1, 1.0 and true are three different things."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _describe(step: AskedStep) -> Step:
    parent = step.parent
    described = {
        "skill": step.skill,
        "action": step.action,
        "data": dict(step.data),
        "overrides": dict(step.overrides),
        "parent": None
        if parent is None
        else {k: v for k, v in vars(parent).items() if v is not None},
        "checkpoint": step.checkpoint,
        "base_checkpoint": step.base_checkpoint,
        "automl_policy": step.automl_policy.value,
        "automl": dict(step.automl),
        "platform": step.platform,
        "resources": dict(step.resources),
        "results": step.results,
        "spec": step.spec,
    }
    return _tidy(described)


def _tidy(step: Mapping[str, Any]) -> Step:
    """A step without what is empty or at its default; a train step always has its policy."""
    tidy = {key: value for key, value in step.items() if value not in (None, {}, [])}
    if tidy.get("platform") == LOCAL:
        del tidy["platform"]
    policy = tidy.pop("automl_policy", AutomlPolicy.ON.value)
    if step["action"] == SEARCHED_ACTION:
        # YAML 1.1 reads a bare `off` as false.
        tidy["automl_policy"] = {True: "on", False: "off"}.get(policy, policy)
    return tidy


def _read_case(file: str, index: int, content: Mapping[str, Any]) -> Case:
    """A case; a key that nothing reads would make it prove less than it seems to."""
    where = f"{file}.yaml, case {index + 1}"
    unknown = {*content} - _CASE_KEYS | {*content.get("expect", {})} - _EXPECT_KEYS
    for step in content["expect"].get("steps") or []:
        unknown |= {*step} - _STEP_KEYS
    if unknown:
        raise ValueError(f"{where}: no such keys: {sorted(unknown)}")
    expect = dict(content["expect"])
    outcomes = expect.pop("outcome")
    named = outcomes if isinstance(outcomes, list) else [outcomes]
    return Case(
        file,
        content["request"],
        frozenset(Outcome(name) for name in named),
        expect,
        tuple(content.get("tags") or ()),
        tuple(content.get("platforms") or ()),
    )
