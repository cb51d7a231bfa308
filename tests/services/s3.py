"""Real S3 servers for tests: SeaweedFS, which checks signatures, checksums and conditions; moto.

They listen on 127.0.0.1 at free ports, keep everything in one folder, and die with the process
that started them. SeaweedFS needs about five seconds to start, nearly all of it spent waiting.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from skillbank.config import StorageSettings

KEY, SECRET = "tester", "not-a-secret-but-long-enough"
READER_KEY, READER_SECRET = "reader", "another-one-that-may-only-read"
REGION = "us-east-1"
_PATIENCE_S = 60.0
_ROOM_BYTES = 4 << 30
# A server dies with the thread that started it, so this one lives as long as the process.
_starter = ThreadPoolExecutor(1, "starter")


def why_no_seaweedfs() -> str:
    """What keeps SeaweedFS from being started here; empty when nothing does."""
    if _weed().exists():
        return ""
    return "weed: not installed; run pip install 'skillbank[dev]'"


def require(why_not: str) -> None:
    """Skip where a server cannot be started; where it must be, as in CI, fail."""
    if why_not and os.environ.get("CI"):
        pytest.fail(why_not)
    if why_not:
        pytest.skip(why_not)


class S3Server:
    """A server of S3 in a process of its own.

    Args:
        folder: Where all its files lie.
    """

    num_ports = 1
    is_up_at = "/"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = free_ports(self.num_ports)
        (folder / "key").write_text(KEY, encoding="ascii")
        (folder / "secret").write_text(SECRET, encoding="ascii")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """Where it speaks S3."""
        return self.ports[0]

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def settings(self, **changed: Any) -> StorageSettings:
        """How its buckets are reached."""
        usual = StorageSettings(
            endpoint_url=self.endpoint,
            region=REGION,
            access_key=f"file:{self.folder / 'key'}",
            secret_key=f"file:{self.folder / 'secret'}",
            addressing="path",
            patience_s=30.0,
        )
        return replace(usual, **changed)

    def client(self, endpoint: str = "", **config: Any) -> Any:
        """A plain boto3 client."""
        return boto3.session.Session(KEY, SECRET, region_name=REGION).client(
            "s3",
            endpoint_url=endpoint or self.endpoint,
            config=Config(s3={"addressing_style": "path"}, **config),
        )

    def make_bucket(self, name: str) -> str:
        """Its URI."""
        client = self.client()
        client.create_bucket(Bucket=name)
        client.close()
        return f"s3://{name}"

    def command(self) -> list[str]:
        """What is started."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it, and return when it answers."""
        self._process = _starter.submit(self._spawn).result()
        deadline = time.monotonic() + _PATIENCE_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                told = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(f"{self.command()[0]} does not start:\n{told[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Kill it; what it has written to its disk stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _spawn(self) -> subprocess.Popen[bytes]:
        watched = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*watched, *self.command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(self.endpoint + self.is_up_at, timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False


class SeaweedFS(S3Server):
    """Master, volume server, filer and S3 in one process; a reader may only read."""

    num_ports = 8
    is_up_at = "/status"

    def command(self) -> list[str]:
        """Every port is named, since the usual ones may be taken."""
        identities = {
            "identities": [
                _identity("tester", KEY, SECRET, ["Admin", "Read", "Write", "List", "Tagging"]),
                _identity("reader", READER_KEY, READER_SECRET, ["Read", "List"]),
            ]
        }
        config = self.folder / "s3.json"
        config.write_text(json.dumps(identities), encoding="utf-8")
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        s3, s3_grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc = self.ports
        options = {
            "dir": data,
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.port": master,
            "master.port.grpc": master_grpc,
            "master.volumeSizeLimitMB": 1024,
            "volume.port": volume,
            "volume.port.grpc": volume_grpc,
            "volume.max": 200,
            "filer": "true",
            "filer.port": filer,
            "filer.port.grpc": filer_grpc,
            "s3": "true",
            "s3.port": s3,
            "s3.port.grpc": s3_grpc,
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "s3.config": config,
        }
        named = [f"-{name}={value}" for name, value in options.items()]
        return [str(_weed()), "-logtostderr", "server", *named]


class Moto(S3Server):
    """Moto's server: it forgets everything at its end, and believes whatever it is told."""

    def command(self) -> list[str]:
        """The module, so that this Python runs it."""
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]


@contextmanager
def running(kind: type[S3Server]) -> Iterator[S3Server]:
    """A server that runs while the context does, and whose files go with it."""
    for is_last in (False, False, True):
        with ExitStack() as stack:
            folder = Path(tempfile.mkdtemp(prefix="s3-", dir=_roomy_folder()))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            server = kind(folder)
            stack.callback(server.stop)
            try:
                server.start()
            except RuntimeError:
                if is_last:
                    raise
                continue  # somebody took one of its ports meanwhile
            yield server
            return


def free_ports(number: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _roomy_folder() -> str:
    """In memory where there is much of it: a disk would be most of the time of a test."""
    with suppress(OSError):
        if shutil.disk_usage("/dev/shm").free > _ROOM_BYTES:
            return "/dev/shm"
    return tempfile.gettempdir()


def _weed() -> Path:
    return Path(sys.executable).with_name("weed")


def _identity(name: str, key: str, secret: str, actions: list[str]) -> dict[str, Any]:
    credentials = [{"accessKey": key, "secretKey": secret}]
    return {"name": name, "credentials": credentials, "actions": actions}
