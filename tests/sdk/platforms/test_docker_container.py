"""The container of a job as the Engine API is asked for it, and what it sees of this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skillbank.errors import PlatformError, RequestInvalid
from skillbank.platforms.docker.container import (
    Host,
    container_name,
    describe_container,
    request_gpus,
)
from skillbank.platforms.docker.mounts import input_paths, mounts_of, variables_named
from skillbank.platforms.docker.settings import DockerSettings
from skillbank.run_settings import read_run_settings
from skillbank.testing import ScriptPlan, make_script_plan


def settings(**given: Any) -> DockerSettings:
    return read_run_settings(DockerSettings, {"image": "ours:1", **given}, "here")


def plan_with(root: Path, **spec: object) -> ScriptPlan:
    return replace(make_script_plan(root, ""), spec=spec)


def bind(path: Path | str, *, is_read_only: bool = False) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(path), "Target": str(path), "ReadOnly": is_read_only}


def further_mounts(plan: ScriptPlan, given: DockerSettings, root: Path) -> list[dict[str, Any]]:
    """Without those that every job has: the root, and its own folders in it."""
    mounts = mounts_of(plan, given, root)
    assert bind(plan.folder) in mounts
    return [mount for mount in mounts if not Path(mount["Target"]).is_relative_to(root)]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(root=tmp_path, user="1001:1002", groups=(7, 8))


def test_a_job_is_run_without_privileges_or_a_network(host: Host) -> None:
    plan = make_script_plan(host.root, "", job_id="train-1")

    content = describe_container(plan, 2, ["-m", "x"], settings(), host)

    folder = str(plan.folder)
    assert content == {
        "Image": "ours:1",
        "Entrypoint": ["python"],
        "Cmd": ["-m", "x"],
        "User": "1001:1002",
        "Env": ["HOME=/tmp", "USER=skillbank", "PYTHONUNBUFFERED=1"],
        "WorkingDir": folder,
        "Labels": {
            "skillbank.root": content["Labels"]["skillbank.root"],
            "skillbank.job": "train-1",
            "skillbank.attempt": "2",
            "skillbank.folder": folder,
        },
        "OpenStdin": True,
        "StdinOnce": True,
        "StopSignal": "SIGTERM",
        "HostConfig": {
            "NetworkMode": "none",
            "Mounts": [
                bind(host.root, is_read_only=True),
                bind(host.root / "cache"),
                bind(plan.folder),
                bind(host.root / "slots"),
            ],
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "ReadonlyRootfs": True,
            "Tmpfs": {"/tmp": "rw,exec,nosuid,nodev,mode=1777"},
            "ShmSize": 8 * 2**30,
            "RestartPolicy": {"Name": "no"},
            "GroupAdd": ["7", "8"],
        },
    }


def test_limits_are_the_engines_own_units(host: Host) -> None:
    given = settings(
        cpus=3,
        memory="4G",
        shm_size="6G",
        runtime="nvidia",
        ulimits={"nofile": "1024:65536", "memlock": -1},
    )

    config = describe_container(make_script_plan(host.root, ""), 1, [], given, host)["HostConfig"]

    assert config["NanoCpus"] == 3_000_000_000
    assert (config["Memory"], config["MemorySwap"], config["ShmSize"]) == (2**32, 2**32, 2**32)
    assert config["Runtime"] == "nvidia"
    assert config["Ulimits"] == [
        {"Name": "nofile", "Soft": 1024, "Hard": 65536},
        {"Name": "memlock", "Soft": -1, "Hard": -1},
    ]


def test_a_rootless_daemon_maps_the_submitter_to_root_of_the_container(host: Host) -> None:
    there = replace(host, is_rootless=True)

    content = describe_container(make_script_plan(host.root, ""), 1, [], settings(), there)

    assert content["User"] == "0:0"
    assert "GroupAdd" not in content["HostConfig"]


def test_where_files_are_labelled_a_container_may_read_them(host: Host) -> None:
    there = replace(host, has_selinux=True)

    content = describe_container(make_script_plan(host.root, ""), 1, [], settings(), there)

    assert content["HostConfig"]["SecurityOpt"] == ["no-new-privileges", "label=disable"]


def test_gpus_are_asked_for_by_id_as_docker_run_does(host: Host) -> None:
    content = describe_container(make_script_plan(host.root, ""), 1, [], settings(), host)

    asked = request_gpus(content, ("0", "GPU-7"))

    assert asked["HostConfig"]["DeviceRequests"] == [
        {"Driver": "", "Count": 0, "DeviceIDs": ["0", "GPU-7"], "Capabilities": [["gpu"]]}
    ]
    assert "DeviceRequests" not in content["HostConfig"]


def test_a_name_belongs_to_one_attempt_of_one_job_of_one_root(tmp_path: Path) -> None:
    roots = (tmp_path / "a", tmp_path / "b")

    names = {
        container_name(root, job, attempt)
        for root in roots
        for job in ("j1", "j2")
        for attempt in (1, 2)
    }

    assert len(names) == 8
    assert container_name(roots[0], "j1", 1) == container_name(roots[0], "j1", 1)


def test_a_container_sees_the_data_of_its_spec_and_no_more(tmp_path: Path) -> None:
    root, data, other = tmp_path / "root", tmp_path / "data", tmp_path / "other"
    for folder in (root, data, other):
        folder.mkdir()
    (data / "train").mkdir()
    (other / "key").write_text("secret")
    plan = plan_with(
        root,
        dataset={"train": str(data / "train"), "val": str(data / "val.npy"), "all": [str(data)]},
        model={"pretrained": str(root / "jobs" / "job-1" / "x.pth"), "key": f"file:{other}/key"},
        text="/no such place/at all",
        remote="s3://bucket/key",
        relative="data/train",
    )

    mounts = further_mounts(plan, settings(), root)

    assert mounts == [bind(data, is_read_only=True), bind(other / "key", is_read_only=True)]


def test_data_around_the_root_leave_a_job_its_own_folder(tmp_path: Path) -> None:
    root = tmp_path / "root"
    plan = plan_with(root, data=str(tmp_path))

    mounts = mounts_of(plan, settings(), root)

    assert mounts[0] == bind(tmp_path, is_read_only=True)
    assert bind(plan.folder) in mounts


def test_of_a_pattern_the_folder_is_seen(tmp_path: Path) -> None:
    (tmp_path / "poses").mkdir()

    assert list(input_paths({"files": f"{tmp_path}/poses/*/a?.json"})) == [tmp_path / "poses"]


def test_mounts_of_the_settings_are_read_unless_they_are_said_to_be_written(tmp_path: Path) -> None:
    root = tmp_path / "root"
    given = settings(
        mounts=["/opt/data", "/opt/data/part", "/srv/cache/in"], writable_mounts=["/srv/cache"]
    )

    mounts = further_mounts(plan_with(root), given, root)

    assert mounts == [bind("/opt/data", is_read_only=True), bind("/srv/cache")]


@pytest.mark.parametrize("path", ["/etc", "/usr", "/proc/self"])
def test_a_folder_of_the_system_is_no_data(tmp_path: Path, path: str) -> None:
    with pytest.raises(PlatformError, match=rf"names {path}.*; expected data in a folder"):
        mounts_of(plan_with(tmp_path, data=path), settings(), tmp_path)


def test_variables_of_secrets_are_found_at_any_depth() -> None:
    spec = {"a": {"key": "env:KEY"}, "b": [{"c": "env:OTHER"}, "environment"]}

    assert set(variables_named(spec)) == {"KEY", "OTHER"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"user": "1:2:3"}, "user: .*UID:GID"),
        ({"mounts": ["data"]}, "mounts: .*absolute path"),
        ({"mounts": ["/"]}, "mounts: .*absolute path"),
        ({"ulimits": {"nofile": "many"}}, "ulimits: .*SOFT:HARD"),
        ({"pull": "sometimes"}, "pull: "),
        ({"netwrok": "host"}, "netwrok: no such key; did you mean 'network'"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(given: dict[str, Any], told: str) -> None:
    with pytest.raises(RequestInvalid, match=told):
        settings(**given)
