"""A network namespace whose link loses packets or is slow, by rules of nftables; needs root.

Whatever runs inside it reaches this machine through a pair of virtual interfaces and nothing else.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar

Done = TypeVar("Done")

_PROGRAMS = ("ip", "nft")
_CLONE_NEWNET = 0x40000000
_numbers = count(os.getpid() % 4000 * 4)


def why_no_namespace() -> str:
    """What keeps a namespace from being made here; empty when nothing does."""
    missing = [name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)}: not installed; run .ci/services as root"
    if os.geteuid() != 0:
        return "only root can make a network namespace"
    name = f"sb-try-{os.getpid()}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
    return made.stderr.strip()


class Namespace:
    """One namespace, and the address at which this machine is reached from it.

    Attributes:
        name: Of the namespace.
        host: That address.
    """

    def __init__(self) -> None:
        number = next(_numbers)
        self.name = f"sb-{os.getpid()}-{number}"
        self._link = f"sb{number}"
        block = number % (1 << 14) * 4
        self.host = f"10.213.{block >> 8}.{(block & 255) + 1}"
        self._inside = f"10.213.{block >> 8}.{(block & 255) + 2}"

    def make(self) -> None:
        """Make it and its link."""
        inside = f"{self._link}i"
        for command in (
            f"ip netns add {self.name}",
            f"ip link add {self._link} type veth peer name {inside} netns {self.name}",
            f"ip address add {self.host}/30 dev {self._link}",
            f"ip link set {self._link} up",
            f"ip -n {self.name} address add {self._inside}/30 dev {inside}",
            f"ip -n {self.name} link set {inside} up",
            f"ip -n {self.name} link set lo up",
        ):
            _run(command)

    def remove(self) -> None:
        """Remove it; its link goes with it."""
        for command in (f"ip link delete {self._link}", f"ip netns delete {self.name}"):
            subprocess.run(command.split(), capture_output=True, check=False)

    def lose(self, percent: int) -> None:
        """Lose so many of a hundred packets, each way."""
        self._rule(f"numgen random mod 100 < {percent} drop")

    def slow_down(self, kbytes_per_s: int) -> None:
        """Let so much through each way, and drop what is more, as a policing router does."""
        self._rule(f"limit rate over {kbytes_per_s} kbytes/second burst 32 kbytes drop")

    def run(self, work: Callable[[], Done]) -> Done:
        """What a work comes to inside; threads that it starts are inside as well."""
        results: list[Done] = []
        errors: list[BaseException] = []

        def act() -> None:
            try:
                _enter(self.name)
                results.append(work())
            except BaseException as error:  # noqa: BLE001  # it is raised where it belongs
                errors.append(error)

        thread = threading.Thread(target=act)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    def _rule(self, rule: str) -> None:
        lines = ["table inet faults {"]
        for hook in ("input", "output"):
            lines.append(f"chain {hook} {{ type filter hook {hook} priority 0; {rule}; }}")
        lines.append("}")
        _run(f"ip netns exec {self.name} nft -f -", "\n".join(lines))


@contextmanager
def namespace() -> Iterator[Namespace]:
    """A namespace that is there while the context is."""
    with ExitStack() as stack:
        made = Namespace()
        stack.callback(made.remove)
        made.make()
        yield made


def _enter(name: str) -> None:
    """Move this thread, and no other, into a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/run/netns", name).open("rb") as file:
        if libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def _run(command: str, given: str = "") -> None:
    done = subprocess.run(command.split(), input=given, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command}: {done.stderr.strip()}")
