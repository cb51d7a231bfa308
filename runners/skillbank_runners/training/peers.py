"""What processes that train together tell one another outside of their sums.

PyTorch's store is theirs from their first moment: a process that fails says why before the others
wait for it in vain, values that must be the same everywhere are the first one's, and nobody leaves
before the first one, which writes for all, has finished.
"""

from __future__ import annotations

import json
import math
import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeVar

from skillbank_runners.errors import PeerFailed, RunnerError, Unreachable
from skillbank_runners.training.processes import ALONE, Place, share_with_children

if TYPE_CHECKING:
    from torch._C._distributed_c10d import Store

GATHERING_S = 600.0  # machines of one job start at different times, and load PyTorch from afar
_LOOK_S = 0.1
_WATCH_S = 0.5
_PATIENCE_S = 1.0  # for a process to see by itself that another one failed; most wait in a sum
_FAREWELL_S = 5.0

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Failure:
    """Why a process ended before its peers.

    Attributes:
        rank: Its number.
        host: Its machine.
        message: What it said.
        exit_code: What it exits with.
        kind: `failure` of a status line.
    """

    rank: int
    host: str
    message: str
    exit_code: int
    kind: str

    def __str__(self) -> str:
        return f"process {self.rank} on {self.host}: {self.message}"


class Peers:
    """The processes that train together, as one of them sees them.

    Args:
        place: Which one this is.
    """

    def __init__(self, place: Place = ALONE) -> None:
        self.place = place
        self._store: Store | None = None
        self._is_over = threading.Event()

    def meet(self, store: Store) -> None:
        """Meet the others at a store that all of them have opened."""
        self._store = store

    def watch(self, on_stuck: Callable[[Failure], None]) -> None:
        """End this process when another one failed and this one waits for it in vain.

        Args:
            on_stuck: Told why before the process ends.
        """
        if self._store is not None:
            threading.Thread(target=self._watch, args=(on_stuck,), daemon=True).start()

    def share(self, name: str, value: str) -> str:
        """The first process's value, in all of them.

        Raises:
            PeerFailed: Another one failed meanwhile.
        """
        if self._store is None:
            return share_with_children(name, value)
        if self.place.is_first:
            self._store.set(name, value)
            return value
        return self._await(name)

    def gather(self, facts: str) -> None:
        """Wait until all processes are ready, and see that they are so for the same thing.

        Args:
            facts: What must be the same in all of them.

        Raises:
            PeerFailed: Another one failed meanwhile.
            RunnerError: They differ.
        """
        if self._store is None:
            return
        self._store.set(f"ready/{self.place.rank}", json.dumps([socket.gethostname(), facts]))
        others = range(self.place.num_processes)
        told = [json.loads(self._await(f"ready/{rank}")) for rank in others]
        for rank, (host, said) in enumerate(told):
            if said != told[0][1]:
                raise RunnerError(
                    f"process {rank} on {host} has {said}, process 0 on {told[0][0]} has "
                    f"{told[0][1]}: they cannot train together"
                ).of_all()

    def tell(self, message: str, exit_code: int, kind: str) -> None:
        """Say why this process ends before its peers."""
        if self._store is None or self.failure() is not None:
            return
        failure = Failure(self.place.rank, socket.gethostname(), message, exit_code, kind)
        self._ask(lambda store: store.set("failure", json.dumps(asdict(failure))))

    def failure(self) -> Failure | None:
        """Why another process ended first; None: none did, or it did not say."""
        if self._store is None or not self._has("failure"):
            return None
        content = self._ask(lambda store: store.get("failure"))
        found = Failure(**json.loads(content)) if content else None
        return found if found is not None and found.rank != self.place.rank else None

    def leave(self, exit_code: int) -> int:
        """Part from the others; what this process exits with.

        A launcher may kill the others as soon as one process fails, and then report that kill. So
        the first process, once it has written down what happened, has the exit code of them all
        and ends last; the others end with 0. Only where it does not get there do they tell.

        Args:
            exit_code: How it went here.
        """
        self._is_over.set()
        if self._store is None:
            return exit_code
        return self._part(exit_code)

    def _part(self, exit_code: int) -> int:
        own, began = f"left/{self.place.rank}", time.monotonic()
        awaited, patience_s = ["left/0"], _FAREWELL_S if exit_code else math.inf
        if self.place.is_first:  # it may keep the store, too
            self._ask(lambda store: store.set(own, str(exit_code)))
            awaited = [f"left/{rank}" for rank in range(self.place.num_processes)]
            patience_s = _FAREWELL_S
        while self._has(*awaited) is False and time.monotonic() - began < patience_s:
            time.sleep(_LOOK_S)
        if self.place.is_first:
            time.sleep(_LOOK_S)
            return exit_code
        has_told = self._has("left/0")
        self._ask(lambda store: store.set(own, "0"))
        sys.stdout.flush()
        os._exit(0 if has_told else exit_code)  # at once: the first one waits for this

    def _await(self, name: str) -> str:
        """A value that some process will set."""
        deadline = time.monotonic() + GATHERING_S
        while not (is_there := self._has(name)):
            if failure := self.failure():
                raise PeerFailed(str(failure), failure.exit_code, failure.kind)
            if is_there is None or time.monotonic() > deadline:
                raise Unreachable(
                    f"the processes that train together did not all arrive within "
                    f"{GATHERING_S:g} s: {name} is missing; see the logs of the other machines"
                )
            time.sleep(_LOOK_S)
        content = self._ask(lambda store: store.get(name))
        return content.decode() if content else ""

    def _has(self, *names: str) -> bool | None:
        """Whether values are there; None: the store is gone."""
        return self._ask(lambda store: store.check(list(names)))

    def _ask(self, question: Callable[[Store], Answer]) -> Answer | None:
        """The store's answer; None: it went with the process that kept it."""
        assert self._store is not None
        try:
            return question(self._store)
        except RuntimeError:  # PyTorch's DistError is one
            return None

    def _watch(self, on_stuck: Callable[[Failure], None]) -> None:
        while not self._is_over.wait(_WATCH_S):
            is_there = self._has("failure")
            failure = self.failure()
            if is_there is False or (is_there and failure is None):
                continue
            if self._is_over.wait(_PATIENCE_S):
                return
            gone = Failure(0, "its machine", "it ended without a word", 1, "infrastructure")
            on_stuck(failure or gone)
            os._exit(self._part((failure or gone).exit_code))
