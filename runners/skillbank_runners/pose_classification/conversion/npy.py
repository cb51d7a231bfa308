"""NumPy files that grow sequence by sequence; their header is written for the final count."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np

from skillbank_runners.pose_classification.conversion.arithmetic import Floats


class GrowingArray:
    """A .npy file of float32 that sequences of one shape are added to.

    The file is open only while something is added: there may be any number of them.

    Args:
        path: Of the file; it must not exist yet.
        shape: Of one sequence.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self.path = path
        self._shape = shape
        self._header_size = len(self._header(0))
        self.count = 0

    def append(self, sequence: Floats) -> None:
        """Add one sequence."""
        with self.path.open("ab") as file:
            self.write(file, sequence)

    def write(self, file: BinaryIO, sequence: Floats) -> None:
        """Add one sequence to the file, opened for appending by the caller."""
        if self.count == 0:
            file.write(self._header(0))
        file.write(sequence.data)
        self.count += 1

    def finish(self) -> None:
        """Write the header for as many sequences as there are."""
        header = self._header(self.count)
        assert len(header) == self._header_size  # NumPy leaves room for the first axis to grow
        with self.path.open("r+b") as file:
            file.write(header)

    def _header(self, count: int) -> bytes:
        buffer = io.BytesIO()
        content = {
            "descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)),
            "fortran_order": False,
            "shape": (count, *self._shape),
        }
        np.lib.format.write_array_header_1_0(buffer, content)  # type: ignore[no-untyped-call]
        return buffer.getvalue()
