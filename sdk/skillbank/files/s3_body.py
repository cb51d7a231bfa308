"""The body of a request that sends bytes."""

from __future__ import annotations

from collections.abc import Callable

from skillbank.files.api import Progress

_BLOCK_BYTES = 256 << 10


class Body:
    """Bytes that go out in blocks, so that a slow link has a timeout per block, and are counted.

    One block is the same whatever the connection asks for: its own blocks of 16 kB cost much time.

    Args:
        read: The bytes from one offset to another.
        size_bytes: How many there are.
        progress: Told of what was handed over; a negative number when it must go again.
        advanced: Called when more has gone out than in any try before.
    """

    def __init__(
        self,
        read: Callable[[int, int], bytes],
        size_bytes: int,
        progress: Progress,
        advanced: Callable[[], None],
    ) -> None:
        self._read = read
        self._size_bytes = size_bytes
        self._progress = progress
        self._advanced = advanced
        self._position = 0
        self._furthest = 0

    def __len__(self) -> int:
        return self._size_bytes

    def read(self, _num_bytes: int = -1) -> bytes:
        """The next block."""
        end = min(self._position + _BLOCK_BYTES, self._size_bytes)
        block = self._read(self._position, end)
        self._move(end)
        if end > self._furthest:
            self._furthest = end
            self._advanced()
        return block

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to an offset; from the beginning, the position or the end."""
        self._move((0, self._position, self._size_bytes)[whence] + offset)
        return self._position

    def tell(self) -> int:
        """How much was read."""
        return self._position

    def _move(self, position: int) -> None:
        if position != self._position:
            self._progress(position - self._position)
        self._position = position
