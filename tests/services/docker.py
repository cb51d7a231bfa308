"""Real container engines for tests: dockerd, and Podman's service, each for itself in one folder.

They start in a second, need no network, fetch nothing, and die with the process that started them.
Their image holds nothing but empty folders: programs and Python are this machine's, by mounts.
"""

from __future__ import annotations

import io
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from docker import APIClient
from docker.errors import DockerException, NotFound
from requests.exceptions import RequestException

REPOSITORY = Path(__file__).resolve().parents[2]
IMAGE = "skillbank-tests:latest"
_PATIENCE_S = 30.0
_FOLDERS = ("dev", "etc", "proc", "sys", "tmp", "usr", "var")
_LINKS = ("bin", "lib", "lib64", "sbin")


def _why_not(*programs: str) -> str:
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)}: not installed; run .ci/services as root"
    if os.geteuid() != 0:
        return "only root can start a container engine"
    return ""


class Engine:
    """A daemon that speaks Docker's API at a socket in its folder.

    Args:
        folder: Where all its files lie; short, since a socket lies there too.
    """

    name = ""
    programs: tuple[str, ...] = ()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "engine.sock"
        self.address = f"unix://{self.socket}"
        self._daemon: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """What a platform has to be told to run jobs here with this machine's Python."""
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        processes = min(resource.getrlimit(resource.RLIMIT_NPROC)[1], 32768)
        prefixes = {"/usr", str(REPOSITORY), sys.prefix, sys.base_prefix}
        return {
            "base_url": self.address,
            "image": IMAGE,
            "pull": "never",
            "python": sys.executable,
            "mounts": sorted(prefixes),
            "grace": "1s",
            # Where CAP_SYS_RESOURCE is missing, an engine cannot raise its own limits.
            "ulimits": {"nofile": hard, "nproc": max(processes, 4096)},
        }

    @contextmanager
    def client(self) -> Iterator[APIClient]:
        """The Docker package's own client."""
        client = APIClient(self.address, version="1.41", timeout=30)
        try:
            yield client
        finally:
            client.close()

    def start(self) -> None:
        """Start the daemon, and return when it answers and has the image."""
        self.start_daemon()
        with self.client() as client:
            client.import_image_from_data(_empty_image(), repository=IMAGE)

    def start_daemon(self) -> None:
        """Start the daemon, for the first time or after it was killed."""
        with (self.folder / "daemon.out").open("ab") as output:
            self._daemon = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self.command()],
                env={**os.environ, **self.environment()},
                cwd=self.folder,  # Podman's monitor leaves a file in it when memory ran out
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + _PATIENCE_S
        while not self.answers():
            log = (self.folder / "daemon.out").read_text(errors="replace")[-2000:]
            assert self._daemon.poll() is None, f"{self.name} ended: {log}"
            assert time.monotonic() < deadline, f"{self.name} does not answer: {log}"
            time.sleep(0.05)

    def stop_daemon(self) -> None:
        """Stop the daemon alone, as its upgrade does; containers run on."""
        assert self._daemon is not None
        self._daemon.terminate()
        self._daemon.wait(timeout=_PATIENCE_S)

    def clear(self) -> None:
        """Remove every container, between two tests."""
        with self.client() as client:
            for found in client.containers(all=True):
                with suppress(NotFound):
                    client.remove_container(found["Id"], force=True)

    def names(self) -> list[str]:
        """Names of all containers, ended ones too."""
        with self.client() as client:
            return [found["Names"][0].lstrip("/") for found in client.containers(all=True)]

    def stop(self) -> None:
        """End everything, containers too, and take its mounts away."""
        if self._daemon is not None:
            with suppress(DockerException, RequestException, OSError):
                self.clear()
            self._daemon.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._daemon.wait(timeout=10)
            self._daemon.kill()
            self._daemon.wait()
        self._kill_rest()
        for mount in reversed(psutil.disk_partitions(all=True)):
            if Path(mount.mountpoint).is_relative_to(self.folder):
                subprocess.run(["umount", "--lazy", mount.mountpoint], check=False)

    def command(self) -> list[str]:
        """Program and arguments of the daemon."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """Variables that the daemon needs."""
        return {}

    def answers(self) -> bool:
        """Whether the daemon answers now."""
        with socket.socket(socket.AF_UNIX) as door:  # the library leaks one that is refused
            if door.connect_ex(str(self.socket)):
                return False
        try:
            with self.client() as client:
                return bool(client.ping())
        except (DockerException, RequestException):  # it is about to begin, or to end
            return False

    def _kill_rest(self) -> None:
        """End what was started for this folder and outlived its daemon: shims and monitors."""
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if any(str(self.folder) in part for part in process.cmdline()):
                    process.kill()


class Dockerd(Engine):
    """Docker's own engine, with no bridge and no rules for the firewall."""

    name = "dockerd"
    programs = ("dockerd", "containerd", "runc", "setpriv")

    def command(self) -> list[str]:
        """The daemon with a configuration of its own."""
        runc = self.folder / "runc-here"
        # The engine asks to lower the OOM score, which takes CAP_SYS_RESOURCE even where it is so.
        drop = r's/,"oomScoreAdj":-\{0,1\}[0-9]*//'
        runc.write_text(
            f"""#!/bin/sh
for word; do
  [ "$previous" = --bundle ] && sed -i '{drop}' "$word/config.json"
  previous=$word
done
exec runc "$@"
"""
        )
        runc.chmod(0o755)
        configuration = {
            "bridge": "none",
            "iptables": False,
            "ip6tables": False,
            "ip-forward": False,
            "ip-masq": False,
            "live-restore": True,
            "data-root": f"{self.folder}/data",
            "exec-root": f"{self.folder}/exec",
            "pidfile": f"{self.folder}/pid",
            "hosts": [self.address],
            "runtimes": {"here": {"path": str(runc)}},
            "default-runtime": "here",
            "exec-opts": ["native.cgroupdriver=cgroupfs"],
            "shutdown-timeout": 2,
        }
        path = self.folder / "daemon.json"
        path.write_text(json.dumps(configuration))
        return ["dockerd", "--config-file", str(path)]


