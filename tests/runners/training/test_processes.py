"""Who a process is among those that a launcher started."""

import pytest

from skillbank_runners.errors import WrongRequest
from skillbank_runners.training.processes import (
    Launcher,
    Place,
    check_nodes,
    describe_step,
    find_place,
)

STEP = {
    "SLURM_NTASKS": "8",
    "SLURM_PROCID": "3",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NUM_NODES": "2",
    "SLURM_STEP_NODELIST": "n[1-2]",
}
TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "x",
    "TORCHELASTIC_USE_AGENT_STORE": "True",
    "TORCHELASTIC_RESTART_COUNT": "1",
    "RANK": "0",
    "WORLD_SIZE": "6",
    "LOCAL_WORLD_SIZE": "2",
}


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({}, Place()),
        ({"LOCAL_RANK": "2"}, Place(rank=2)),
        (STEP, Place(Launcher.SLURM, 3, 4, 2)),
        ({**STEP, "SLURM_PROCID": "0"}, Place(Launcher.SLURM, 0, 4, 2, keeps_store=True)),
        (TORCHRUN, Place(Launcher.TORCHRUN, 0, 6, 3, round=1)),
        ({**STEP, **TORCHRUN, "RANK": "5"}, Place(Launcher.TORCHRUN, 5, 6, 3, round=1)),
        # A batch script of a job of several tasks, and a step of one task, have no peers.
        ({"SLURM_NTASKS": "2", "SLURM_PROCID": "0", "SLURM_NNODES": "2"}, Place()),
        ({**STEP, "SLURM_STEP_NUM_TASKS": "1", "SLURM_STEP_NUM_NODES": "1"}, Place()),
    ],
)
def test_the_environment_says_who_a_process_is(environment, place):
    assert find_place(environment) == place


def test_machines_with_unlike_numbers_of_processes_are_refused():
    uneven = {**STEP, "SLURM_STEP_NUM_TASKS": "5"}
    with pytest.raises(WrongRequest, match="srun started 5 processes on 2 machines, expected"):
        find_place(uneven)


def test_several_machines_without_a_launcher_are_refused_with_both_ways_to_start():
    with pytest.raises(WrongRequest) as caught:
        check_nodes("train.num_nodes", 2, Place())
    told = str(caught.value)
    assert "srun --nodes=2 --ntasks-per-node=GPUS" in told
    assert "torchrun --nnodes=2 --nproc-per-node=GPUS" in told
    assert "set train.num_nodes to 1" in told


def test_lightning_reads_of_the_step_and_not_of_the_whole_job():
    environment = dict(STEP)
    describe_step(find_place(environment), environment)
    assert environment["SLURM_NTASKS"] == "4"
    assert environment["SLURM_NNODES"] == "2"
    assert environment["SLURM_NTASKS_PER_NODE"] == "2"
    assert environment["SLURM_NODELIST"] == "n[1-2]"
