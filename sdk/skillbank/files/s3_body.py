"""The body of a request that sends bytes."""

from __future__ import annotations

from collections.abc import Callable

from skillbank.files.api import Progress

_BLOCK_BYTES = 256 << 10


class Body:
    """Bytes that go out in blocks, so that a slow link has a timeout per block, and are counted.

    One block is the same whatever the connection asks for: its own blocks of 16 kB cost much time.

    Args:
        content: What goes out.
        progress: Told of what was handed over; a negative number when it must go again.
        advanced: Called when more has gone out than in any try before.
    """

    def __init__(
        self,
        content: bytes,
        progress: Progress | None = None,
        advanced: Callable[[], None] | None = None,
    ) -> None:
        self._content = memoryview(content)
        self._progress = progress
        self._advanced = advanced
        self._position = 0
        self._furthest = 0

    def __len__(self) -> int:
        return len(self._content)

    def read(self, _num_bytes: int = -1) -> memoryview:
        """The next block."""
        block = self._content[self._position : self._position + _BLOCK_BYTES]
        self._move(self._position + len(block))
        if self._position > self._furthest:
            self._furthest = self._position
            if self._advanced:
                self._advanced()
        return block

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to an offset; from the beginning, the position or the end."""
        base = (0, self._position, len(self._content))[whence]
        self._move(base + offset)
        return self._position

    def tell(self) -> int:
        """How much was read."""
        return self._position

    def _move(self, position: int) -> None:
        if self._progress and position != self._position:
            self._progress(position - self._position)
        self._position = position
