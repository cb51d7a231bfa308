"""Signals that ask a program to stop: as an exception, or as a question that a loop asks itself."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from skillbank_runners.errors import Cancelled

# Schedulers warn by SIGUSR1 where they, or their launchers, keep SIGTERM for themselves.
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class StopRequest:
    """Whether somebody asks this program to stop.

    The first signal raises Cancelled where it arrives; inside `deferred` it is remembered, for the
    program to stop at a place of its own choice. Further signals change nothing: what is being
    saved is saved to its end.

    Args:
        advice: What to say behind the signal's name.

    Attributes:
        signum: The signal that came first; 0: none has come.
    """

    def __init__(self, advice: str = "") -> None:
        self.signum = 0
        self._advice = advice
        self._is_deferred = False
        self._is_listening = False

    @property
    def exit_code(self) -> int:
        """What a program that was stopped exits with: 130 after SIGINT, else 143."""
        return 128 + (signal.SIGINT if self.signum == signal.SIGINT else signal.SIGTERM)

    def cancelled(self, signum: int, where: str = "") -> Cancelled:
        """The exception to raise for a signal, of this process or of one that works with it.

        Args:
            signum: The signal.
            where: What to say behind its name, such as where a training stands.
        """
        self.signum = self.signum or signum
        return Cancelled(f"cancelled by {signal.Signals(signum).name}{where}{self._advice}")

    def check(self) -> None:
        """Stop now if a signal was remembered.

        Raises:
            Cancelled: One was.
        """
        if self.signum:
            raise self.cancelled(self.signum)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """A stretch in which signals are only remembered."""
        before, self._is_deferred = self._is_deferred, True
        try:
            yield
        finally:
            self._is_deferred = before

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """A stretch in which somebody else installs handlers; `listen` ends it early."""
        if self._is_listening:
            signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        try:
            yield
        finally:
            self.listen()

    def listen(self) -> None:
        """Take the signals back from whoever has put handlers of its own in place."""
        if self._is_listening:
            for signum in STOPPING:
                signal.signal(signum, self._receive)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """A stretch in which the signals come here."""
        before = {signum: signal.getsignal(signum) for signum in STOPPING}
        self._is_listening = True
        self.listen()
        try:
            yield
        finally:
            self._is_listening = False
            for signum, handler in before.items():
                signal.signal(signum, handler)

    def _receive(self, signum: int, _: FrameType | None) -> None:
        if self.signum:
            return
        self.signum = signum
        if not self._is_deferred:
            raise self.cancelled(signum)


@contextmanager
def signals_stop(advice: str = "") -> Iterator[StopRequest]:
    """SIGTERM, SIGINT and SIGUSR1 raise Cancelled, unless they are deferred.

    Args:
        advice: What to say behind the signal's name.
    """
    stop = StopRequest(advice)
    with stop.listening():
        yield stop


def leave_signals_to_parent(_: int = 0) -> None:
    """What a data worker does first: a signal to the whole group is for its parent to act on."""
    for signum in STOPPING:
        signal.signal(signum, signal.SIG_IGN)
