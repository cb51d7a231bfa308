"""The header of a NumPy file, read without NumPy: format versions 1 to 3 of its documentation.

https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import ast
import math
import re
import struct
from dataclasses import dataclass

_MAGIC = b"\x93NUMPY"
_TOO_MUCH = (RecursionError, MemoryError, OverflowError)  # nested deeply, or an infinite axis
_PLAIN = re.compile(r"[<>|=][biufc](\d+)")


class NotNpy(ValueError):
    """The bytes are not the beginning of a NumPy file; the message says why."""


class HeaderCutOff(NotNpy):
    """The header is longer than the bytes that were given."""


@dataclass(frozen=True)
class NpyHeader:
    """What a NumPy file says of its array.

    Attributes:
        dtype: As NumPy writes it: `<f4`.
        shape: Numbers of entries per axis.
        data_offset: Bytes before the first entry.
    """

    dtype: str
    shape: tuple[int, ...]
    data_offset: int

    @property
    def holds_objects(self) -> bool:
        """Tell whether entries are Python objects, which only unpickling would load."""
        return "O" in self.dtype

    @property
    def size_bytes(self) -> int | None:
        """Size that the whole file must have; None where entries are not plain numbers."""
        plain = _PLAIN.fullmatch(self.dtype)
        return None if plain is None else self.data_offset + math.prod(self.shape) * int(plain[1])

    def __str__(self) -> str:
        return f"{self.dtype.lstrip('<|=')} ({', '.join(map(str, self.shape))})"


def read_npy_header(head: bytes) -> NpyHeader:
    """The header at the beginning of a file.

    Raises:
        NotNpy: There is none, or it cannot be read.
    """
    if not head.startswith(_MAGIC):
        raise NotNpy("it does not begin as a NumPy file does")
    major = head[6] if len(head) > 6 else 0
    if major not in (1, 2, 3) or len(head) < 12:
        raise NotNpy(f"its format version is {major}, expected 1, 2 or 3")
    count, width = ("<H", 2) if major == 1 else ("<I", 4)
    (length,) = struct.unpack_from(count, head, 8)
    start = 8 + width
    text = head[start : start + length]
    if len(text) < length:
        raise HeaderCutOff(f"its header of {length} bytes is cut off")
    try:
        content = ast.literal_eval(text.decode("latin1" if major < 3 else "utf-8").strip())
        descr, shape = content["descr"], content["shape"]
        return NpyHeader(str(descr), tuple(int(number) for number in shape), start + length)
    except (ValueError, SyntaxError, KeyError, TypeError, *_TOO_MUCH) as error:
        raise NotNpy("its header is no description of an array") from error
