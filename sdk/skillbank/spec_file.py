"""Read a spec file, and say exactly where it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from skillbank.documents import parse_yaml
from skillbank.errors import RequestInvalid, SpecInvalid

if TYPE_CHECKING:
    import yaml

MAX_NODES = 100_000  # a spec has some hundred; aliases of aliases make a small file a huge one


def read_spec_file(path: Path) -> dict[str, Any]:
    """Settings of a YAML spec file, nested; an empty file sets nothing.

    Raises:
        RequestInvalid: There is no such file, or it cannot be read.
        SpecInvalid: It is not YAML, holds a key twice, or is no mapping of keys to values.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RequestInvalid(f"{path}: no such spec file; expected a YAML file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise RequestInvalid(f"{path}: cannot be read as a YAML text file: {error}.") from error
    problems = _problems(text, path)
    if problems:
        raise SpecInvalid(problems, f"the spec file {path}")
    content = parse_yaml(text, str(path), error=RequestInvalid)
    return content or {}


def _problems(text: str, path: Path) -> list[str]:
    import yaml

    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.YAMLError as error:
        return [_syntax_problem(error, path)]
    if root is None or root.tag == "tag:yaml.org,2002:null":
        return []
    if not isinstance(root, yaml.MappingNode):
        found = "a list" if isinstance(root, yaml.SequenceNode) else "one value"
        where = _at(path, root.start_mark)
        return [f"{where}: expected sections and keys such as 'train:', found {found}."]
    if _size(root, {}, set()) > MAX_NODES:
        return [f"{path}: aliases make this file larger than {MAX_NODES} values; write them out."]
    return list(_repeated_keys(root, path, "", set()))


def _syntax_problem(error: yaml.YAMLError, path: Path) -> str:
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or str(error)
    where = _at(path, mark) if mark else str(path)
    return f"{where}: this is not YAML: {said}."


def _repeated_keys(node: yaml.Node, path: Path, prefix: str, seen: set[int]) -> list[str]:
    """One problem per key that stands twice in one mapping."""
    import yaml

    if id(node) in seen or isinstance(node, yaml.ScalarNode):
        return []
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        return [p for item in node.value for p in _repeated_keys(item, path, prefix, seen)]
    problems, first = [], dict[str, int]()
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in first and name != "<<":
            where = _at(path, key.start_mark)
            problems.append(
                f"{where}: {prefix}{name} was already set in line {first[name]}; remove one."
            )
        first.setdefault(name, line)
        problems += _repeated_keys(value, path, f"{prefix}{name}.", seen)
    return problems


def _size(node: yaml.Node, sizes: dict[int, int], above: set[int]) -> int:
    """Number of values below a node with every alias written out; endless when it holds itself."""
    import yaml

    if id(node) in above:
        return MAX_NODES + 1
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in sizes:
        children = [
            c for item in node.value for c in (item if isinstance(item, tuple) else (item,))
        ]
        below = {*above, id(node)}
        sizes[id(node)] = 1 + sum(_size(child, sizes, below) for child in children)
    return sizes[id(node)]


def _at(path: Path, mark: yaml.Mark) -> str:
    return f"{path}:{mark.line + 1}:{mark.column + 1}"
