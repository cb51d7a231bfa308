"""The settings' schema, template and tables say what the code does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import generate_automl
from skillbank.automl.settings import Algorithm, SearchSettings, read_search_settings
from skillbank.errors import SpecInvalid

SCHEMA = generate_automl.settings_schema()
VALIDATOR = Draft202012Validator(SCHEMA)
NAMES = sorted(SearchSettings.model_fields)
VALUES: list[Any] = [None, True, 0, 1, 2, 7, -1, 0.5, 1e9, "", "asha", "b", "nonsense", [], ["x"]]
VALUES += [{}, {"train.optim.lr": {"valid_min": 0.1}}, {"train.optim.lr": {"max": 0.1}}]


def is_read(content: dict[str, Any]) -> bool:
    """Whether the code takes these settings."""
    try:
        read_search_settings(content)
    except SpecInvalid:
        return False
    return True


def test_the_schema_is_valid_and_describes_every_setting() -> None:
    Draft202012Validator.check_schema(SCHEMA)

    assert set(SCHEMA["properties"]) == set(NAMES)
    assert all(field["description"] for field in SCHEMA["properties"].values())


@given(st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=4))
def test_what_the_schema_takes_the_code_takes(content: dict[str, Any]) -> None:
    if VALIDATOR.is_valid(content):
        assert is_read(content)


@pytest.mark.parametrize("name", NAMES)
def test_some_value_of_each_setting_is_refused_by_schema_and_code_alike(name: str) -> None:
    refused = [value for value in VALUES if not VALIDATOR.is_valid({name: value})]

    assert any(not is_read({name: value}) for value in refused)


@pytest.mark.parametrize("name", NAMES)
def test_tao_s_prefix_is_known_to_schema_and_code_alike(name: str) -> None:
    default = SearchSettings().model_dump(mode="json")[name]

    assert VALIDATOR.is_valid({f"automl_{name}": default})
    assert is_read({f"automl_{name}": default})
    assert not VALIDATOR.is_valid({f"auto_{name}": default})


@pytest.mark.parametrize("name", ["b", "h", "hes", *(algorithm.value for algorithm in Algorithm)])
def test_every_name_of_an_algorithm_is_in_schema_and_table(name: str) -> None:
    listed = [row[0] for row in generate_automl.algorithm_rows()]

    assert VALIDATOR.is_valid({"algorithm": name})
    assert sum(f"`{name}`" in cell.split(", ") for cell in listed) == 1


def test_the_template_holds_every_setting_at_its_default() -> None:
    template = yaml.safe_load(generate_automl.settings_template())

    assert set(template) == set(NAMES)
    assert VALIDATOR.is_valid(template)
    assert read_search_settings(template) == SearchSettings()


def test_no_line_of_the_template_is_too_long() -> None:
    assert max(map(len, generate_automl.settings_template().splitlines())) <= 100


def test_the_table_of_settings_tells_defaults_and_bounds() -> None:
    rows = {row[0].strip("`"): row[1:] for row in generate_automl.settings_rows()}

    assert list(rows) == list(SearchSettings.model_fields)
    assert rows["max_recommendations"][:2] == ("`20`", "≥ 1")
    assert rows["top_n_percent"][:2] == ("`15.0`", "> 0, ≤ 100")
    assert rows["metric"][:2] == ("`null`", "-")


def test_the_table_of_algorithms_tells_each_ones_own_settings_and_schedule() -> None:
    rows = {row[0].split("`")[1]: row for row in generate_automl.algorithm_rows()}

    assert rows["dehb"][3] == "`mutation_factor`, `crossover_prob`"
    assert rows["random"][2:] == ("20 recommendations of 27 epochs each", "-")
    assert rows["autoresearch"][2].startswith("50 recommendations")


def test_a_bank_without_the_skill_still_gets_the_schema(tmp_path: Path) -> None:
    files = generate_automl.automl_files(tmp_path)

    assert [*files] == [tmp_path / "schemas" / "automl.schema.json"]
    assert json.loads(files[tmp_path / "schemas" / "automl.schema.json"]) == SCHEMA
