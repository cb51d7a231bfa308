"""The platform `docker` without a daemon: what it refuses and hands over, how it reads ends."""

from __future__ import annotations

import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skillbank.config import StorageSettings
from skillbank.errors import PlatformError, RequestInvalid
from skillbank.job import JobState
from skillbank.plan import Route
from skillbank.platforms.attempt import AttemptFolder
from skillbank.platforms.docker import DockerPlatform
from skillbank.platforms.docker.daemon import daemon_address
from skillbank.platforms.docker.settings import DockerSettings
from skillbank.platforms.docker.sight import read_time, sight_of
from skillbank.platforms.docker.variables import variables_of
from skillbank.platforms.inspection import CheckState, Needs
from skillbank.platforms.staged import SightKind
from skillbank.testing import make_script_plan, wait_for_end


def make_platform(root: Path, **settings: object) -> DockerPlatform:
    given = {"base_url": f"unix://{root}/none.sock", "gpu_ids": [], **settings}
    return DockerPlatform(root, settings=given)


@pytest.mark.parametrize("network", ["none", "bridge"])
def test_files_in_s3_need_a_network(tmp_path: Path, network: str) -> None:
    platform = make_platform(tmp_path, network=network)
    plan = make_script_plan(tmp_path, "", results_uri="s3://bucket/job-1")

    if network == "none":
        with pytest.raises(PlatformError, match="'network: bridge' or 'network: host' in config"):
            platform.check(plan)
    else:
        platform.check(plan)


@pytest.mark.parametrize("key", ["network", "mounts", "user", "image", "environment", "base_url"])
def test_what_a_job_can_reach_is_not_said_by_a_request(tmp_path: Path, key: str) -> None:
    plan = make_script_plan(tmp_path, "", resources={key: "host", "memory": "1G"})

    with pytest.raises(RequestInvalid, match=f"{key} decides what jobs can reach.*config.yaml"):
        make_platform(tmp_path).check(plan)


def test_a_memory_in_which_no_container_starts_is_refused(tmp_path: Path) -> None:
    plan = make_script_plan(tmp_path, "", resources={"memory": "1K"})

    with pytest.raises(RequestInvalid, match="memory: found '1K', expected at least 16M"):
        make_platform(tmp_path).check(plan)


def test_a_request_may_say_how_much_it_takes(tmp_path: Path) -> None:
    plan = make_script_plan(tmp_path, "", resources={"memory": "1G", "shm_size": "2G", "cpus": 2})

    settings = make_platform(tmp_path, memory="4G").settings_of(plan)

    assert (settings.memory_bytes, settings.shm_bytes, settings.cpus) == (2**30, 2**31, 2)


def test_a_daemon_elsewhere_must_be_said_to_share_its_files(tmp_path: Path) -> None:
    plan = make_script_plan(tmp_path, "")

    with pytest.raises(PlatformError, match=r"may not see .*'shared: true'"):
        make_platform(tmp_path, base_url="tcp://elsewhere:2376").check(plan)
    make_platform(tmp_path, base_url="tcp://elsewhere:2376", shared=True).check(plan)


def test_the_daemon_is_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///named.sock")

    assert daemon_address("unix:///given.sock") == "unix:///given.sock"
    assert daemon_address(None) == "unix:///named.sock"
    with pytest.raises(PlatformError, match="not reached over SSH"):
        daemon_address("ssh://me@there")


def test_no_daemon_is_told_with_what_starts_one(tmp_path: Path) -> None:
    (check,) = (
        check
        for check in make_platform(tmp_path).inspect(Needs())
        if check.state is CheckState.FAIL
    )

    assert check.name == "daemon"
    assert "none.sock: no such file" in check.found
    assert "systemctl start docker" in check.fix


# Slow (1 s): another user, who imports the package anew.
def test_a_user_who_may_not_use_the_daemon_is_told_what_to_do(tmp_path: Path) -> None:
    code = """
import os, sys
from skillbank.errors import PlatformError
from skillbank.platforms.docker.daemon import Daemon
os.setuid(65534)
try:
    Daemon(sys.argv[1]).product
except PlatformError as error:
    print(error)
"""
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path))
        path.chmod(0o600)
        done = subprocess.run(
            [sys.executable, "-c", code, f"unix://{path}"],
            capture_output=True,
            text=True,
            check=True,
        )

    assert f"may not use the daemon at {path}: Permission denied" in done.stdout
    assert "usermod -aG docker" in done.stdout


def test_a_search_itself_runs_without_a_container(tmp_path: Path) -> None:
    platform = make_platform(tmp_path)
    resources = {"shm_size": "2G", "max_parallel": 4}  # of its trials
    plan = make_script_plan(tmp_path, "print('searching')", route=Route.AUTOML, resources=resources)

    platform.submit(plan, 1)

    assert wait_for_end(platform, plan).state is JobState.COMPLETE
    assert "searching" in platform.logs(plan)


