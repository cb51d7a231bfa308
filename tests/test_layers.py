"""The rooms and their doors: who may import whom, and how big a room may grow."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
SDK = ROOT / "sdk" / "skillbank"
SDK_FILES = sorted(SDK.rglob("*.py"))
RUNNER_FILES = sorted((ROOT / "runners").rglob("*.py"))
TOOL_FILES = sorted((ROOT / "tools").rglob("*.py"))

# A room is one or more modules that serve one purpose. Each may import what stands before it, never
# what stands after it; inside a room any order goes. A new module is put into its room here.
ROOMS: dict[str, tuple[str, ...]] = {
    "ground": ("errors", "settings", "documents", "locks", "config", "config_file"),
    "files": ("files",),
    "skills": ("skill_info", "dialect", "skill", "bank"),
    "specs": (
        "spec_keys",
        "spec_file",
        "coercion",
        "conditions",
        "data_sources",
        "spec",
        "spec_check",
        "interpolation",
    ),
    "requests": ("run_settings", "request", "workflow_request", "plan", "job", "following"),
    "checkpoints": ("artefacts", "checkpoints"),
    "inference": ("inference_setting", "links", "inference", "filling", "skill_check"),
    "tuning": ("automl",),
    "planning": ("inputs", "reach", "carry_forward", "route", "gpu_choice", "planner"),
    "records": ("job_folder", "store_schema", "store"),
    "platforms": ("platforms", "staging"),
    "words": ("words",),
    "client": (
        "watching",
        "adoption",
        "syncing",
        "moving",
        "job_reader",
        "job_client",
        "describing",
        "workflows",
        "preflight",
        "capabilities",
        "asking",
        "client",
    ),
    "search": ("search",),
    "documents": ("result_documents",),
    "doors": ("testing", "install", "mcp", "cli"),
}
LEVELS = {module: level for level, modules in enumerate(ROOMS.values()) for module in modules}


class Facts(NamedTuple):
    """What the tests ask of a file; a tree of it is made and walked once, the slow part."""

    num_lines: int
    imported: frozenset[str]
    function_lengths: dict[str, int]
    num_broad_excepts: int
    loads_pickles: bool


@cache
def facts(path: Path) -> Facts:
    text = path.read_text(encoding="utf-8")
    nodes = list(ast.walk(ast.parse(text)))
    functions = [n for n in nodes if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return Facts(
        len(text.splitlines()),
        frozenset(name for node in nodes for name in _imported(node)),
        {f"{function.name}, line {function.lineno}": _length(function) for function in functions},
        sum(map(_is_broad_except, nodes)),
        any(_loads_pickles(node) for node in nodes),
    )


def imported(path: Path) -> frozenset[str]:
    """Dotted names of the modules that a file imports, wherever the import stands."""
    return facts(path).imported


def _imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if not isinstance(node, ast.ImportFrom) or not node.module:
        return set()
    names = {node.module}
    if node.module in {"skillbank", "skillbank_runners"}:
        names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is None:
        return lines
    docstring = function.body[0]
    return lines - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def _is_broad_except(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    broad = {"Exception", "BaseException"}
    return node.type is None or (isinstance(node.type, ast.Name) and node.type.id in broad)


def _loads_pickles(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr in {"load", "loads"}
        and isinstance(node.value, ast.Name)
        and node.value.id == "pickle"
    )


@pytest.mark.parametrize("path", SDK_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_sdk_never_imports_a_runner_or_a_training_library(path: Path) -> None:
    heads = {name.split(".")[0] for name in imported(path)}
    heavy = {"skillbank_runners", "torch", "pytorch_lightning", "onnx", "onnxruntime", "numpy"}

    assert not heads & heavy


@pytest.mark.parametrize("path", RUNNER_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_runner_never_imports_the_sdk(path: Path) -> None:
    assert "skillbank" not in {name.split(".")[0] for name in imported(path)}


@pytest.mark.parametrize("path", SDK_FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_between_rooms_point_one_way(path: Path) -> None:
    module = path.relative_to(SDK).parts[0].removesuffix(".py")
    if module == "__init__":
        pytest.skip("the front door shows every room")
    assert module in LEVELS, f"put {module} into its room in ROOMS"

    used = {name.split(".")[1] for name in imported(path) if name.startswith("skillbank.")}
    above = {name for name in used if LEVELS.get(name, 0) > LEVELS[module]}

    assert not above, f"{module} reaches up to {sorted(above)}"


@pytest.mark.parametrize(
    "path", [*SDK_FILES, *RUNNER_FILES, *TOOL_FILES], ids=lambda path: str(path.relative_to(ROOT))
)
def test_no_file_and_no_function_outgrows_its_budget(path: Path) -> None:
    too_long = [name for name, length in facts(path).function_lengths.items() if length > 60]

    assert facts(path).num_lines <= 400, "split this file"
    assert not too_long, "split them"


# The first of the tests over all files that a process runs walks the trees of all: 3 s.
def test_nine_in_ten_files_and_functions_are_short() -> None:
    files = [facts(path) for path in (*SDK_FILES, *RUNNER_FILES, *TOOL_FILES)]
    lengths = [length for file in files for length in file.function_lengths.values()]

    assert sum(file.num_lines > 300 for file in files) <= len(files) / 10
    assert sum(length > 25 for length in lengths) <= len(lengths) / 10


def test_a_broad_except_stands_once_in_the_launcher() -> None:
    counts = {
        str(path.relative_to(ROOT)): facts(path).num_broad_excepts
        for path in (*SDK_FILES, *RUNNER_FILES, *TOOL_FILES)
    }

    assert {path for path, count in counts.items() if count} == {
        "runners/skillbank_runners/launch.py"
    }
    assert counts["runners/skillbank_runners/launch.py"] == 1


# A process of its own that imports every spec: 2 s.
def test_importing_the_sdk_and_every_spec_loads_nothing_heavy() -> None:
    heavy = ["torch", "pytorch_lightning", "onnx", "optuna", "boto3", "numpy", "matplotlib"]
    code = f"""
import sys
from importlib import import_module
from skillbank.bank import SkillBank
for skill in filter(lambda each: each.has_info, SkillBank()):
    import_module(f"skillbank_runners.{{skill.info.network_arch}}").SPECS
print(sorted(set({heavy}) & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_no_pickle_is_ever_loaded_unguarded() -> None:
    """Labels go through the restricted unpickler; nothing calls pickle.load or pickle.loads."""
    calls = [
        str(path.relative_to(ROOT))
        for path in (*SDK_FILES, *RUNNER_FILES, *TOOL_FILES)
        if facts(path).loads_pickles
    ]

    assert not calls