class Podman(Engine):
    """Podman's service, which speaks Docker's API."""

    name = "podman"
    programs = ("podman", "conmon", "runc", "setpriv")

    def command(self) -> list[str]:
        """The service with storage of its own."""
        return [
            "podman",
            f"--root={self.folder}/store",
            f"--runroot={self.folder}/run",
            f"--tmpdir={self.folder}/tmp",
            "--runtime=runc",
            "--cgroup-manager=cgroupfs",
            "--events-backend=file",
            "system",
            "service",
            "--time=0",
            self.address,
        ]

    def environment(self) -> Mapping[str, str]:
        """Where its own settings lie: none of this machine's are read."""
        (self.folder / "policy.json").write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
        (self.folder / "containers.conf").write_text('[containers]\nlog_driver = "k8s-file"\n')
        return {
            "XDG_RUNTIME_DIR": str(self.folder),
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
        }


@contextmanager
def running_engine(kind: type[Engine]) -> Iterator[Engine]:
    """An engine that runs while the context does, and whose files go with it."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix=f"{kind.name}-", dir="/tmp"))
        folder.chmod(0o755)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        engine = kind(folder)
        stack.callback(engine.stop)
        engine.start()
        yield engine


def _start_or_skip(kind: type[Engine]) -> Iterator[Engine]:
    if reason := _why_not(*kind.programs):
        pytest.skip(f"{kind.name}: {reason}")
    with ExitStack() as stack:
        try:
            engine = stack.enter_context(running_engine(kind))
        except (AssertionError, DockerException) as error:
            # Whether an engine starts is up to the machine: what kernel it has, and what rights.
            pytest.skip(f"{kind.name} does not start here: {error}")
        yield engine


@pytest.fixture(scope="session")
def dockerd() -> Iterator[Engine]:
    """dockerd, one per process of the test run."""
    yield from _start_or_skip(Dockerd)


@pytest.fixture(scope="session")
def podman() -> Iterator[Engine]:
    """Podman's service, one per process of the test run."""
    yield from _start_or_skip(Podman)


def _empty_image() -> bytes:
    """A file system of empty folders, laid out as this machine's."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name in _FOLDERS:
            entry = tarfile.TarInfo(name)
            entry.type = tarfile.DIRTYPE
            entry.mode = 0o1777 if name == "tmp" else 0o755
            archive.addfile(entry)
        for name in _LINKS:
            if Path("/", name).is_symlink():
                entry = tarfile.TarInfo(name)
                entry.type = tarfile.SYMTYPE
                entry.linkname = str(Path("/", name).readlink())
                archive.addfile(entry)
    return content.getvalue()
