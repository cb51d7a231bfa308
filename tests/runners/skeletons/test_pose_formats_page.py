"""docs/pose-formats.md says of every format what there is, and its commands would be taken."""

import re
from pathlib import Path

import pytest

from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec
from skillbank_runners.skeletons.importers import FORMATS
from skillbank_runners.skeletons.layout import all_layouts

PAGE = (Path(__file__).parents[3] / "docs" / "pose-formats.md").read_text()
COMMANDS = re.findall(r"^\$ (skillbank run .*format=(?!FORMAT).*)$", PAGE, re.MULTILINE)


def test_the_table_has_every_format_once():
    rows = re.findall(r"^\| `([a-z0-9-]+)`", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(FORMATS)


def test_there_is_a_command_for_every_format():
    named = [re.search(r"dataset_convert\.format=(\S+)", command)[1] for command in COMMANDS]
    assert sorted(named) == sorted(FORMATS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_sets_keys_that_there_are_to_values_that_they_take(command):
    settings = dict(re.findall(r"--set dataset_convert\.(\w+)=(\S+)", command))
    spec = DatasetConvertSpec(**{k: int(v) if v.isdigit() else v for k, v in settings.items()})
    for layout in (spec.layout, spec.source_layout):
        assert not layout or layout in all_layouts()
