"""A place where the commands of the pages work: data, poses, a video, and jobs of every kind."""

from __future__ import annotations

import contextlib
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from tests.runners.video.films import film, plain
from tests.sdk.search.conftest import Bowl, search_bowl

from skillbank.cli import main
from skillbank.job import JobState
from wrong_poses_world import write_poses

REPOSITORY = Path(__file__).resolve().parents[2]
DATA = REPOSITORY / "examples" / "cmu_mocap"
SKILL = "tao-train-pose-classification"
_PLACEHOLDER = re.compile(r"\b[A-Z][A-Z_]*[A-Z](?:\.\w+)?\b")
_NO_PLACEHOLDERS = {"RUNNING", "LOST", "COMPLETE", "ERROR", "HPO", "KEY", "VALUE", "LLM_KEY"}
# Where there is no cluster: what SLURM's commands say of one, enough to plan for it.
_SLURM = {
    "sinfo": "echo 'n1|idle|64|515000|500000|gpu:a100:4(S:0-1)'",
    "scontrol": 'case "$*" in *ping*) echo "Slurmctld(primary) at head is UP";; '
    '*) echo "PartitionName=a100 Default=YES State=UP MaxTime=UNLIMITED AllowAccounts=ALL";; esac',
    **dict.fromkeys(("sbatch", "scancel", "squeue"), "exit 1"),
}
_NO_SERVER = ("no daemon answers at", "no Kubernetes cluster can be reached")


@dataclass(frozen=True)
class Done:
    """A command line that ended."""

    status: int
    out: str
    err: str

    @property
    def lacks_a_server(self) -> bool:
        """Whether it says that it needs a daemon or a cluster, which tests of pages do without."""
        return any(sentence in self.out + self.err for sentence in _NO_SERVER)


