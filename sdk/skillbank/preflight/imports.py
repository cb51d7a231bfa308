"""Which packages a runner imports, read off its files: nothing of it is run or imported."""

from __future__ import annotations

import ast
import heapq
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

RUNNERS = "skillbank_runners"
_HEAD, _DOT = f"{RUNNERS}.", "."


@dataclass(frozen=True)
class _Import:
    """One module that a file imports, and whether only when one of its functions runs."""

    module: str
    is_late: bool


def runner_file(network_arch: str, action: str) -> Path | None:
    """File of the module that does an action; None where no runner of it is installed."""
    return _file_of(f"{RUNNERS}.{network_arch}.{action}", _roots())


def imported_packages(network_arch: str, action: str) -> dict[str, int]:
    """Top-level modules from outside that an action may import, each with its distance.

    The distance counts the late imports, those inside functions, on the shortest way: 0 comes
    with the module itself, 1 when it begins to work, more only with settings that ask for it.
    """
    roots = _roots()
    start = f"{RUNNERS}.{network_arch}.{action}"
    distances: dict[str, int] = {}
    seen: set[str] = set()
    queue = [(0, start)]
    while queue:
        distance, module = heapq.heappop(queue)
        if module in seen:
            continue
        seen.add(module)
        for one in _imports_of(module, roots):
            further = distance + one.is_late
            if one.module.startswith(_HEAD):
                heapq.heappush(queue, (further, one.module))
            else:
                top = one.module.partition(_DOT)[0]
                distances[top] = min(further, distances.get(top, further))
    own = {RUNNERS, *sys.stdlib_module_names}
    return {name: distance for name, distance in distances.items() if name not in own}


def _roots() -> tuple[Path, ...]:
    """Folders that hold a `skillbank_runners`: the installed one, and those on the import path."""
    spec = find_spec(RUNNERS)
    installed = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    on_path = (Path(entry) / RUNNERS for entry in sys.path)
    return tuple(dict.fromkeys([*installed, *(folder for folder in on_path if folder.is_dir())]))


def _imports_of(module: str, roots: tuple[Path, ...]) -> Iterator[_Import]:
    """What a module imports; the packages around it come first, as Python loads them."""
    parent = module.rpartition(_DOT)[0]
    if parent.startswith(_HEAD):
        yield _Import(parent, is_late=False)
    path = _file_of(module, roots)
    if path is not None:
        yield from _read_imports(path, path.stat().st_mtime_ns)


@cache
def _file_of(module: str, roots: tuple[Path, ...]) -> Path | None:
    parts = module.split(_DOT)[1:]
    for root in roots:
        place = root.joinpath(*parts)
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                return path
    return None


@cache
def _read_imports(path: Path, _changed_at_ns: int) -> tuple[_Import, ...]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, UnicodeDecodeError):
        return ()  # running it will tell
    return tuple(_walk(tree.body, is_late=False))


def _walk(body: Iterable[ast.stmt], *, is_late: bool) -> Iterator[_Import]:
    """Every import of some statements but those that only type checkers read."""
    for node in body:
        match node:
            case ast.Import(names=names):
                yield from (_Import(alias.name, is_late) for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield _Import(module, is_late)
                if module.partition(_DOT)[0] == RUNNERS:  # a name of it may be a module
                    yield from (_Import(f"{module}.{alias.name}", is_late) for alias in names)
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=orelse):
                yield from _walk(orelse, is_late=is_late)
            case ast.FunctionDef(body=inner) | ast.AsyncFunctionDef(body=inner):
                yield from _walk(inner, is_late=True)
            case ast.Try():  # what may fail is not needed at once
                yield from _walk(_statements_in(node), is_late=True)
            case _:
                yield from _walk(_statements_in(node), is_late=is_late)


def _statements_in(node: ast.AST) -> Iterator[ast.stmt]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
            yield from child.body
