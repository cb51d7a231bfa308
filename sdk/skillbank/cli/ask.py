"""The command `ask`: plain words are read, shown for review, and with `--run` carried out."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from skillbank.cli.options import Options
from skillbank.cli.output import DONE, WRONG_REQUEST, print_json, print_text
from skillbank.errors import RequestInvalid, SkillbankError
from skillbank.result_documents import answer_document, describe_error

if TYPE_CHECKING:
    from skillbank.client import Client
    from skillbank.words.answer import Answer
    from skillbank.workflow_request import WorkflowRequest


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
    """Read plain words as a plan and show it; --run carries it out."""
    client = options.client()
    answer = client.ask(" ".join(options.words))
    if not answer.outcome.can_run:
        return _refuse(answer, as_json=options.as_json)
    if options.run:
        return _carry_out(client, answer, options)
    return _review(client, answer, as_json=options.as_json)


def _refuse(answer: Answer, *, as_json: bool) -> int:
    """What was understood, why it is not enough, and what to say instead."""
    if as_json:
        print_json(answer_document(answer))
        return WRONG_REQUEST
    _show_steps(answer)
    print_text(f"{answer.outcome.value}: {answer.message}")
    for missing in answer.missing:
        print_text(f"  missing in step {missing.step + 1}: {missing.key}")
    for candidate in answer.candidates:
        print_text(f"  - {candidate}")
    return WRONG_REQUEST


def _review(client: Client, answer: Answer, *, as_json: bool) -> int:
    """Show what would be done, checked as far as it can be; nothing runs."""
    obstacle = _obstacle(client, answer)
    if as_json:
        error = {} if obstacle is None else describe_error(obstacle)
        print_json({**answer_document(answer), **error})
        return DONE if obstacle is None else WRONG_REQUEST
    _show_steps(answer)
    if answer.command is not None:
        print(f"command: {_line(answer)}")
    for note in answer.notes:
        print_text(f"note: {note}")
    if obstacle is not None:
        raise obstacle
    print_text(f"\nnothing runs yet; next: skillbank ask --run {shlex.quote(answer.text)}")
    return DONE


def _obstacle(client: Client, answer: Answer) -> SkillbankError | None:
    """What keeps the plan from being run, None when nothing does."""
    if not answer.workflow:
        return None
    try:
        client.plan_workflow(answer.workflow)
    except SkillbankError as error:
        return error
    return None


def _carry_out(client: Client, answer: Answer, options: AskOptions) -> int:
    from skillbank.cli.app import main
    from skillbank.cli.planning import start_job
    from skillbank.cli.workflow import start_workflow
    from skillbank.workflow_request import WorkflowRequest

    if answer.command is not None:
        if not options.as_json:
            print_text(f"this is '{_line(answer)}'")
        json_option = ["--json"] if options.as_json else []
        return main([answer.command.name, *answer.command.arguments, *json_option,
                     "--root", str(client.root)])  # fmt: skip
    if not options.as_json:
        _show_steps(answer)
    request: WorkflowRequest = WorkflowRequest.from_mapping(answer.workflow)
    if len(request.steps) == 1:
        planned = client.plan_job(request.steps[0].request)
        return start_job(client, planned, as_json=options.as_json, detach=options.detach)
    workflow = client.create_workflow(request)
    return start_workflow(client, workflow, as_json=options.as_json, detach=options.detach)


def _line(answer: Answer) -> str:
    """The command line that the answer stands for."""
    if answer.command is None:
        raise RequestInvalid("ask: the answer is no command.")
    return shlex.join(["skillbank", answer.command.name, *answer.command.arguments])


def _show_steps(answer: Answer) -> None:
    """Each step with its details, and the words that they came from."""
    if not answer.steps:
        return
    for index, step in enumerate(answer.steps):
        words = {o.part: o.words for o in answer.origins}
        print(f"step {index + 1}: {step.action} with {step.skill}")
        for part, value in _details(answer, index):
            said = words.get(f"steps[{index}].{part}")
            shown = value if isinstance(value, str) else json.dumps(value)
            print_text(f"  {part.removeprefix('overrides.')}: {shown}" + (f'   "{said}"' if said else ""))
    print()


def _details(answer: Answer, index: int) -> list[tuple[str, object]]:
    """What is set in a step, in the order in which a reader looks for it."""
    step = answer.steps[index]
    parent = step.parent
    named = None
    if parent is not None:
        named = parent.job or (f"step {parent.step + 1}" if parent.step is not None else None)
        named = named or f"the last {parent.last}"
    single: list[tuple[str, object]] = [
        ("parent", named),
        ("checkpoint", step.checkpoint),
        ("base_checkpoint", step.base_checkpoint),
        ("spec", step.spec),
        ("automl_policy", step.automl_policy.value if step.action == "train" else None),
        ("platform", None if step.platform == "local" else step.platform),
    ]
    details: list[tuple[str, object]] = [(f"data.{role}", root) for role, root in step.data.items()]
    details += [(f"overrides.{key}", value) for key, value in step.overrides.items()]
    details += [(name, value) for name, value in single if value is not None]
    return details + [(f"automl.{key}", value) for key, value in step.automl.items()]
