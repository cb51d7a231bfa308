"""The names that `import skillbank` offers."""

from __future__ import annotations

import subprocess
import sys

import pytest

import skillbank


@pytest.mark.parametrize("name", skillbank.__all__)
def test_every_public_name_is_there_when_asked_for(name: str) -> None:
    assert getattr(skillbank, name).__name__ == name


def test_the_public_names_are_what_dir_shows() -> None:
    assert dir(skillbank) == sorted(skillbank.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Clinet'"):
        _ = skillbank.Clinet


def test_importing_the_package_loads_no_library() -> None:
    code = (
        "import sys, skillbank; print(sorted({'pydantic', 'jsonschema', 'yaml'} & {*sys.modules}))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
