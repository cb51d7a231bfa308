"""Jobs on a real API server, scheduler and Job controller of Kubernetes 1.20.

Runs where `tools/kube/build.sh` has built them (slow: 10 s until they are up).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.services.kube_control_plane import (
    NAMESPACE,
    ControlPlane,
    running_control_plane,
    why_no_control_plane,
)
from tests.services.kube_pods import INTERRUPTED_ONCE

from skillbank.errors import PlatformError
from skillbank.job import JobState
from skillbank.platforms.api import Platform
from skillbank.platforms.inspection import CheckState, Needs
from skillbank.platforms.kubernetes import KubernetesPlatform
from skillbank.testing import (
    SLEEP,
    PlatformContract,
    make_script_plan,
    start_and_wait,
    wait_for_end,
    wait_until,
)

pytestmark = pytest.mark.skipif(bool(why_no_control_plane()), reason=why_no_control_plane())

ROOT = Path(__file__).resolve().parents[3]
MACHINE = {"cpu": "64", "memory": "256Gi", "nvidia.com/gpu": "2"}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    with running_control_plane(tmp_path_factory.mktemp("kube")) as plane:
        plane.add_node("node-1", MACHINE)
        plane.add_claim("work")
        yield plane


def make_platform(plane: ControlPlane, root: Path, **settings: object) -> KubernetesPlatform:
    usual = {
        "kubeconfig": str(plane.kubeconfig()),
        "image": "registry.test/skillbank:1",
        "volume": {"claim": "work", "mount": str(root)},
        "cpus": 16,
        "grace": "1s",
    }
    return KubernetesPlatform(root, name="cluster", settings={**usual, **settings})


def read_role() -> dict[str, Any]:
    """The Role that the documentation asks for."""
    text = (ROOT / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.S)]
    (role,) = [block for block in blocks if block.get("kind") == "Role"]
    return role


def test_the_role_in_the_documentation_is_enough(plane: ControlPlane, tmp_path: Path) -> None:
    """A user who may do only that runs a job, reads its log and cancels another."""
    people = {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "skillbank"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "trainer"}],
        "metadata": {"name": "skillbank"},
    }
    user = {"kubeconfig": str(plane.kubeconfig("trainer"))}
    platform = make_platform(plane, tmp_path, **user, max_gpus=0)
    before = {check.name: check.state for check in platform.inspect(Needs())}
    roles = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
    plane.client.ask("POST", f"{roles}/roles", read_role())
    plane.client.ask("POST", f"{roles}/rolebindings", people)
    wait_until(
        lambda: all(c.state is not CheckState.FAIL for c in platform.inspect(Needs())),
        "the Role holds",
    )

    done = make_script_plan(tmp_path, "print('hello')", job_id="done")
    platform.submit(done, 1)
    stopped = make_script_plan(tmp_path, SLEEP, job_id="stopped")
    start_and_wait(platform, stopped)
    platform.cancel(stopped, 1)

    assert before["permissions"] is CheckState.FAIL
    assert wait_for_end(platform, done).state is JobState.COMPLETE
    assert "hello" in platform.logs(done)
    assert platform.poll(stopped, 1).state is JobState.CANCELED


def test_the_process_of_a_machine_that_is_out_of_sight_is_fenced(
    plane: ControlPlane, tmp_path: Path
) -> None:
    """Kubernetes gives the machine up after some seconds and starts the job on another one.

    Slow (10 s): the time after which a machine that says nothing is given up.
    """
    plan = make_script_plan(tmp_path, INTERRUPTED_ONCE)
    platform = make_platform(plane, tmp_path, cpus=80, node_patience="1s")
    lost = plane.add_node("lost", {**MACHINE, "cpu": "100"})
    start_and_wait(platform, plan)

    lost.fall_silent()
    plane.add_node("spare", {**MACHINE, "cpu": "100"})
    seen = wait_for_end(platform, plan)

    assert seen.state is JobState.COMPLETE
    assert (plan.results / "runs").read_text(encoding="utf-8").split() == ["run", "run"]
    wait_until(lambda: lost.num_running() == 0, "the process of the lost machine ends")
    for name in ("lost", "spare"):
        plane.remove_node(name)


def test_a_restart_of_the_api_server_loses_no_job(plane: ControlPlane, tmp_path: Path) -> None:
    """Slow (10 s): the restart."""
    plan = make_script_plan(tmp_path, SLEEP)
    platform = make_platform(plane, tmp_path)
    start_and_wait(platform, plan)

    plane.stop_api_server()
    with pytest.raises(PlatformError, match=r"jobs there run on"):
        platform.poll(plan, 1)
    plane.start_api_server()

    assert platform.poll(plan, 1).state is JobState.RUNNING
    platform.cancel(plan, 1)
    assert platform.poll(plan, 1).state is JobState.CANCELED


class TestRealKubernetes(PlatformContract):
    loss_within_s = 15.0

    @pytest.fixture
    def platform(self, plane: ControlPlane, root: Path) -> Platform:
        self.plane = plane
        return make_platform(plane, root)

    def restart(self, platform: Platform, root: Path) -> Platform:  # noqa: ARG002
        return make_platform(self.plane, root)

    def make_patient(self, platform: Platform, root: Path) -> Platform:  # noqa: ARG002
        return make_platform(self.plane, root, grace="30s")
