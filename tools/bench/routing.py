"""How well plain words become plans: `python tools/bench/routing.py [FILE ...] [--json]`.

Every request of tests/requests is read and held against its expected answer, to the last value.
Exit status 1 when a threshold is missed: 97 % exact answers, no launch that was not asked for,
every AutoML policy right, and nothing heavy imported. Routing tasks of the skills are a second set,
without a threshold: their expectations were written for agents that also read SKILL.md.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run as a script: find `bench`

from bench.routing_cases import (
    REQUESTS,
    Case,
    acts,
    describe_steps,
    differences,
    policies_of,
    read_cases,
    read_file,
)
from bench.routing_tasks import is_met, read_tasks
from skillbank.bank import SkillBank
from skillbank.errors import SkillbankError
from skillbank.request import LOCAL
from skillbank.words.answer import Answer, Outcome
from skillbank.words.reader import SentenceReader

EXACT = 0.97
"""Least share of answers that are exactly as expected."""
LIMIT_MS = 50.0
"""What one request may take, once the words of the bank are known."""
_HEAVY = ("torch", "numpy", "pytorch_lightning", "onnx", "optuna", "mcp", "starlette")
_SAMPLE = "train a pose classifier on /data/gym for 30 epochs, no HPO, then export it"


@dataclass(frozen=True)
class Result:
    """One case, read.

    Attributes:
        case: What was asked and expected.
        answer: What it was read as.
        differences: Where the two part, a line each.
        took_ms: How long reading took.
    """

    case: Case
    answer: Answer
    differences: tuple[str, ...]
    took_ms: float

    @property
    def is_exact(self) -> bool:
        """Tell whether everything is as expected."""
        return not self.differences

    @property
    def is_policy_right(self) -> bool:
        """Tell whether every train step has the expected AutoML policy."""
        return policies_of(describe_steps(self.answer)) == self.case.policies

    @property
    def is_false_launch(self) -> bool:
        """Tell whether running the answer would start or change what nobody asked for."""
        is_wanted = self.answer.outcome in self.case.outcomes
        return self.case.is_negative and acts(self.answer) and not is_wanted


@dataclass(frozen=True)
class Count:
    """How many of a group were right."""

    right: int
    total: int

    @property
    def share(self) -> float:
        """In [0, 1]; 1 of an empty group."""
        return self.right / self.total if self.total else 1.0

    def __str__(self) -> str:
        """`12/13`."""
        return f"{self.right}/{self.total}"


@dataclass(frozen=True)
class Times:
    """Milliseconds.

    Attributes:
        making: Until a reader knows the words of the bank.
        first: Of the first request.
        median: Of the others, as `p99` and `slowest`.
        p99: 99 of 100 requests are read within it.
        slowest: The longest.
        over_limit: How many of the others took longer than `LIMIT_MS`.
        process: Median of whole processes: `skillbank ask WORDS`.
    """

    making: float
    first: float
    median: float
    p99: float
    slowest: float
    over_limit: int
    process: float | None = None


@dataclass(frozen=True)
class Scores:
    """What all results come to.

    Attributes:
        exact: Answers that are exactly as expected.
        policies: Requests with train steps whose AutoML policies are all right.
        false_launches: Negatives that would have started or changed something.
        negatives: Requests that may launch nothing.
    """

    exact: Count
    policies: Count
    false_launches: int
    negatives: int

    @property
    def misses(self) -> list[str]:
        """The thresholds that are missed, a sentence each."""
        told = [
            (self.exact.share < EXACT, f"{self.exact} exact, expected {EXACT:.0%} or more"),
            (self.false_launches > 0, f"{self.false_launches} false launches, expected none"),
            (self.policies.share < 1, f"{self.policies} policies right, expected all"),
        ]
        return [sentence for is_missed, sentence in told if is_missed]


@dataclass(frozen=True)
class Measured:
    """Everything that is reported.

    Attributes:
        results: Every case, in order.
        times: What reading took.
        heavy: Modules that a read imported and should not have.
        tasks: Routing tasks that are met, by skill.
    """

    results: list[Result]
    times: Times
    heavy: list[str]
    tasks: dict[str, Count]


def read_all(reader: SentenceReader, cases: Iterable[Case]) -> list[Result]:
    """Read every case, in order; one that was said where there are clusters with a reader of those.

    Args:
        reader: Where jobs run on this machine alone.
        cases: What to read.
    """
    cases = list(cases)
    others = {case.platforms for case in cases if case.platforms}
    readers = {names: SentenceReader(SkillBank(), (LOCAL, *names)) for names in others}
    return [_read(readers.get(case.platforms, reader), case) for case in cases]


def score(results: Sequence[Result]) -> Scores:
    """The figures that the thresholds are about."""
    trained = [result for result in results if result.case.policies]
    return Scores(
        Count(sum(result.is_exact for result in results), len(results)),
        Count(sum(result.is_policy_right for result in trained), len(trained)),
        sum(result.is_false_launch for result in results),
        sum(result.case.is_negative for result in results),
    )


def count_by(results: Iterable[Result], key: Callable[[Case], Iterable[str]]) -> dict[str, Count]:
    """Exact answers of each group; a case may be in several."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for result in results:
        for name in key(result.case):
            total[name] += 1
            right[name] += result.is_exact
    return {name: Count(right[name], total[name]) for name in sorted(total)}


def describe_failure(result: Result) -> str:
    """A case that is not as expected: where, the words, and what differs."""
    head = "FALSE LAUNCH " if result.is_false_launch else ""
    lines = [f"{head}{result.case.file}: {result.case.request!r}", *result.differences]
    if result.answer.outcome is not Outcome.PLAN:
        lines.append(f"it says: {result.answer.message}")
    return "\n    ".join(lines)


