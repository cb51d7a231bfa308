"""Functions of the user's own: found by name, run apart, and each failure told as that call's."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from skillbank.automl.callbacks import (
    Callback,
    CallbackFailed,
    CallbackKind,
    load_callback,
    load_callbacks,
    reference_of,
)
from skillbank.automl.settings import SearchSettings
from skillbank.errors import RequestInvalid

MODULE = """
import math, os, sys, time
from pathlib import Path

def last(logs, name):
    values = [line["kpi"][name] for line in logs if name in line.get("kpi", {})]
    return values[-1] if values else None

def chatty(logs, name):
    print("to stdout"); os.system("echo from a child"); sys.stderr.write("to stderr")
    return 1

def evaluate(trial, job_id):
    return trial["specs"]["lr"] * len(job_id)

def where(trial, job_id):
    return float(Path("marker").read_text())

def broken(trial, job_id):
    raise ValueError(f"no checkpoint in\\n{job_id}")

def leaves(trial, job_id):
    sys.exit(0)

def crashes(trial, job_id):
    print("last words", file=sys.stderr, flush=True)
    os.abort()

def hangs(trial, job_id):
    time.sleep(60)

def text(trial, job_id): return "good"
def yes(trial, job_id): return True
def nothing(trial, job_id): return None
def pair(trial, job_id): return [1.0, 2.0]
def nan(trial, job_id): return math.nan
def one_argument(trial): return 1.0

class Scores:
    @staticmethod
    def best(best, job_id): return 0.5

class Exact:
    def __float__(self): return 0.25

def like_a_number(trial, job_id): return Exact()

NUMBER = 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = tmp_path / "mine"
    package.mkdir()
    (package / "metrics.py").write_text(MODULE)
    (tmp_path / "fails_to_import.py").write_text("import no_such_library\n")
    (tmp_path / "is_no_python.py").write_text("def f(:\n")
    (tmp_path / "marker").write_text("0.75")
    return tmp_path


def load(folder: Path, function: str, what: str = "eval_fn") -> Callback:
    return load_callback(f"mine.metrics:{function}", what, folder)


def test_a_metric_is_extracted_from_the_lines_of_a_log(folder: Path) -> None:
    extract = load(folder, "last", "metric_extractor")
    logs = [{"kpi": {"f1": 0.5}}, {"message": "ünïcode"}, {"kpi": {"f1": 0.625}}]

    assert extract(logs, "f1") == 0.625
    assert extract(logs, "recall") is None


def test_a_trial_is_evaluated(folder: Path) -> None:
    assert load(folder, "evaluate")({"specs": {"lr": 0.5}}, "job7") == 2.0


def test_the_final_evaluation_may_be_a_static_method(folder: Path) -> None:
    assert load(folder, "Scores.best", "final_eval_fn")({}, "job7") == 0.5


def test_a_callback_runs_in_the_folder_that_the_search_was_submitted_from(folder: Path) -> None:
    assert load(folder, "where")({}, "job7") == 0.75


def test_what_stands_for_a_number_is_one(folder: Path) -> None:
    assert load(folder, "like_a_number")({}, "job7") == 0.25


def test_arguments_may_hold_paths(folder: Path) -> None:
    assert load(folder, "evaluate")({"specs": {"lr": 1}, "path": folder}, "ab") == 2.0


def test_what_a_callback_prints_is_passed_on_and_does_not_disturb_its_answer(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert load(folder, "chatty", "metric_extractor")([], "x") == 1.0

    printed = capfd.readouterr()
    assert {"to stdout", "from a child", "to stderr"} <= set(printed.err.splitlines())
    assert printed.out == ""


def test_an_error_of_a_callback_fails_its_call_with_its_type_message_and_place(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    evaluate = load(folder, "broken")

    with pytest.raises(CallbackFailed) as failed:
        evaluate({}, "job7")

    text = str(failed.value)
    assert text.startswith(
        "eval_fn 'mine.metrics:broken' failed: ValueError: no checkpoint in job7 ("
    )
    assert "metrics.py, line" in text
    printed = capfd.readouterr().err  # the traceback, of the user's own code alone
    assert "raise ValueError" in printed
    assert "skillbank" not in printed


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("leaves", "its process ended with exit code 0 and no answer"),
        ("crashes", r"its process ended with signal 6 and no answer: last words"),
        ("text", "TypeError: it returned 'good'; expected a number"),
        ("yes", "TypeError: it returned True; expected a number"),
        ("pair", "TypeError: float.. argument must be"),
        ("nan", "returned nan; expected a finite number"),
        ("nothing", "returned None; expected a finite number"),
    ],
)
def test_a_callback_that_gives_no_number_fails_its_call_alone(
    folder: Path, function: str, told: str
) -> None:
    with pytest.raises(CallbackFailed, match=f"eval_fn 'mine.metrics:{function}' .*{told}"):
        load(folder, function)({}, "job7")


