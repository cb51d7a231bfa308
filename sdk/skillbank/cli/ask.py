"""The command `ask`: plain words are read, shown for review, and with `--run` carried out."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from skillbank.cli.options import Options
from skillbank.cli.output import (
    DONE,
    WRONG_REQUEST,
    print_aside,
    print_error,
    print_json,
    print_text,
)
from skillbank.errors import RequestInvalid, SkillbankError, SpecInvalid
from skillbank.result_documents import SEARCHED_ACTION, answer_document, describe_error

if TYPE_CHECKING:
    from skillbank.client import Client
    from skillbank.words.answer import Answer, AskedStep, Command


@dataclass(frozen=True, kw_only=True)
class AskOptions(Options):
    """What `ask` takes."""

    words: Annotated[
        list[str], typer.Argument(metavar="WORDS", help="What is wanted, in plain words.")
    ]
    run: Annotated[bool, typer.Option("--run", help="Carry it out; without, only show it.")] = False
    detach: Annotated[
        bool, typer.Option("--detach", help="With --run: start it and return at once.")
    ] = False


def ask(options: AskOptions) -> int:
    """Read plain words as a plan; --run carries it out."""
    if options.detach and not options.run:
        raise RequestInvalid("ask --detach: nothing is started without --run; add it.")
    client = options.client()
    answer = client.ask(" ".join(options.words))
    if not answer.outcome.can_run:
        return _refuse(answer, as_json=options.as_json)
    if not options.run:
        return _review(client, answer, as_json=options.as_json)
    if answer.command is not None:
        return _carry_out_command(client, answer, answer.command, options)
    return _carry_out_steps(client, answer, options)


def _refuse(answer: Answer, *, as_json: bool) -> int:
    """What was understood, why it is not enough, and what to say instead."""
    if as_json:
        print_json(answer_document(answer))
        return WRONG_REQUEST
    _show_steps(answer)
    if answer.steps:
        print()
    print_aside(f"{answer.outcome.value}: {answer.message}")
    keys = [f"{one.key} of step {one.step}" for one in answer.missing if answer.steps]
    if keys:
        print_aside(f"  to be given: {', '.join(keys)}")
    for candidate in answer.candidates:
        if candidate not in answer.message:
            print_aside(f"  - {candidate}")
    return WRONG_REQUEST


def _review(client: Client, answer: Answer, *, as_json: bool) -> int:
    """Show what would be done, checked as far as it can be; nothing runs."""
    obstacle = _obstacle(client, answer)
    status = DONE if obstacle is None else WRONG_REQUEST
    if as_json:
        if obstacle is not None:
            print_error(str(obstacle))
        error = {} if obstacle is None else describe_error(obstacle)
        print_json({**answer_document(answer), **error})
        return status
    _show_steps(answer)
    if answer.command is not None:
        print(f"command: {_line(answer.command)}")
    _show_notes(answer)
    print()
    if obstacle is not None:
        print_error(_tell(obstacle, answer))
        return status
    print(f"nothing runs yet; next: skillbank ask --run {shlex.quote(answer.text)}")
    return status


def _obstacle(client: Client, answer: Answer) -> SkillbankError | None:
    """What keeps the plan from being run, None when nothing does."""
    if not answer.workflow:
        return None
    try:
        client.plan_workflow(answer.workflow)
    except SkillbankError as error:
        return error
    return None


def _tell(obstacle: SkillbankError, answer: Answer) -> str:
    """An obstacle in the words of a job, where there is but one step."""
    if len(answer.steps) > 1 or not isinstance(obstacle, SpecInvalid):
        return str(obstacle)
    problems = [problem.removeprefix("steps[0]: ") for problem in obstacle.problems]
    return problems[0] if len(problems) == 1 else str(SpecInvalid(problems, "this"))


def _carry_out_command(
    client: Client, answer: Answer, command: Command, options: AskOptions
) -> int:
    """Run the command line that the words stand for; its exit status is this one's."""
    from skillbank.cli.app import main

    if not options.as_json:
        print(f"this is '{_line(command)}'")
        _show_notes(answer)
    shared = ["--root", str(client.root), *(["--json"] if options.as_json else [])]
    detached = ["--detach"] if options.detach and command.name == "resume" else []
    return main([command.name, *command.arguments, *detached, *shared])


def _carry_out_steps(client: Client, answer: Answer, options: AskOptions) -> int:
    """One step is a job, several are a workflow."""
    from skillbank.cli.planning import start_job
    from skillbank.cli.workflow import start_workflow
    from skillbank.workflow_request import WorkflowRequest

    request = WorkflowRequest.from_mapping(answer.workflow)
    if not options.as_json:
        _show_steps(answer)
        _show_notes(answer)
        print()
    if len(request.steps) == 1:
        planned = client.plan_job(request.steps[0].request)
        return start_job(client, planned, as_json=options.as_json, detach=options.detach)
    workflow = client.create_workflow(request)
    return start_workflow(client, workflow, as_json=options.as_json, detach=options.detach)


def _show_notes(answer: Answer) -> None:
    for note in answer.notes:
        print_text(f"note: {note}")


def _line(command: Command) -> str:
    """The command line that words stand for."""
    return shlex.join(["skillbank", command.name, *command.arguments])


def _show_steps(answer: Answer) -> None:
    """Each step with its details in columns, and the words that they came from."""
    words = {origin.part: " ".join(origin.words.split()) for origin in answer.origins}
    for index, step in enumerate(answer.steps):
        print(f"step {index}: {step.action} with {step.skill}")
        rows = [
            (part.removeprefix("overrides."), value, words.get(f"steps[{index}].{part}", ""))
            for part, value in _details(step, _asked(answer, index))
        ]
        names = max((len(row[0]) for row in rows), default=0)
        values = max((len(row[1]) for row in rows), default=0)
        for name, value, said in rows:
            quoted = f'"{said}"' if said and said != value else ""
            print(f"  {name:{names}}  {value:{values}}  {quoted}".rstrip())


def _asked(answer: Answer, index: int) -> dict[str, object]:
    """A step as it is requested: with the job and the weights that were meant."""
    steps = answer.workflow.get("steps", ())
    return dict(steps[index]) if index < len(steps) else {}


def _details(step: AskedStep, asked: dict[str, object]) -> Iterator[tuple[str, str]]:
    """What is set in a step, in the order in which a reader looks for it."""
    for role, root in step.data.items():
        yield f"data.{role}", root
    for key, value in step.overrides.items():
        yield f"overrides.{key}", _shown(value)
    is_train = step.action == SEARCHED_ACTION
    single = {
        "parent": _parent(step, asked),
        "checkpoint": step.checkpoint,
        "base_checkpoint": asked.get("base_checkpoint", step.base_checkpoint),
        "spec": step.spec,
        "automl_policy": step.automl_policy.value if is_train else None,
        "platform": None if step.platform == "local" else step.platform,
        "results": step.results,
    }
    for name, value in single.items():
        if value is not None:
            yield name, _shown(value)
    for key, value in step.resources.items():
        yield f"resources.{key}", _shown(value)
    for key, value in step.automl.items():
        yield f"automl.{key}", _shown(value)


def _parent(step: AskedStep, asked: dict[str, object]) -> str | None:
    """The parent as it was said, and the job that this is."""
    parent = step.parent
    if parent is None:
        return None
    if parent.step is not None:
        return f"step {parent.step}"
    job = asked.get("parent_job_id")
    if parent.last is None:
        return str(job or parent.job)
    last = f"the last {parent.last} job"
    return f"{job}, {last}" if job else last


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
