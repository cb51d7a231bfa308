"""Waiting for a platform that does not answer: trials train on while nobody can look at them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from skillbank.errors import PlatformError

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_LIMIT_S = 1800.0

Answer = TypeVar("Answer")


class Patience:
    """Asks a platform again, ever less often, before it gives up.

    Args:
        limit_s: How long it may be silent, in seconds.
        first_pause_s: Pause before the second question; it doubles with each.
    """

    def __init__(self, limit_s: float = _LIMIT_S, first_pause_s: float = _FIRST_PAUSE_S) -> None:
        self._limit_s = limit_s
        self._first_pause_s = first_pause_s

    def ask(self, question: Callable[[], Answer], tell: Callable[[str], None]) -> Answer:
        """The answer; a question may be asked again after it was answered in part.

        Args:
            question: What needs the platform.
            tell: Called with a sentence when it falls silent, and when it answers again.

        Raises:
            PlatformError: There was none within the limit.
        """
        silent_since: float | None = None
        pause_s = self._first_pause_s
        while True:
            try:
                answer = question()
            except PlatformError as error:
                now = time.monotonic()
                if silent_since is None:
                    silent_since = now
                    tell(f"the platform does not answer, and is asked again: {error}")
                elif now - silent_since + pause_s > self._limit_s:
                    raise PlatformError(
                        f"the platform gave no answer for {now - silent_since:.0f} s: {error} "
                        "Trials that run there go on; resume the search when it answers again."
                    ) from error
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                if silent_since is not None:
                    tell("the platform answers again")
                return answer
