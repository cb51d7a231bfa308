"""CPU slots and GPUs: who gets which, who waits, and what those that share them are given."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from tests.sdk.platforms.local_world import (
    SHOW_GPUS,
    make_search_plan,
    supervisor_of,
)

from skillbank.errors import RequestInvalid
from skillbank.job import JobState
from skillbank.plan import Route
from skillbank.platforms.local import LocalPlatform
from skillbank.settings import read_settings
from skillbank.testing import (
    SLEEP,
    ScriptPlan,
    make_script_plan,
    start_and_wait,
    wait_for_end,
    wait_until,
)

SHOW_THREADS = """
import os
print(*(os.environ.get(name) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")))
"""


@pytest.fixture
def platform(tmp_path: Path) -> LocalPlatform:
    return LocalPlatform(tmp_path, gpus=("0", "1", "GPU-c"), num_slots=1, grace_s=0.2)


def threads_of(platform: LocalPlatform, plan: ScriptPlan) -> list[str]:
    platform.submit(plan, 1)
    wait_for_end(platform, plan)
    return platform.logs(plan).split()


def test_a_job_waits_for_the_one_before_it(platform: LocalPlatform, tmp_path: Path) -> None:
    first = make_script_plan(tmp_path, SLEEP, job_id="first")
    second = make_script_plan(tmp_path, "", job_id="second")
    start_and_wait(platform, first)
    platform.submit(second, 1)
    wait_until(lambda: platform.poll(second, 1).state is JobState.QUEUED, "the second waits")

    waiting = platform.poll(second, 1)
    platform.cancel(first, 1)

    assert "1 at a time" in waiting.detail
    assert waiting.started_at is None
    assert wait_for_end(platform, second).state is JobState.COMPLETE


def test_a_waiting_job_can_be_cancelled_and_never_runs(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    first, second, third = (
        make_script_plan(tmp_path, SLEEP, job_id=name) for name in ("first", "second", "third")
    )
    start_and_wait(platform, first)
    for waiting in (second, third):  # one before the turnstile's holder, one behind it
        platform.submit(waiting, 1)
        wait_until(lambda: platform.poll(second, 1).state is JobState.QUEUED, "it waits")

    platform.cancel(third, 1)
    platform.cancel(second, 1)
    platform.cancel(first, 1)

    seen = [platform.poll(plan, 1) for plan in (second, third)]
    assert [each.state for each in seen] == [JobState.CANCELED] * 2
    assert [each.started_at for each in seen] == [None, None]
    assert not any((plan.results / "running").exists() for plan in (second, third))


def test_a_job_that_was_killed_while_it_waited_frees_the_way(
    platform: LocalPlatform, tmp_path: Path
) -> None:
    first, second, third = (
        make_script_plan(tmp_path, script, job_id=name)
        for name, script in (("first", SLEEP), ("second", SLEEP), ("third", ""))
    )
    start_and_wait(platform, first)
    platform.submit(second, 1)
    wait_until(lambda: platform.poll(second, 1).state is JobState.QUEUED, "the second waits")
    platform.submit(third, 1)

    os.kill(supervisor_of(second).pid, signal.SIGKILL)
    platform.cancel(first, 1)

    assert wait_for_end(platform, third).state is JobState.COMPLETE
    assert platform.poll(second, 1).state is JobState.LOST


@pytest.mark.parametrize(("num_gpus", "given"), [(0, ""), (1, "0"), (2, "0,1"), (3, "0,1,GPU-c")])
def test_a_job_sees_the_gpus_it_holds_and_no_other(
    platform: LocalPlatform, tmp_path: Path, num_gpus: int, given: str
) -> None:
    plan = replace(make_script_plan(tmp_path, SHOW_GPUS), num_gpus=num_gpus)
    platform.submit(plan, 1)
    wait_for_end(platform, plan)

    assert (plan.results / "gpus").read_text() == given


def test_a_job_gets_its_gpus_all_together_or_waits(platform: LocalPlatform, tmp_path: Path) -> None:
    holder = replace(make_script_plan(tmp_path, SLEEP, job_id="holder"), num_gpus=2)
    wants_2 = replace(make_script_plan(tmp_path, SHOW_GPUS, job_id="wants-2"), num_gpus=2)
    start_and_wait(platform, holder)
    platform.submit(wants_2, 1)
    wait_until(lambda: platform.poll(wants_2, 1).state is JobState.QUEUED, "it waits")

    platform.cancel(holder, 1)

    assert wait_for_end(platform, wants_2).state is JobState.COMPLETE
    # Which two: the holder's go back one after the other, and a third is free all the time.
    held = (wants_2.results / "gpus").read_text().split(",")
    assert len(set(held)) == 2
    assert set(held) <= {"0", "1", "GPU-c"}


def test_jobs_share_the_gpus_that_are_free(platform: LocalPlatform, tmp_path: Path) -> None:
    holder = replace(make_script_plan(tmp_path, SLEEP, job_id="holder"), num_gpus=2)
    other = replace(make_script_plan(tmp_path, SHOW_GPUS, job_id="other"), num_gpus=1)
    start_and_wait(platform, holder)

    platform.submit(other, 1)
    wait_for_end(platform, other)
    platform.cancel(holder, 1)

    assert (other.results / "gpus").read_text() == "GPU-c"


@pytest.mark.parametrize("value", ["0", "many", "-2", "1.5"])
def test_a_number_of_slots_that_is_none_is_explained(value: str) -> None:
    with pytest.raises(RequestInvalid, match=r"SKILLBANK_LOCAL_SLOTS=.*at least 1"):
        read_settings({"SKILLBANK_LOCAL_SLOTS": value})


def test_settings_come_from_the_environment(tmp_path: Path) -> None:
    settings = read_settings({"SKILLBANK_HOME": str(tmp_path), "SKILLBANK_LOCAL_SLOTS": "3"})

    assert (settings.home, settings.local_slots) == (tmp_path, 3)
    assert settings.cuda_visible_devices is None


@pytest.mark.parametrize("num_gpus", [0, 1])
def test_a_search_takes_no_place_from_its_trials(
    platform: LocalPlatform, tmp_path: Path, num_gpus: int
) -> None:
    """It asks for what each of its trials needs, and needs none of it itself."""
    search = make_search_plan(tmp_path, SLEEP, num_gpus=num_gpus)
    trials = [
        replace(make_script_plan(tmp_path, SLEEP, job_id=f"trial-{n}"), num_gpus=num_gpus)
        for n in range(platform.capacity(search))
    ]
    for plan in (*trials, search):
        start_and_wait(platform, plan)

    states = [platform.poll(plan, 1).state for plan in (search, *trials)]
    for plan in (search, *trials):
        platform.cancel(plan, 1)

    assert set(states) == {JobState.RUNNING}


@pytest.mark.parametrize(("num_gpus", "capacity"), [(0, 1), (1, 3), (2, 1), (3, 1), (4, 0)])
def test_capacity_is_what_slots_or_gpus_allow(
    platform: LocalPlatform, tmp_path: Path, num_gpus: int, capacity: int
) -> None:
    plan = replace(make_script_plan(tmp_path, ""), num_gpus=num_gpus)

    assert platform.capacity(plan) == capacity


@pytest.mark.parametrize("given", ["0", ""])
def test_a_search_sees_the_gpus_of_its_submitter(
    platform: LocalPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    """It hands them on to its trials."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    plan = make_search_plan(tmp_path, SHOW_GPUS)
    platform.submit(plan, 1)
    wait_for_end(platform, plan)

    assert (plan.results / "gpus").read_text() == given


@pytest.mark.parametrize("num_slots", [2, 3, 1000])
def test_jobs_that_share_the_cpu_share_its_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_slots: int
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    platform = LocalPlatform(tmp_path, gpus=("0",), num_slots=num_slots)
    share = str(max(1, len(os.sched_getaffinity(0)) // num_slots))

    assert threads_of(platform, make_script_plan(tmp_path, SHOW_THREADS)) == [share, share]


@pytest.mark.parametrize("kind", ["the only one", "on a GPU", "a search"])
def test_jobs_that_do_not_share_the_cpu_choose_their_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    num_slots = 1 if kind == "the only one" else 2
    platform = LocalPlatform(tmp_path, gpus=("0",), num_slots=num_slots)
    plan = replace(
        make_script_plan(tmp_path, SHOW_THREADS),
        num_gpus=1 if kind == "on a GPU" else 0,
        route=Route.AUTOML if kind == "a search" else Route.DIRECT,
    )

    assert threads_of(platform, plan) == ["None", "None"]


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({"OMP_NUM_THREADS": "7"}, ["7", "None"]),
        ({"MKL_NUM_THREADS": "7"}, ["1", "7"]),
        ({"OMP_NUM_THREADS": "6", "MKL_NUM_THREADS": "7"}, ["6", "7"]),
    ],
)
def test_threads_that_the_user_set_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], seen: list[str]
) -> None:
    """MKL follows OMP_NUM_THREADS by itself, so that alone is left as it is."""
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    platform = LocalPlatform(tmp_path, gpus=(), num_slots=1000)

    assert threads_of(platform, make_script_plan(tmp_path, SHOW_THREADS)) == seen
