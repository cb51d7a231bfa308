"""Commands that ask for a job: `plan` decides and shows, `run` carries out."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skillbank.cli.follow import follow_job
from skillbank.cli.options import Options
from skillbank.cli.output import (
    DONE,
    print_facts,
    print_json,
    print_text,
)
from skillbank.errors import RequestInvalid
from skillbank.result_documents import job_document

if TYPE_CHECKING:
    from skillbank.client import Client
    from skillbank.job import Job
    from skillbank.plan import JobPlan
    from skillbank.request import JobRequest


_EXAMPLES = {
    "--set": "num_epochs=30",
    "--automl-set": "algorithm=asha",
    "--resource": "time_limit=4h",
}


@dataclass(frozen=True, kw_only=True)
class SettingOptions(Options):
    """What the spec, and a search for a better one, are set by."""

    spec: Annotated[
        Path | None,
        typer.Option("-e", "--spec", metavar="FILE", help="Spec file, YAML; may be partial."),
    ] = None
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Spec key to set, such as num_epochs=30; may be repeated.",
        ),
    ] = None
    automl_settings: Annotated[
        list[str] | None,
        typer.Option(
            "--automl-set",
            metavar="KEY=VALUE",
            help="Setting of the search, such as algorithm=asha; may be repeated.",
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class RequestOptions(SettingOptions):
    """Everything of a request but its skill and action."""

    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[ROLE=]FOLDER",
            help="Dataset folder of all roles, or of one: train, val, test; may be repeated.",
        ),
    ] = None
    parent: Annotated[
        str | None, typer.Option(metavar="JOB", help="Job whose results this one builds on.")
    ] = None
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="WHICH", help="Of the parent: best, latest, epoch=N, step=N; or a file."
        ),
    ] = None
    base_checkpoint: Annotated[
        str | None, typer.Option(metavar="FILE", help="Pretrained weights to start from.")
    ] = None
    automl: Annotated[
        str,
        typer.Option(
            metavar="on|off|auto",
            help="Whether a search tunes train; auto is on. Only train is ever searched.",
        ),
    ] = "on"
    platform: Annotated[str, typer.Option(metavar="NAME", help="Where the job runs.")] = "local"
    resources: Annotated[
        list[str] | None,
        typer.Option(
            "--resource",
            metavar="KEY=VALUE",
            help="How it is run, such as time_limit=4h, retries=2; may be repeated.",
        ),
    ] = None
    results: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Copy results there as they come: s3://BUCKET/PREFIX."),
    ] = None
    max_parallel: Annotated[
        int | None, typer.Option(metavar="N", help="Start while fewer than N jobs run here.")
    ] = None
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Asked twice under one key, it runs once.")
    ] = None


@dataclass(frozen=True, kw_only=True)
class PlanOptions(RequestOptions):
    """What `plan` takes."""

    skill: Annotated[str, typer.Argument(metavar="SKILL", help="Name of a skill.")]
    action: Annotated[str, typer.Argument(metavar="ACTION", help="One of its actions.")]


@dataclass(frozen=True, kw_only=True)
class RunOptions(RequestOptions):
    """What `run` takes."""

    skill: Annotated[
        str | None, typer.Argument(metavar="SKILL", help="Name of a skill, if there is no --plan.")
    ] = None
    action: Annotated[str | None, typer.Argument(metavar="ACTION", help="One of its actions.")] = (
        None
    )
    plan: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Carry out what 'plan --json' printed ('-': stdin); the rest is left out.",
        ),
    ] = None
    detach: Annotated[bool, typer.Option("--detach", help="Start the job and return at once.")] = (
        False
    )


def plan(options: PlanOptions) -> int:
    """Show all that a run would do, and run nothing."""
    planned = options.client().plan_job(read_request(options, options.skill, options.action))
    if options.as_json:
        print(planned.to_json(), end="")
    else:
        _show_plan(planned)
    return DONE


def run(options: RunOptions) -> int:
    """Run one action of a skill and follow it to its end."""
    client = options.client()
    planned = _saved_plan(options) if options.plan else client.plan_job(_whole_request(options))
    return start_job(client, planned, as_json=options.as_json, detach=options.detach)


def start_job(client: Client, planned: JobPlan, *, as_json: bool, detach: bool) -> int:
    """Submit a plan and follow its job to the end, unless it is to run on by itself."""
    job = client.submit(planned)
    if not as_json:
        _announce(planned, job)
    was_over = job.state.is_failure  # an earlier job of the same idempotency key
    if not detach or (was_over and not as_json):
        return follow_job(client, job, as_json=as_json)
    if as_json:
        print_json(job_document(job))
    else:
        print(f"next: skillbank wait {job.id}")
    return DONE


def _whole_request(options: RunOptions) -> JobRequest:
    if options.skill is None or options.action is None:
        raise RequestInvalid(
            "run: SKILL and ACTION are missing, and no --plan stands for them. "
            "List the skills with 'skillbank skills'."
        )
    return read_request(options, options.skill, options.action)


def read_request(options: RequestOptions, skill: str, action: str) -> JobRequest:
    """The request that a command line's options make."""
    from skillbank.request import AutomlPolicy, JobRequest
    from skillbank.spec_file import read_spec_file

    return JobRequest(
        skill=skill,
        action=action,
        spec=read_spec_file(options.spec) if options.spec else {},
        overrides=read_assignments(options.overrides or [], "--set"),
        data=_read_data(options.data or []),
        parent_job_id=options.parent,
        checkpoint=options.checkpoint,
        base_checkpoint=options.base_checkpoint,
        automl_policy=AutomlPolicy.parse(options.automl),
        platform=options.platform,
        idempotency_key=options.idempotency_key,
        automl=read_assignments(options.automl_settings or [], "--automl-set"),
        resources=_read_resources(options),
        results=options.results,
    )


