"""Show the whole way once, as a user goes it: train, evaluate, predict and export an ST-GCN.

Every command is printed before it runs and can be pasted into a shell at the root of the checkout.
Jobs, results and reports stay in ./.demo.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = "examples/cmu_mocap"
SKILL = "tao-train-pose-classification"
TRAIN_OPTIONS = ("-e", f"{DATA}/train.yaml", "--data", DATA, "--automl", "off")
STEPS = {
    "train": "Train an ST-GCN on 135 clips of motion capture, six actions",
    "evaluate": "Measure its best checkpoint on 43 clips of other recordings",
    "inference": "Name the action of each of those clips",
    "export": "Write it as ONNX and check that against the checkpoint",
}


class DemoFailed(Exception):
    """A command of the demo ended with an error, which it has told itself."""


@dataclass(frozen=True)
class Demo:
    """One run of the demo.

    Attributes:
        root: Folder of its jobs, as written on the command lines.
        settings: Further `--set` of the training.
    """

    root: str
    settings: tuple[str, ...] = ()

    def run_all(self) -> dict[str, Path]:
        """Run the four actions; the results folder of each."""
        jobs = {"train": self._run("train", *TRAIN_OPTIONS, *self._set())}
        parent = ("--parent", jobs["train"]["id"])
        for action in ("evaluate", "inference"):
            jobs[action] = self._run(action, *parent, "--data", DATA)
        # Real clips to compare on; they also tell how many frames the ONNX file takes.
        clips = f"dataset.val_dataset.data_path={DATA}/val_data.npy"
        jobs["export"] = self._run("export", *parent, "--set", clips)
        return {action: Path(job["results"]) for action, job in jobs.items()}

    def _set(self) -> tuple[str, ...]:
        return tuple(word for setting in self.settings for word in ("--set", setting))

    def _run(self, action: str, *options: str) -> dict[str, Any]:
        """Run one action in the open; the job that it was."""
        print(f"\n{STEPS[action]}:", flush=True)
        words = ("run", SKILL, action, *options, "--root", self.root)
        print(f"\n  $ {_shown(words)}\n", flush=True)
        if subprocess.run(_command(words), cwd=REPOSITORY, check=False).returncode:
            raise DemoFailed(f"the {action} job failed; its message is above.")
        return self._newest_job()

    def _newest_job(self) -> dict[str, Any]:
        """The job that ran last, as the command line tells it to programs."""
        command = _command(("jobs", "--limit", "1", "--json", "--root", self.root))
        done = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True)
        (job,) = json.loads(done.stdout)
        found: dict[str, Any] = job
        return found


def _command(words: tuple[str, ...]) -> list[str]:
    return [str(Path(sys.executable).with_name("skillbank")), *words]


def _shown(words: tuple[str, ...]) -> str:
    program = os.path.relpath(_command(())[0], REPOSITORY)
    return shlex.join([program, *words])


def summarise(results: dict[str, Path]) -> list[str]:
    """What came out, where it is, and what to try next."""
    metrics = json.loads((results["evaluate"] / "metrics.json").read_text(encoding="utf-8"))
    low, high = (100 * metrics["accuracy_interval"][end] for end in ("low", "high"))
    predicted = (results["inference"] / "results.txt").read_text(encoding="utf-8").splitlines()
    counts = ", ".join(f"{name} {count}" for name, count in Counter(predicted).most_common())
    check = json.loads((results["export"] / "onnx_check.json").read_text(encoding="utf-8"))
    train_id = results["train"].parent.name
    root = _near(results["train"].parents[2])
    return [
        f"accuracy             {100 * metrics['accuracy']:.1f} %  ({metrics['num_correct']} of "
        f"{metrics['num_clips']} clips; 95 % Wilson interval {low:.1f} to {high:.1f} %)",
        f"mean class accuracy  {100 * metrics['mean_class_accuracy']:.1f} %",
        f"predicted            {counts}",
        f"ONNX                 within {check['max_difference']:.1e} of the checkpoint's outputs "
        f"on {check['num_clips']} clips",
        "",
        "Reports, each one file to open in a browser:",
        *(f"  {action:<9}  {_near(folder / 'report.html')}" for action, folder in results.items()),
        "",
        "What to try next:",
        f"  {_shown(('jobs', '--root', root))}",
        f"  {_shown(('resolve', train_id, '--explain', '--root', root))}",
        f"  {_shown(('plan', SKILL, 'train', *TRAIN_OPTIONS, '--set', 'num_epochs=30'))}",
        f"  {DATA}/README.md tells what the clips are; skills/{SKILL}/SKILL.md what else it can do",
    ]


def _near(path: Path) -> str:
    """The path as seen from the checkout, where it lies in it."""
    return str(path.relative_to(REPOSITORY)) if path.is_relative_to(REPOSITORY) else str(path)


def main() -> int:
    """Run the demo; 0 when all four actions succeeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", default=".demo", help="folder of the jobs")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="another setting of the training; may be repeated",
    )
    arguments = parser.parse_args()
    started = time.monotonic()
    try:
        results = Demo(arguments.root, tuple(arguments.set)).run_all()
    except DemoFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n" + "\n".join(summarise(results)))
    print(f"\nThe demo took {time.monotonic() - started:.0f} s.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
