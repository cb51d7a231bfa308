"""What the specs of every network of TAO's keep of TAO's field tables.

A network's test subclasses `TaoFields`, names its package and what it settles differently.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import pytest

from skillbank_runners.schema import build_schema

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
TYPES = {
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "string": "string",
    "collection": "object",
    "list": "array",
    "list_2": "array",
    "categorical": "string",
}
ENDS = ("min", "max")
FLAGS = {"true": True, "false": False, "": None}
CHECKPOINTER = {
    f"train.checkpointer.{name}"
    for name in (
        "auto_insert_metric_name",
        "dirpath",
        "enable_topk",
        "filename",
        "mode",
        "monitor",
        "replace_periodic",
        "save_top_k",
    )
}
"""Keys that TAO's programs read from train, and its packaged schemas lack."""

Row = dict[str, str]


@cache
def schemas(network: str) -> Mapping[str, dict[str, Any]]:
    """Action -> schema of a network."""
    specs = import_module(f"skillbank_runners.{network}").SPECS
    return {action: build_schema(spec) for action, spec in specs.items()}


@cache
def rows(network: str) -> list[tuple[str, Row]]:
    """(action, row) for every field that TAO's actions have."""
    path = FIXTURES / f"tao_fields_{network}.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [(action, row) for row in table for action in row["actions"].split(",")]


def field(network: str, action: str, key: str) -> dict[str, Any]:
    """Schema of the field at a dotted key."""
    node = schemas(network)[action]
    for part in key.split("."):
        node = node["properties"][part]
    return node


def leaves(node: dict[str, Any], prefix: str = "") -> set[str]:
    """Dotted keys of the fields that are no sections."""
    found = set()
    for name, child in node["properties"].items():
        below = leaves(child, f"{prefix}{name}.") if "properties" in child else {prefix + name}
        found |= below
    return found


def value(text: str) -> Any:
    """A cell of the table; text that is no JSON is itself."""
    if text in ("", "<none>"):
        return "" if text == "" else None
    try:
        return json.loads(text)
    except ValueError:
        return text


class TaoFields:
    """Type, bounds, options, flags and default of every field of TAO's.

    Attributes:
        network: Package under skillbank_runners.
        own_defaults: Key -> default, where it is settled differently; the spec says why.
        own_bounds: Key -> (minimum, maximum), likewise.
        own_options: Key -> options that TAO's list lacks.
        opened: Keys that take TAO's options, and more by a pattern.
        own_keys: Action -> keys that TAO lacks.
        own_actions: Actions that TAO lacks.
        sections_of_others: Action -> beginnings of keys that are another action's.
    """

    network: ClassVar[str]
    own_defaults: ClassVar[Mapping[str, Any]] = {}
    own_bounds: ClassVar[Mapping[str, tuple[float | None, float | None]]] = {}
    own_options: ClassVar[Mapping[str, list[str]]] = {}
    opened: ClassVar[frozenset[str]] = frozenset()
    own_keys: ClassVar[Mapping[str, set[str]]] = {}
    own_actions: ClassVar[frozenset[str]] = frozenset()
    sections_of_others: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Each test runs for every field of the table, or for every action."""
        if "row" in metafunc.fixturenames:
            cases = rows(self.network)
            ids = [f"{action}-{row['key']}" for action, row in cases]
            metafunc.parametrize(("action", "row"), cases, ids=ids)
        elif "action" in metafunc.fixturenames:
            metafunc.parametrize("action", list(schemas(self.network)))

    def test_a_field_of_tao_has_its_type(self, action: str, row: Row) -> None:
        ours = field(self.network, action, row["key"])["type"]

        assert (ours[0] if isinstance(ours, list) else ours) == TYPES[row["type"]]

    def test_a_field_of_tao_has_its_bounds(self, action: str, row: Row) -> None:
        ours = field(self.network, action, row["key"])

        tao = tuple(float(row[end]) if row[end] not in ("", "inf") else None for end in ENDS)
        expected = self.own_bounds.get(row["key"], tao)
        assert (ours.get("minimum"), ours.get("maximum")) == expected
        assert row["key"] not in self.own_bounds or expected != tao

    def test_a_field_of_tao_has_its_options(self, action: str, row: Row) -> None:
        ours = field(self.network, action, row["key"])

        expected = (value(row["enum"]) or []) + self.own_options.get(row["key"], [])
        if row["key"] in self.opened:
            assert sorted(expected) == sorted(ours["examples"][: len(expected)])
            assert all(re.search(ours["pattern"], option) for option in [*expected, "my/own.yaml"])
            assert not re.search(ours["pattern"], "kinect")
        else:
            assert [option for option in ours.get("enum", []) if option] == expected

    def test_a_field_of_tao_has_its_flags(self, action: str, row: Row) -> None:
        ours = field(self.network, action, row["key"])

        assert ours.get("automl_enabled") is FLAGS[row["automl"]]
        assert ours.get("popular", False) is (row["popular"] == "true")

    def test_a_field_of_tao_has_its_default(self, action: str, row: Row) -> None:
        if row["type"] == "collection" and row["default"] == "{...}":
            return  # a section: its fields have rows of their own
        tao = value(row["default"])
        if row["type"] == "string" and tao is None:
            tao = ""  # text that is null in TAO is empty here; both are accepted

        ours = field(self.network, action, row["key"])["default"]

        assert ours == self.own_defaults.get(row["key"], tao)
        assert row["key"] not in self.own_defaults or ours != tao

    def test_an_action_has_tao_s_fields_and_the_documented_own_ones(self, action: str) -> None:
        if action in self.own_actions:
            return
        tao = {row["key"] for act, row in rows(self.network) if act == action}
        others = self.sections_of_others.get(action, ("-",))
        ours = {key for key in leaves(schemas(self.network)[action]) if not key.startswith(others)}

        assert ours - tao == self.own_keys.get(action, set())

    def test_every_field_says_what_it_is_in_a_sentence(self, action: str) -> None:
        for key in leaves(schemas(self.network)[action]):
            description = field(self.network, action, key)["description"]
            assert description[0].isupper(), key
            assert description.endswith("."), key

    def test_every_search_range_lies_inside_the_fields_bounds(self, action: str) -> None:
        for key in leaves(schemas(self.network)[action]):
            ours = field(self.network, action, key)
            search = ours.get("search_range")
            if search is None:
                continue
            assert ours.get("minimum", -1e9) <= search["low"] <= search["high"] <= 1e6, key
            assert search["high"] <= ours.get("maximum", 1e6), key
            assert search["log"] is False or search["low"] > 0, key
