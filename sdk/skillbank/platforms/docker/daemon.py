"""A Docker or Podman daemon: the few requests that jobs need, and its errors in plain words.

The daemon speaks Docker's Engine API (version 1.41 or later); requests and answers are its JSON.
"""

from __future__ import annotations

import errno
import json
import socket
import weakref
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import requests.exceptions
from docker import APIClient, errors
from docker.utils import kwargs_from_env

from skillbank.errors import PlatformError
from skillbank.settings import container_sockets

Json = dict[str, Any]

_ANSWERS_WITHIN_S = 30
_OLDEST_API = "1.41"
_SELINUX = Path("/sys/fs/selinux/enforce")
_PODMAN = "Podman "
_UNIX = "unix://"
_NO_DAEMON = (
    "start it with 'sudo systemctl start docker', or 'systemctl --user start podman.socket' for "
    "Podman; one elsewhere is named by DOCKER_HOST or 'base_url' in config.yaml"
)
_NOT_ALLOWED = (
    "run 'sudo usermod -aG docker $USER' and log in again (members of that group are as good as "
    "root), or use Podman: 'systemctl --user start podman.socket'"
)
_HINTS = {
    "could not select device driver": "this daemon cannot hand out GPUs: install the NVIDIA "
    "Container Toolkit, run 'sudo nvidia-ctk runtime configure --runtime=docker' and restart it",
    "unknown or invalid runtime": "this daemon has no such runtime: 'docker info' lists those it "
    "has; change 'runtime' in config.yaml",
    "unknown runtime": "this daemon has no such runtime: 'docker info' lists those it has; change "
    "'runtime' in config.yaml",
    "executable file not found": "the image has no such program: name its Python by 'python' in "
    "config.yaml, or use an image of docker/Dockerfile",
    "error setting rlimit": "the daemon may not raise limits so far: lower 'ulimits' in "
    "config.yaml, for example 'nofile: 1024'",
    "bind source path does not exist": "the daemon does not see this path: it must run on this "
    "machine, or share its files with it",
}


class DaemonAway(PlatformError):
    """No daemon answers."""


class NoSuchContainer(PlatformError):
    """The daemon knows no such container."""


class NameTaken(PlatformError):
    """A container of that name is there already."""


def daemon_address(base_url: str | None) -> str:
    """Where the daemon listens: as given, else DOCKER_HOST, else the first usual socket there is.

    Raises:
        DaemonAway: There is none.
    """
    given = base_url or kwargs_from_env().get("base_url")
    if given is not None and str(given).startswith("ssh://"):
        raise DaemonAway(
            f"{given}: daemons are not reached over SSH; run skillbank on that machine, or use the "
            "daemon's socket or its TLS address, 'base_url: tcp://HOST:2376'."
        )
    if given:
        return str(given)
    sockets = container_sockets()
    found = next((path for path in sockets if path.exists()), None)
    if found is None:
        listed = ", ".join(map(str, sockets))
        raise DaemonAway(f"no Docker or Podman daemon was found at {listed}; {_NO_DAEMON}.")
    return f"{_UNIX}{found}"


