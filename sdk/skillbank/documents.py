"""Read YAML and JSON files so that a mistake in one is told with its file and line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from skillbank.errors import SkillbankError, SkillInvalid

# PyYAML raises these at values such as 2024-13-45, '!!int ""' and a thousand brackets.
_BAD_VALUES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)

_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times faster


class _Loader(_SafeLoader):  # type: ignore[misc]  # the base is chosen at run time
    """Safe loader that reads 1e-4 as a number, as YAML 1.2 and OmegaConf do; 1.1 calls it text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own way to give a loader its resolvers
        first: list(resolvers) for first, resolvers in _SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def read_yaml(path: Path, *, error: type[SkillbankError] = SkillInvalid) -> Any:  # noqa: ANN401
    """Content of a YAML file.

    Args:
        path: The file.
        error: What to raise when the file is missing or broken.

    Raises:
        SkillbankError: An `error` that names the file, and for bad syntax the line.
    """
    return parse_yaml(_read(path, error), str(path), error=error)


def parse_yaml(text: str, origin: str, *, error: type[SkillbankError] = SkillInvalid) -> Any:  # noqa: ANN401
    """Content of a YAML text; `origin` says in the error where it came from."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        said = getattr(problem, "problem", None) or str(problem)
        raise error(f"{origin}{line}: this is not YAML: {said}.") from problem
    except _BAD_VALUES as problem:
        raise error(f"{origin}: this is not YAML: {problem}.") from problem


def read_json(path: Path, *, error: type[SkillbankError] = SkillInvalid) -> Any:  # noqa: ANN401
    """Content of a JSON file; the bare Infinity and NaN of TAO's schemas are read as floats.

    Raises:
        SkillbankError: An `error` that names the file, and for bad syntax the line.
    """
    try:
        return json.loads(_read(path, error))
    except (ValueError, RecursionError) as problem:
        line = f":{problem.lineno}" if isinstance(problem, json.JSONDecodeError) else ""
        raise error(f"{path}{line}: this is not JSON: {problem}.") from problem


def _read(path: Path, error: type[SkillbankError]) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as problem:
        raise error(f"{path}: no such file.") from problem
    except (OSError, UnicodeDecodeError) as problem:
        raise error(f"{path}: cannot be read: {problem}.") from problem
