"""Files of layouts: references/layouts.yaml, and those of users, checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from skillbank_runners.errors import WrongRequest
from skillbank_runners.skeletons.layout_entry import LayoutEntry

FILE_ENDINGS = (".yaml", ".yml")
_FILE = "references/layouts.yaml"
_PACKAGE = Path(__file__).resolve().parents[1]
_MAX_BYTES = 1_000_000
_MAX_TOLD = 20
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, where there is one


class LayoutInvalid(WrongRequest):
    """A layout is unknown, its file is wrong, or its poses cannot be converted."""


@cache
def layout_entries() -> Mapping[str, LayoutEntry]:
    """Entries of references/layouts.yaml by their names, each with its conversions."""
    with layouts_path().open(encoding="utf-8") as file:
        content = yaml.load(file, Loader=_Loader)
    conversions: dict[str, dict[str, Any]] = {name: {} for name in content["layouts"]}
    for key, sources in content["conversions"].items():
        source, target = key.split("->")
        conversions[source][target] = sources
    return {
        name: LayoutEntry.model_validate({**entry, "conversions": conversions[name]})
        for name, entry in content["layouts"].items()
    }


@cache
def layout_names() -> Mapping[str, str]:
    """Every name of a layout -> the name of its entry: TAO's six first, then each entry's own."""
    entries = layout_entries()
    taos = {entry.tao.graph_layout: name for name, entry in entries.items() if entry.tao}
    return taos | {name: name for name in entries}


def layouts_path() -> Path:
    """The file inside an installed package, or that of the checkout."""
    packaged = _PACKAGE / _FILE
    return packaged if packaged.is_file() else _PACKAGE.parents[1] / _FILE


def nearest(name: str) -> str:
    """The name of a layout that was likely meant, as a question behind a space; else nothing."""
    for entry_name, entry in layout_entries().items():
        if name in entry.aliases:
            return f" did you mean {entry_name!r}?"
    near = get_close_matches(name, layout_names(), n=1)
    return f" did you mean {near[0]!r}?" if near else ""


def read_layout_file(path: Path) -> tuple[str, LayoutEntry]:
    """Name and entry of a user's layout.

    Raises:
        LayoutInvalid: The file cannot be read or used; every breach is listed.
    """
    content = _content(path)
    if not isinstance(content, dict):
        found = "nothing" if content is None else type(content).__name__
        raise _invalid(path, [f"(top): found {found}, expected a mapping with `joints`, `edges`"])
    try:
        entry = LayoutEntry.model_validate(content)
    except ValidationError as error:
        raise _invalid(path, list(_problems(error))) from error
    name = entry.name or path.stem
    if problems := list(_wrong_beside_the_bank(name, entry)):
        raise _invalid(path, problems)
    return name, entry


def _content(path: Path) -> object:
    """What the YAML holds."""
    try:
        return yaml.load(_text(path), Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        told = f"layout file {str(path)!r}{line} is no YAML: {error.problem}"
        raise LayoutInvalid(told) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise LayoutInvalid(f"layout file {str(path)!r} is no YAML ({error})") from error


def _text(path: Path) -> str:
    try:
        size_bytes = path.stat().st_size
        if size_bytes <= _MAX_BYTES:
            return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LayoutInvalid(f"layout file {str(path)!r} cannot be read ({error})") from error
    raise LayoutInvalid(
        f"layout file {str(path)!r} has {size_bytes} bytes, expected at most {_MAX_BYTES}"
    )


def _wrong_beside_the_bank(name: str, entry: LayoutEntry) -> Iterator[str]:
    if name in layout_names():
        yield f"name: {name!r} is a layout of the bank; give the file or its `name` another name"
    if entry.tao:
        yield "tao: no such key in a file of your own; write `centre` and `num_person`"
    for target, sources in entry.conversions.items():
        if target not in layout_names():
            known = ", ".join(layout_names())
            yield f"conversions.{target}: no such layout;{nearest(target)} known: {known}"
            continue
        num_joints = len(layout_entries()[layout_names()[target]].joints)
        if len(sources) != num_joints:
            yield (
                f"conversions.{target}: found {len(sources)} entries, expected {num_joints}, one "
                f"per joint of {target}"
            )


def _problems(error: ValidationError) -> Iterator[str]:
    for one in error.errors(include_url=False):
        key = ".".join(map(str, one["loc"]))
        found = one["input"]
        shown = f"found {found!r}, " if isinstance(found, (str, int, float)) else ""
        if one["type"] == "extra_forbidden":
            near = get_close_matches(key, LayoutEntry.model_fields, n=1)
            yield f"{key}: no such key" + (f"; did you mean {near[0]!r}?" if near else "")
        elif one["type"] == "value_error":
            said = str(one["ctx"]["error"])
            yield from [f"{key}: {shown}{said}"] if key else said.splitlines()
        else:
            yield f"{key or '(top)'}: {shown}{one['msg'][:1].lower()}{one['msg'][1:]}"


def _invalid(path: Path, problems: list[str]) -> LayoutInvalid:
    further = len(problems) - _MAX_TOLD
    told = problems[:_MAX_TOLD] + ([f"and {further} more"] if further > 0 else [])
    return LayoutInvalid(
        f"layout file {str(path)!r} cannot be used:\n" + "\n".join(f"  - {line}" for line in told)
    )


def is_layout_path(name_or_path: str) -> bool:
    """Whether it means a file and not one of the names."""
    return name_or_path.endswith(FILE_ENDINGS)