class Daemon:
    """One daemon, connected to when it is first asked something.

    Args:
        address: What `daemon_address` gave.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    # ------------------------------------------------------------------ what it is

    @property
    def is_here(self) -> bool:
        """Whether it sees the files of this machine."""
        return self.address.startswith(_UNIX) or self.address.startswith("/")

    @cached_property
    def info(self) -> Json:
        """What it says about its machine and itself."""
        with self._plain_errors("tell about itself"):
            return dict(self._client.info())

    @cached_property
    def product(self) -> str:
        """Its name and version; asked for these, Podman would look around for a second."""
        with self._plain_errors("answer"):
            told = self._ping(self._client).get("Server", "")
        return told.partition(" ")[0].replace("Libpod/", _PODMAN).replace("/", " ")

    @property
    def is_podman(self) -> bool:
        """Whether it is Podman's service."""
        return self.product.startswith(_PODMAN)

    @property
    def is_rootless(self) -> bool:
        """Whether root of a container is whoever runs the daemon."""
        if self.is_here:
            return Path(self._socket).stat().st_uid != 0
        return "name=rootless" in self._options()

    @property
    def has_selinux(self) -> bool:
        """Whether containers are labelled, which keeps them from files of the machine."""
        if self.is_here:
            return _SELINUX.exists()
        return any(option.startswith("name=selinux") for option in self._options())

    # ------------------------------------------------------------------ images

    def has_image(self, name: str) -> bool:
        """Whether an image is there."""
        try:
            with self._plain_errors(f"look for image {name!r}"):
                self._client.inspect_image(name)
        except NoSuchContainer:
            return False
        return True

    def pull(self, name: str) -> None:
        """Fetch an image from its registry, which may take minutes.

        Raises:
            PlatformError: It cannot be had.
        """
        with self._plain_errors(f"fetch image {name!r}"):
            for line in self._client.pull(name, stream=True, decode=True):
                if line.get("error"):
                    raise PlatformError(f"image {name!r} cannot be fetched: {line['error']}")

    # ------------------------------------------------------------------ containers

    def create(self, name: str, content: Json) -> str:
        """Make a container; its id.

        Raises:
            NameTaken: There is one of that name.
            PlatformError: The daemon refuses it.
        """
        with self._plain_errors(f"make container {name!r}"):
            return str(self._client.create_container_from_config(content, name)["Id"])

    def start(self, container: str, message: bytes | None = None) -> None:
        """Start a container and give it something to read; only its own process sees that."""
        with self._plain_errors(f"start container {container[:12]}"):
            if message is None:
                self._client.start(container)
                return
            stream = self._client.attach_socket(container, params={"stdin": 1, "stream": 1})
            with closing(stream), closing(stream._response):
                self._client.start(container)
                _send(stream, message)

    def inspect(self, container: str) -> Json:
        """Everything about a container, by id or by name.

        Raises:
            NoSuchContainer: There is none.
        """
        with self._plain_errors(f"look at container {container[:40]}"):
            return dict(self._client.inspect_container(container))

    def stop(self, container: str, grace_s: float) -> None:
        """SIGTERM, SIGKILL when the grace is over, and wait until it has ended."""
        with self._plain_errors(f"stop container {container[:12]}"):
            self._client.stop(container, timeout=max(1, round(grace_s)))
        self.await_end(container, _ANSWERS_WITHIN_S)

    def await_end(self, container: str, timeout_s: float) -> int:
        """Wait until a container has ended; its exit status.

        Raises:
            PlatformError: It has not within the time.
        """
        with self._plain_errors(f"tell the end of container {container[:12]}"):
            return int(self._client.wait(container, timeout=timeout_s)["StatusCode"])

    def output(self, container: str, num_lines: int) -> str:
        """The end of what it printed, both streams."""
        with self._plain_errors(f"read the output of container {container[:12]}"):
            text: bytes = self._client.logs(container, tail=num_lines)
        return text.decode("utf-8", errors="replace")

    def follow(self, container: str) -> Iterator[bytes]:
        """What it prints, both streams, from its start to its end."""
        with self._plain_errors(f"follow the output of container {container[:12]}"):
            yield from self._client.logs(container, stream=True, follow=True)

    def remove(self, container: str, *, is_running_too: bool = False) -> bool:
        """Forget a container; False where it still runs. One that is not there is fine."""
        try:
            with self._plain_errors(f"remove container {container[:12]}"):
                self._client.remove_container(container, force=is_running_too)
        except NoSuchContainer:
            return True
        except PlatformError as error:
            if "running" in str(error) and not is_running_too:
                return False
            raise
        return True

    def labelled(self, label: str, *statuses: str) -> list[Json]:
        """Containers with a label, `name=value`, in any state or in one of some."""
        wanted = {"label": [label], **({"status": list(statuses)} if statuses else {})}
        with self._plain_errors("list its containers"):
            return list(self._client.containers(all=True, filters=wanted))

    # ------------------------------------------------------------------ what is behind them

    def _options(self) -> list[str]:
        return list(self.info.get("SecurityOptions") or ())

    @cached_property
    def _client(self) -> APIClient:
        with self._plain_errors("answer"):
            client = self._connect(_OLDEST_API)
            spoken = self._ping(client).get("Api-Version", _OLDEST_API)
            if spoken != _OLDEST_API:
                client.close()
                client = self._connect(spoken)
        weakref.finalize(self, client.close)
        return client

    def _connect(self, version: str) -> APIClient:
        tls = kwargs_from_env().get("tls", False)
        return APIClient(self.address, version=version, timeout=_ANSWERS_WITHIN_S, tls=tls)

    def _ping(self, client: APIClient) -> Mapping[str, str]:
        """Headers of the answer to a ping, which is answered at once and in any version."""
        answer = client.get(f"{client.base_url}/_ping", timeout=_ANSWERS_WITHIN_S)
        headers: Mapping[str, str] = answer.headers
        return headers

    @property
    def _socket(self) -> str:
        return self.address.removeprefix(_UNIX)

    def _knock(self) -> None:
        """Connect to its socket: an error still says what it is, and the library leaks none."""
        if not self.is_here:
            return
        path = self._socket
        try:
            with socket.socket(socket.AF_UNIX) as door:
                door.settimeout(_ANSWERS_WITHIN_S)
                door.connect(path)
        except PermissionError as error:
            raise DaemonAway(
                f"this user may not use the daemon at {path}: {error.strerror}; {_NOT_ALLOWED}."
            ) from error
        except OSError as error:
            why = "no such file" if error.errno == errno.ENOENT else error.strerror or str(error)
            raise DaemonAway(f"no daemon answers at {path}: {why}; {_NO_DAEMON}.") from error

    @contextmanager
    def _plain_errors(self, what: str) -> Iterator[None]:
        self._knock()
        try:
            yield
        except errors.NotFound as error:
            raise NoSuchContainer(_told(error, self.address, what)) from error
        except errors.APIError as error:
            kind = NameTaken if _is_name_taken(error) else PlatformError
            raise kind(_told(error, self.address, what)) from error
        except (errors.DockerException, requests.exceptions.RequestException, OSError) as error:
            raise DaemonAway(
                f"the daemon at {self.address} does not answer ({_innermost(error)}); {_NO_DAEMON}."
            ) from error


def _told(error: errors.APIError, address: str, what: str) -> str:
    said = str(error.explanation or error).strip().rstrip(".")
    hint = next((hint for mark, hint in _HINTS.items() if mark in said.lower()), "")
    ending = f"; {hint}." if hint else f"; see 'docker --host {address} info'."
    return f"the daemon at {address} did not {what}: {said}{ending}"


def _is_name_taken(error: errors.APIError) -> bool:
    """Docker says so with status 409, Podman with 500."""
    return "name" in str(error.explanation) and "already in use" in str(error.explanation)


def _innermost(error: BaseException) -> str:
    """The cause that says most: libraries wrap it several times."""
    while (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    return str(error) or type(error).__name__


def _send(stream: Any, message: bytes) -> None:  # noqa: ANN401 - a socket, or what wraps one
    """Write to the hijacked connection, which the library gives as a reader of a socket."""
    door = getattr(stream, "_sock", stream)
    door.sendall(message)
    if hasattr(door, "shutdown"):
        door.shutdown(socket.SHUT_WR)


def message_of(content: Mapping[str, Any]) -> bytes:
    """What a container is told when it starts: one line of JSON."""
    return json.dumps(content).encode() + b"\n"
