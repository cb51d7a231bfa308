"""The command `preflight`: the launch gate, before anything is started."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skillbank.cli.options import Options
from skillbank.cli.output import DONE, WRONG_REQUEST, print_json, print_text
from skillbank.cli.planning import RequestOptions, read_request
from skillbank.errors import RequestInvalid

if TYPE_CHECKING:
    from skillbank.platforms.inspection import Check
    from skillbank.preflight.verdict import Preflight, Section
    from skillbank.request import JobRequest
    from skillbank.workflow_request import WorkflowRequest

_INDENT = " " * 9


@dataclass(frozen=True, kw_only=True)
class PreflightOptions(RequestOptions):
    """What `preflight` takes: what `plan` takes, a workflow, or a platform alone."""

    skill: Annotated[str | None, typer.Argument(metavar="SKILL", help="Name of a skill.")] = None
    action: Annotated[str | None, typer.Argument(metavar="ACTION", help="One of its actions.")] = (
        None
    )
    workflow: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Check this workflow, YAML or JSON, and no single job."),
    ] = None


def preflight(options: PreflightOptions) -> int:
    """Check all that a launch needs, and launch nothing."""
    found = options.client().preflight(_read(options), platform=options.platform)
    if options.as_json:
        print_json(found.to_mapping())
    else:
        _show(found, options.workflow)
    return DONE if found.go else WRONG_REQUEST


def _read(options: PreflightOptions) -> JobRequest | WorkflowRequest | None:
    """What is to be checked; None: the platform alone."""
    if options.workflow is not None:
        from skillbank.workflow_request import WorkflowRequest

        if _is_given(options, but="workflow"):
            raise RequestInvalid(
                "preflight --workflow: the file holds the whole request; leave out the rest, or "
                "check one job with 'skillbank preflight SKILL ACTION'."
            )
        return WorkflowRequest.from_file(options.workflow)
    if options.skill is not None and options.action is not None:
        return read_request(options, options.skill, options.action)
    if _is_given(options, but="platform"):
        raise RequestInvalid(
            "preflight: a job was described without SKILL and ACTION; name both, or give no more "
            "than --platform. List them with 'skillbank capabilities'."
        )
    return None


def _is_given(options: PreflightOptions, but: str) -> bool:
    """Whether anything is asked for besides one option and what every command takes."""
    kept = {but, *(field.name for field in fields(Options))}
    return any(getattr(options, f.name) != f.default for f in fields(options) if f.name not in kept)


def _show(found: Preflight, workflow: Path | None) -> None:
    from skillbank.platforms.inspection import CheckState

    for section in found.sections:
        _show_section(section)
    counts = ", ".join(f"{found.count(state)} {state}" for state in CheckState)
    print(f"{'GO' if found.go else 'NO GO'}: {counts}")
    if found.go and workflow is not None:
        print(f"\nnext: skillbank workflow run {shlex.quote(str(workflow))}")
    elif found.go and any(section.plan for section in found.sections):
        print("\nnext: the same line with 'run' for 'preflight'")


def _show_section(section: Section) -> None:
    print(section.about)
    for check in section.checks:
        show_check(check)
    print()


def show_check(check: Check) -> None:
    """Print one check, with what mends it."""
    about = f"{check.about}: " if check.about else ""
    first, *further = check.found.splitlines() or [""]
    print_text(f"{check.state.value:7}  {check.name}: {about}{first}")
    for line in further:
        print(f"{_INDENT}  {line}")
    if check.expected:
        print_text(f"expected: {check.expected}", indent=_INDENT)
    if check.fix:
        print(f"{_INDENT}fix: {check.fix}")
