"""Jobs on a real SLURM cluster when their node is taken, lost, or when nobody answers."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import pytest
from tests.services.slurm import SlurmCluster

from skillbank.errors import PlatformError
from skillbank.job import JobState
from skillbank.platforms.attempt import AttemptFolder
from skillbank.platforms.inspection import CheckState, Needs
from skillbank.platforms.slurm import SlurmPlatform
from skillbank.testing import (
    SLEEP,
    ScriptPlan,
    make_script_plan,
    start_and_wait,
    wait_for_end,
    wait_until,
)

pytestmark = pytest.mark.usefixtures("slurm")

# Saves when it is asked to, as trainers do; a further run finds that, and ends well.
RESUMABLE = """
import os, pathlib, signal, sys, time
results = pathlib.Path(sys.argv[1])
with (results / "runs").open("a") as runs:
    print(os.environ.get("SLURM_RESTART_COUNT", "0"), os.environ["SLURM_JOB_NODELIST"], file=runs)
if (results / "running").exists():
    sys.exit(0)
def save(*_):
    (results / "saved").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
(results / "running").touch()
time.sleep(600)
"""


def make_platform(root: Path, **settings: object) -> SlurmPlatform:
    return SlurmPlatform(root, settings={"cpus": 4, "grace": 5, "patience": 1, **settings})


def runs_of(plan: ScriptPlan) -> list[list[str]]:
    """Count and node of each run that has begun."""
    return [line.split() for line in (plan.results / "runs").read_text().splitlines()]


# Jobs start anew, on a cluster that makes requeued ones wait for 6 s: 10 s.
@pytest.mark.parametrize("partition", ["normal", "rough"])
def test_a_preempted_job_saves_is_queued_again_and_goes_on(
    slurm: SlurmCluster, tmp_path: Path, partition: str
) -> None:
    """Where it is warned and has to go by itself, and where it is ended at once."""
    platform = make_platform(tmp_path, partition=partition)
    plan = make_script_plan(tmp_path, RESUMABLE)
    start_and_wait(platform, plan)
    node = slurm.node_of(plan.job_id)

    urgent = ["--partition=urgent", "--exclusive", f"--nodelist={node}", "--output=/dev/null"]
    slurm.command("sbatch", *urgent, "--wrap=sleep 1")
    wait_until(lambda: platform.poll(plan, 1).state is JobState.QUEUED, "it is queued again")

    assert "queued again once" in platform.poll(plan, 1).detail
    slurm.let_begin(elsewhere_than=node)
    assert wait_for_end(platform, plan).state is JobState.COMPLETE
    assert (plan.results / "saved").exists()
    assert [count for count, _ in runs_of(plan)] == ["0", "1"]


# It is queued again, which SLURM lets wait for 6 s: 8 s.
def test_a_job_whose_node_is_lost_goes_on_on_another_one(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    """The same attempt, since SLURM itself starts it again."""
    platform = make_platform(tmp_path)
    plan = make_script_plan(tmp_path, RESUMABLE)
    start_and_wait(platform, plan)

    node = slurm.node_of(plan.job_id)
    slurm.kill_node(node)

    assert platform.poll(plan, 1).state is JobState.QUEUED
    slurm.let_begin(elsewhere_than=node)
    assert wait_for_end(platform, plan).state is JobState.COMPLETE
    (_, first), (_, second) = runs_of(plan)
    assert first != second


# The two runs of the test before, and the time until one lets go: 10 s.
def test_a_node_that_is_cut_off_with_its_job_alive_is_no_second_writer(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    """Whoever is second waits until the first has seen that it is not wanted any more."""
    script = """
import os, pathlib, sys, time
results = pathlib.Path(sys.argv[1])
me = os.environ["SLURM_JOB_NODELIST"]
(results / "running").touch()
until = time.time() + (3 if (results / "second").exists() else 600)
(results / "second").touch()
while time.time() < until:
    with (results / "writers").open("a") as writers:
        writers.write(me + "\\n")
    time.sleep(0.02)
