"""NumPy files that grow sequence by sequence; their header is written for the final count.

Sequences are padded with zeros that are never written: they are holes of a sparse file, which
read as zeros and, where the file system knows holes, take no space.

Axes: C channels, T frames, V joints.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np

from skillbank_runners.pose_classification.conversion.arithmetic import Floats

_ITEM_BYTES = 4


class GrowingArray:
    """A .npy file of float32, (count, C, sequence_length_max, V, 1), that sequences are added to.

    The file is open only while something is added: there may be any number of them.

    Args:
        path: Of the file; it must not exist yet.
        sequence_length_max: Frames that each sequence is padded to.
    """

    def __init__(self, path: Path, sequence_length_max: int) -> None:
        self.path = path
        self._length = sequence_length_max
        self._shape: tuple[int, int] | None = None  # C and V
        self._header_bytes = len(self._header(0, 1, 1))
        self.count = 0

    def append(self, x_CTV: Floats) -> None:
        """Add one sequence of at most `sequence_length_max` frames."""
        C, _, V = x_CTV.shape
        assert self._shape in (None, (C, V))
        self._shape = C, V
        channel_bytes = self._length * V * _ITEM_BYTES
        start = self._header_bytes + self.count * C * channel_bytes
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            for channel, x_TV in enumerate(x_CTV):
                _write_all(descriptor, memoryview(x_TV).cast("B"), start + channel * channel_bytes)
        finally:
            os.close(descriptor)
        self.count += 1

    def finish(self) -> None:
        """Write the header for as many sequences as there are."""
        assert self._shape is not None
        C, V = self._shape
        header = self._header(self.count, C, V)
        assert len(header) == self._header_bytes  # NumPy leaves room for the first axis to grow
        with self.path.open("r+b") as file:
            file.write(header)
            file.truncate(len(header) + self.count * C * self._length * V * _ITEM_BYTES)

    def _header(self, count: int, C: int, V: int) -> bytes:
        buffer = io.BytesIO()
        content = {
            "descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)),
            "fortran_order": False,
            "shape": (count, C, self._length, V, 1),
        }
        np.lib.format.write_array_header_1_0(buffer, content)
        return buffer.getvalue()


def _write_all(descriptor: int, content: memoryview, offset: int) -> None:
    """Write all of it, however little the system takes at a time."""
    while content:
        written = os.pwrite(descriptor, content, offset)
        content, offset = content[written:], offset + written
