"""How long a person waits for the command line: `python tools/bench/startup.py [--runs N]`.

Wall time of whole processes, to a pipe and to a terminal of their own; the median is what counts,
the minimum is what a quiet machine would show.
"""

from __future__ import annotations

import argparse
import os
import pty
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

SKILL = "tao-train-pose-classification"
DATA = Path(__file__).resolve().parents[2] / "examples/cmu_mocap"
WORDS = f"train a pose classifier on {DATA} for 3 epochs with 6 classes, no HPO, then evaluate it"
LINES = {
    "skillbank --help": ["--help"],
    "skillbank run --help": ["run", "--help"],
    "skillbank skills": ["skills"],
    "skillbank skills --json": ["skills", "--json"],
    "skillbank show SKILL train": ["show", SKILL, "train"],
    "skillbank capabilities": ["capabilities"],
    "skillbank ask (a command)": ["ask", "what can you do?"],
    "skillbank ask (two steps)": ["ask", WORDS],
    "skillbank plan": ["plan", SKILL, "train", "--data", str(DATA), "--automl", "off"],
    "skillbank jobs": ["jobs"],
}
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import skillbank": ["-c", "import skillbank"],
    **{name: ["-m", "skillbank.cli", *line] for name, line in LINES.items()},
}


def main() -> None:
    """Print one line per command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=11, help="runs of each command [%(default)s]")
    runs = parser.parse_args().runs
    with TemporaryDirectory() as home:
        os.environ["SKILLBANK_HOME"] = home
        _measure(runs)


def _measure(runs: int) -> None:
    print(f"{'milliseconds of':28}{'to a pipe':>16}{'':8}{'to a terminal':>16}")
    print(f"{'':28}{'median':>12}{'min':>8}{'median':>16}{'min':>8}")
    for name, arguments in COMMANDS.items():
        line = [sys.executable, *arguments]
        piped = [_time(_run_in_pipe, line) for _ in range(runs)]
        shown = [_time(_run_in_terminal, line) for _ in range(runs)]
        figures = (statistics.median(piped), min(piped), statistics.median(shown), min(shown))
        print(f"{name:28}{figures[0]:12.0f}{figures[1]:8.0f}{figures[2]:16.0f}{figures[3]:8.0f}")


def _time(run: Callable[[list[str]], None], line: list[str]) -> float:
    start = time.perf_counter()
    run(line)
    return 1000 * (time.perf_counter() - start)


def _run_in_pipe(line: list[str]) -> None:
    subprocess.run(line, stdout=subprocess.PIPE, check=True)


def _run_in_terminal(line: list[str]) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(line, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        while _read(ours):
            pass
    os.close(ours)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, line)


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # Linux reports the closed end of a terminal as an error
        return b""


if __name__ == "__main__":
    main()
