"""Commands about what there is: `skills`, `show`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from skillbank.cli.options import Options
from skillbank.cli.output import (
    DONE,
    print_json,
    print_table,
    print_text,
)
from skillbank.describing import (
    SpecField,
    built_actions,
    describe_action,
    describe_skill,
    list_fields,
    summarize_skill,
)

if TYPE_CHECKING:
    from skillbank.skill import Skill
    from skillbank.skill_info import Action, DataSource, Input


_NOT_BUILT = "(not built yet: schemas and templates only)"


@dataclass(frozen=True, kw_only=True)
class ShowOptions(Options):
    """What `show` takes."""

    skill: Annotated[str, typer.Argument(metavar="SKILL", help="Name of a skill.")]
    action: Annotated[
        str | None, typer.Argument(metavar="ACTION", help="One of its actions, for its keys.")
    ] = None


def list_skills(options: Options) -> int:
    """List the skills and what each can do."""
    from skillbank.bank import SkillBank

    skills = list(SkillBank())
    if options.as_json:
        print_json([summarize_skill(skill) for skill in skills])
        return DONE
    for skill in skills:
        actions = ", ".join(built_actions(skill)) or _NOT_BUILT * skill.has_info
        print(f"{skill.name}  {actions}".rstrip())
        print_text(_first_sentence(skill.description), indent="    ")
    print("\nnext: skillbank show SKILL")
    return DONE


def show(options: ShowOptions) -> int:
    """Show a skill, or the inputs and keys of an action."""
    from skillbank.bank import SkillBank

    skill = SkillBank()[options.skill]
    if options.action is None:
        return _show_skill(skill, as_json=options.as_json)
    return _show_action(skill, options.action, as_json=options.as_json)


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).partition(". ")[0].rstrip(".")


def _show_skill(skill: Skill, *, as_json: bool) -> int:
    if as_json:
        print_json(describe_skill(skill))
        return DONE
    print(f"{skill.name}\n")
    print_text(f"{skill.description.strip()}")
    print()
    if not skill.has_info:
        print(f"It guides its reader and runs no jobs: read {skill.folder / 'SKILL.md'}")
        return DONE
    info = skill.info
    rows = [(name, _purpose(action)) for name, action in info.actions.items()]
    print_table(("ACTION", "WHAT IT DOES"), rows)
    print()
    print_table(("SHORT NAME", "SPEC KEY"), info.spec_shorthand_keys.items())
    for note in skill.notes:
        print_text(f"note: {note}")
    print(f"\nnext: skillbank show {skill.name} ACTION\n      read {skill.folder / 'SKILL.md'}")
    return DONE


def _purpose(action: Action) -> str:
    return action.description if action.built else f"{action.description} Not built yet."


def _show_action(skill: Skill, name: str, *, as_json: bool) -> int:
    if as_json:
        print_json(describe_action(skill, name))
        return DONE
    schema = skill.schema(name)
    action = skill.info.actions[name]
    print_text(f"{skill.name} {name}\n{_purpose(action)}")
    sources = skill.info.data_sources.get(name, {})
    inputs = [
        (key, wanted.type.value, _necessity(wanted), _source(sources, key))
        for key, wanted in action.inputs.items()
    ]
    print()
    print_table(("INPUT", "TYPE", "REQUIRED", "FROM --data"), inputs)
    print()
    outputs = [(name, output.kind.value, output.file) for name, output in action.outputs.items()]
    print_table(("OUTPUT", "KIND", "FILE IN THE RESULTS"), outputs)
    print()
    for field in list_fields(schema):
        _print_field(field, _short_names(skill.info.spec_shorthand_keys, field.key))
    if action.built:
        print(f"\nnext: skillbank plan {skill.name} {name} --data FOLDER --set KEY=VALUE")
    else:
        print(f"\n{name} of {skill.name} is not built yet: it cannot be planned or run.")
    return DONE


def _necessity(wanted: Input) -> str:
    if wanted.optional:
        return ""
    return f"yes, or {' or '.join(wanted.unless)}" if wanted.unless else "yes"


def _source(sources: Mapping[str, DataSource], key: str) -> str:
    if key not in sources:
        return ""
    source = sources[key]
    files = {"all": source.file, source.role: source.under_role} if source.under_role else {}
    files = {**(files or {source.role: source.file}), **source.other_roles}
    return ", ".join(f"{role}: {_inside(file)}" for role, file in files.items())


def _inside(file: str) -> str:
    return "the folder itself" if file == "." else file


def _short_names(shorthand: Mapping[str, str], key: str) -> list[str]:
    return [short for short, full in shorthand.items() if full == key]


def _print_field(field: SpecField, short_names: list[str]) -> None:
    facts = [field.type, f"default {_show_default(field.default)}", field.allowed]
    facts += [f"short: {name}" for name in short_names]
    facts += ["AutoML may search it"] if field.automl else []
    print_text(f"{field.key}  {', '.join(fact for fact in facts if fact)}")
    print_text(field.description, indent="    ")


def _show_default(value: object) -> str:
    return "empty" if value in ("", None) else json.dumps(value)
