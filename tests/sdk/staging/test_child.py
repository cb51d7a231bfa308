"""What is heard of a scheduler's warning when the job itself goes first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, signal, sys
from pathlib import Path
from skillbank.staging.child import Child, hold_signals
hold_signals()
job = [sys.executable, "-c", f"raise SystemExit({sys.argv[2]})"]
child = Child(job, os.environ, None, Path(sys.argv[1]))
os.waitid(os.P_PID, child._process.pid, os.WEXITED | os.WNOWAIT)
if sys.argv[3] == "warned":
    os.kill(os.getpid(), signal.SIGTERM)
print(child.watch(1.0, None, lambda: False), child.warning and child.warning.name)
"""


def watched(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-c", SCRIPT, str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_a_warning_that_reached_the_job_first_is_heard_after_its_end(tmp_path: Path) -> None:
    """Else a job that was preempted is taken for one that ended for good."""
    assert watched(tmp_path, "3", "warned") == "3 SIGTERM"


def test_a_job_that_ends_by_itself_was_not_warned(tmp_path: Path) -> None:
    assert watched(tmp_path, "3", "alone") == "3 None"
