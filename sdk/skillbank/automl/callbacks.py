"""Calls functions of the user's own: to read a metric from a log, or to measure a checkpoint.

A callback is named by reference, `package.module:function`, and runs in a process of its own, so
that whatever it does, an error, an exit, a crash, ends that call and nothing else. This module is
that process too: `python -m skillbank.automl.callbacks REFERENCE FOLDER` reads the arguments as
JSON and writes the answer as JSON.
"""

from __future__ import annotations

import inspect
import json
import os
import re
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from skillbank.errors import RequestInvalid, SkillbankError, SpecInvalid

if TYPE_CHECKING:
    from skillbank.automl.settings import SearchSettings

_REFERENCE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*")
_EXAMPLE = "'my_package.my_module:my_function'"
_CHECK_TIMEOUT_S = 120.0
_SHOWN_LINES = 12
_OWN_MODULES = frozenset(
    {"__main__", "runpy", "inspect"}
    | {"importlib", "importlib._bootstrap", "importlib._bootstrap_external"}
)


class CallbackKind(StrEnum):
    """The settings that name a callback."""

    METRIC_EXTRACTOR = "metric_extractor"
    EVAL_FN = "eval_fn"
    FINAL_EVAL_FN = "final_eval_fn"

    @property
    def arguments(self) -> tuple[str, ...]:
        """What it is called with, in this order."""
        return {
            CallbackKind.METRIC_EXTRACTOR: ("logs", "name"),
            CallbackKind.EVAL_FN: ("trial", "job_id"),
            CallbackKind.FINAL_EVAL_FN: ("best", "job_id"),
        }[self]

    @property
    def may_return_nothing(self) -> bool:
        """Tell whether None is an answer: there is no such metric in the log, or not yet."""
        return self is CallbackKind.METRIC_EXTRACTOR

    @property
    def timeout_s(self) -> float:
        """Seconds after which a call has failed; an evaluation may take hours."""
        return 60.0 if self is CallbackKind.METRIC_EXTRACTOR else 6 * 3600.0


class CallbackFailed(SkillbankError):
    """A callback raised an error, crashed, hung, or returned what is no number."""


@dataclass(frozen=True)
class Callback:
    """A function of the user's, called in a process of its own.

    Attributes:
        kind: What it is for.
        reference: `package.module:function`.
        folder: Where it is imported from besides the Python path, and where it runs.
        timeout_s: Seconds after which a call has failed; None: what its kind allows.
    """

    kind: CallbackKind
    reference: str
    folder: Path
    timeout_s: float | None = None

    def __call__(self, *arguments: object) -> float | None:
        """The number that the function returns.

        Args:
            *arguments: As `CallbackKind.arguments` says; they travel as JSON.

        Raises:
            CallbackFailed: There is none; the message names the callback and says why.
        """
        patience_s = self.timeout_s or self.kind.timeout_s
        ended = _run(self, json.dumps(arguments, default=str), patience_s)
        sys.stderr.write(ended.printed)
        if ended.failure:
            raise CallbackFailed(f"{self.kind} {self.reference!r} failed: {ended.failure}")
        is_finite = isinstance(ended.answer, float) and abs(ended.answer) < float("inf")
        if is_finite or self.kind.may_return_nothing:
            return ended.answer
        raise CallbackFailed(
            f"{self.kind} {self.reference!r} returned {ended.answer!r}; expected a finite number."
        )


def load_callback(reference: str, what: str, folder: Path) -> Callback:
    """The callback that a setting names, once it is sure that it can be called.

    Args:
        reference: `package.module:function`.
        what: Name of the setting, one of `CallbackKind`.
        folder: Where the search was submitted from; modules are looked for there first.

    Raises:
        RequestInvalid: It is no reference, cannot be imported, or takes other arguments.
    """
    kind = CallbackKind(what)
    check_reference(reference, what)
    callback = Callback(kind, reference, folder)
    ended = _run(callback, "", _CHECK_TIMEOUT_S)
    if ended.failure:
        raise RequestInvalid(
            f"automl.{what}: {reference!r} cannot be used: {ended.failure}; expected "
            f"{what}({', '.join(kind.arguments)}) in a module of {folder} or of the Python path."
        )
    return callback


def load_callbacks(settings: SearchSettings, folder: Path) -> dict[CallbackKind, Callback]:
    """Every callback that the settings name.

    Raises:
        RequestInvalid: It lists every one that cannot be used.
    """
    callbacks: dict[CallbackKind, Callback] = {}
    problems = []
    for kind in CallbackKind:
        reference: str | None = getattr(settings, kind.value)
        if reference is None:
            continue
        try:
            callbacks[kind] = load_callback(reference, kind.value, folder)
        except RequestInvalid as error:
            problems.append(str(error))
    if problems:
        raise SpecInvalid(problems, "the AutoML settings")
    return callbacks


