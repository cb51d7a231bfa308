"""The image: what its layers are made of, and that all of it is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import image_requirements

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_layer_of_requirements_holds_those_of_the_package_and_of_its_extras() -> None:
    found = image_requirements.list_requirements(PYPROJECT, ["s3"])

    names = {re.split(r"[<>=\[]", one)[0] for one in found}
    assert {"hatchling", "pydantic", "boto3"} <= names
    assert "torch" not in names


def test_the_extras_of_the_image_are_extras_of_the_package() -> None:
    default = re.search(r"^ARG EXTRAS=(.*)$", DOCKERFILE, re.MULTILINE)
    assert default is not None

    assert image_requirements.list_requirements(PYPROJECT, default[1].split(","))
    with pytest.raises(KeyError):
        image_requirements.list_requirements(PYPROJECT, ["no-such-extra"])


def test_everything_that_is_copied_is_there_and_let_through() -> None:
    let_through = [
        line[1:]
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line.startswith("!")
    ]
    copied = [
        name
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
        for name in line.split()[:-1]
        if name != "."
    ]

    assert all((ROOT / name).exists() for name in let_through)
    assert {"docker/entry.sh", "constraints.txt"} <= {*copied} <= {*let_through}


def test_a_user_without_a_home_or_a_name_gets_both() -> None:
    entry = ROOT / "docker" / "entry.sh"

    done = subprocess.run(
        ["sh", str(entry), "sh", "-c", 'echo "$HOME"; exit 3'],
        env={"PATH": "/usr/bin:/bin", "HOME": "/proc/none"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout.strip()) == (3, "/tmp")
