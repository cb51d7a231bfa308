"""The command `platforms`: where jobs can run, and what keeps them from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from skillbank.cli.options import Options
from skillbank.cli.output import DONE, WRONG_REQUEST, print_json, print_table, print_text

if TYPE_CHECKING:
    from skillbank.capabilities import PlatformFacts


@dataclass(frozen=True, kw_only=True)
class PlatformOptions(Options):
    """What `platforms` takes."""

    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only this one, with every check.")
    ] = None


def list_platforms(options: PlatformOptions) -> int:
    """List where jobs can run, and what mends those that are not ready."""
    found = options.client().check_platforms(options.name)
    if options.as_json:
        print_json([asdict(place) | {"fix": place.fix} for place in found])
    elif options.name is None:
        _show_all(found)
    else:
        _show_one(found[0])
    is_ready = options.name is None or not _fails(found[0])
    return DONE if is_ready else WRONG_REQUEST


def _fails(place: PlatformFacts) -> bool:
    from skillbank.platforms.inspection import CheckState

    return place.state is CheckState.FAIL


def _show_all(found: tuple[PlatformFacts, ...]) -> None:
    from skillbank.preflight.compute import show_resources

    rows = [
        (
            place.name,
            "not ready" if _fails(place) else "ready",
            show_resources(place.resources) if place.resources else "",
        )
        for place in found
    ]
    print_table(("PLATFORM", "STATE", "ONE JOB CAN GET"), rows)
    for place in found:
        for check in place.checks:
            if check.state.value == "fail":
                print()
                print_text(f"{place.name}: {check.found}")
                if check.fix:
                    print(f"    fix: {check.fix}")
    print("\nnext: skillbank platforms NAME\n      skillbank run SKILL ACTION --platform NAME")


def _show_one(place: PlatformFacts) -> None:
    from skillbank.cli.preflight import show_check

    print(f"platform {place.name}\n")
    for check in place.checks:
        show_check(check)