"""
    platform = make_platform(tmp_path)
    plan = make_script_plan(tmp_path, script)
    start_and_wait(platform, plan)

    node = slurm.node_of(plan.job_id)
    slurm.kill_node(node, with_jobs=False)
    slurm.let_begin(elsewhere_than=node)

    assert wait_for_end(platform, plan).state is JobState.COMPLETE
    writers = (plan.results / "writers").read_text().split()
    assert [node for node, _ in groupby(writers)] == list(dict.fromkeys(writers))
    assert len(set(writers)) == 2


# One run, and the pause before the next: 8 s.
def test_a_job_whose_time_is_nearly_over_saves_and_goes_on(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    """The signal is the one that the script asks SLURM for; SLURM itself sends it by the minute."""
    platform = make_platform(tmp_path)
    plan = make_script_plan(tmp_path, RESUMABLE)
    start_and_wait(platform, plan)
    node = slurm.node_of(plan.job_id)

    slurm.command("scancel", "--batch", "--signal=USR1", f"--name={slurm.name_of(plan.job_id)}")
    wait_until(lambda: platform.poll(plan, 1).state is JobState.QUEUED, "it is queued again")
    slurm.let_begin(elsewhere_than=node)

    assert wait_for_end(platform, plan).state is JobState.COMPLETE
    assert (plan.results / "saved").exists()
    assert [count for count, _ in runs_of(plan)] == ["0", "1"]


def test_a_job_that_may_not_be_queued_again_ends_with_its_checkpoint(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    """It was not cancelled by anybody here, and says so."""
    platform = make_platform(tmp_path, requeue=False)
    plan = make_script_plan(tmp_path, RESUMABLE)
    start_and_wait(platform, plan)

    slurm.command("scancel", "--batch", "--signal=USR1", f"--name={slurm.name_of(plan.job_id)}")
    seen = wait_for_end(platform, plan)

    assert seen.state.can_resume
    assert (plan.results / "saved").exists()
    assert len(runs_of(plan)) == 1


def test_a_job_that_was_cancelled_in_slurm_itself_says_so(
    slurm: SlurmCluster, tmp_path: Path
) -> None:
    """By its owner at a shell, or by an administrator."""
    platform = make_platform(tmp_path)
    plan = make_script_plan(tmp_path, RESUMABLE)
    start_and_wait(platform, plan)

    slurm.command("scancel", f"--name={slurm.name_of(plan.job_id)}")
    seen = wait_for_end(platform, plan)

    assert (seen.state, seen.detail) == (JobState.CANCELED, "cancelled in SLURM")


# SLURM looks at the memory once a second: 3 s.
def test_a_job_that_takes_more_memory_than_it_asked_for_is_told_so(tmp_path: Path) -> None:
    """In words that name the setting."""
    script = "held = b'x' * 400_000_000\n" + SLEEP
    platform = make_platform(tmp_path, memory="200M")
    plan = make_script_plan(tmp_path, script)
    platform.submit(plan, 1)

    seen = wait_for_end(platform, plan)

    assert seen.state is JobState.ERROR
    assert "memory" in seen.detail


# SLURM's commands give up on a controller after 5 s: 7 s.
def test_a_controller_that_is_down_loses_no_job(slurm: SlurmCluster, tmp_path: Path) -> None:
    """Asking fails with what to do; the job runs on, and its end is seen afterwards."""
    script = """
import pathlib, sys, time
results = pathlib.Path(sys.argv[1])
(results / "running").touch()
while not (results / "go").exists():
    time.sleep(0.05)
"""
    platform = make_platform(tmp_path)
    plan = make_script_plan(tmp_path, script)
    start_and_wait(platform, plan)
    slurm.stop_controller()

    with pytest.raises(PlatformError, match=r"does not answer.*scontrol ping"):
        platform.poll(plan, 1)
    slurm.start_controller()
    still = platform.poll(plan, 1).state
    (plan.results / "go").touch()

    assert still is JobState.RUNNING
    assert wait_for_end(platform, plan).state is JobState.COMPLETE


def test_a_job_whose_submitter_died_before_it_noted_its_id_is_found(tmp_path: Path) -> None:
    """By its name; a platform that never saw it can stop it."""
    plan = make_script_plan(tmp_path, RESUMABLE)
    start_and_wait(make_platform(tmp_path), plan)
    (AttemptFolder(plan.folder, 1).path / "handle.json").unlink()

    platform = make_platform(tmp_path)
    seen = platform.poll(plan, 1)
    platform.cancel(plan, 1)

    assert seen.state is JobState.RUNNING
    assert platform.poll(plan, 1).state is JobState.CANCELED


def test_an_id_that_a_controller_gave_anew_is_not_taken_for_the_job(tmp_path: Path) -> None:
    """A controller that lost its state counts from 1 again."""
    platform = make_platform(tmp_path)
    plan = make_script_plan(tmp_path, SLEEP)
    other = make_script_plan(tmp_path, SLEEP, job_id="job-2")
    start_and_wait(platform, plan)
    start_and_wait(platform, other)
    path = AttemptFolder(plan.folder, 1).path / "handle.json"
    ids = [AttemptFolder(one.folder, 1).path / "handle.json" for one in (plan, other)]
    text, wrong = (one.read_text() for one in ids)
    path.write_text(text.replace(_id_in(text), _id_in(wrong)))

    assert platform.poll(plan, 1).state is JobState.LOST
    assert platform.poll(other, 1).state is JobState.RUNNING


def test_a_job_that_has_to_wait_says_what_for(slurm: SlurmCluster, tmp_path: Path) -> None:
    """In words, not in SLURM's."""
    for node in slurm.nodes:
        slurm.drain_node(node)
    platform = make_platform(tmp_path, partition="normal")
    plan = make_script_plan(tmp_path, "")

    # Nothing is usable, so nothing is promised either.
    assert platform.capacity(plan) == 0
    platform.submit(plan, 1)
    wait_until(lambda: "waits" in platform.poll(plan, 1).detail, "it says why")

    assert platform.poll(plan, 1).state is JobState.QUEUED
    platform.cancel(plan, 1)
    assert platform.poll(plan, 1).state is JobState.CANCELED