def _read_resources(options: RequestOptions) -> dict[str, object]:
    given = read_assignments(options.resources or [], "--resource")
    alone = {} if options.max_parallel is None else {"max_parallel": options.max_parallel}
    if alone and "max_parallel" in given:
        raise RequestInvalid(
            "--max-parallel is given, and --resource max_parallel too; give one of them."
        )
    return {**given, **alone}


def read_assignments(pairs: list[str], option: str) -> dict[str, object]:
    """Values that were given as KEY=VALUE, each read as YAML.

    Args:
        pairs: What was given.
        option: The option that they were given with, for errors.

    Raises:
        RequestInvalid: One is no such pair.
    """
    from skillbank.documents import parse_yaml

    example = _EXAMPLES[option]
    values = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise RequestInvalid(
                f"{option} {pair!r}: expected KEY=VALUE, such as {option} {example}."
            )
        try:
            values[key.strip()] = parse_yaml(value, pair, error=RequestInvalid)
        except RequestInvalid as error:
            raise RequestInvalid(
                f"{option} {pair!r}: the value is not YAML; close its brackets, or quote it as "
                f"text: {option} {key}='\"...\"'."
            ) from error
    return values


def _read_data(given: list[str]) -> dict[str, str]:
    """Role -> folder.

    Raises:
        RequestInvalid: A role is given two folders.
    """
    folders: dict[str, str] = {}
    for role, folder in map(_role_and_folder, given):
        if folders.setdefault(role, folder) != folder:
            raise RequestInvalid(
                f"--data: {role} is given twice, {folders[role]!r} and {folder!r}; expected one "
                "folder per role, such as --data train=FOLDER --data val=FOLDER."
            )
    return folders


def _role_and_folder(text: str) -> tuple[str, str]:
    """Read `train=FOLDER`; a folder alone serves every role, also one with a `=` in its path."""
    role, equals, folder = text.partition("=")
    return (role, folder) if equals and role.isidentifier() else ("all", text)


def _saved_plan(options: RunOptions) -> JobPlan:
    from skillbank.plan import JobPlan

    whole = {"plan", "detach", *(field.name for field in fields(Options))}
    given = [f.name for f in fields(options) if getattr(options, f.name) != f.default]
    others = ", ".join(_flag(name) for name in given if name not in whole)
    if others:
        raise RequestInvalid(
            f"run --plan: the plan holds the whole request; leave out {others}, "
            "or make a new plan with 'skillbank plan'."
        )
    return JobPlan.from_json(_read_plan(str(options.plan)))


def _flag(name: str) -> str:
    """How the user wrote an option."""
    flags = {
        "skill": "SKILL",
        "action": "ACTION",
        "overrides": "--set",
        "automl_settings": "--automl-set",
        "resources": "--resource",
    }
    return flags.get(name, f"--{name.replace('_', '-')}")


def _read_plan(name: str) -> str:
    if name == "-":
        return sys.stdin.read()
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestInvalid(
            f"--plan {name}: cannot be read: {_reason(error)}. "
            "Make one with 'skillbank plan SKILL ACTION --json > plan.json'."
        ) from error


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return str(error.strerror) if isinstance(error, OSError) else "it is no text"


def _show_plan(planned: JobPlan) -> None:
    from skillbank.spec_keys import get_value

    print(f"{planned.skill} {planned.action}, nothing runs yet\n")
    facts = [
        ("route", f"{planned.route.value}: {planned.reason}"),
        ("runs on", f"{planned.platform}, {planned.num_gpus} GPUs"),
        ("resources", ", ".join(f"{key}={value}" for key, value in planned.resources.items())),
        ("job folder", str(planned.folder)),
        ("results to", planned.results_uri),
        ("parent", planned.parent_job_id),
        ("checkpoint", planned.checkpoint_reason),
        *_search_facts(planned),
        *(("note", note) for note in planned.notes),
        ("command", shlex.join(["python", *planned.command()])),
    ]
    print_facts((name, value) for name, value in facts if value)
    print("\nkeys that are not as in the template:")
    for key, origin in planned.origins.items():
        print(f"  {key}: {_show_value(get_value(planned.spec, key))}  # {origin}")
    print("\nnext: the same line with 'run' for 'plan', or keep it: --json > plan.json")


def _search_facts(planned: JobPlan) -> list[tuple[str, str]]:
    """What a search is going to do, in a few lines."""
    if not planned.search:
        return []
    settings = planned.search["settings"]
    goals = planned.search["goals"]
    told = (f"{'minimize' if g['minimize'] else 'maximize'} {g['metric']}" for g in goals)
    return [
        ("search", f"{settings['algorithm']}: {planned.search['algorithm_reason']}"),
        ("goal", ", ".join(told)),
        (
            "budget",
            f"{settings['max_recommendations']} recommendations of at most "
            f"{settings['max_epochs']} epochs, seed {settings['seed']}",
        ),
        ("space", f"skillbank automl space {planned.skill}"),
    ]


def _show_value(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)


def _announce(planned: JobPlan, job: Job) -> None:
    print(f"job {job.id}: {job.skill} {job.action} on {job.platform}")
    print_text(f"route: {planned.reason}")
    for note in planned.notes:
        print_text(f"note: {note}")
