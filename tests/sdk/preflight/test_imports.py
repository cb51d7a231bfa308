"""Imports are read off a runner's files; nothing of it is run."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from skillbank.preflight.imports import imported_packages, runner_file


@pytest.fixture
def write_runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write modules of a runner named `made`, each by its name below the package."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(**modules: str) -> None:
        folder = tmp_path / "skillbank_runners" / "made"
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("")
        for name, text in modules.items():
            (folder / f"{name}.py").write_text(dedent(text))

    return write


def test_an_import_at_the_top_of_a_module_is_at_distance_0(write_runner) -> None:
    write_runner(train="import alpha.beta\nfrom gamma import delta\nimport json, os.path\n")

    assert imported_packages("made", "train") == {"alpha": 0, "gamma": 0}


def test_late_imports_are_counted_on_the_shortest_way(write_runner) -> None:
    write_runner(
        train="""
            from skillbank_runners.made import near
            def main():
                from skillbank_runners.made.far import work
                import alpha
        """,
        near="def later():\n    import beta\n",
        far="import gamma\nimport beta\ndef seldom():\n    import delta\n",
    )

    assert imported_packages("made", "train") == {"alpha": 1, "beta": 1, "gamma": 1, "delta": 2}


def test_what_only_type_checkers_read_is_left_out(write_runner) -> None:
    write_runner(
        train="""
            from typing import TYPE_CHECKING
            if TYPE_CHECKING:
                import alpha
            else:
                import beta
        """
    )

    assert imported_packages("made", "train") == {"beta": 0}


def test_what_may_fail_is_not_needed_at_once(write_runner) -> None:
    write_runner(train="try:\n    import alpha\nexcept ImportError:\n    import beta\n")

    assert imported_packages("made", "train") == {"alpha": 1, "beta": 1}


def test_modules_that_import_each_other_come_to_an_end(write_runner) -> None:
    write_runner(
        train="from skillbank_runners.made import other\n",
        other="import alpha\nfrom skillbank_runners.made import train\n",
    )

    assert imported_packages("made", "train") == {"alpha": 0}


def test_a_file_that_is_no_python_imports_nothing(write_runner) -> None:
    write_runner(train="from skillbank_runners.made import broken\nimport alpha", broken="def (")

    assert imported_packages("made", "train") == {"alpha": 0}


def test_a_changed_file_is_read_again(write_runner, tmp_path: Path) -> None:
    write_runner(train="import alpha\n")
    first = imported_packages("made", "train")
    (tmp_path / "skillbank_runners/made/train.py").write_text("import beta, gamma\n")

    assert (first, imported_packages("made", "train")) == ({"alpha": 0}, {"beta": 0, "gamma": 0})


def test_nothing_of_a_runner_is_run(write_runner) -> None:
    write_runner(train="raise RuntimeError('it was run')\nimport alpha\n")

    assert imported_packages("made", "train") == {"alpha": 0}


def test_the_file_of_an_action_is_found_and_one_that_is_not_there_is_not() -> None:
    path = runner_file("pose_classification", "train")

    assert path is not None
    assert path.name == "train.py"
    assert runner_file("pose_classification", "gen_trt_engine") is None
    assert runner_file("no_network", "train") is None
