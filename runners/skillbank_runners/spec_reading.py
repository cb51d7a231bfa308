"""Read a spec file for one action, TAO's files with all sections in one included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from skillbank_runners.api import SpecModel
from skillbank_runners.errors import WrongRequest
from skillbank_runners.spec_fields import MISSING

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

_ELSEWHERE = 0.8  # likeness of names from which on a key of another section may be meant
_Table = dict[str, Any]  # a section of a spec as YAML holds it


class SpecInvalid(WrongRequest):
    """A spec file breaks its schema; `problems` lists every breach."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("the spec cannot be used:\n" + "\n".join(f"  - {p}" for p in problems))
        self.problems = tuple(problems)


def read_spec(
    action: str,
    content: object,
    specs: Mapping[str, type[SpecModel]],
    experiment: type[SpecModel],
) -> tuple[SpecModel, tuple[str, ...]]:
    """Check a spec file's content and read what `action` needs of it.

    Args:
        action: One of `specs`.
        content: What the YAML file holds.
        specs: Action -> spec class of the network, its package's SPECS.
        experiment: Class with the sections of all actions, its package's EXPERIMENT.

    Returns:
        The action's spec, and notes for the log on what was left aside.

    Raises:
        SpecInvalid: A key is unknown or a value not allowed, in whichever section; all are listed.
    """
    if action not in specs:
        raise SpecInvalid([f"{action!r} is no action; known: {', '.join(specs)}"])
    if not isinstance(content, Mapping):
        raise SpecInvalid([f"(top): found {content!r}, expected a mapping of sections"])
    table = _without_missing(content, experiment)
    try:
        experiment.model_validate(table)
    except ValidationError as error:
        raise SpecInvalid(list(_problems(error, experiment))) from error
    ignored = sorted(_unread(table, specs[action]))
    notes = (f"not read by {action}: {', '.join(ignored)}",) if ignored else ()
    return specs[action].model_validate(_only_read(table, specs[action])), notes


def _without_missing(content: Mapping[Any, Any], spec: type[SpecModel] | None) -> _Table:
    """The content with text keys, without ??? anywhere and without sections that are null."""
    table: _Table = {}
    for key, value in content.items():
        section = _section(spec, str(key))
        if value == MISSING or (value is None and section):
            continue
        is_table = isinstance(value, Mapping)
        table[str(key)] = _without_missing(value, section) if is_table else value
    return table


def _fields(spec: type[SpecModel]) -> dict[str, FieldInfo]:
    """Fields under the names that files use: an alias stands for a name Python cannot have."""
    return {field.alias or name: field for name, field in spec.model_fields.items()}


def _section(spec: type[SpecModel] | None, name: str) -> type[SpecModel] | None:
    """Class of the section `name` of `spec`; None when that is no section."""
    field = _fields(spec).get(name) if spec else None
    kind = field.annotation if field else None
    return kind if isinstance(kind, type) and issubclass(kind, SpecModel) else None


def _unread(table: _Table, spec: type[SpecModel], prefix: str = "") -> Iterator[str]:
    """Dotted keys of the table that `spec` does not have."""
    known = _fields(spec)
    for name, value in table.items():
        section = _section(spec, name)
        if name not in known:
            yield prefix + name
        elif section and isinstance(value, dict):
            yield from _unread(value, section, f"{prefix}{name}.")


def _only_read(table: _Table, spec: type[SpecModel]) -> _Table:
    read: _Table = {}
    for name in table.keys() & _fields(spec).keys():
        section = _section(spec, name)
        read[name] = _only_read(table[name], section) if section else table[name]
    return read


def _problems(error: ValidationError, spec: type[SpecModel]) -> Iterator[str]:
    known = list(_dotted_keys(spec))
    for one in error.errors():
        key = ".".join(map(str, one["loc"]))
        if one["type"] == "extra_forbidden":
            yield f"{key}: no such key; {_did_you_mean(key, known)}"
        elif one["type"] == "value_error":
            yield from _own_words(one, key)
        else:
            expected = one["msg"].removeprefix("Input should be ").partition(", unable to")[0]
            if expected.startswith(("greater", "less")):
                expected = f"a number {expected}"
            yield f"{key}: found {one['input']!r}, expected {expected[:1].lower()}{expected[1:]}"


def _own_words(one: ErrorDetails, key: str) -> list[str]:
    """Messages of the specs' own rules: a rule on a section names its keys by itself."""
    said = str(one["ctx"]["error"]).splitlines()
    if isinstance(one["input"], dict):
        return said
    return [f"{key}: found {one['input']!r}, {line}" for line in said]


def _dotted_keys(spec: type[SpecModel], prefix: str = "") -> Iterator[str]:
    for name in _fields(spec):
        yield prefix + name
        section = _section(spec, name)
        if section:
            yield from _dotted_keys(section, f"{prefix}{name}.")


def _did_you_mean(key: str, known: Sequence[str]) -> str:
    """The nearest name in the key's own section or else anywhere, else the section's names."""
    section, _, last = key.rpartition(".")
    beside = [name.rpartition(".")[2] for name in known if name.rpartition(".")[0] == section]
    lasts = {name.rpartition(".")[2]: name for name in reversed(known)}
    if near := get_close_matches(last, beside, n=1):
        return f"did you mean {f'{section}.{near[0]}'.lstrip('.')!r}?"
    if near := get_close_matches(last, lasts, n=1, cutoff=_ELSEWHERE):
        return f"did you mean {lasts[near[0]]!r}?"
    return f"known{' in ' + section if section else ''}: {', '.join(beside) or 'none'}."


def leaves_open(section: SpecModel, name: str) -> bool:
    """Whether a section leaves a key open, or restates its default among all the others."""
    if name not in section.model_fields_set:
        return True
    fields = type(section).model_fields
    is_whole = section.model_fields_set == fields.keys()
    return is_whole and getattr(section, name) == fields[name].default
