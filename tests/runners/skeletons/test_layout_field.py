"""Spec fields that take the name of a layout or the path of a layout file."""

import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from skillbank_runners.api import SpecModel
from skillbank_runners.schema import build_schema
from skillbank_runners.skeletons.layout import all_layouts
from skillbank_runners.skeletons.layout_field import LayoutName, LayoutNameOrEmpty


class Spec(SpecModel):
    """A spec with both kinds of field."""

    wanted: LayoutName = "nvidia"
    found: LayoutNameOrEmpty = ""


SCHEMA = build_schema(Spec)


def is_valid(**values):
    return Draft202012Validator(SCHEMA).is_valid(values)


@pytest.mark.parametrize("value", [*all_layouts(), "mine.yaml", "../a b/mine.yml", "/x/coco.yaml"])
def test_names_and_paths_are_taken(value):
    assert Spec(wanted=value, found=value).wanted == value
    assert is_valid(wanted=value, found=value)


@pytest.mark.parametrize(
    "value", ["coco18", "human3x6m", "nvidia34 ", "xcoco", "mine.json", "yaml", "mine.yaml.bak"]
)
def test_anything_else_is_refused_by_spec_and_schema_alike(value):
    for field in ("wanted", "found"):
        with pytest.raises(ValidationError, match="or the path of a layout file"):
            Spec(**{field: value})
        assert not is_valid(**{field: value})


@pytest.mark.parametrize("value", ["", None, "???"])
def test_only_one_kind_may_be_left_open(value):
    assert Spec(found=value).found == ""
    assert is_valid(found=value)
    with pytest.raises(ValidationError):
        Spec(wanted=value)
    assert not is_valid(wanted=value)


def test_the_schema_shows_the_names_to_whoever_has_to_choose():
    for field in ("wanted", "found"):
        assert SCHEMA["properties"][field]["examples"] == list(all_layouts())
        assert SCHEMA["properties"][field]["file_endings"] == [".yaml", ".yml"]