def test_only_variables_that_something_names_are_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("ASKED", "OF_SPEC", "OF_STORAGE", "AWS_SECRET_ACCESS_KEY", "OTHER")
    for name in names:
        monkeypatch.setenv(name, f"value of {name}")
    monkeypatch.delenv("SKILLBANK_ENCRYPTION_KEY", raising=False)
    settings = DockerSettings(environment=("ASKED",))
    storage = (StorageSettings(secret_key="env:OF_STORAGE"),)
    plan = make_script_plan(tmp_path, "", spec={"key": "env:OF_SPEC"})

    without = variables_of(plan, settings, storage)
    with_s3 = variables_of(replace(plan, results_uri="s3://bucket/job-1"), settings, storage)

    assert {name for name in names if name in without} == {"ASKED", "OF_SPEC"}
    assert {name for name in names if name in with_s3} == {*names} - {"OTHER"}
    assert without["ASKED"] == "value of ASKED"


def test_a_variable_that_is_asked_for_and_not_set_is_named(tmp_path: Path) -> None:
    settings = DockerSettings(environment=("NO_SUCH_VARIABLE_7",))

    with pytest.raises(PlatformError, match=r"NO_SUCH_VARIABLE_7: not set.*export NO_SUCH"):
        variables_of(make_script_plan(tmp_path, ""), settings, ())


def found(status: str, exit_code: int = 0, *, memory: int = 0, **state: object) -> dict[str, Any]:
    times = {"StartedAt": "2026-11-21T23:56:46.917Z", "FinishedAt": "2026-11-21T23:56:47.5+01:00"}
    return {
        "State": {"Status": status, "ExitCode": exit_code, **times, **state},
        "HostConfig": {"Memory": memory},
    }


@pytest.mark.parametrize(
    ("answer", "kind", "is_failure", "told"),
    [
        (found("created"), SightKind.GONE, False, "before its container was started"),
        (found("running"), SightKind.RUNNING, False, ""),
        (found("paused"), SightKind.RUNNING, False, "docker unpause NAME"),
        (found("removing"), SightKind.GONE, False, "removed"),
        (found("exited", 1), SightKind.ENDED, False, ""),
        (found("exited", 74), SightKind.ENDED, True, ""),
        (found("exited", 137), SightKind.ENDED, True, "was killed"),
        (found("exited", 255), SightKind.ENDED, True, "machine restarted"),
        (found("exited", 137, OOMKilled=True, memory=2**30), SightKind.ENDED, False, "1.0 GiB"),
        (found("dead", 128, Error="no space"), SightKind.ENDED, True, "the daemon says: no space"),
    ],
)
def test_an_answer_of_the_daemon_is_read_for_what_it_means(
    tmp_path: Path, answer: dict[str, Any], kind: SightKind, *, is_failure: bool, told: str
) -> None:
    handle = {
        "name": "NAME",
        "folder": str(tmp_path),
        "attempt": 1,
        "memory_kills": sys.maxsize,  # whatever the kernel kills meanwhile
    }

    sight = sight_of(answer, handle)

    assert (sight.kind, sight.is_failure_of_machine) == (kind, is_failure)
    assert told in sight.detail


def test_a_container_that_podman_saw_killed_ran_out_of_memory_if_the_kernel_killed_somebody(
    tmp_path: Path,
) -> None:
    handle = {"name": "n", "folder": str(tmp_path), "attempt": 1, "memory_kills": -1}

    sight = sight_of(found("exited", 137, memory=2**31), handle)

    assert not sight.is_failure_of_machine
    assert "out of memory: its container may use 2.0 GiB" in sight.detail


def test_a_container_that_waits_says_what_for(tmp_path: Path) -> None:
    folder = AttemptFolder(tmp_path, 1)
    folder.path.mkdir(parents=True)
    folder.tell_waiting("CPU jobs run 1 at a time")
    handle = {"name": "n", "folder": str(tmp_path), "attempt": 1, "memory_kills": 0}

    waiting = sight_of(found("running"), handle)
    folder.write_start(1.0)

    assert (waiting.kind, waiting.detail) == (SightKind.WAITING, "CPU jobs run 1 at a time")
    assert sight_of(found("running"), handle).kind is SightKind.RUNNING


def test_times_of_the_daemons_are_read_to_the_microsecond() -> None:
    assert read_time("1970-01-01T00:00:01.123456789Z") == pytest.approx(1.123456)
    assert read_time("1970-01-01T01:00:02+01:00") == 2.0
    assert read_time("0001-01-01T00:00:00Z") is None
