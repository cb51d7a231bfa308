"""Print what the package requires, for a layer of the image that changes only when that does."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def list_requirements(pyproject: str, extras: list[str]) -> list[str]:
    """Requirements of the package, of its build, and of some of its extras.

    Args:
        pyproject: Content of pyproject.toml.
        extras: Names of extras.

    Raises:
        KeyError: There is no such extra.
    """
    content = tomllib.loads(pyproject)
    project = content["project"]
    optional = project["optional-dependencies"]
    return [
        *content["build-system"]["requires"],
        *project["dependencies"],
        *(requirement for extra in extras for requirement in optional[extra]),
    ]


if __name__ == "__main__":
    wanted = [extra for extra in sys.argv[2].split(",") if extra]
    pyproject_toml = Path(sys.argv[1]).read_text(encoding="utf-8")
    print("\n".join(list_requirements(pyproject_toml, wanted)))
