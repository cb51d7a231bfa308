"""Images with a command of their own: how they are called, and stopped, and what they leave."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from tests.services.docker import Engine, dockerd  # noqa: F401 - a fixture

from skillbank.errors import PlatformError, RequestInvalid
from skillbank.job import JobState
from skillbank.platforms.attempt import read_json
from skillbank.platforms.docker import DockerPlatform
from skillbank.platforms.docker.foreign_images import foreign_command
from skillbank.testing import ScriptPlan, make_script_plan, wait_for_end, wait_until

TAO = "{network} {action} -e {spec} results_dir={results}"
# Does what TAO's command does as far as a platform can see it, and tells how it was called.
NETWORK = """#!%s
import json, os, pathlib, signal, sys, time
results = pathlib.Path(sys.argv[-1].removeprefix("results_dir="))
def stop(*_):
    (results / "stopped").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
(results / "argv.json").write_text(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]))
print("training", flush=True)
(results / "running").touch()
time.sleep(%s)
sys.exit(%s)
"""


def make_platform(
    engine: Engine, root: Path, *, lasts_s: float = 0, exit_code: int = 0
) -> DockerPlatform:
    """A platform, also for the job's own process, with an image that has one network in it."""
    program = root.parent / "bin" / "pose_classification"
    program.parent.mkdir()
    program.write_text(NETWORK % (sys.executable, lasts_s, exit_code))
    program.chmod(0o755)
    given: dict[str, Any] = engine.settings
    settings = {
        **given,
        "grace": "30s",  # it ends as soon as it is asked
        "container_command": f"{program.parent}/{TAO}",
        "mounts": [*given["mounts"], str(program.parent)],
    }
    entry = {"kind": "docker", **settings}
    root.mkdir(exist_ok=True)
    (root / "config.yaml").write_text(yaml.safe_dump({"platforms": {"tao": entry}}))
    return DockerPlatform(root, name="tao", settings=settings)


def make_plan(root: Path, **changes: object) -> ScriptPlan:
    plan = {"platform": "tao", "network_arch": "pose_classification", **changes}
    return make_script_plan(root, "", **plan)  # type: ignore[arg-type]


@pytest.fixture
def engine(dockerd: Engine) -> Engine:  # noqa: F811 - the fixture
    dockerd.clear()
    return dockerd


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


# Slow: two processes and a container, about two seconds.
@pytest.mark.parametrize(
    ("exit_code", "state"), [(0, JobState.COMPLETE), (3, JobState.ERROR)], ids=["good", "bad"]
)
def test_its_command_is_taos(engine: Engine, root: Path, exit_code: int, state: JobState) -> None:
    platform = make_platform(engine, root, exit_code=exit_code)
    plan = make_plan(root, resources={"shm_size": "1G"})

    platform.submit(plan, 1)
    seen = wait_for_end(platform, plan)

    assert (seen.state, seen.exit_code) == (state, exit_code), platform.logs(plan)
    assert json.loads((plan.results / "argv.json").read_text()) == [
        "pose_classification",
        "train",
        "-e",
        f"{plan.folder}/spec.yaml",
        f"results_dir={plan.results}",
    ]
    assert "training" in platform.logs(plan)
    assert engine.names() == []


# Slow: as above.
def test_it_is_asked_to_stop_before_it_is_killed(engine: Engine, root: Path) -> None:
    platform = make_platform(engine, root, lasts_s=600)
    plan = make_plan(root)
    platform.submit(plan, 1)
    wait_until((plan.results / "running").exists, "it runs")

    platform.cancel(plan, 1)

    assert platform.poll(plan, 1).state is JobState.CANCELED
    assert (plan.results / "stopped").exists()
    assert engine.names() == []


# Slow: as above.
def test_nothing_of_it_runs_on_when_its_process_was_killed(engine: Engine, root: Path) -> None:
    platform = make_platform(engine, root, lasts_s=600)
    plan = make_plan(root)
    platform.submit(plan, 1)
    wait_until((plan.results / "running").exists, "it runs")
    supervisor = read_json(plan.folder / "attempts" / "1" / "supervisor.json")
    assert supervisor is not None

    psutil.Process(supervisor["pid"]).kill()
    seen = wait_for_end(platform, plan)

    assert seen.state is JobState.LOST
    assert engine.names() == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"results_uri": "s3://bucket/job-1"}, "read or write files in S3"),
        ({"pause_after": 3}, "pause after some epochs"),
    ],
)
def test_what_only_our_own_image_can_do_is_refused(
    tmp_path: Path, changes: dict[str, Any], told: str
) -> None:
    settings = {"container_command": TAO, "base_url": f"unix://{tmp_path}/none", "gpu_ids": []}
    platform = DockerPlatform(tmp_path, name="tao", settings=settings)

    with pytest.raises(PlatformError, match=f"{told}; use a platform with an image of docker/"):
        platform.check(make_plan(tmp_path, **changes))


def test_a_command_that_cannot_be_filled_says_what_it_may_hold(tmp_path: Path) -> None:
    with pytest.raises(RequestInvalid, match=r"'model'.*\{network\}, \{action\}, \{spec\}"):
        foreign_command("{network} {model}", make_plan(tmp_path))


def test_words_of_a_command_stay_words_whatever_they_hold(tmp_path: Path) -> None:
    plan = make_plan(tmp_path / "a folder; with $words")

    assert foreign_command("run 'two words' -e {spec}", plan) == [
        "run",
        "two words",
        "-e",
        f"{plan.folder}/spec.yaml",
    ]