def test_a_job_gets_variables_by_name_and_their_values_are_written_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it get what was not named."""
    monkeypatch.setenv("MY_TOKEN", "s3cr3t-value")
    monkeypatch.setenv("ANOTHER_TOKEN", "s3cr3t-other")
    script = """
import os, pathlib, sys
seen = [name for name in ("MY_TOKEN", "ANOTHER_TOKEN", "GREETING") if name in os.environ]
pathlib.Path(sys.argv[1], "seen").write_text(" ".join(seen))
"""
    platform = make_platform(
        tmp_path, environment=["MY_TOKEN"], setup=["export GREETING='good morning'"]
    )
    plan = make_script_plan(tmp_path, script)
    platform.submit(plan, 1)

    assert wait_for_end(platform, plan).state is JobState.COMPLETE
    assert (plan.results / "seen").read_text() == "MY_TOKEN GREETING"
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in written if b"s3cr3t" in path.read_bytes()]


def test_a_job_runs_in_a_folder_whose_name_bash_and_slurm_would_read(tmp_path: Path) -> None:
    """Quotes, spaces, signs of either."""
    root = tmp_path / "it's 50%j of $HOME; #1"
    platform = make_platform(root, setup=["echo set up"])
    plan = make_script_plan(root, "print('done')")
    platform.submit(plan, 1)

    assert wait_for_end(platform, plan).state is JobState.COMPLETE
    assert "done" in platform.logs(plan)
    assert "set up" in (plan.folder / "attempts/1/slurm.out").read_text()


class TestSeveralNodes:
    SCRIPT = """
import os, pathlib, signal, sys, time
results = pathlib.Path(sys.argv[1])
rank = os.environ["SLURM_PROCID"]
names = ("SLURM_NTASKS", "SLURM_NTASKS_PER_NODE", "SLURM_NNODES", "SLURM_NODEID", "SLURM_LOCALID")
def save(*_):
    (results / f"saved-{rank}").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, save)
(results / f"rank-{rank}").write_text(" ".join(os.environ[name] for name in names))
(results / "running").touch()
time.sleep(float(sys.argv[2]) if len(sys.argv) > 2 else 600)
"""

    def make_plan(self, root: Path, script: str = SCRIPT) -> ScriptPlan:
        return make_script_plan(root, script, spec={"train": {"num_nodes": 2}})

    def test_a_job_of_two_nodes_has_a_rank_on_each(self, tmp_path: Path) -> None:
        """As the training library reads them."""
        platform = make_platform(tmp_path)
        plan = self.make_plan(tmp_path, self.SCRIPT.replace("else 600", "else 0"))
        platform.submit(plan, 1)

        assert wait_for_end(platform, plan).state is JobState.COMPLETE
        ranks = [(plan.results / f"rank-{rank}").read_text() for rank in (0, 1)]
        assert ranks == ["2 1 2 0 0", "2 1 2 1 0"]

    # Two processes start, and end when they have saved: 3 s.
    def test_every_rank_is_asked_to_save_before_it_ends(self, tmp_path: Path) -> None:
        """srun by itself would kill them."""
        platform = make_platform(tmp_path)
        plan = self.make_plan(tmp_path)
        platform.submit(plan, 1)
        both = [plan.results / f"rank-{rank}" for rank in (0, 1)]
        wait_until(lambda: all(path.exists() for path in both), "both ranks run")

        platform.cancel(plan, 1)

        assert platform.poll(plan, 1).state is JobState.CANCELED
        assert [(plan.results / f"saved-{rank}").exists() for rank in (0, 1)] == [True, True]

    def test_more_nodes_than_there_are_are_refused(self, tmp_path: Path) -> None:
        """Before anything is written."""
        plan = make_script_plan(tmp_path, "", spec={"train": {"num_nodes": 4}})

        with pytest.raises(PlatformError, match=r"4 nodes.* has 3 .*train\.num_nodes"):
            make_platform(tmp_path).submit(plan, 1)
        assert not (plan.folder / "attempts").exists()


def test_a_cluster_without_the_partition_names_the_nearest(tmp_path: Path) -> None:
    """As every wrong name does."""
    plan = make_script_plan(tmp_path, "", resources={"partition": "urgnet"})

    with pytest.raises(PlatformError, match="did you mean 'urgent'"):
        make_platform(tmp_path).submit(plan, 1)


def test_a_partition_that_is_down_fails_the_inspection(tmp_path: Path) -> None:
    """With what to do."""
    checks = make_platform(tmp_path, partition="closed").inspect(Needs())

    (failed,) = [check for check in checks if check.state is CheckState.FAIL]
    assert (failed.name, "DOWN" in failed.found, bool(failed.fix)) == ("partition", True, True)


def test_a_refusal_of_slurm_is_told_with_the_script(tmp_path: Path) -> None:
    """Its own words, and where its options come from."""
    platform = make_platform(tmp_path, constraint="no-such-feature")
    plan = make_script_plan(tmp_path, "")

    with pytest.raises(PlatformError, match=r"sbatch failed: .*feature.*slurm\.sbatch"):
        platform.submit(plan, 1)


def _id_in(handle: str) -> str:
    return f'"{json.loads(handle)["id"]}"'