def reference_of(function: Callable[..., object] | str) -> str:
    """The reference by which another process finds a function; a reference stays as it is.

    Raises:
        RequestInvalid: It cannot be found by name from elsewhere.
    """
    if isinstance(function, str):
        check_reference(function, "callback")
        return function
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    advice = (
        "a search runs it in another process, which finds it by name: define it with 'def' at the "
        f"top of an importable module, and give that function, or its name such as {_EXAMPLE}."
    )
    if not isinstance(module, str) or not isinstance(name, str):
        raise RequestInvalid(f"callback {function!r} has no name; {advice}")
    if module == "__main__":
        raise RequestInvalid(f"callback {name!r} stands in the program that is run; {advice}")
    if "<" in name:
        what = "a lambda" if name.endswith("<lambda>") else "inside another function"
        raise RequestInvalid(f"callback {name!r} of {module!r} is {what}; {advice}")
    found = reduce(lambda at, part: getattr(at, part, None), name.split("."), _module(module))
    if found is not function:
        raise RequestInvalid(f"callback {name!r} is not what {module!r} has by that name; {advice}")
    return f"{module}:{name}"


def _module(name: str) -> object:
    return sys.modules.get(name)


def check_reference(reference: str, what: str) -> None:
    """Make sure that a text can name a function; whether there is one, only an import tells.

    Args:
        reference: The text.
        what: Name of the setting that holds it.

    Raises:
        RequestInvalid: It cannot.
    """
    if not _REFERENCE.fullmatch(reference):
        raise RequestInvalid(
            f"automl.{what}: {reference!r} is no reference to a function; expected a module, a "
            f"colon and a name in it, such as {_EXAMPLE}."
        )


@dataclass(frozen=True)
class _Ended:
    """How a process ended: with an answer, or with a failure; and what it printed."""

    answer: float | None = None
    failure: str = ""
    printed: str = ""


def _run(callback: Callback, arguments: str, timeout_s: float) -> _Ended:
    """Call, or without arguments only look at, a callback in a process of its own."""
    folder = callback.folder.resolve()
    command = [sys.executable, "-P", "-m", __spec__.name, callback.kind, callback.reference]
    if not folder.is_dir():
        return _Ended(failure=f"there is no folder {folder}")
    with subprocess.Popen(
        [*command, str(folder)],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(arguments.encode(), timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return _Ended(failure=f"it did not end within {timeout_s:g} s")
    printed = err.decode("utf-8", errors="replace")
    return _read_end(process.returncode, out.decode("utf-8", errors="replace"), printed)


def _read_end(exit_code: int, out: str, printed: str) -> _Ended:
    said = json.loads(out) if out.endswith("}\n") else {}
    if exit_code == 0 and "answer" in said:
        return _Ended(said["answer"], printed=printed)
    if "failure" in said:
        return _Ended(failure=said["failure"], printed=printed)
    how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
    last = " | ".join(printed.strip().splitlines()[-_SHOWN_LINES:])
    failure = f"its process ended with {how} and no answer{': ' if last else ''}{last}"
    return _Ended(failure=failure, printed=printed)


def _serve(kind: CallbackKind, reference: str, folder: str) -> dict[str, float | None]:
    """What the process of a callback does; errors of the function end it, through its hook."""
    sys.path.insert(0, folder)
    module, _, name = reference.partition(":")
    function: Any = reduce(getattr, name.split("."), import_module(module))
    if not callable(function):
        raise TypeError(f"{reference!r} is {type(function).__name__}, not a function")
    inspect.signature(function).bind(*kind.arguments)
    given = sys.stdin.read()
    if not given:
        return {"answer": None}
    answer = function(*json.loads(given))
    if answer is None:
        return {"answer": None}
    if isinstance(answer, bool | str | bytes):
        raise TypeError(f"it returned {answer!r}; expected a number")
    return {"answer": float(answer)}


def _main(words: Sequence[str]) -> None:
    """Serve one call; the answer goes to the true stdout, what the function prints to stderr."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def tell(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
        place = _of_the_user(at)
        if place is not None:
            traceback.print_exception(kind, error, place)
        failure = " ".join("".join(traceback.format_exception_only(error)).split())
        answers.write(json.dumps({"failure": failure + _where(place)}) + "\n")
        answers.flush()

    sys.excepthook = tell
    kind, reference, folder = words
    answer = _serve(CallbackKind(kind), reference, folder)
    answers.write(json.dumps(answer) + "\n")
    answers.close()


def _of_the_user(at: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that lies in the user's code; None when there is none."""
    while at is not None and at.tb_frame.f_globals.get("__name__") in _OWN_MODULES:
        at = at.tb_next
    return at


def _where(at: TracebackType | None) -> str:
    frames = traceback.extract_tb(at)
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""


if __name__ == "__main__":
    _main(sys.argv[1:])
