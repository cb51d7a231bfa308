"""An action that gives way only to one that is clearly more likely for some time.

Axes: C classes.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


class Hysteresis:
    """The action of one person, from shares that come one after another.

    Class b takes over from class a with the last of `min_duration` shares in a row that all have
    `share[b] - share[a] > margin`; of several such classes the one with the highest mean over them.

    Args:
        margin: By how much the share of a new action must be higher, in [0, 1].
        min_duration: For how many shares in a row, at least 1.
        start: Class to begin with; None: the highest of the first shares.
    """

    def __init__(self, margin: float, min_duration: int, start: int | None = None) -> None:
        self._margin = margin
        self._min_duration = min_duration
        self._recent: deque[Floats] = deque(maxlen=min_duration)
        self._streak_C: npt.NDArray[np.int64] | None = None
        self.current = start

    def update(self, shares_C: Floats) -> int:
        """Class after the next shares, soft-max values in [0, 1]."""
        if self.current is None:
            self.current = int(shares_C.argmax())
        if self._streak_C is None:
            self._streak_C = np.zeros(len(shares_C), np.int64)
        self._recent.append(shares_C)
        beats_C = shares_C - shares_C[self.current] > self._margin
        self._streak_C = np.where(beats_C, self._streak_C + 1, 0)
        is_due_C = self._streak_C >= self._min_duration
        if is_due_C.any():
            means_C = np.mean(self._recent, axis=0)
            self.current = int(np.where(is_due_C, means_C, -1).argmax())
            self._streak_C[:] = 0
        return self.current
