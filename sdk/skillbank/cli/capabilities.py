"""The command `capabilities`: what can be done here, now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from skillbank.cli.options import Options
from skillbank.cli.output import DONE, print_json, print_table, print_text

if TYPE_CHECKING:
    from skillbank.capabilities import ActionFacts, Capabilities, Need, SkillFacts

_TRAIN = "train"  # the only action that is ever searched


@dataclass(frozen=True, kw_only=True)
class CapabilitiesOptions(Options):
    """What `capabilities` takes."""

    skill: Annotated[
        str | None, typer.Argument(metavar="SKILL", help="Name of a skill, for its details.")
    ] = None


def capabilities(options: CapabilitiesOptions) -> int:
    """Tell what can be done here, and what is missing."""
    found = options.client().capabilities(options.skill)
    if options.as_json:
        print_json(found.to_mapping())
    elif options.skill is None:
        _show_all(found)
    else:
        _show_skill(found.skills[0])
    return DONE


def _show_all(found: Capabilities) -> None:
    from skillbank.preflight.compute import show_resources

    for skill in found.skills:
        print(f"{skill.name}  {_summary(skill)}".rstrip())
        print_text(_first_sentence(skill.problem or skill.purpose), indent="    ")
    print()
    platforms = [
        (p.name, p.state.value, show_resources(p.resources) if p.resources else "", p.fix)
        for p in found.platforms
    ]
    print_table(("PLATFORM", "STATE", "ONE JOB CAN GET", "FIX"), platforms)
    print()
    extras = [
        (extra.name, ", ".join(extra.missing) or "none", extra.install) for extra in found.extras
    ]
    print_table(("EXTRA", "MISSING", "INSTALL WITH"), extras)
    print("\nnext: skillbank capabilities SKILL\n      skillbank preflight SKILL ACTION")


def _summary(skill: SkillFacts) -> str:
    """Actions in a row, those that cannot run with the reason."""
    if skill.problem:
        return "cannot be read"
    told = [action.name + _drawback(action) for action in skill.actions]
    is_searched = skill.has_automl and any(a.is_built for a in skill.actions if a.name == _TRAIN)
    return ", ".join([*told, *(["AutoML"] if is_searched else [])])


def _drawback(action: ActionFacts) -> str:
    if not action.is_built:
        return " (not built)"
    return " (packages missing)" if action.missing else ""


def _show_skill(skill: SkillFacts) -> None:
    print(f"{skill.name}\n")
    print_text(skill.problem or skill.purpose)
    if not skill.actions:
        print("\nIt guides its reader and runs no jobs of its own.")
        return
    has_automl = "searched unless AutoML is off" if skill.has_automl else "never searched"
    print(f"\ntrain: {has_automl}; best checkpoint by {skill.metric}")
    for action in skill.actions:
        _show_action(action)
    print(f"\nnext: skillbank show {skill.name} ACTION")


def _show_action(action: ActionFacts) -> None:
    print(f"\n{action.name}{_drawback(action)}")
    print_text(action.purpose, indent="    ")
    for need in action.needs:
        print(f"    needs   {_show_need(need)}")
    for key, formats in action.formats.items():
        print_text(f"reads   {key}: {', '.join(formats)}", indent="    ")
    for file, kind in action.leaves.items():
        print(f"    leaves  {file} ({kind})")
    if action.missing:
        print(f"    missing {', '.join(action.missing)}\n    fix     {action.install}")


def _show_need(need: Need) -> str:
    ways = [f"{need.file} of --data" if need.file else "", *need.parents, *need.unless]
    told = " or ".join(way for way in ways if way)
    necessity = "" if need.is_required else ", optional"
    return f"{need.key} ({need.type}{necessity})" + (f": {told}" if told else "")


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].rstrip(".")
