"""YAML and JSON as people write them, and mistakes told with file and line."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from skillbank.documents import parse_yaml, read_json, read_yaml
from skillbank.errors import RequestInvalid, SkillInvalid


@pytest.mark.parametrize("text", ["1e-4", "1.0e-4", "+1E-4", ".1e-3", "0.0001"])
def test_a_number_with_an_exponent_is_a_number(text: str) -> None:
    assert parse_yaml(f"lr: {text}", "here") == {"lr": pytest.approx(1e-4)}


@pytest.mark.parametrize("text", ["1e-4x", "e5", "1e", "env:1e-4"])
def test_text_that_looks_a_little_like_a_number_is_text(text: str) -> None:
    assert parse_yaml(f"name: {text}", "here") == {"name": text}


def test_yaml_cannot_build_objects() -> None:
    with pytest.raises(SkillInvalid, match="this is not YAML"):
        parse_yaml("!!python/object/apply:os.getcwd []", "here")


def test_a_yaml_mistake_is_told_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "info.yaml"
    path.write_text("name: a\nactions: [\n", encoding="utf-8")

    with pytest.raises(SkillInvalid, match=rf"{path}:3: this is not YAML"):
        read_yaml(path)


def test_a_json_mistake_is_told_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "train.schema.json"
    path.write_text('{\n  "type": object\n}', encoding="utf-8")

    with pytest.raises(SkillInvalid, match=rf"{path}:2: this is not JSON"):
        read_json(path)


def test_tao_s_bare_infinity_and_nan_are_read(tmp_path: Path) -> None:
    path = tmp_path / "train.schema.json"
    path.write_text('{"maximum": Infinity, "default": NaN}', encoding="utf-8")

    content = read_json(path)

    assert content["maximum"] == math.inf
    assert math.isnan(content["default"])


def test_a_missing_file_is_told_by_the_error_that_the_caller_wants(tmp_path: Path) -> None:
    with pytest.raises(RequestInvalid, match=r"spec\.yaml: no such file"):
        read_yaml(tmp_path / "spec.yaml", error=RequestInvalid)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(SkillInvalid, match="cannot be read"):
        read_yaml(path)
