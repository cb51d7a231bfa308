"""Tables inside pages that are otherwise written by hand, between two marker lines.

<!-- generated: data -->
| ... |
<!-- end generated -->
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from generate_automl import algorithm_rows, settings_rows
from generate_formats import result_rows
from generate_skills import Files, specs_of
from skillbank.inference import FUNCTIONS
from skillbank.skill import Skill
from skillbank.skill_info import Const, Link
from skillbank_runners.schema import build_schema

_BLOCK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end generated -->)", re.DOTALL)
Table = Callable[[Skill], str]

_FUNCTIONS_HEAD = """# Inference functions

`spec_params` in a `skill_info.yaml` maps a dotted spec key of an action to one of these names. The
SDK calls the function when the caller left the key empty (null, an empty string or `???`); a value
that the caller gives always wins. `skillbank plan` shows for every key where its value came from.

Besides a name, an entry may be `{const: VALUE}`, a literal, or `{link: URL, destination_path:
PATH}`, a file that is fetched before the job starts and whose local path is the value. A name that
is not listed here is an error of the skill.

"""


def function_page() -> str:
    """The page of all inference functions, from the registry's docstrings."""
    rows = (
        (f"`{name}`", (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " "))
        for name, function in FUNCTIONS.items()
    )
    return _FUNCTIONS_HEAD + table(("Name", "Value"), rows)


def page_files(skill: Skill) -> Files:
    """The pages of a skill folder with their tables filled in."""
    pages = [skill.folder / "SKILL.md", *sorted((skill.folder / "references").glob("*.md"))]
    return {page: fill_tables(page.read_text(encoding="utf-8"), skill, page) for page in pages}


def fill_tables(text: str, skill: Skill, page: Path) -> str:
    """The page's text with the tables of a skill made anew.

    Raises:
        SystemExit: A marker names no table.
    """
    wanted = (match[2] for match in _BLOCK.finditer(text))
    tables = {name: TABLES[name](skill) for name in wanted if name in TABLES}
    return fill_blocks(text, tables, page, TABLES)


def fill_blocks(text: str, tables: Mapping[str, str], page: Path, known: Iterable[str] = ()) -> str:
    """The page's text with the content between each pair of markers made anew.

    Args:
        text: Of the page.
        tables: What stands between the markers of each name.
        page: For the error.
        known: Names for the error; empty: those of `tables`.

    Raises:
        SystemExit: A marker names no table.
    """

    def fill(match: re.Match[str]) -> str:
        if match[2] not in tables:
            names = ", ".join(known or tables)
            raise SystemExit(f"{page}: no table is named {match[2]!r}; known: {names}")
        return match[1] + tables[match[2]] + match[3]

    return _BLOCK.sub(fill, text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines
    )


def _actions(skill: Skill) -> str:
    return table(
        ("Action", "What it does", "Parent", "Leaves in results/"),
        (
            (
                f"`{name}`",
                action.description + ("" if action.built else " Not built yet."),
                ", ".join(f"`{parent}`" for parent in action.parents or ()) or "-",
                ", ".join(f"`{output.file}`" for output in action.outputs.values()) or "-",
            )
            for name, action in skill.info.actions.items()
        ),
    )


def _data(skill: Skill) -> str:
    rows = []
    for action, sources in skill.info.data_sources.items():
        for key, source in sources.items():
            inputs = skill.info.actions[action].inputs
            optional = " (optional)" if key in inputs and inputs[key].optional else ""
            own = {source.role: source.under_role} if source.under_role else {}
            roles = {**own, **source.other_roles}.items()
            files = "; ".join(f"{role}: {_inside(file)}" for role, file in roles)
            rows.append((f"`{action}`", f"`{key}`{optional}", _inside(source.file), files or "-"))
    return table(("Action", "Spec key", "File of the root", "Under a role"), rows)


def _inside(file: str) -> str:
    return "the root itself" if file == "." else f"`{file}`"


def _inference(skill: Skill) -> str:
    rows: dict[tuple[str, str], list[str]] = {}
    for action, params in skill.info.spec_params.items():
        for key, param in params.items():
            function = param if isinstance(param, str) else _literal(param)
            rows.setdefault((key, function), []).append(action)
    return table(
        ("Spec key", "Filled by", "In"),
        (
            (f"`{key}`", f"`{function}`", _all_or(actions, skill.info.actions))
            for (key, function), actions in rows.items()
        ),
    )


def _literal(param: Link | Const) -> str:
    return param.link if isinstance(param, Link) else repr(param.const)


def _all_or(actions: Sequence[str], known: Mapping[str, object]) -> str:
    return "every action" if len(actions) == len(known) else ", ".join(f"`{a}`" for a in actions)


def _shorthand(skill: Skill) -> str:
    keys = skill.info.spec_shorthand_keys.items()
    return table(("Shorthand", "Spec key"), ((f"`{short}`", f"`{key}`") for short, key in keys))


def _search(skill: Skill) -> str:
    schema = build_schema(specs_of(skill.info.network_arch)["train"])
    return table(
        ("Spec key", "Default", "Valid", "Searched"),
        (
            (f"`{key}`", f"`{field['default']}`", _bounds(field), _range(field["search_range"]))
            for key, field in _fields(schema)
            if field.get("automl_enabled") is True
        ),
    )


def _fields(schema: Mapping[str, object], prefix: str = "") -> list[tuple[str, dict[str, object]]]:
    """Dotted key and schema of every field below."""
    found = []
    properties = schema.get("properties", {})
    assert isinstance(properties, dict)
    for name, field in properties.items():
        found += [(prefix + name, field), *_fields(field, f"{prefix}{name}.")]
    return found


def _bounds(field: Mapping[str, object]) -> str:
    low, high = field.get("minimum"), field.get("maximum")
    return f"{'any' if low is None else f'≥ {low}'}" if high is None else f"{low} to {high}"


def _range(search: object) -> str:
    assert isinstance(search, dict)
    if search["low"] == search["high"]:
        return "left at its default"
    scale = ", log of 1 - value" if search.get("complement") else ", log" if search["log"] else ""
    off = f", or {search['off']}" if "off" in search else ""
    return f"{search['low']:g} to {search['high']:g}{scale}{off}"


def _errors(skill: Skill) -> str:
    return "".join(f"- {pattern.advice}\n" for pattern in skill.info.error_patterns)


def _settings(skill: Skill) -> str:
    del skill  # the settings of a search are the same for every skill
    return table(("Setting", "Default", "Valid", "What it does"), settings_rows())


def _algorithms(skill: Skill) -> str:
    del skill
    return table(
        ("Algorithm", "What it does", "At the defaults, with 27 epochs", "Own settings"),
        algorithm_rows(),
    )


def _result(skill: Skill) -> str:
    del skill
    return table(("Key", "What it holds"), result_rows())


TABLES: Mapping[str, Table] = {
    "actions": _actions,
    "data": _data,
    "inference": _inference,
    "shorthand": _shorthand,
    "search": _search,
    "errors": _errors,
    "settings": _settings,
    "algorithms": _algorithms,
    "result": _result,
}
