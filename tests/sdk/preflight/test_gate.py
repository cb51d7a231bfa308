"""The launch gate: what it finds, that it hides nothing, and that it changes nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.sdk.preflight.conftest import SKILL, Machine, failed, named, states
from tests.sdk.toy import FIXTURES as TOY_RUNNER
from tests.sdk.toy import TOY, RecordingPlatform

from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.job import JobState, Observation
from skillbank.platforms.inspection import Check, CheckState, FileFacts, Needs
from skillbank.request import JobRequest

PASS, WARN, FAIL, SKIPPED = CheckState


def test_a_request_that_is_all_right_may_go(train) -> None:
    found = train()

    assert found.go
    assert set(states(found).values()) == {PASS}
    assert list(states(found)) == [
        *("root", "locks", "disk", "places"),
        *("credentials", "data", "environment", "compute", "parent", "plan", "review"),
    ]


def test_looking_changes_nothing(train, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))

    train(parent_job_id="nobody")
    train()

    assert sorted(tmp_path.rglob("*")) == before


def test_the_plan_that_was_checked_comes_along_and_is_known_by_its_hash(train) -> None:
    section = train().sections[-1]

    assert section.plan is not None
    (check,) = (check for check in section.checks if check.name == "plan")
    assert check.found == f"{section.plan.job_id}, hash {section.plan.hash[:12]}"
    assert section.to_mapping()["plan"] == {
        "job_id": section.plan.job_id,
        "hash": section.plan.hash,
        "request_hash": section.plan.request_hash,
        "route": "direct",
    }


def test_one_check_that_fails_hides_no_other(train, machine: Machine, monkeypatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    machine.missing = ("torch",)
    found = train(
        data={"all": "/nowhere"},
        overrides={"num_epchs": 3, "encryption_key": "env:NO_SUCH_KEY", "train.num_gpus": 4},
        parent_job_id="nobody",
    )

    assert failed(found) == {"data", "credentials", "environment", "compute", "parent", "plan"}
    assert not found.go
    problem = named(found, "plan")[0].found
    assert "did you mean 'num_epochs'?" in problem
    assert "/nowhere" in problem


def test_a_skill_without_an_evaluation_is_checked_too(root: Path, machine: Machine) -> None:
    bank = SkillBank([TOY_RUNNER / "skills"])
    client = Client(root, bank=bank, platforms={"local": machine})

    found = client.preflight(JobRequest(TOY, "train"))

    assert "plan" in states(found)
    client.close()


def test_an_unknown_skill_or_action_fails_and_the_platform_is_looked_at_all_the_same(
    client: Client,
) -> None:
    for request in (JobRequest("tao-train-pose", "train"), JobRequest(SKILL, "prune")):
        found = client.preflight(request)

        assert failed(found) == {"skill"}
        assert (
            "did you mean" in named(found, "skill")[0].found
            or "known:" in named(found, "skill")[0].found
        )
        assert states(found)["root"] is PASS
        assert states(found)["plan"] is SKIPPED


def test_an_unknown_platform_fails_and_the_data_are_looked_into_all_the_same(train) -> None:
    found = train(platform="locale", data={"all": "/nowhere"})

    assert failed(found) == {"platform", "plan", "data"}
    assert {check.state for check in named(found, "data")} == {FAIL, SKIPPED}
    assert "did you mean 'local'?" in named(found, "platform")[0].found


def test_a_platform_alone_can_be_looked_at(client: Client) -> None:
    found = client.preflight()

    assert [section.about for section in found.sections] == ["platform local"]
    assert found.go
    assert not client.preflight(platform="slurm").go


def test_a_platform_that_cannot_tell_is_skipped_and_never_passed(root: Path, data: Path) -> None:
    client = Client(root, platforms={"local": RecordingPlatform()})

    found = client.preflight(JobRequest(SKILL, "train", data={"all": str(data)}))

    assert found.go
    assert {n for n, state in states(found).items() if state is SKIPPED} == {"data", "compute"}
    assert named(found, "environment", "")[0].state is SKIPPED


def test_a_platform_that_breaks_is_told_as_a_failure(root: Path, data: Path) -> None:
    class Broken(RecordingPlatform):
        def inspect(self, needs: Needs) -> tuple[Check, ...]:
            raise OSError(5, f"the network is down, {needs.num_gpus} GPUs unseen")

        def look_at(self, paths: Sequence[str]) -> tuple[FileFacts, ...] | None:
            raise PermissionError(13, "refused", paths[0])

    client = Client(root, platforms={"local": Broken()})

    found = client.preflight(JobRequest(SKILL, "train", data={"all": str(data)}))

    assert "the network is down" in named(found, "platform")[0].found
    assert any("refused" in check.found for check in named(found, "data"))
    assert states(found)["plan"] is PASS


class TestData:
    def test_an_array_is_shown_with_its_shape(self, train) -> None:
        found = named(train(), "data", "dataset.train_dataset.data_path")

        assert "f4 (6, 3, 30, 34, 1), 73.6 kB" in found[0].found

    @pytest.mark.parametrize(
        ("spoil", "told"),
        [
            (lambda whole: whole[:-7], "bytes by its header"),
            (lambda whole: whole + b"more", "bytes by its header"),
            (lambda _: b"", "empty"),
            (lambda _: b"x" * 500, "does not begin as a NumPy file"),
        ],
        ids=["cut off", "too long", "empty", "no array"],
    )
    def test_a_spoilt_array_fails(self, train, data: Path, spoil, told) -> None:
        path = data / "train_data.npy"
        path.write_bytes(spoil(path.read_bytes()))

        (check,) = named(train(), "data", "dataset.train_dataset.data_path")

        assert check.state is FAIL
        assert told in f"{check.found} {check.expected}"

    def test_an_array_of_objects_fails(self, train, data: Path) -> None:
        np.save(data / "train_data.npy", np.array([{}, {}]), allow_pickle=True)

        (check,) = named(train(), "data", "dataset.train_dataset.data_path")

        assert (check.state, "never loaded" in check.expected) == (FAIL, True)

    def test_an_array_with_a_long_header_passes_without_its_shape(self, train, data: Path) -> None:
        fields = [(f"field_{index}", "<f4") for index in range(400)]
        np.save(data / "train_data.npy", np.zeros(9, fields))

        (check,) = named(train(), "data", "dataset.train_dataset.data_path")

        assert check.state is PASS
        assert check.found.endswith(" kB")

    def test_what_is_downloaded_at_the_start_is_no_missing_file(
        self, tmp_path: Path, root: Path, machine: Machine, data: Path
    ) -> None:
        folder = tmp_path / SKILL
        _copy_skill(folder)
        info = folder / "references" / "skill_info.yaml"
        link = "{link: 'https://example.org/a.pth', destination_path: a.pth}"
        info.write_text(
            info.read_text().replace(
                "model.pretrained_model_path: ptm_if_no_resume_model",
                f"model.pretrained_model_path: {link}",
            )
        )
        client = Client(root, bank=SkillBank([folder]), platforms={"local": machine})

        request = JobRequest(SKILL, "train", data={"all": str(data)}, automl_policy="off")
        found = client.preflight(request)

        (check,) = named(found, "data", "model.pretrained_model_path")
        assert (check.state, "https://example.org/a.pth" in check.found) == (WARN, True)

    def test_a_file_that_is_missing_is_named_with_its_folder(self, train, data: Path) -> None:
        (data / "val_label.pkl").unlink()

        found = named(train(), "data")

        (check,) = (check for check in found if check.state is FAIL)
        assert check.about == "dataset.val_dataset.label_path"
        assert "it holds train_data.npy" in check.found

    def test_a_bucket_is_asked_for_what_lies_there(self, train, data: Path) -> None:
        there = train(data={"all": f"file://{data}"})
        nowhere = train(data={"all": f"file://{data.parent}/nowhere"})

        assert {check.state for check in named(there, "data")} == {PASS}
        assert {check.state for check in named(nowhere, "data")} == {FAIL}
        assert all("config.yaml" in check.fix for check in named(nowhere, "data"))

    def test_an_archive_stands_for_the_folder_in_it(self, train, data: Path) -> None:
        (data.parent / "mhad.tar.gz").write_bytes(b"packed")

        found = train(data={"all": str(data.parent / "mhad.tar.gz")})

        assert {check.state for check in named(found, "data")} == {PASS}

    def test_results_are_tried_where_they_are_wanted(self, train, tmp_path: Path) -> None:
        (tmp_path / "a file").touch()

        good = train(results=str(tmp_path / "runs"))
        bad = train(results=str(tmp_path / "a file" / "runs"))

        assert [check.state for check in named(good, "results")] == [PASS]
        assert [check.state for check in named(bad, "results")] == [FAIL]
        assert not list((tmp_path / "runs").rglob(".probe*"))

    def test_data_of_the_final_evaluation_are_looked_at_too(self, train, data: Path) -> None:
        good = train(automl_policy="on", data={"all": str(data), "test": str(data)})
        bad = train(automl_policy="on", data={"all": str(data), "test": "/nowhere"})
        for kind in ("data.npy", "label.pkl"):
            shutil.copy(data / f"val_{kind}", data / f"test_{kind}")
        whole = train(automl_policy="on", data={"all": str(data), "test": str(data)})

        assert "no 'test_data.npy'" in " ".join(check.found for check in named(good, "data"))
        assert any("/nowhere" in check.about for check in named(bad, "data"))
        (check,) = named(whole, "data", "evaluate.test_dataset.data_path")
        assert "test_data.npy: f4 (4, 3, 30, 34, 1)" in check.found

    @pytest.mark.parametrize("name", ["**b.json", "x" * 300, "none/*.json"])
    def test_a_path_that_cannot_be_one_fails_and_hides_nothing(
        self, client: Client, tmp_path: Path, name
    ) -> None:
        overrides = {"dataset_convert.data": str(tmp_path / name)}

        found = client.preflight(JobRequest(SKILL, "dataset_convert", overrides=overrides))

        assert failed(found) == {"data", "plan"}
        assert states(found)["environment"] is PASS


class TestCredentials:
    def test_a_secret_that_can_be_read_passes_and_is_never_shown(self, train, monkeypatch) -> None:
        monkeypatch.setenv("MY_KEY", "tops3cret")

        found = train(overrides={"encryption_key": "env:MY_KEY"})

        assert named(found, "credentials", "encryption_key")[0].state is PASS
        assert "tops3cret" not in json.dumps(found.to_mapping())

    def test_a_secret_in_plain_text_is_never_shown_either(self, train) -> None:
        found = train(overrides={"encryption_key": "tops3cret"})

        assert failed(found) == {"plan"}
        assert "tops3cret" not in json.dumps(found.to_mapping())

    def test_a_search_that_asks_for_a_key_that_is_not_set_fails(self, train, monkeypatch) -> None:
        monkeypatch.delenv("LLM_KEY", raising=False)
        automl = {
            "algorithm": "llm",
            "llm_endpoint": "http://localhost:1/v1",
            "llm_model": "m",
            "llm_api_key": "env:LLM_KEY",
        }

        found = train(automl_policy="on", automl=automl)

        (check,) = named(found, "credentials")
        assert (check.state, check.about) == (FAIL, "automl.llm_api_key")
        assert check.fix == "set it with 'export LLM_KEY=...'"

    def test_a_secret_in_a_file_that_is_not_there_fails(self, train, tmp_path: Path) -> None:
        found = train(overrides={"encryption_key": f"file:{tmp_path / 'key'}"})

        assert named(found, "credentials", "encryption_key")[0].state is FAIL


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


class TestReview:
    def test_it_shows_what_differs_from_the_template_and_the_route(self, train) -> None:
        found = train(overrides={"num_epochs": 3})

        spec = named(found, "review", "spec")[0].found
        assert "train.num_epochs: 3  # shorthand num_epochs" in spec.splitlines()
        assert named(found, "review", "route")[0].found == "direct: AutoML is off for this run."
        assert not named(found, "review", "budget")

    def test_it_shows_the_budget_of_a_search(self, train) -> None:
        automl = {"algorithm": "asha", "max_recommendations": 7, "time_budget_s": 60}

        found = train(automl_policy="on", automl=automl)

        (check,) = named(found, "review", "budget")
        assert check.found == "asha, 7 recommendations of at most 27 epochs, at most 60 s"


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


class TestParent:
    def test_a_complete_parent_passes_with_the_checkpoint_that_is_taken(
        self, client: Client, data: Path
    ) -> None:
        job_id = _submit(client, data, JobState.COMPLETE)

        found = _evaluate(client, job_id, data)

        assert found.go
        assert [check.state for check in named(found, "parent")] == [PASS, PASS]
        assert "lowest val_loss" in named(found, "parent", "evaluate.checkpoint")[0].found

    @pytest.mark.parametrize(
        ("state", "fix"), [("RUNNING", "wait"), ("ERROR", "resume"), ("LOST", "resume")]
    )
    def test_a_parent_that_is_not_complete_fails_with_what_to_do(
        self, client: Client, data: Path, state, fix
    ) -> None:
        job_id = _submit(client, data, JobState(state))

        found = _evaluate(client, job_id, data, overrides={"evaluate.batch_sise": 4})

        assert {"parent", "plan"} <= failed(found)
        assert named(found, "parent")[0].fix == f"skillbank {fix} {job_id}"
        assert "did you mean" in named(found, "plan")[0].found

    def test_the_rest_of_a_request_is_checked_as_if_its_parent_were_complete(
        self, client: Client, data: Path
    ) -> None:
        job_id = _submit(client, data, JobState.RUNNING)

        found = _evaluate(client, job_id, data)

        assert failed(found) == {"parent"}
        assert named(found, "plan")[0].state is SKIPPED

    def test_a_parent_of_another_action_fails(self, client: Client, data: Path) -> None:
        job_id = _submit(client, data, JobState.COMPLETE)

        request = JobRequest(
            SKILL, "train", data={"all": str(data)}, parent_job_id=job_id, automl_policy="off"
        )
        found = client.preflight(request)

        assert named(found, "parent")[0].expected == "a job of dataset_convert"

    def test_a_checkpoint_that_was_damaged_fails(self, client: Client, data: Path) -> None:
        job_id = _submit(client, data, JobState.COMPLETE)
        next(client.job(job_id).results.glob("*.pth")).write_bytes(b"other")

        found = _evaluate(client, job_id, data)

        assert {"parent", "plan"} <= failed(found)

    def test_a_job_that_builds_on_nothing_says_so(self, train) -> None:
        assert named(train(), "parent")[0].found == "builds on no other job"


def _evaluate(client: Client, job_id: str, data: Path, **changes: object):
    wanted = {"parent_job_id": job_id, "data": {"all": str(data)}, **changes}
    return client.preflight(JobRequest(SKILL, "evaluate", **wanted))


def _submit(client: Client, data: Path, state: JobState) -> str:
    """A training that is in a state, with one checkpoint, without running anything."""

    class Ended(RecordingPlatform):
        def look_at(self, paths: Sequence[str]) -> tuple[FileFacts, ...] | None:
            return machine.look_at(paths)

        def installed(self, names) -> Mapping[str, str]:
            return machine.installed(names)

    machine = client.platforms["local"]
    ended = Ended()
    ended.seen = Observation(state, "", 0, 1.0, 2.0 if state.is_final else None)
    client.platforms["local"] = ended  # type: ignore[index]
    request = JobRequest(SKILL, "train", data={"all": str(data)}, automl_policy="off")
    plan = client.plan_job(request)
    job = client.submit(plan)
    (plan.results / "model_epoch_000_step_00001.pth").write_bytes(b"weights")
    entry = {
        "kind": "checkpoint",
        "path": "model_epoch_000_step_00001.pth",
        "epoch": 0,
        "step": 1,
        "metrics": {"val_loss": 0.5},
        "sha256": "",
        "size_bytes": 7,
    }
    (plan.results / "artefacts.json").write_text(json.dumps({"artefacts": [entry]}))
    return job.id


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
