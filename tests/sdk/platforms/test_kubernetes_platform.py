"""Jobs on Kubernetes: what the suite of all platforms does not ask."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.services.kube import FakeKube, running_kube
from tests.services.kube_pods import INTERRUPTED_ONCE

from skillbank.errors import PlatformError, RequestInvalid
from skillbank.job import JobState
from skillbank.platforms.attempt import AttemptFolder
from skillbank.platforms.inspection import Check, CheckState, Needs
from skillbank.platforms.kubernetes import KubernetesPlatform
from skillbank.platforms.kubernetes.manifest import job_name
from skillbank.testing import (
    SLEEP,
    make_script_plan,
    start_and_wait,
    wait_for_end,
    wait_until,
)

IMAGE = "registry.test/skillbank:1"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture
def kube(tmp_path: Path) -> Iterator[FakeKube]:
    with running_kube(tmp_path / "kube") as kube:
        yield kube


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[FakeKube]:
    """A cluster whose controllers do nothing: objects stay as they are put there."""
    (tmp_path / "kube").mkdir()
    kube = FakeKube(tmp_path / "kube")
    kube.start()
    yield kube
    kube.stop()


def make_platform(kube: FakeKube, root: Path, **settings: Any) -> KubernetesPlatform:
    usual = {
        "kubeconfig": str(kube.kubeconfig),
        "image": IMAGE,
        "volume": {"host_path": "/work", "mount": str(root)},
        "grace": "1s",
    }
    given = {name: value for name, value in {**usual, **settings}.items() if value is not None}
    return KubernetesPlatform(root, name="cluster", settings=given)


def only_job(kube: FakeKube) -> dict[str, Any]:
    (job,) = kube.world.jobs.values()
    return job


# ---------------------------------------------------------------------- submitting


def test_a_second_submission_of_an_attempt_finds_the_first(idle: FakeKube, root: Path) -> None:
    """Its submitter died before it wrote down what it had made."""
    plan = make_script_plan(root, SLEEP)
    first = make_platform(idle, root).launch(plan, 1, ["-m", "skillbank.staging"])

    again = make_platform(idle, root).launch(plan, 1, ["-m", "skillbank.staging"])

    assert again == first == make_platform(idle, root).find(plan, 1)
    assert len(idle.world.jobs) == 1


def test_a_job_of_another_plan_is_not_taken_for_this_one(idle: FakeKube, root: Path) -> None:
    plan = make_script_plan(root, SLEEP)
    platform = make_platform(idle, root)
    platform.launch(plan, 1, [])

    with pytest.raises(PlatformError, match="made from another plan"):
        platform.launch(replace(plan, reason="changed"), 1, [])


def test_a_job_that_is_being_deleted_is_not_taken_for_a_new_one(idle: FakeKube, root: Path) -> None:
    plan = make_script_plan(root, SLEEP)
    platform = make_platform(idle, root)
    platform.launch(plan, 1, [])
    only_job(idle)["metadata"]["deletionTimestamp"] = idle.world.stamp()

    with pytest.raises(PlatformError, match="just being deleted"):
        platform.launch(plan, 1, [])


def test_the_server_gets_the_manifest_as_it_was_made(idle: FakeKube, root: Path) -> None:
    """Whatever version of the client is installed, it adds and drops nothing."""
    from skillbank.platforms.kubernetes.manifest import job_manifest

    plan = make_script_plan(root, SLEEP)
    platform = make_platform(idle, root)
    platform.launch(plan, 1, ["-m", "skillbank.staging"])

    made = job_manifest(plan, 1, platform.settings_of(plan), ["-m", "skillbank.staging"], {})
    taken = only_job(idle)
    identity = {"uid": taken["metadata"]["uid"], "creationTimestamp": idle.world.stamp()}
    assert taken["spec"] == made["spec"]
    assert taken["metadata"].keys() == {**made["metadata"], **identity}.keys()


def test_pods_that_do_not_see_the_root_get_a_results_uri_and_how_to_reach_it(
    idle: FakeKube, root: Path
) -> None:
    (root / "config.yaml").write_text(
        "storage:\n- prefix: s3://team\n  endpoint_url: https://s3.test\n"
        "  access_key: env:TEAM_KEY\n  secret_key: env:TEAM_SECRET\n",
        encoding="utf-8",
    )
    secrets = {"TEAM_KEY": "s3/key", "TEAM_SECRET": "s3/secret"}
    plan = make_script_plan(root, SLEEP, results_uri="s3://team/jobs/job-1")
    platform = make_platform(idle, root, volume=None, secrets=secrets)

    platform.check(plan)
    platform.launch(plan, 1, ["-m", "skillbank.staging", plan.results_uri, "1"])

    container = only_job(idle)["spec"]["template"]["spec"]["containers"][0]
    variables = {one["name"]: one.get("value", "") for one in container["env"]}
    assert "https://s3.test" in variables["SKILLBANK_STORAGE"]
    assert container["args"][-2:] == ["s3://team/jobs/job-1", "1"]


# ---------------------------------------------------------------------- refusing


@pytest.mark.parametrize(
    ("settings", "changes", "error", "words"),
    [
        ({"image": None}, {}, PlatformError, "has no image"),
        ({"volume": None}, {}, PlatformError, "--results s3://"),
        (
            {"volume": {"claim": "work", "mount": "/elsewhere"}},
            {},
            PlatformError,
            "both must be the same path",
        ),
        (
            {},
            {"resources": {"volume": {"claim": "mine", "mount": "/mine"}}},
            RequestInvalid,
            "not for one job",
        ),
        ({}, {"spec": {"train": {"num_nodes": 2}}}, PlatformError, "2 machines were asked for"),
        ({}, {"num_gpus": 3}, PlatformError, "3 GPUs.* has 2"),
        (
            {},
            {"spec": {"encryption_key": "env:KEY"}},
            PlatformError,
            "needs the variable KEY, .*'secrets: {KEY: SECRET/KEY}'",
        ),
        ({}, {"resources": {"cpu": 3}}, RequestInvalid, "did you mean 'cpus'"),
        ({}, {"resources": {"priority": 3}}, RequestInvalid, "PriorityClass"),
        (
            {},
            {"resources": {"environment": {"AWS_SECRET_ACCESS_KEY": "hunter2"}}},
            RequestInvalid,
            "put it into a Secret",
        ),
        ({}, {"resources": {"secrets": {"KEY": "hunter2"}}}, RequestInvalid, "no reference"),
    ],
)
def test_a_plan_that_can_never_run_is_refused_with_what_to_do(
    idle: FakeKube,
    root: Path,
    settings: dict[str, Any],
    changes: dict[str, Any],
    error: type[Exception],
    words: str,
) -> None:
    plan = make_script_plan(root, SLEEP, **changes)

    with pytest.raises(error, match=words) as raised:
        make_platform(idle, root, **settings).check(plan)

    assert "hunter2" not in str(raised.value)
    assert idle.world.jobs == {}


def test_what_the_server_refuses_is_told_in_its_words(idle: FakeKube, root: Path) -> None:
    plan = make_script_plan(root, SLEEP, resources={"labels": {"team": "not a label"}})

    with pytest.raises(PlatformError, match=r"team='not a label'.*config\.yaml"):
        make_platform(idle, root).submit(plan, 1)


# ---------------------------------------------------------------------- the server


def test_a_server_that_is_away_loses_no_job(kube: FakeKube, root: Path) -> None:
    """Slow (3 s): the pauses between what is asked again."""
    plan = make_script_plan(root, SLEEP)
    platform = make_platform(kube, root)
    start_and_wait(platform, plan)
    kube.stop()

    with pytest.raises(PlatformError, match=r"cannot be reached.*jobs there run on"):
        platform.poll(plan, 1)
    kube.start()

    assert platform.poll(plan, 1).state is JobState.RUNNING
    assert kube.world.running_pods()


def test_what_passes_by_itself_is_asked_again(idle: FakeKube, root: Path) -> None:
    idle.failures = [503, 429]

    assert make_platform(idle, root).gpus() == 2


def test_an_expired_login_says_how_to_go_on(idle: FakeKube, root: Path) -> None:
    text = idle.kubeconfig.read_text(encoding="utf-8")
    idle.kubeconfig.write_text(text.replace("token-of-the-tests", "old"), encoding="utf-8")

    with pytest.raises(PlatformError, match="kubectl auth whoami"):
        make_platform(idle, root).gpus()


def test_a_cluster_that_nobody_described_is_named_with_the_settings_that_do(
    tmp_path: Path,
) -> None:
    platform = KubernetesPlatform(tmp_path, settings={"kubeconfig": str(tmp_path / "none")})

    with pytest.raises(PlatformError, match=r"none.*'kubeconfig' and 'context'"):
        platform.gpus()


def test_another_context_is_another_cluster(idle: FakeKube, root: Path) -> None:
    with pytest.raises(PlatformError, match="context"):
        make_platform(idle, root, context="production").gpus()


# ---------------------------------------------------------------------- what there is


def test_gpus_are_those_of_the_largest_machine_that_fits(idle: FakeKube, root: Path) -> None:
    idle.world.add_node("large")
    large = idle.world.nodes["large"]
    large["status"]["allocatable"] = {"cpu": "8", "nvidia.com/gpu": "8", "pods": "10"}
    large["metadata"]["labels"]["tier"] = "large"
    large["spec"]["taints"] = [
        {"key": "nvidia.com/gpu", "effect": "NoSchedule"},
        {"key": "team", "value": "b", "effect": "NoSchedule"},
    ]
    stands = [{"key": "team", "operator": "Equal", "value": "b"}]

    assert make_platform(idle, root).gpus() == 2
    assert make_platform(idle, root, tolerations=stands).gpus() == 8
    assert make_platform(idle, root, node_selector={"tier": "large"}).gpus() == 0
    large["spec"]["unschedulable"] = True
    assert make_platform(idle, root, tolerations=stands).gpus() == 2


def test_places_are_counted_over_all_machines(idle: FakeKube, root: Path) -> None:
    """On each, by what runs out first: 64 cores, 256 GiB, 2 GPUs."""
    idle.world.add_node("node-2")
    platform = make_platform(idle, root)
    plan = make_script_plan(root, SLEEP)

    assert platform.capacity(replace(plan, num_gpus=1)) == 4
    assert platform.capacity(replace(plan, num_gpus=2, resources={"cpus": 40})) == 2
    assert platform.capacity(replace(plan, resources={"memory": "100G"})) == 4
    assert platform.capacity(replace(plan, resources={"max_jobs": 3})) == 3


def test_machines_that_may_not_be_listed_are_told_by_a_setting(idle: FakeKube, root: Path) -> None:
    idle.forbidden = {("list", "nodes")}

    with pytest.raises(PlatformError, match="'max_gpus: N'"):
        make_platform(idle, root).gpus()
    assert make_platform(idle, root, max_gpus=4).gpus() == 4


# ---------------------------------------------------------------------- the life of a job


def test_a_missing_secret_is_named_while_the_job_waits(kube: FakeKube, root: Path) -> None:
    plan = make_script_plan(root, SLEEP)
    platform = make_platform(kube, root, secrets={"KEY": "s3-keys/key"})
    platform.submit(plan, 1)

    wait_until(lambda: "s3-keys" in platform.poll(plan, 1).detail, "the Secret is named")
    kube.world.secrets["s3-keys"] = {"key": "hunter2"}

    wait_until((plan.results / "running").exists, "it runs once the Secret is there")
    platform.cancel(plan, 1)


def test_a_secret_reaches_the_job_and_no_file(kube: FakeKube, root: Path) -> None:
    kube.world.secrets["s3-keys"] = {"key": "hunter-2"}
    script = "import os, sys; sys.exit(os.environ['KEY'] != '-'.join(['hunter', '2']))"
    plan = make_script_plan(root, script)
    platform = make_platform(kube, root, secrets={"KEY": "s3-keys/key"})
    platform.submit(plan, 1)

    assert wait_for_end(platform, plan).state is JobState.COMPLETE
    assert not any(b"hunter-2" in path.read_bytes() for path in root.rglob("*") if path.is_file())
    assert "hunter-2" not in str(kube.world.jobs)


def test_an_event_tells_why_there_is_no_pod(idle: FakeKube, root: Path) -> None:
    """A quota, or a rule of the namespace."""
    plan = make_script_plan(root, SLEEP)
    platform = make_platform(idle, root)
    platform.submit(plan, 1)
    told = {
        "involvedObject": {"uid": only_job(idle)["metadata"]["uid"]},
        "type": "Warning",
        "reason": "FailedCreate",
        "message": 'pods "x" is forbidden: exceeded quota: gpus',
        "lastTimestamp": idle.world.stamp(),
    }
    idle.world.events.append(told)

    seen = platform.poll(plan, 1)

    assert (seen.state, seen.detail) == (JobState.QUEUED, told["message"])


def test_a_pod_that_is_moved_goes_on_in_the_same_attempt(kube: FakeKube, root: Path) -> None:
    """Drained, preempted: the job is asked to save, and runs again without a retry."""
    plan = make_script_plan(root, INTERRUPTED_ONCE)
    platform = make_platform(kube, root)
    start_and_wait(platform, plan)
    (pod,) = kube.world.running_pods()

    kube.world.evict(pod, "EvictionByEvictionAPI")
    seen = wait_for_end(platform, plan)

    assert seen.state is JobState.COMPLETE
    assert (plan.results / "runs").read_text(encoding="utf-8").split() == ["run", "run"]


def test_a_job_whose_machine_is_lost_is_fenced_by_its_successor(kube: FakeKube, root: Path) -> None:
    """The old process lives on, out of sight; it is gone once the next attempt has the lease."""
    plan = make_script_plan(root, INTERRUPTED_ONCE)
    platform = make_platform(kube, root)
    start_and_wait(platform, plan)
    (old,) = kube.world.running_pods()
    kube.world.lose("node-1")
    kube.world.add_node("node-2")

    lost = wait_for_end(platform, plan)
    left_running = kube.world.running_pods()
    platform.submit(plan, 2)
    seen = wait_for_end(platform, plan, 2)

    assert (lost.state, "node-1 does not answer" in lost.detail) == (JobState.LOST, True)
    assert len(left_running) == 1
    assert seen.state is JobState.COMPLETE
    assert job_name(plan, 1) not in kube.world.jobs
    wait_until(lambda: kube.world.running_pods() == [], f"{old} ends, fenced")


def test_a_job_that_somebody_deleted_is_lost_and_can_go_on(kube: FakeKube, root: Path) -> None:
    """With kubectl: the job is asked to save first."""
    plan = make_script_plan(root, INTERRUPTED_ONCE)
    platform = make_platform(kube, root)
    start_and_wait(platform, plan)

    kube.world.delete_job(job_name(plan, 1), "Background")
    seen = wait_for_end(platform, plan)

    assert seen.state.can_resume
    assert seen.detail


def test_a_machine_that_is_away_does_not_hold_up_a_cancellation(kube: FakeKube, root: Path) -> None:
    """Nobody there confirms it; when its grace is long over, it is given up."""
    plan = make_script_plan(root, SLEEP)
    platform = make_platform(kube, root)
    start_and_wait(platform, plan)
    kube.world.lost.add("node-1")
    an_hour_passes = threading.Timer(0.5, kube.world.skip, [3600])
    an_hour_passes.start()

    platform.cancel(plan, 1)

    assert platform.poll(plan, 1).state is JobState.CANCELED
    assert kube.world.jobs == {}


def test_what_a_pod_printed_is_shown_where_the_job_left_no_log(kube: FakeKube, root: Path) -> None:
    """Its Python has no skillbank, say."""
    plan = make_script_plan(root, SLEEP)
    platform = make_platform(kube, root)
    handle = platform.launch(plan, 1, ["-c", "print('no such thing'); raise SystemExit(3)"])
    AttemptFolder(plan.folder, 1).path.mkdir(parents=True)
    wait_until(lambda: bool(kube.world.jobs[handle["name"]]["status"]), "it has ended")

    assert platform.logs(plan) == "no such thing\n"


# ---------------------------------------------------------------------- before a launch


def checks_of(kube: FakeKube, root: Path, **settings: Any) -> dict[str, Check]:
    checks = make_platform(kube, root, **settings).inspect(Needs())
    return {check.name: check for check in checks}


def test_a_cluster_with_all_that_is_needed_passes_every_check(idle: FakeKube, root: Path) -> None:
    idle.world.claims["work"] = {
        "spec": {"accessModes": ["ReadWriteMany"]},
        "status": {"phase": "Bound"},
    }
    idle.world.secrets["s3"] = {"key": "hunter2"}
    volume = {"claim": "work", "mount": str(root)}

    checks = checks_of(idle, root, volume=volume, secrets={"KEY": "s3/key"})

    assert {check.state for check in checks.values()} == {CheckState.PASS}
    assert not any("hunter2" in str(check) for check in checks.values())
    assert idle.world.jobs == {}


@pytest.mark.parametrize(
    ("settings", "name", "state", "words"),
    [
        ({"image": None}, "image", CheckState.FAIL, "no image"),
        ({"namespace": "other"}, "namespace", CheckState.FAIL, "'other'"),
        ({"volume": {"claim": "none", "mount": "/tmp"}}, "volume", CheckState.FAIL, "'none'"),
        ({"volume": {"claim": "a", "mount": "/x"}}, "volume", CheckState.FAIL, "appears at /x"),
        ({"volume": None}, "results", CheckState.WARN, "no place for results"),
        ({"secrets": {"KEY": "none/key"}}, "secret", CheckState.FAIL, "'none'"),
        ({"secrets": {"KEY": "s3/other"}}, "secret", CheckState.FAIL, "has no other"),
        ({"node_selector": {"a": "b"}}, "places", CheckState.FAIL, "0 machines"),
        ({"imge": "x"}, "settings", CheckState.FAIL, "did you mean 'image'"),
        ({"kubeconfig": "/none"}, "cluster", CheckState.FAIL, "no Kubernetes cluster"),
    ],
)
def test_what_is_missing_is_found_before_a_launch(
    idle: FakeKube,
    root: Path,
    settings: dict[str, Any],
    name: str,
    state: CheckState,
    words: str,
) -> None:
    idle.world.secrets["s3"] = {"key": "hunter2"}

    check = checks_of(idle, root, **settings)[name]

    assert check.state is state
    assert words in check.found
    assert check.expected or check.fix


def test_permissions_that_are_missing_are_named(idle: FakeKube, root: Path) -> None:
    idle.forbidden = {("create", "jobs.batch"), ("get", "pods/log"), ("get", "secrets")}

    checks = checks_of(idle, root, secrets={"KEY": "s3/key"})

    assert checks["permissions"].state is CheckState.FAIL
    assert "create jobs.batch, get pods/log" in checks["permissions"].found
    assert checks["secret"].state is CheckState.SKIPPED


def test_an_old_cluster_is_warned_of(idle: FakeKube, root: Path) -> None:
    idle.version = "1.25.0"

    assert checks_of(idle, root)["cluster"].state is CheckState.WARN


def test_a_cluster_that_is_away_fails_one_check(idle: FakeKube, root: Path) -> None:
    """Slow (1 s): it is asked again before that is said."""
    idle.stop()

    (check,) = make_platform(idle, root).inspect(Needs())

    assert (check.name, check.state) == ("cluster", CheckState.FAIL)
