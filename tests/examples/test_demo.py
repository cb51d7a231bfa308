"""The demo runs from its first command to its last line, in a quick form."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
VIDEO = REPOSITORY.parent / "shared" / "data" / "video" / "cam0_test.mp4"
# Four jobs and their processes: minutes on a machine that is busy with much else.
pytestmark = pytest.mark.timeout(1200)

# One epoch is enough to go through every command.
QUICK = ("--set", "train.num_epochs=1")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    # About half a minute: four jobs, each a process that loads PyTorch; the first trains an epoch.
    root = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "tools/demo.py", "--root", str(root), *QUICK]
    return subprocess.run(command, cwd=REPOSITORY, check=False, capture_output=True, text=True)


def shown_commands(demo: subprocess.CompletedProcess[str]) -> list[list[str]]:
    return [shlex.split(words) for words in re.findall(r"^  \$ (.+)$", demo.stdout, re.MULTILINE)]


def test_the_demo_succeeds(demo: subprocess.CompletedProcess[str]) -> None:
    assert demo.returncode == 0, demo.stdout + demo.stderr


def test_every_action_is_shown_before_it_runs(demo: subprocess.CompletedProcess[str]) -> None:
    actions = [words[3] for words in shown_commands(demo)]

    assert actions == ["train", "evaluate", "inference", "export"]


def test_the_shown_commands_can_be_pasted(demo: subprocess.CompletedProcess[str]) -> None:
    for words in shown_commands(demo):
        assert (REPOSITORY / words[0]).exists()
        assert ("--parent" in words) == (words[3] != "train")
        planned = [words[0], "plan", *words[2:]]
        done = subprocess.run(planned, cwd=REPOSITORY, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_the_demo_ends_with_the_accuracy_and_the_reports(
    demo: subprocess.CompletedProcess[str],
) -> None:
    accuracy = re.search(
        r"^accuracy +(\S+) %  \((\d+) of 43 clips; 95 % Wilson interval", demo.stdout, re.MULTILINE
    )
    reports = re.findall(r"^  (\w+) +(\S+/report\.html)$", demo.stdout, re.MULTILINE)

    assert accuracy
    assert float(accuracy[1]) == pytest.approx(100 * int(accuracy[2]) / 43, abs=0.06)
    assert [action for action, _ in reports] == ["train", "evaluate", "inference", "export"]
    assert all((REPOSITORY / path).is_file() for _, path in reports)
    assert "mean class accuracy" in demo.stdout
    assert re.search(r"^ONNX +within \d\.\de-\d+ .* on 8 clips$", demo.stdout, re.MULTILINE)
    assert "What to try next:" in demo.stdout


def test_a_demo_whose_training_fails_says_so_and_stops(tmp_path: Path) -> None:
    # Over 1 s: it starts a job, which finds the mistake.
    command = [sys.executable, "tools/demo.py", "--root", str(tmp_path)]
    wrong = ["--set", "train.num_epochs=none"]

    done = subprocess.run(
        [*command, *wrong], cwd=REPOSITORY, check=False, capture_output=True, text=True
    )

    assert done.returncode == 1
    assert "train.num_epochs" in done.stderr
    assert "error: the train job failed" in done.stderr
    assert "Traceback" not in done.stderr
    assert "evaluate" not in done.stdout


@pytest.mark.realdata
@pytest.mark.skipif(not VIDEO.is_file(), reason=f"needs {VIDEO}")
def test_the_demo_of_a_video_ends_with_the_video_and_the_timeline(
    demo: subprocess.CompletedProcess[str],
) -> None:
    # Some 20 s: it finds a person in 187 frames, and draws them.
    (root,) = {words[words.index("--root") + 1] for words in shown_commands(demo)}
    jobs = [sys.executable, "-m", "skillbank.cli", "jobs", "--json", "--root", root]
    listed = json.loads(subprocess.run(jobs, check=True, capture_output=True, text=True).stdout)
    (parent,) = [job["id"] for job in listed if job["action"] == "train"]
    command = [sys.executable, "-m", "skillbank.cli", "demo", "video", str(VIDEO)]

    done = subprocess.run(
        [*command, "--parent", parent, "--root", root], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr
    left = dict(re.findall(r"^(video|timeline|as a table) +(\S+)$", done.stdout, re.MULTILINE))
    assert Path(left["video"]).stat().st_size > 100_000
    assert Path(left["timeline"]).read_bytes().startswith(b"\x89PNG")
    rows = Path(left["as a table"]).read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("camera,object_id,start_frame,end_frame")
    assert len(rows) > 1