def test_a_metric_that_diverged_is_told_as_it_is(folder: Path) -> None:
    value = load(folder, "nan", "metric_extractor")([], "x")

    assert value is not None
    assert math.isnan(value)


def test_a_callback_that_hangs_is_ended(folder: Path) -> None:
    hangs = replace(load(folder, "hangs"), timeout_s=0.5)

    with pytest.raises(CallbackFailed, match=r"did not end within 0\.5 s"):
        hangs({}, "job7")


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("mine.metrics:brokn", "AttributeError: module 'mine.metrics' has no attribute 'brokn'"),
        ("mine.metric:last", "ModuleNotFoundError: No module named 'mine.metric'"),
        ("fails_to_import:f", r"No module named 'no_such_library' \(.*import.py, line 1\)"),
        ("is_no_python:f", "SyntaxError: invalid syntax"),
        ("mine.metrics:NUMBER", "'mine.metrics:NUMBER' is int, not a function"),
        ("mine.metrics:one_argument", "TypeError: too many positional arguments"),
    ],
)
def test_what_cannot_be_called_is_refused_before_the_search(
    folder: Path, capfd: pytest.CaptureFixture[str], reference: str, told: str
) -> None:
    with pytest.raises(RequestInvalid, match=told) as refused:
        load_callback(reference, "eval_fn", folder)

    assert str(refused.value).startswith(f"automl.eval_fn: {reference!r} cannot be used: ")
    assert f"expected eval_fn(trial, job_id) in a module of {folder}" in str(refused.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("reference", ["", "last", "mine.metrics.last", "a:b:c", "a b:c", "a:1"])
def test_what_is_no_reference_is_refused_with_an_example(folder: Path, reference: str) -> None:
    with pytest.raises(RequestInvalid, match=r"'my_package\.my_module:my_function'") as refused:
        load_callback(reference, "eval_fn", folder)

    assert repr(reference) in str(refused.value)


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestInvalid, match=r"there is no folder .*gone"):
        load_callback("mine.metrics:last", "eval_fn", tmp_path / "gone")


def test_all_callbacks_of_the_settings_are_loaded(folder: Path) -> None:
    settings = SearchSettings(
        metric_extractor="mine.metrics:last", final_eval_fn="mine.metrics:Scores.best"
    )

    callbacks = load_callbacks(settings, folder)

    assert set(callbacks) == {CallbackKind.METRIC_EXTRACTOR, CallbackKind.FINAL_EVAL_FN}
    assert callbacks[CallbackKind.FINAL_EVAL_FN]({}, "job7") == 0.5


def test_every_callback_that_cannot_be_used_is_listed(folder: Path) -> None:
    settings = SearchSettings(metric_extractor="nowhere:f", eval_fn="f", final_eval_fn=None)

    with pytest.raises(RequestInvalid) as refused:
        load_callbacks(settings, folder)

    assert "automl.metric_extractor: 'nowhere:f'" in str(refused.value)
    assert "automl.eval_fn: 'f'" in str(refused.value)


# References


def module_level(trial: object, job_id: str) -> float:
    del trial, job_id
    return 0.0


def test_a_function_of_a_module_becomes_a_reference() -> None:
    assert reference_of(math.sqrt) == "math:sqrt"
    assert reference_of(Path.exists) == "pathlib:Path.exists"


def test_a_reference_stays_as_it_is_and_a_bad_one_is_refused() -> None:
    assert reference_of("mine.metrics:last") == "mine.metrics:last"
    with pytest.raises(RequestInvalid, match="no reference to a function"):
        reference_of("mine.metrics.last")


def nested() -> Callable[..., float]:
    def inner(trial: object, job_id: str) -> float:
        del trial, job_id
        return 0.0

    return inner


def of_the_program(trial: object, job_id: str) -> float:
    del trial, job_id
    return 0.0


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda trial, _: trial, "is a lambda"),
        (nested(), "is inside another function"),
        (functools.partial(module_level, None), "has no name"),
        (Path("x").exists, "is not what 'pathlib' has by that name"),
    ],
)
def test_a_function_that_no_other_process_can_find_is_refused_with_advice(
    function: Callable[..., object], told: str
) -> None:
    with pytest.raises(RequestInvalid, match=told) as refused:
        reference_of(function)

    assert "define it with 'def' at the top of an importable module" in str(refused.value)


def test_a_function_of_the_program_that_is_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_the_program, "__module__", "__main__")

    with pytest.raises(RequestInvalid, match="'of_the_program' stands in the program that is run"):
        reference_of(of_the_program)


def test_a_function_of_a_module_of_ones_own_can_be_called_by_its_reference(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(folder)
    import mine.metrics  # type: ignore[import-not-found]

    reference = reference_of(mine.metrics.evaluate)

    assert load_callback(reference, "eval_fn", folder)({"specs": {"lr": 1.5}}, "ab") == 3.0
    sys.modules.pop("mine.metrics")
    sys.modules.pop("mine")
