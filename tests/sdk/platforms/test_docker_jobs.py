"""What only containers can get wrong, seen in real ones: walls, limits, secrets, lost engines."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.services.docker import IMAGE, Engine, dockerd, podman  # noqa: F401 - fixtures

from skillbank.errors import PlatformError
from skillbank.job import JobState, Observation
from skillbank.platforms.attempt import read_json
from skillbank.platforms.docker import DockerPlatform
from skillbank.platforms.inspection import CheckState, Needs
from skillbank.testing import (
    SLEEP,
    ScriptPlan,
    make_script_plan,
    start_and_wait,
    wait_for_end,
    wait_until,
)

LOOK_AROUND = """
import json, os, pathlib, sys
def try_to_write(path):
    try:
        pathlib.Path(path, "written").touch()
    except OSError as error:
        return error.strerror
    return "written"
results = pathlib.Path(sys.argv[1])
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
root = results.parents[2]
seen = {
    "ids": [os.getuid(), os.getgid()],
    "networks": sorted(os.listdir("/sys/class/net")),
    "capabilities": int(status["CapEff"], 16),
    "no_new_privileges": int(status["NoNewPrivs"]),
    "data": (root.parent / "data" / "poses.txt").read_text(),
    "writes": {name: try_to_write(path) for name, path in {
        "data": root.parent / "data", "image": "/var", "usr": "/usr", "root": root,
        "other job": root / "jobs" / "other", "own": results, "tmp": "/tmp",
    }.items()},
    "home": os.environ["HOME"],
    "secret": os.environ.get("MY_SECRET"),
    "cuda": os.environ["CUDA_VISIBLE_DEVICES"],
}
(results / "seen.json").write_text(json.dumps(seen))
"""
ONCE = 'import pathlib, sys; pathlib.Path(sys.argv[1], "once").open("x").close()'
EAT_MEMORY = "blocks = []\nwhile True: blocks.append(bytearray(b'x' * 2**24))"


@pytest.fixture(params=["dockerd", "podman"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    found.clear()
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tmp_path.chmod(0o755)
    return tmp_path / "root"


def make_platform(engine: Engine, root: Path, **settings: object) -> DockerPlatform:
    return DockerPlatform(root, settings={**engine.settings, **settings})


def run(platform: DockerPlatform, plan: ScriptPlan) -> Observation:
    platform.submit(plan, 1)
    return wait_for_end(platform, plan)


def inspect(engine: Engine, plan: ScriptPlan, attempt: int = 1) -> dict[str, Any]:
    handle = read_json(plan.folder / "attempts" / str(attempt) / "handle.json")
    assert handle is not None
    with engine.client() as client:
        found: dict[str, Any] = client.inspect_container(handle["id"])
    return found


# Slow: containers of two engines, about a second each.
def test_a_job_runs_as_its_submitter_behind_walls(
    engine: Engine, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = root.parent / "data"
    data.mkdir()
    (data / "poses.txt").write_text("poses")
    (root / "jobs" / "other").mkdir(parents=True)
    monkeypatch.setenv("MY_SECRET", "hunter2hunter2")
    plan = make_script_plan(root, LOOK_AROUND, spec={"dataset": {"path": str(data)}})
    for path in (root, *root.rglob("*"), data, *data.rglob("*")):
        os.chown(path, 1234, 4321)
    (root / "slots").mkdir(mode=0o777)
    (root / "cache").mkdir(mode=0o777)
    platform = make_platform(engine, root, user="1234:4321", environment=["MY_SECRET"], keep=True)
    (plan.folder / "attempts" / "1").mkdir(parents=True)
    for path in (plan.folder / "attempts", plan.folder / "attempts" / "1", root / "slots"):
        os.chown(path, 1234, 4321)

    ended = run(platform, plan)

    assert ended.state is JobState.COMPLETE, (ended, platform.logs(plan))
    seen = json.loads((plan.results / "seen.json").read_text())
    assert seen == {
        "ids": [1234, 4321],
        "networks": ["lo"],
        "capabilities": 0,
        "no_new_privileges": 1,
        "data": "poses",
        "writes": {
            "data": "Read-only file system",
            "image": "Read-only file system",
            "usr": "Read-only file system",
            "root": "Read-only file system",
            "other job": "Read-only file system",
            "own": "written",
            "tmp": "written",
        },
        "home": "/tmp",
        "secret": "hunter2hunter2",
        "cuda": "",
    }
    written = (plan.results / "seen.json").stat()
    assert (written.st_uid, written.st_gid) == (1234, 4321)
    assert "hunter2" not in json.dumps(inspect(engine, plan))
    kept = [path for path in root.rglob("*") if path.is_file() and path.name != "seen.json"]
    assert not [path for path in kept if b"hunter2" in path.read_bytes()]


# Slow: two containers that fill 64 MiB.
def test_a_job_that_needs_more_memory_than_its_limit_is_told_so(engine: Engine, root: Path) -> None:
    plan = make_script_plan(root, EAT_MEMORY, resources={"memory": "64M"})

    seen = run(make_platform(engine, root), plan)

    assert seen.state is JobState.ERROR
    assert seen.exit_code in {-9, 137}
    assert "memory" in seen.detail


def test_a_request_for_gpus_reaches_docker_and_podman_is_refused(
    engine: Engine, root: Path
) -> None:
    platform = make_platform(engine, root, gpu_ids=["0", "1"])
    plan = make_script_plan(root, "", num_gpus=2)

    with pytest.raises(PlatformError) as refused:
        platform.submit(plan, 1)

    told = str(refused.value)
    if engine.name == "podman":
        assert "Docker socket ignores requests for GPUs" in told
    else:
        assert "could not select device driver" in told
        assert "nvidia-ctk" in told
    assert engine.names() == []


def test_a_container_that_somebody_removed_makes_its_job_lost(engine: Engine, root: Path) -> None:
    platform = make_platform(engine, root)
    plan = make_script_plan(root, SLEEP)
    start_and_wait(platform, plan)
    engine.clear()

    seen = platform.poll(plan, 1)

    assert (seen.state, "was removed by somebody else" in seen.detail) == (JobState.LOST, True)


def test_an_ended_job_leaves_no_container_unless_it_is_to_be_kept(
    engine: Engine, root: Path
) -> None:
    kept = make_script_plan(root, "", job_id="kept", resources={"keep": True})
    gone = make_script_plan(root, "", job_id="gone")
    platform = make_platform(engine, root)

    run(platform, kept)
    run(platform, gone)

    def left() -> set[str]:
        platform.poll(kept, 1)
        platform.poll(gone, 1)  # removes one that told how it ended, but takes long to end
        return {name.split("-", 2)[2] for name in engine.names()}

    wait_until(lambda: "gone-1" not in left(), "its container is gone")
    assert "kept-1" in left()


def test_a_submitter_that_died_before_the_start_leaves_nothing_that_runs(
    engine: Engine, root: Path
) -> None:
    platform = make_platform(engine, root)
    plan = make_script_plan(root, "")
    (plan.folder / "attempts" / "1").mkdir(parents=True)
    with engine.client() as client:
        name = platform._handle_of(plan, 1)["name"]
        client.create_container_from_config({"Image": IMAGE, "Cmd": ["true"]}, name)

    seen = platform.poll(plan, 1)

    assert (seen.state, "before its container was started" in seen.detail) == (JobState.LOST, True)
    assert engine.names() == []


def test_the_same_attempt_is_never_started_twice(engine: Engine, root: Path) -> None:
    plan = make_script_plan(
        root, 'import pathlib, sys; pathlib.Path(sys.argv[1], "once").open("x")'
    )
    platform = make_platform(engine, root, keep=True)
    platform.submit(plan, 1)
    first = wait_for_end(platform, plan)

    another = make_platform(engine, root, keep=True)
    another.launch(plan, 1, ["-m", "skillbank.staging", str(plan.folder), "1"])

    assert len(engine.names()) == 1
    assert another.poll(plan, 1) == first


def test_an_engine_that_is_ready_passes_every_check(engine: Engine, root: Path) -> None:
    checks = {check.name: check for check in make_platform(engine, root).inspect(Needs())}

    assert {name: check.state for name, check in checks.items() if name != "disk"} == {
        "daemon": CheckState.PASS,
        "image": CheckState.PASS,
        "mount": CheckState.PASS,
        "root": CheckState.PASS,
        "locks": CheckState.PASS,
        "places": CheckState.PASS,
    }
    assert engine.name.removesuffix("d") in checks["daemon"].found.lower()
    assert engine.names() == []


@pytest.fixture
def own_dockerd(dockerd: Engine) -> Iterator[Engine]:  # noqa: F811 - the fixture
    """The engine of this process, which answers again when the test is over."""
    dockerd.clear()
    yield dockerd
    if not dockerd.answers():
        dockerd.start_daemon()


# Slow (3 s): the engine starts anew.
def test_an_engine_that_is_away_loses_no_job(own_dockerd: Engine, root: Path) -> None:
    platform = make_platform(own_dockerd, root)
    plan = make_script_plan(root, SLEEP)
    start_and_wait(platform, plan)

    own_dockerd.stop_daemon()
    while_away = platform.poll(plan, 1)
    with pytest.raises(PlatformError, match=r"no daemon answers at .*start it with"):
        platform.cancel(plan, 1)
    own_dockerd.start_daemon()

    assert while_away.state is JobState.RUNNING  # its lock is held: nobody has to be asked
    assert platform.poll(plan, 1).state is JobState.RUNNING
    platform.cancel(plan, 1)
    assert platform.poll(plan, 1).state is JobState.CANCELED
