"""Waiting for who does not answer, the platform or the place of results: trials train on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from skillbank.errors import FilesUnavailable, PlatformError

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
_LIMIT_S = 1800.0

Answer = TypeVar("Answer")

Silence = (PlatformError, FilesUnavailable)
"""What is raised where the trials' platform, or the place of their results, does not answer."""


class Patience:
    """Asks who does not answer again, ever less often, before it gives up.

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
            question: What needs the platform, or the place of the results.
            tell: Called with a sentence when it falls silent, and when it answers again.

        Raises:
            PlatformError: There was none within the limit.
        """
        silent_since: float | None = None
        pause_s = self._first_pause_s
        who = ""
        while True:
            try:
                answer = question()
            except Silence as error:
                now = time.monotonic()
                who = "the platform" if isinstance(error, PlatformError) else "the place of results"
                if silent_since is None:
                    silent_since = now
                    tell(f"{who} does not answer, and is asked again: {error}")
                elif now - silent_since + pause_s > self._limit_s:
                    raise PlatformError(
                        f"{who} gave no answer for {now - silent_since:.0f} s: {error} "
                        "Trials that run go on; resume the search when it answers again."
                    ) from error
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                if silent_since is not None:
                    tell(f"{who} answers again")
                return answer
