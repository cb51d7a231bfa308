"""Processes that train together on this machine, each as a launcher would have started it.

PyTorch is loaded once, by a nursery that forks the processes: loading takes longer than the
trainings do. Run as a program this file is that nursery.
"""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PYTHON = sys.executable
ROOT = Path(__file__).resolve().parents[3]


def slurm(rank, count, port, *, nodes=None):
    """What srun tells a task."""
    nodes = nodes or count
    per_node = count // nodes
    return {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "SLURM_JOB_ID": "4711",
        "SLURM_NTASKS": "1",  # of the batch script; those of the step are the ones that count
        "SLURM_NODELIST": "127.0.0.1",
        "SLURM_PROCID": str(rank),
        "SLURM_LOCALID": str(rank % per_node),
        "SLURM_NODEID": str(rank // per_node),
        "SLURM_STEP_NUM_TASKS": str(count),
        "SLURM_STEP_NUM_NODES": str(nodes),
        "SLURM_STEP_NODELIST": "127.0.0.1",
    }


def torchrun(rank, count, port, *, nodes=None):
    """What torchrun tells a process, here without an agent that keeps a store."""
    nodes = nodes or count
    per_node = count // nodes
    return {
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "RANK": str(rank),
        "LOCAL_RANK": str(rank % per_node),
        "GROUP_RANK": str(rank // per_node),
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(per_node),
        "TORCHELASTIC_RUN_ID": "run",
        "TORCHELASTIC_RESTART_COUNT": "0",
        "TORCHELASTIC_USE_AGENT_STORE": "False",
    }


def free_port():
    """A port that Linux gives to no outgoing connection before the first process listens there."""
    while True:
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port


@dataclass
class Company:
    """The processes of one training."""

    nursery: subprocess.Popen
    pids: list[int]
    outputs: list[Path]

    def signal(self, signum, *ranks):
        for rank in ranks or range(len(self.pids)):
            os.kill(self.pids[rank], signum)

    def wait(self):
        """Their exit codes, in the order of their ranks; negative: the signal that ended them."""
        return ask(self.nursery, {"wait": self.pids})

    def output(self, rank):
        return self.outputs[rank].read_text()


def ask(nursery, question):
    nursery.stdin.write(json.dumps(question) + "\n")
    nursery.stdin.flush()
    return json.loads(nursery.stdout.readline())


def start(
    nursery,
    job,
    *more,
    action="train",
    count=2,
    launcher=slurm,
    nodes=None,
    each=(),
    stop_at=None,
    farewell_s=60.0,
):
    """Start a training of a job.

    Args:
        nursery: Forks the processes.
        job: The tiny job.
        more: Further arguments of all processes.
        action: What they do.
        count: Processes.
        launcher: What tells them who they are.
        nodes: Machines that they believe to run on.
        each: Further arguments of each process, by rank.
        stop_at: Checkpoint after which the first process stands still until it gets SIGCONT.
        farewell_s: How long one that ends waits for the others; the usual 5 s can be too short
            on a busy machine, where a process that is not awaited has another exit code.
    """
    port, outputs, orders = free_port(), [], []
    for rank in range(count):
        outputs.append(job.folder / f"out{rank}.txt")
        own = each[rank] if each else ()
        orders.append(
            {
                "environment": launcher(rank, count, port, nodes=nodes),
                "arguments": [*job.arguments(action, *more), *own],
                "output": str(outputs[-1]),
                "stop_at": stop_at,
                "farewell_s": farewell_s,
            }
        )
    return Company(nursery, ask(nursery, {"start": orders}), outputs)


def wait_for(path, company):
    """Wait until a file is there."""
    _wait_until(path.exists, company)


def wait_until_stopped(company):
    """Wait until the first process stands still where it was told to."""
    _wait_until(lambda: _state(company.pids[0]) == "T", company)


def _wait_until(is_so, company):
    until = time.monotonic() + 200
    while not is_so():
        assert time.monotonic() < until
        for rank, pid in enumerate(company.pids):
            assert _state(pid) != "Z" or is_so(), company.output(rank)
        time.sleep(0.005)


def _state(pid):
    """Letter of a process's state; Z: it ended and was not waited for yet."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def open_nursery():
    command = [sys.executable, __file__]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "runners")}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)


def main():
    import torch

    import skillbank_runners.pose_classification.training
    import skillbank_runners.training.joining  # noqa: F401
    from skillbank_runners.launch import main as launch

    torch.set_num_threads(1)
    for line in sys.stdin:
        question = json.loads(line)
        if "start" in question:
            answer = [_fork(order, launch) for order in question["start"]]
        else:
            ended = [os.waitpid(pid, 0)[1] for pid in question["wait"]]
            answer = [os.waitstatus_to_exitcode(status) for status in ended]
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _fork(order, launch):
    pid = os.fork()
    if pid:
        return pid
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update(order["environment"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = 70
    try:
        _arrange(order)
        code = launch(order["arguments"])
    finally:
        sys.stdout.flush()
        os._exit(code)


def _arrange(order):
    """Change what tests change in a process before it begins."""
    from skillbank_runners.training import callbacks, peers

    peers._FAREWELL_S = order["farewell_s"]
    point = callbacks.point_latest

    def point_and_stop(link, target):
        point(link, target)
        if target.name == order["stop_at"]:
            os.kill(os.getpid(), signal.SIGSTOP)

    callbacks.point_latest = point_and_stop


if __name__ == "__main__":
    main()
