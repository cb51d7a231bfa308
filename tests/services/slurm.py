"""A real SLURM cluster for tests: a controller and three nodes on this machine, as root.

It starts in about a second, listens on 127.0.0.1 at free ports, keeps everything in one folder,
and dies with the process that started it.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
from tests.services.slurm_conf import GPUS_PER_NODE, write_conf

_PROGRAMS = ("slurmctld", "slurmd", "munged", "munge", "sbatch", "scontrol", "sinfo", "setpriv")
_PATIENCE_S = 30.0
# The kernel takes those of outgoing connections from 32768 on.
_FIRST_PORT, _NUM_PORTS = 20000, 10000
_PORTS_OF_A_PROCESS = 16


def why_no_slurm() -> str:
    """What keeps a cluster from being started here; empty when nothing does."""
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)}: not installed; run .ci/services as root"
    if os.geteuid() != 0:
        return "only root can start a cluster"
    try:
        socket.gethostbyname(socket.gethostname())
    except OSError:
        return f"the host name {socket.gethostname()!r} has no address; run .ci/services as root"
    return ""


class SlurmCluster:
    """One cluster: nodes `n1` to `n3`, partitions `normal`, `rough`, `urgent` and `closed`.

    Args:
        folder: Where all its files lie; short, since a socket lies there too.
        num_nodes: How many nodes.
    """

    def __init__(self, folder: Path, num_nodes: int = 3) -> None:
        self.folder = folder
        self.nodes = tuple(f"n{number}" for number in range(1, num_nodes + 1))
        ports = free_ports(num_nodes + 1)
        self.conf = write_conf(folder, socket.gethostname().split(".")[0], ports[0], ports[1:])
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which SLURM's commands find this cluster."""
        return {**os.environ, "SLURM_CONF": str(self.conf)}

    # ------------------------------------------------------------------ the whole

    def start(self) -> None:
        """Start everything, and return when every node is idle."""
        (self.folder / "state").mkdir()
        for number in range(GPUS_PER_NODE):
            os.mknod(self.folder / f"gpu{number}", 0o666 | 0o020000, os.makedev(1, 3))
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        self.folder.chmod(0o755)
        self._start_munge()
        self.start_controller(is_first=True)
        for node in self.nodes:
            self.start_node(node)
        self._await(lambda: self._node_states() == dict.fromkeys(self.nodes, "idle"), "idle nodes")

    def stop(self) -> None:
        """End everything at once, jobs too."""
        for daemon in self._daemons.values():
            daemon.kill()
        for daemon in self._daemons.values():
            daemon.wait()
        while processes := self._processes():
            _kill(processes)
        self._daemons.clear()

    def command(self, *arguments: str) -> str:
        """Output of one of SLURM's commands; fails the test where the command fails."""
        done = subprocess.run(
            arguments, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def clear(self) -> None:
        """End all jobs and bring all nodes back, between two tests."""
        if self._daemons["slurmctld"].poll() is not None:
            self.start_controller()
        self.command("scancel", "--quiet", "--user=root")
        for node in self.nodes:
            if self._daemons[node].poll() is not None:
                self.start_node(node)
        _kill(self._processes("SLURM_JOB_ID"))
        self._await(lambda: not self.command("squeue", "-h", "-o", "%i"), "an empty queue")
        self._await(self._are_back, "idle nodes")

    # ------------------------------------------------------------------ what may befall it

    def stop_controller(self) -> None:
        """End the controller in order, as before a reboot; jobs run on.

        One that is killed forgets what it heard in the last seconds.
        """
        self._daemons["slurmctld"].terminate()
        self._daemons["slurmctld"].wait()

    def start_controller(self, *, is_first: bool = False) -> None:
        """Start the controller, with the state that it left, and return when it answers."""
        self._start("slurmctld", "slurmctld", "-D", *(["-c"] if is_first else []))
        self._await(self._answers, "a controller that answers")

    def kill_node(self, node: str, *, with_jobs: bool = True) -> None:
        """SIGKILL a node, as a power cut does, and have the controller see it at once.

        Args:
            node: Its name.
            with_jobs: Without, the processes of its jobs live on, as on a node that lost its
                network.
        """
        self._daemons[node].kill()
        self._daemons[node].wait()
        if with_jobs:
            _kill(self._processes("SLURMD_NODENAME", node, with_parents=True))
        self.command("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=killed")

    def start_node(self, node: str) -> None:
        """Start a node, for the first time or after it was killed."""
        (self.folder / f"spool-{node}").mkdir(exist_ok=True)
        self._start(node, "slurmd", "-D", "-N", node)

    def drain_node(self, node: str) -> None:
        """Let a node take no further jobs."""
        self.command("scontrol", "update", f"NodeName={node}", "State=DRAIN", "Reason=tests")

    def node_of(self, name: str) -> str:
        """Where the job runs whose name begins so."""
        lines = self.command("squeue", "-h", "-t", "RUNNING", "-o", "%j %B").splitlines()
        return next(line.split()[1] for line in lines if line.startswith(name))

    def let_begin(self, *, elsewhere_than: str) -> None:
        """Cut short the pause that jobs make before they run again.

        Args:
            elsewhere_than: Node of the last run. The pause is there for it: a late word from it
                that the last run has ended would be taken for the end of the next one.
        """
        self.drain_node(elsewhere_than)
        for job_id in self.command("squeue", "-h", "-t", "PENDING", "-o", "%i").split():
            self._try("scontrol", "update", f"JobId={job_id}", "StartTime=now")  # or it began

    def name_of(self, beginning: str) -> str:
        """The whole name of the running job whose name begins so."""
        names = self.command("squeue", "-h", "-t", "RUNNING", "-o", "%j").split()
        return next(name for name in names if name.startswith(beginning))

    def job_processes(self, job_id: int | str) -> list[psutil.Process]:
        """Processes that belong to a job."""
        return self._processes("SLURM_JOB_ID", str(job_id))

    # ------------------------------------------------------------------ its processes

    def _start_munge(self) -> None:
        self._start(
            "munged",
            "munged",
            "--foreground",
            "--force",
            "--num-threads=2",
            f"--socket={self.folder}/munge.sock",
            f"--key-file={self.folder}/munge.key",
            f"--pid-file={self.folder}/munged.pid",
            f"--log-file={self.folder}/munged.log",
            f"--seed-file={self.folder}/munge.seed",
        )
        self._await((self.folder / "munge.sock").exists, "munge's socket")

    def _start(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as output:
            self._daemons[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _answers(self) -> bool:
        return self._try("scontrol", "ping")

    def _try(self, *arguments: str) -> bool:
        """Whether one of SLURM's commands succeeds."""
        done = subprocess.run(arguments, env=self.environment, capture_output=True, check=False)
        return done.returncode == 0

    def _are_back(self) -> bool:
        """Whether all nodes are idle; those that are down or drained by now are told to resume."""
        states = self._node_states()
        for node, state in states.items():
            if state.startswith(("down", "drain", "drng", "fail")):
                self._try("scontrol", "update", f"NodeName={node}", "State=RESUME")
        return states == dict.fromkeys(self.nodes, "idle")

    def _node_states(self) -> dict[str, str]:
        lines = self.command("sinfo", "-h", "-N", "-p", "normal", "-o", "%N %t").splitlines()
        return dict(line.split() for line in lines)

    def _await(self, is_so: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline, f"SLURM: no {what}; see the logs in {self.folder}"
            time.sleep(0.05)

    def _processes(
        self, variable: str = "", value: str = "", *, with_parents: bool = False
    ) -> list[psutil.Process]:
        """Processes of this cluster whose environment holds a variable, with a value if given."""
        found = []
        for process in psutil.process_iter():
            environment = _environment_of(process)
            if environment.get("SLURM_CONF") != str(self.conf) or process.pid == os.getpid():
                continue
            if not variable or (variable in environment and value in {"", environment[variable]}):
                found.append(process)
        return [*_steps_of(found), *found] if with_parents else found


@contextmanager
def running_cluster(num_nodes: int = 3) -> Iterator[SlurmCluster]:
    """A cluster that runs while the context does, and whose files go with it."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        cluster = SlurmCluster(folder, num_nodes)
        stack.callback(cluster.stop)
        cluster.start()
        yield cluster


def _environment_of(process: psutil.Process) -> Mapping[str, str]:
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}  # gone meanwhile


def _steps_of(processes: list[psutil.Process]) -> list[psutil.Process]:
    """The slurmstepds that wait for them, and would tell the controller how they ended."""
    steps = set()
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            parent = process.parent()
            if parent is not None and "slurmstepd" in parent.name():
                steps.add(parent)
    return list(steps)


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(processes, timeout=5)


def free_ports(number: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on, and that no outgoing connection takes.

    Processes that run side by side look at others first, so that no two find the same ones free.
    """
    found: list[int] = []
    first = os.getpid() * _PORTS_OF_A_PROCESS
    for offset in range(first, first + _NUM_PORTS):
        port = _FIRST_PORT + offset % _NUM_PORTS
        with socket.socket() as one, suppress(OSError):
            one.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == number:
            return found
    raise AssertionError(f"no {number} free ports from {_FIRST_PORT} on")
