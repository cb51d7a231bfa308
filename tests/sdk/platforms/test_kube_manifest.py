"""The Job of an attempt: what is in it, and that every version of Kubernetes takes it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.services.kube_rules import find_faults, versions

from skillbank.plan import JobPlan, Route
from skillbank.platforms.kubernetes.manifest import job_manifest, job_name, show_quantity
from skillbank.platforms.kubernetes.nodes import read_quantity
from skillbank.platforms.kubernetes.settings import KubernetesSettings

GOLDEN = Path(__file__).parent / "golden"
ARGUMENTS = ["-m", "skillbank.staging", "/work/skillbank/jobs/train-1", "1"]
IMAGE = {"image": "registry.example/skillbank:1.2"}

# Name -> settings of which each is drawn, and the number of GPUs of the plan.
CASES: dict[str, tuple[dict[str, Any], int]] = {
    "plain": ({}, 0),
    "s3_gpu": (
        {
            "secrets": {
                "AWS_ACCESS_KEY_ID": "s3-keys/access-key",
                "AWS_SECRET_ACCESS_KEY": "s3-keys/secret-key",
            },
            "cpus": 8,
            "memory": "64G",
            "scratch": "200G",
            "time_limit": "12h",
            "retries": 2,
            "node_selector": {"nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3"},
        },
        4,
    ),
    "shared_volume": (
        {
            "volume": {"claim": "skillbank", "mount": "/work", "sub_path": "team-a"},
            "mounts": [
                {"nfs": "files.example:/datasets", "mount": "/data", "read_only": True},
                {"host_path": "/opt/models", "mount": "/models", "read_only": True},
                {"secret": "certificates", "mount": "/etc/company"},
                {"config_map": "pip", "mount": "/etc/pip"},
            ],
            "run_as_user": 5001,
            "run_as_group": 6001,
        },
        1,
    ),
    "guarded_cluster": (
        {
            "image_pull_policy": "Always",
            "image_pull_secrets": ["registry-a", "registry-b"],
            "service_account": "trainer",
            "python": "/opt/venv/bin/python",
            "priority": 100,
            "priority_class": "research-high",
            "cpu_limit": 4,
            "memory": "8G",
            "memory_limit": "12G",
            "tolerations": [
                {"key": "team", "operator": "Equal", "value": "vision", "effect": "NoSchedule"},
                {"key": "spot", "effect": "NoExecute", "seconds": 60},
                {},
            ],
            "environment": {"NCCL_DEBUG": "INFO", "SHOWN": "$(HOME)"},
            "labels": {"team": "vision"},
            "annotations": {"example.com/cost-centre": "42"},
            "grace": "90s",
            "node_patience": "2m",
            "ttl": "1h",
            "shm": "16G",
        },
        0,
    ),
    "other_gpus": ({"gpu_resource": "amd.com/gpu", "run_as_user": 0, "cpus": None}, 2),
}


def make_plan(**changes: Any) -> JobPlan:
    plan = JobPlan(
        job_id="train-5xdcn6ks",
        skill="tao-train-pose-classification",
        action="train",
        network_arch="pose_classification",
        route=Route.DIRECT,
        reason="the tests want it",
        spec={},
        folder=Path("/work/skillbank/jobs/train-5xdcn6ks"),
    )
    return replace(plan, **changes)


def make_manifest(settings: Mapping[str, Any], plan: JobPlan | None = None) -> dict[str, Any]:
    read = KubernetesSettings.model_validate({**IMAGE, **settings})
    variables = {"SKILLBANK_STORAGE": "[]"} if read.volume is None else {}
    return job_manifest(plan or make_plan(), 1, read, ARGUMENTS, variables)


def pod_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    pod: dict[str, Any] = manifest["spec"]["template"]["spec"]
    return pod


@pytest.mark.parametrize("name", CASES)
def test_the_manifest_is_the_one_that_was_read_by_a_person(name: str) -> None:
    """Golden files; where one is meant to change, delete it, run this, and read the new one."""
    settings, num_gpus = CASES[name]
    manifest = make_manifest(settings, make_plan(num_gpus=num_gpus))
    golden = GOLDEN / f"{name}.yaml"
    if not golden.exists():
        golden.write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")
        pytest.fail(f"{golden} was not there; read it, and commit it")

    assert yaml.safe_load(golden.read_text(encoding="utf-8")) == manifest


@pytest.mark.parametrize("version", versions())
def test_every_version_takes_every_manifest(version: str) -> None:
    """Schemas of Kubernetes itself, strict: nothing in a manifest is unknown to a version."""
    for (settings, _), num_gpus, retries in itertools.product(CASES.values(), (0, 1), (0, 3)):
        manifest = make_manifest({**settings, "retries": retries}, make_plan(num_gpus=num_gpus))

        assert find_faults(manifest, version) == []


_KEYS = sorted({key for settings, _ in CASES.values() for key in settings})


@given(data=st.data())
def test_every_mixture_of_settings_is_a_valid_manifest(data: st.DataObject) -> None:
    """Each setting alone is fine in one case; so are they together."""
    mixture: dict[str, Any] = {}
    for key in _KEYS:
        choices = [settings[key] for settings, _ in CASES.values() if key in settings]
        if data.draw(st.booleans(), label=key):
            mixture[key] = data.draw(st.sampled_from(choices), label=key)
    if "priority" in mixture:
        mixture["priority_class"] = "research-high"
    if mixture.get("memory") == "64G":
        mixture.pop("memory_limit", None)
    if mixture.get("cpus") == 8:
        mixture.pop("cpu_limit", None)
    plan = make_plan(num_gpus=data.draw(st.integers(0, 8)))

    assert find_faults(make_manifest(mixture, plan), versions()[-1]) == []


@given(
    job_id=st.text(min_size=1, max_size=90),
    attempt=st.integers(1, 10**6),
    skill=st.text(max_size=90),
)
def test_any_job_has_a_name_and_labels_that_kubernetes_takes(
    job_id: str, attempt: int, skill: str
) -> None:
    plan = make_plan(job_id=job_id, skill=skill)
    settings = KubernetesSettings.model_validate(IMAGE)

    manifest = job_manifest(plan, attempt, settings, ARGUMENTS, {})

    assert find_faults(manifest, versions()[-1]) == []
    assert len(manifest["metadata"]["name"]) <= 58  # the names of its pods get five more


def test_an_attempt_has_one_name_and_shares_it_with_nobody() -> None:
    plan = make_plan()
    others = [
        job_name(plan, 2),
        job_name(replace(plan, job_id="train-5xdcn6kt"), 1),
        job_name(replace(plan, folder=Path("/home/b/jobs/train-5xdcn6ks")), 1),
        job_name(replace(plan, results_uri="s3://bucket/jobs/train-5xdcn6ks"), 1),
        job_name(replace(plan, job_id="Train.5xdcn6ks"), 1),
    ]

    assert job_name(plan, 1) == job_name(replace(plan, reason="another"), 1)
    assert len({job_name(plan, 1), *others}) == 1 + len(others)


def test_failed_pods_are_judged_by_what_they_failed_of() -> None:
    """Moved by Kubernetes: again, for nothing. Failed by its place: again, counted. Else: over."""
    rules = make_manifest({"retries": 2})["spec"]["podFailurePolicy"]["rules"]

    assert [rule["action"] for rule in rules] == ["Ignore", "FailJob"]
    assert rules[0]["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert rules[1]["onExitCodes"]["operator"] == "NotIn"
    assert rules[1]["onExitCodes"]["values"] == [74]


def test_a_pod_may_do_nothing_but_its_job() -> None:
    pod = pod_of(make_manifest({}))
    container = pod["containers"][0]

    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert "hostNetwork" not in pod


def test_secrets_are_references() -> None:
    pod = pod_of(make_manifest({"secrets": {"AWS_SECRET_ACCESS_KEY": "s3-keys/secret-key"}}))
    variables = {one["name"]: one for one in pod["containers"][0]["env"]}

    assert variables["AWS_SECRET_ACCESS_KEY"] == {
        "name": "AWS_SECRET_ACCESS_KEY",
        "valueFrom": {"secretKeyRef": {"name": "s3-keys", "key": "secret-key"}},
    }


def test_kubernetes_replaces_nothing_in_arguments_and_variables() -> None:
    """`$(NAME)` in a path or a value is meant as it stands."""
    settings = KubernetesSettings.model_validate({**IMAGE, "environment": {"A": "$(HOME)"}})

    manifest = job_manifest(make_plan(), 1, settings, ["/work/$(USER)/jobs"], {})

    container = pod_of(manifest)["containers"][0]
    assert container["args"] == ["/work/$$(USER)/jobs"]
    assert {"name": "A", "value": "$$(HOME)"} in container["env"]


def test_a_job_without_gpus_sees_none() -> None:
    """Also where NVIDIA's runtime shows all of them to whoever does not say."""
    on_cpu, on_gpu = (pod_of(make_manifest({}, make_plan(num_gpus=n))) for n in (0, 1))
    hidden = {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"}

    assert hidden in on_cpu["containers"][0]["env"]
    assert hidden not in on_gpu["containers"][0]["env"]


def test_a_time_limit_counts_from_the_start_of_a_pod_and_leaves_time_to_save() -> None:
    """Time in the cluster's queue is not the job's; its own process ends it first."""
    manifest = make_manifest({"time_limit": "1h", "grace": "60s"})

    assert "activeDeadlineSeconds" not in manifest["spec"]
    assert pod_of(manifest)["activeDeadlineSeconds"] == 3600 + 60 + 30 + 1800
    assert pod_of(manifest)["terminationGracePeriodSeconds"] == 60 + 30


@given(st.integers(0, 2**50))
def test_a_quantity_says_exactly_what_it_was_made_of(size_bytes: int) -> None:
    assert read_quantity(show_quantity(size_bytes)) == size_bytes