def heavy_imports() -> list[str]:
    """Modules that a read pulls in, of those that a read does without; in a fresh process."""
    code = (
        "import sys, tempfile; from skillbank.client import Client; "
        f"Client(tempfile.gettempdir() + '/nowhere').ask({_SAMPLE!r}); "
        f"print(*(name for name in {_HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()


def time_process(runs: int) -> float:
    """Median wall time of `skillbank ask` in milliseconds, over whole processes."""
    with tempfile.TemporaryDirectory() as root:
        line = [sys.executable, "-m", "skillbank.cli", "--root", root, "ask", "what can you do?"]
        times = []
        for _ in range(runs):
            start = time.perf_counter()
            subprocess.run(line, stdout=subprocess.DEVNULL, check=True)
            times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; 1 when a threshold is missed."""
    options = _parse(arguments)
    cases = [case for path in options.files for case in read_file(path)] or read_cases()
    found = measure(cases, options.runs)
    if options.json:
        print(json.dumps(_document(found), indent=2, ensure_ascii=False))
    else:
        _show(found)
    misses = score(found.results).misses + [f"a read imports {name}" for name in found.heavy]
    for miss in misses:
        print(f"missed: {miss}", file=sys.stderr)
    return int(bool(misses))


def measure(cases: Sequence[Case], runs: int) -> Measured:
    """Read the cases over the shipped skills, and take the times.

    Args:
        cases: What to read; at least one.
        runs: How many whole processes to time; 0: none.
    """
    bank = SkillBank()
    start = time.perf_counter()
    reader = SentenceReader(bank)
    making_ms = 1000 * (time.perf_counter() - start)
    results = read_all(reader, cases)
    process_ms = time_process(runs) if runs else None
    times = _times(making_ms, [result.took_ms for result in results], process_ms)
    return Measured(results, times, heavy_imports(), _score_tasks(reader, bank))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help=f"cases [all of {REQUESTS.name}/]"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, and nothing else")
    parser.add_argument("--runs", type=int, default=5, help="processes to time [%(default)s]")
    return parser.parse_args(arguments)


def _read(reader: SentenceReader, case: Case) -> Result:
    """A case; an error in place of an answer is never as expected."""
    start = time.perf_counter()
    told = []
    try:
        answer = reader.read(case.request)
    except SkillbankError as error:
        told = [f"raised {type(error).__name__}: {error}"]
        answer = Answer(case.request, Outcome.NOTHING, message=told[0])
    took_ms = 1000 * (time.perf_counter() - start)
    return Result(case, answer, tuple(told or differences(case, answer)), took_ms)


def _times(making: float, took: Sequence[float], process: float | None) -> Times:
    others = sorted(took[1:]) or list(took)
    return Times(
        making=making,
        first=took[0],
        median=statistics.median(others),
        p99=others[min(len(others) - 1, round(0.99 * len(others)))],
        slowest=others[-1],
        over_limit=sum(one > LIMIT_MS for one in others),
        process=process,
    )


def _score_tasks(reader: SentenceReader, bank: SkillBank) -> dict[str, Count]:
    """Routing tasks that are met, by skill."""
    tasks = read_tasks(bank)
    met = Counter(task.skill for task in tasks if is_met(task, reader.read(task.request)))
    total = Counter(task.skill for task in tasks)
    return {skill: Count(met[skill], total[skill]) for skill in sorted(total)}


def _groups(results: Sequence[Result]) -> dict[str, dict[str, Count]]:
    return {
        "file": count_by(results, lambda case: [case.file]),
        "tag": count_by(results, lambda case: case.tags),
        "outcome": count_by(results, lambda case: [min(case.outcomes)]),
    }


def _document(found: Measured) -> dict[str, object]:
    failures = [
        {
            "file": result.case.file,
            "request": result.case.request,
            "differences": result.differences,
            "is_false_launch": result.is_false_launch,
        }
        for result in found.results
        if not result.is_exact
    ]
    return {
        **asdict(score(found.results)),
        "by": {name: _plain(counts) for name, counts in _groups(found.results).items()},
        "tasks": _plain(found.tasks),
        "times_ms": asdict(found.times),
        "cores": os.cpu_count(),
        "heavy_imports": found.heavy,
        "failures": failures,
    }


def _plain(counts: dict[str, Count]) -> dict[str, dict[str, int]]:
    return {name: asdict(count) for name, count in counts.items()}


def _show(found: Measured) -> None:
    for result in found.results:
        if not result.is_exact:
            print(describe_failure(result) + "\n")
    for name, counts in _groups(found.results).items():
        _show_counts(f"exact by {name}", counts)
    _show_counts("routing tasks of the skills, no threshold", found.tasks)
    scores, times = score(found.results), found.times
    print(f"exact           {scores.exact} = {scores.exact.share:.1%}")
    print(f"policies        {scores.policies} = {scores.policies.share:.1%}")
    print(f"false launches  {scores.false_launches} of {scores.negatives} negatives")
    print(f"imports         {', '.join(found.heavy) or 'nothing heavy'}")
    print(
        f"milliseconds    {times.median:.1f} median, {times.p99:.1f} p99, "
        f"{times.slowest:.1f} slowest, {times.over_limit} over {LIMIT_MS:.0f}; "
        f"first {times.first:.0f}, reader {times.making:.0f}"
    )
    if times.process is not None:
        print(f"whole process   {times.process:.0f} ms, 'skillbank ask'")


def _show_counts(title: str, counts: dict[str, Count]) -> None:
    width = max(map(len, counts), default=0)
    print(f"{title}:")
    for name, count in counts.items():
        print(f"  {name:{width}}  {count!s:>9}  {count.share:.1%}")
    print()


if __name__ == "__main__":
    sys.exit(main())