@dataclass(frozen=True)
class World:
    """Everything that the words in capitals of a page can stand for.

    Attributes:
        root: Folder of jobs.
        files: Placeholder -> file or folder.
        trained: Id of a training that is complete, with data that its children can read.
        converted: Id of a conversion whose data can be trained on.
        search: Id of a search that is complete.
        workflow: Id of a workflow that is complete.
        bowl: Starts trainings that stand still until they are cancelled.
    """

    root: Path
    files: dict[str, Path]
    trained: str
    converted: str
    search: str
    workflow: str
    bowl: Bowl

    def run(self, *words: str) -> Done:
        """Run a command line of ours in this process."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(words)
        return Done(status, out.getvalue(), err.getvalue())

    def run_with_input(self, *words: str, stdin: Path) -> Done:
        """Run a command line of ours in a process of its own, with a file on its stdin."""
        line = [sys.executable, "-m", "skillbank.cli", *words]
        with stdin.open() as file:
            done = subprocess.run(line, capture_output=True, text=True, check=False, stdin=file)
        return Done(done.returncode, done.stdout, done.stderr)

    def running_job(self) -> str:
        """Id of a job that runs, and would for ever."""
        bowl = self.bowl.with_own_gates()
        bowl.gates.close("-e0")
        job = self.bowl.client.create_job(
            "bowl-train",
            "train",
            overrides={"train.gates": str(bowl.gates.folder)},
            automl_policy="off",
        )
        bowl.gates.wait_for("-e0")
        return job.id

    def stopped_job(self) -> str:
        """Id of a job that was cancelled, and can be resumed."""
        job_id = self.running_job()
        self.bowl.client.cancel(job_id)
        return job_id

    def running_workflow(self) -> str:
        """Id of a workflow whose step runs, and would for ever."""
        return _start("workflow", "run", str(self.files["STEPS.yaml"]))

    def fill_in(self, word: str, ids: dict[str, str]) -> str:
        """A word of a command with what its placeholders stand for.

        Raises:
            AssertionError: A placeholder is not known: this world must learn it.
        """

        def replace(match: re.Match[str]) -> str:
            name = match[0]
            if name in _NO_PLACEHOLDERS:
                return name
            known = {**{key: str(path) for key, path in self.files.items()}, **ids}
            assert name in known, f"page_world.py does not know what {name} stands for"
            return known[name]

        return _PLACEHOLDER.sub(replace, word)


@contextmanager
def make_world(root: Path) -> Iterator[World]:
    """Some 20 s: a training, a conversion, a search and a workflow really run."""
    with search_bowl(root) as bowl:
        files = _write_files(root)
        _write_platforms(root)
        poses = [f"data={files['POSES.json']}", f"labels={files['LABELS.csv']}"]
        settings = [word for one in poses for word in ("--set", f"dataset_convert.{one}")]
        converted = _start("run", SKILL, "dataset_convert", *settings)
        search, _ = bowl.run(max_recommendations=2, max_epochs=1)
        assert main(["wait", converted]) == 0
        # Trained on converted poses: a stream of poses asks how they were converted.
        short = ["--set", "num_epochs=1", "--automl", "off"]
        trained = _start("run", SKILL, "train", "--parent", converted, *short)
        workflow = _start("workflow", "run", str(files["BOWL.yaml"]))
        assert main(["wait", trained]) == main(["workflow", "wait", workflow]) == 0
        assert search.state is JobState.COMPLETE
        try:
            yield World(root, files, trained, converted, search.id, workflow, bowl)
        finally:
            for job in bowl.client.jobs(limit=1000):
                if not job.state.is_final:  # of a test that failed: nobody opens its gate
                    bowl.client.cancel(job.id)


def _write_files(root: Path) -> dict[str, Path]:
    folder = root / "files"
    folder.mkdir()
    write_poses(folder)
    (folder / "labels.csv").write_text(
        "object_id,class,subject\n1,walk,anna\n2,run,bert\n", encoding="utf-8"
    )
    frames = json.loads((folder / "poses" / "walk.json").read_text(encoding="utf-8"))
    lines = "".join(json.dumps(frame) + "\n" for frame in frames)
    (folder / "poses.jsonl").write_text(lines, encoding="utf-8")
    steps = [
        {"skill": SKILL, "action": "train", "data": {"all": str(DATA)}, "automl_policy": "off"},
        {"skill": SKILL, "action": "export", "parent": "train"},
    ]
    (folder / "steps.yaml").write_text(yaml.safe_dump({"steps": steps}), encoding="utf-8")
    bowl = {"skill": "bowl-train", "action": "train", "automl_policy": "off"}
    (folder / "bowl.yaml").write_text(yaml.safe_dump({"steps": [bowl]}), encoding="utf-8")
    return {
        "FOLDER": DATA,
        "POSES.json": folder / "poses" / "walk.json",
        "POSES.jsonl": folder / "poses.jsonl",
        "LABELS.csv": folder / "labels.csv",
        "VIDEO.mp4": film(folder / "video.mp4", [plain(64, 64, 16)] * 3),
        "STEPS.yaml": folder / "steps.yaml",
        "BOWL.yaml": folder / "bowl.yaml",
    }


def _write_platforms(root: Path) -> None:
    """Platforms that are planned for, and SLURM's commands in the folder `bin`."""
    no_daemon = f"unix://{root}/no.sock"
    platforms = {
        "slurm": {"kind": "slurm", "partition": "a100"},
        "kubernetes": {"kind": "kubernetes", "image": "skillbank", "max_gpus": 8},
        "docker": {"kind": "docker", "base_url": no_daemon},
    }
    storage = [{"prefix": "s3://", "access_key": "env:LLM_KEY", "secret_key": "env:LLM_KEY"}]
    platforms["kubernetes"]["kubeconfig"] = str(root / "no_config")
    platforms["kubernetes"]["secrets"] = {"LLM_KEY": "skillbank-s3/key"}
    config = {"platforms": platforms, "storage": storage}
    (root / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (root / "bin").mkdir()
    for name, script in _SLURM.items():
        program = root / "bin" / name
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
        program.chmod(0o755)


def _start(*words: str) -> str:
    """Start a job or a workflow; its id."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = main([*words, "--detach", "--json"])
    assert status == 0, out.getvalue()
    return str(json.loads(out.getvalue())["id"])
