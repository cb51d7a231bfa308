"""docs/platforms.md tells of every kind and every key of config.yaml, and its example is read."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

from skillbank.config import Config, StorageSettings, read_config
from skillbank.platforms.registry import KINDS

PAGE = (Path(__file__).parents[2] / "docs" / "platforms.md").read_text(encoding="utf-8")


def first_cells() -> set[str]:
    cells = re.findall(r"^\| (`[^|]+) \|", PAGE, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([a-z_]+)`", cell)}


def test_the_example_of_a_configuration_is_read_whole(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (tmp_path / "config.yaml").write_text(example, encoding="utf-8")

    config = read_config(tmp_path)

    assert config.results == "s3://team/runs"
    assert [one.prefix for one in config.storage] == ["s3://team", "s3://public"]
    assert {entry.kind for entry in config.platforms.values()} <= set(KINDS)


def test_every_key_of_a_configuration_is_in_a_table() -> None:
    keys = {one.name for kind in (Config, StorageSettings) for one in fields(kind)} - {"path"}

    assert keys <= first_cells()


def test_every_kind_of_platform_has_a_column_with_its_page() -> None:
    header = next(line for line in PAGE.splitlines() if line.startswith("| |"))

    for kind in KINDS:
        (page,) = re.findall(rf"\[`{kind}`\]\((.+?)\)", header)
        assert (Path(__file__).parents[2] / "docs" / page).is_file()
