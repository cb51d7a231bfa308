"""Commands about the search for better settings: `automl space` shows what it would vary."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from skillbank.cli.output import DONE, print_json, print_table, print_text
from skillbank.cli.planning import SettingOptions, read_assignments
from skillbank.result_documents import describe_scale, space_document

if TYPE_CHECKING:
    from skillbank.automl.parameter import Parameter
    from skillbank.automl.space import SearchSpace


@dataclass(frozen=True, kw_only=True)
class SpaceOptions(SettingOptions):
    """What `automl space` takes."""

    skill: Annotated[str, typer.Argument(metavar="SKILL", help="Name of a skill.")]


def space(options: SpaceOptions) -> int:
    """Show what a search varies, and what not and why."""
    from skillbank.spec_file import read_spec_file

    found = options.client().search_space(
        options.skill,
        spec=read_spec_file(options.spec) if options.spec else {},
        overrides=read_assignments(options.overrides or [], "--set"),
        automl=read_assignments(options.automl_settings or [], "--automl-set"),
    )
    if options.as_json:
        print_json(space_document(options.skill, found))
    else:
        _show_space(options.skill, found)
    return DONE


COMMANDS = (space,)


def _show_space(skill: str, found: SearchSpace) -> None:
    print(f"{skill} train: a search varies {len(found.parameters)} parameters\n")
    columns = ("PARAMETER", "TYPE", "RANGE", "SCALE", "DEFAULT", "ACTIVE WHEN")
    print_table(columns, map(_row, found.parameters))
    if found.fixed:
        print("\nnot searched:")
    for each in found.fixed:
        print_text(f"{each.key}: {each.reason}.", indent="  ")
    print(
        "\nnext: --automl-set parameters=[KEY, ...] names others, --automl-set "
        "'custom_param_ranges={KEY: {valid_min: A, valid_max: B}}' narrows one"
    )


def _row(parameter: Parameter) -> tuple[str, ...]:
    return (
        parameter.name,
        parameter.type,
        _range(parameter),
        describe_scale(parameter),
        json.dumps(parameter.default),
        "" if parameter.active is None else str(parameter.active),
    )


def _range(parameter: Parameter) -> str:
    """Its values in words: `0.001 to 1`, `a | b`, `off (0.0), or 0.1 to 10`."""
    if parameter.options:
        text = " | ".join(map(str, parameter.options))
    else:
        low, high = parameter.range
        text = f"{low:g} to {high:g}"
    if parameter.above is not None:
        text += f", more than {parameter.above}"
    return f"off ({parameter.off}), or {text}" if parameter.has_off else text
