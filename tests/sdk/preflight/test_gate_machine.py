"""The launch gate: what is installed, what there is to compute with, and room on the disk."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.sdk.preflight.conftest import SKILL, Machine, failed, named

from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.platforms.inspection import CheckState
from skillbank.request import JobRequest

PASS, WARN, FAIL, SKIPPED = CheckState


class TestEnvironment:
    def test_a_missing_package_fails_with_the_line_that_installs_it(
        self, train, machine: Machine
    ) -> None:
        machine.missing = ("torch", "optuna")

        direct = named(train(), "environment", "packages")[0]
        searched = named(train(automl_policy="on"), "environment", "packages")[0]

        assert (direct.state, direct.fix) == (FAIL, "pip install 'skillbank[train]'")
        assert searched.fix == "pip install 'skillbank[automl,train]'"

    def test_a_package_that_only_some_settings_need_warns(
        self, client: Client, machine: Machine, data: Path
    ) -> None:
        machine.missing = ("av",)

        found = client.preflight(JobRequest(SKILL, "inference", data={"all": str(data)}))

        (check,) = named(found, "environment", "packages")
        assert (check.state, check.fix) == (WARN, "pip install 'skillbank[video]'")

    def test_a_skill_of_another_format_fails(
        self, tmp_path: Path, root: Path, machine: Machine
    ) -> None:
        folder = tmp_path / SKILL
        _copy_skill(folder, {"skill_format": 2})
        client = Client(root, bank=SkillBank([folder]), platforms={"local": machine})

        found = client.preflight(JobRequest(SKILL, "train"))

        (check,) = named(found, "environment", "skill")
        assert (check.state, check.found, check.expected) == (
            FAIL,
            "skill_format 2",
            "skill_format 1",
        )

    def test_a_skill_made_with_an_older_tao_only_warns(
        self, tmp_path: Path, root: Path, machine: Machine
    ) -> None:
        folder = tmp_path / SKILL
        _copy_skill(folder, {"tao_core": "6.0.0"})
        client = Client(root, bank=SkillBank([folder]), platforms={"local": machine})

        found = client.preflight(JobRequest(SKILL, "train"))

        assert named(found, "environment", "skill")[0].state is WARN


class TestCompute:
    def test_the_fall_back_to_the_cpu_is_named(self, train) -> None:
        assert "runs on the CPU, 16 cores" in named(train(), "compute", "gpus")[0].found

    def test_more_gpus_than_there_are_fail_with_a_number_that_does(self, train) -> None:
        (check,) = named(train(overrides={"train.num_gpus": 4}), "compute", "gpus")

        assert (check.state, check.fix) == (FAIL, "--set train.num_gpus=1")

    def test_two_gpus_are_too_many_where_there_is_one(self, root, data) -> None:
        client = Client(root, platforms={"local": Machine(root, gpus=("0",))})
        wanted = JobRequest(
            SKILL, "train", data={"all": str(data)}, overrides={"train.num_gpus": 2}
        )

        (check,) = named(client.preflight(wanted), "compute", "gpus")

        assert (check.state, check.expected) == (FAIL, "the 2 asked for")

    @pytest.mark.parametrize(("gigabytes", "state"), [(80, PASS), (4, WARN), (0, PASS)])
    def test_the_memory_of_gpus_is_held_against_what_the_skill_recommends(
        self, root: Path, data: Path, gigabytes, state
    ) -> None:
        machine = Machine(root, gpus=("0", "1"))
        machine.gpu_memory_bytes = gigabytes * 10**9
        machine.version = "99"
        client = Client(root, platforms={"local": machine})

        found = client.preflight(JobRequest(SKILL, "train", data={"all": str(data)}))

        (check,) = named(found, "compute", "gpus")
        assert check.state is state
        assert check.found.startswith("1 of 2 GPUs: H100")

    def test_torch_built_for_the_cpu_is_told_where_there_is_a_gpu(
        self, root: Path, data: Path
    ) -> None:
        machine = Machine(root, gpus=("0",))
        machine.version = "99+cpu"
        client = Client(root, platforms={"local": machine})

        found = client.preflight(JobRequest(SKILL, "train", data={"all": str(data)}))

        assert "torch is a CPU build" in named(found, "compute", "gpus")[0].found

    def test_data_that_do_not_fit_into_memory_warn(self, train, machine: Machine) -> None:
        machine.memory_bytes = 1000

        assert named(train(), "compute", "memory")[0].state is WARN

    def test_a_skill_that_needs_gpus_fails_without_one(
        self, tmp_path: Path, root: Path, machine: Machine
    ) -> None:
        folder = tmp_path / SKILL
        _copy_skill(folder)
        info = folder / "references" / "skill_info.yaml"
        info.write_text(info.read_text().replace("min_gpus: 0", "min_gpus: 1"))
        client = Client(root, bank=SkillBank([folder]), platforms={"local": machine})

        (check,) = named(client.preflight(JobRequest(SKILL, "train")), "compute", "gpus")

        assert (check.state, check.expected) == (FAIL, "at least 1")


class TestRoom:
    def test_the_size_of_earlier_checkpoints_tells_what_is_needed(self, train, root: Path) -> None:
        _leave_job(root, "train-aaaa", SKILL, checkpoint_bytes=10**6, rest_bytes=500)

        (check,) = named(train(overrides={"num_epochs": 30}), "disk")

        assert "up to 30 MB are needed (30 checkpoints of the size that train-aaaa" in check.found

    def test_a_job_that_cannot_fit_fails(self, train, root: Path) -> None:
        _leave_job(root, "train-aaaa", SKILL, checkpoint_bytes=10**15)

        found = train()

        assert failed(found) == {"disk"}

    def test_checkpoints_that_may_not_all_be_kept_only_warn(self, train, root: Path) -> None:
        free = shutil.disk_usage(root.parent).free
        _leave_job(root, "train-aaaa", SKILL, checkpoint_bytes=free // 4)

        (check,) = named(train(overrides={"num_epochs": 30}), "disk")

        assert check.state is WARN

    def test_jobs_of_other_skills_tell_nothing(self, train, root: Path) -> None:
        _leave_job(root, "train-aaaa", "tao-train-centerpose", checkpoint_bytes=10**15)
        (root / "jobs/train-bbbb/results").mkdir(parents=True)
        (root / "jobs/train-bbbb/results/artefacts.json").write_text("no json")

        assert train().go

    def test_a_search_needs_room_for_the_trials_that_run_at_once(self, train, root: Path) -> None:
        _leave_job(root, "train-aaaa", SKILL, checkpoint_bytes=10**6)

        found = train(automl_policy="on", overrides={"num_epochs": 5})

        assert "up to 10 MB" in named(found, "disk")[0].found
        assert "2 trials at a time" in named(found, "disk")[0].found


def _copy_skill(folder: Path, versions: Mapping[str, object] | None = None) -> None:
    """The pose skill, with other versions in its manifest."""
    shutil.copytree(SkillBank()[SKILL].folder, folder)
    path = folder / "schemas" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["versions"] |= versions or {}
    path.write_text(json.dumps(manifest))


def _leave_job(
    root: Path, job_id: str, skill: str, *, checkpoint_bytes: int, rest_bytes: int = 0
) -> None:
    """What an earlier training recorded."""
    results = root / "jobs" / job_id / "results"
    results.mkdir(parents=True)
    (results.parent / "plan.json").write_text(json.dumps({"skill": skill, "action": "train"}))
    artefacts = [
        {"kind": "checkpoint", "size_bytes": checkpoint_bytes},
        {"kind": "report", "size_bytes": rest_bytes},
    ]
    (results / "artefacts.json").write_text(json.dumps({"artefacts": artefacts}))
    os.utime(results / "artefacts.json")
