"""Plans whose batch scripts are kept as golden files; `python -m tests.sdk.platforms.slurm_plans`
writes them anew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from skillbank.plan import JobPlan, Route
from skillbank.platforms.slurm.script import write_script
from skillbank.platforms.slurm.settings import SlurmSettings
from skillbank.run_settings import read_run_settings

GOLDEN = Path(__file__).parent / "golden"


class Case(NamedTuple):
    """A plan, and how it is run."""

    settings: Mapping[str, Any]
    num_gpus: int = 0
    num_nodes: int = 1
    folder: str = "/home/ana/skillbank/jobs/train-1"


CASES = {
    "cpu": Case({}),
    "gpus": Case(
        {
            "partition": "a100",
            "account": "vision",
            "qos": "long",
            "gpu_type": "a100",
            "cpus": 16,
            "memory": "64G",
            "walltime": "24h",
            "constraint": "nvlink&ib",
            "exclude": "n[7-9]",
            "priority": -50,
            "modules": ["cuda/12.4", "gcc"],
            "venv": "/home/ana/venv",
            "scratch": "/local/$USER",
            "mail_user": "ana@example.org",
        },
        num_gpus=4,
    ),
    "final": Case({"time_limit": "2h", "requeue": False, "sbatch_options": ["--licenses=x:1"]}),
    "nodes": Case({"cpus": 32, "exclusive": True}, num_gpus=8, num_nodes=4),
    "pyxis": Case(
        {
            "cpus": 8,
            "container_image": "nvcr.io#nvidia/pytorch:24.10-py3",
            "container_mounts": ["/data:/data:ro"],
        },
        num_gpus=1,
    ),
    "apptainer": Case(
        {
            "retries": 3,
            "container_image": "/images/skill bank.sif",
            "container_runtime": "apptainer",
            "container_mounts": ["/data"],
            "setup": ["ulimit -n 65536"],
        },
        num_gpus=1,
    ),
    "elsewhere": Case({"shared": False, "scratch": "/local/$SLURM_JOB_ID"}),
    "odd_folder": Case({}, folder="/home/o'neil/50% done/jobs/train-1"),
}


def make_plan(case: Case) -> JobPlan:
    folder = Path(case.folder)
    return JobPlan(
        job_id=folder.name,
        skill="tao-train-pose-classification",
        action="train",
        network_arch="pose_classification",
        route=Route.DIRECT,
        reason="",
        spec={"train": {"num_nodes": case.num_nodes}},
        folder=folder,
        platform="slurm",
        num_gpus=case.num_gpus,
    )


def read_case(case: Case) -> SlurmSettings:
    return read_run_settings(SlurmSettings, case.settings, "the case")


def write_case(case: Case) -> str:
    plan = make_plan(case)
    command = ["/opt/python/bin/python", "-m", "skillbank.staging", str(plan.folder), "1"]
    return write_script(plan, 1, read_case(case), command)


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for name, case in CASES.items():
        (GOLDEN / f"{name}.sbatch").write_text(write_case(case), encoding="utf-8")
