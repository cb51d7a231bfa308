"""Read pickles of plain values and NumPy arrays without running code that they may carry.

No global is ever looked up: the few that NumPy's scalars and arrays ask for are replaced by
functions of this module, and every other one is refused. Before anything is read, the sizes that
the pickle claims are compared with the size of the file, so that a small file cannot ask for much
memory.
"""

from __future__ import annotations

import math
import mmap
import pickle
import pickletools
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np
import numpy.typing as npt

_BROKEN = (
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    struct.error,
    TypeError,
    UnicodeDecodeError,
    ValueError,
    AttributeError,
)
_MAX_AXES = 8
_OPERATIONS = {operation.code: operation for operation in pickletools.opcodes}
_COUNTED = {  # how pickletools says that a length goes before the argument -> struct format of it
    pickletools.TAKEN_FROM_ARGUMENT1: "<B",
    pickletools.TAKEN_FROM_ARGUMENT4: "<i",
    pickletools.TAKEN_FROM_ARGUMENT4U: "<I",
    pickletools.TAKEN_FROM_ARGUMENT8U: "<Q",
}
_STORES = frozenset({"PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"})
_OF_TWO_LINES = frozenset({"GLOBAL", "INST"})


class PickleRefused(pickle.UnpicklingError):
    """The pickle asks for something that could run foreign code."""


class PickleBroken(Exception):
    """The file is no readable pickle."""


class ArrayStandIn:
    """A NumPy array of a pickle; `array` once it is read whole."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array: npt.NDArray[np.generic] | None = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise PickleRefused("state of a NumPy array")
        _, shape, dtype, is_fortran, raw = state
        self.array = _array(raw, dtype, shape, "F" if is_fortran else "C")


def load_pickle(path: Path, *, with_arrays: bool = False) -> object:
    """What a pickle holds: containers, text, numbers, and arrays as `ArrayStandIn`.

    Args:
        path: Of the file.
        with_arrays: Whether NumPy arrays are admitted.

    Raises:
        PickleRefused: It asks for any other global.
        PickleBroken: It is damaged, or claims sizes that it does not have.
    """
    stand_ins = _SCALARS | _ARRAYS if with_arrays else _SCALARS
    try:
        with path.open("rb") as file:
            if path.stat().st_size:
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    _check_sizes(content)
            content_read: object = _Unpickler(file, stand_ins).load()
            return content_read
    except PickleRefused:
        raise
    except (pickle.UnpicklingError, OSError, *_BROKEN) as error:
        raise PickleBroken(str(error)) from error


def _check_sizes(content: mmap.mmap) -> None:
    """Walk over the operations; memory that they ask for must be there as bytes of the file."""
    at, num_stored = 0, 0
    while True:
        operation = _OPERATIONS.get(content[at : at + 1].decode("latin-1"))
        if operation is None:
            raise PickleBroken(f"byte {at} is no operation of a pickle")
        if operation.name == "STOP":
            return
        behind = _behind_argument(content, at + 1, operation)
        if behind > len(content):
            raise PickleBroken(f"byte {len(content)}: the file ends within {operation.name}")
        if operation.name in _STORES:
            num_stored += 1
            # Pickle makes a table up to the largest place, and pickles number places from 0 on.
            if _place(content[at + 1 : behind], operation.name) > 2 * num_stored + 256:
                raise PickleBroken(f"byte {at}: found a place of the memo beyond all measure")
        at = behind


def _behind_argument(content: mmap.mmap, at: int, operation: pickletools.OpcodeInfo) -> int:
    """Byte behind an operation whose argument begins at `at`."""
    argument = operation.arg
    if argument is None:
        return at
    if operation.name == "FRAME":
        [length] = struct.unpack_from("<Q", content, at)
        return at + 8 if length <= len(content) else len(content) + 1
    if argument.n >= 0:
        return at + argument.n
    if argument.n in _COUNTED:
        [length] = struct.unpack_from(_COUNTED[argument.n], content, at)
        if length < 0:
            raise PickleBroken(f"byte {at}: found the length {length}")
        return at + struct.calcsize(_COUNTED[argument.n]) + int(length)
    for _ in range(2 if operation.name in _OF_TWO_LINES else 1):
        at = content.find(b"\n", at) + 1
        if not at:
            raise PickleBroken(f"{operation.name} has no end of line")
    return at


def _place(argument: bytes, name: str) -> int:
    """Place of the memo that an operation stores to; 0 where it takes the next one."""
    if name == "PUT":  # as text, by protocol 0
        return int(argument) if argument.strip().isdigit() and len(argument) < 12 else 2**62
    return int.from_bytes(argument, "little")


class _Dtype:
    """Stands for numpy.dtype; knows plain numbers only."""

    def __init__(self, code: object, *_: object) -> None:
        if not isinstance(code, str) or code[:1] not in tuple("iufb") or not code[1:].isdigit():
            raise PickleRefused(f"numpy.dtype {code!r}")
        self.code = code
        self.is_big_endian = False

    def __setstate__(self, state: object) -> None:
        self.is_big_endian = isinstance(state, tuple) and state[1:2] == (">",)

    def read(self, raw: object) -> npt.NDArray[np.generic]:
        """The numbers in `raw`, which share its memory."""
        data = raw.encode("latin1") if isinstance(raw, str) else raw
        if not isinstance(data, (bytes, bytearray)):
            raise PickleRefused("NumPy numbers of another object")
        order = np.dtype(self.code).newbyteorder(">" if self.is_big_endian else "<")
        return np.frombuffer(data, dtype=order)


class _StandIn:
    """A function that a pickle may call, and nothing else: it has no state to be set."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    def __call__(self, *arguments: object) -> object:
        return self._function(*arguments)

    def __setstate__(self, state: object) -> NoReturn:
        raise PickleRefused("state of a function")


def _scalar(dtype: object, raw: object = b"") -> object:
    if not isinstance(dtype, _Dtype):
        raise PickleRefused("numpy scalar of no dtype")
    value: object = dtype.read(raw)[0]
    return value


def _latin1(text: object, encoding: object = "") -> bytes:
    """What protocols 0 to 2 call to write bytes as text."""
    if not isinstance(text, str) or encoding != "latin1":
        raise PickleRefused(f"_codecs.encode with {encoding!r}")
    return text.encode("latin1")


def _reconstruct(*_: object) -> ArrayStandIn:
    """What protocols 0 to 4 call before they set the state of an array."""
    return ArrayStandIn()


def _frombuffer(raw: object, dtype: object, shape: object, order: object = "C") -> ArrayStandIn:
    """What protocol 5 calls for an array."""
    stand_in = ArrayStandIn()
    stand_in.array = _array(raw, dtype, shape, "F" if order == "F" else "C")
    return stand_in


def _array(raw: object, dtype: object, shape: object, order: str) -> npt.NDArray[np.generic]:
    if not isinstance(dtype, _Dtype):
        raise PickleRefused("NumPy array of no dtype")
    sizes = shape if isinstance(shape, tuple) else (shape,)
    if len(sizes) > _MAX_AXES or not all(type(s) is int and 0 <= s < 2**31 for s in sizes):
        raise PickleBroken(f"found an array of the shape {str(shape)[:60]}")
    numbers = dtype.read(raw)
    if math.prod(sizes) != numbers.size:
        raise PickleBroken(f"found {numbers.size} numbers of an array of the shape {sizes}")
    return numbers.reshape(sizes, order="F" if order == "F" else "C")


class _ArrayType:
    """Stands for numpy.ndarray, which pickles name but never call."""

    __slots__ = ()


_Globals = Mapping[tuple[str, str], Callable[..., object]]

_SCALARS: dict[tuple[str, str], Callable[..., object]] = {
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "scalar"): _StandIn(_scalar),  # NumPy 1
    ("numpy._core.multiarray", "scalar"): _StandIn(_scalar),  # NumPy 2
    ("_codecs", "encode"): _StandIn(_latin1),
}
_ARRAYS: dict[tuple[str, str], Callable[..., object]] = {
    ("numpy", "ndarray"): _ArrayType,
    ("numpy.core.multiarray", "_reconstruct"): _StandIn(_reconstruct),
    ("numpy._core.multiarray", "_reconstruct"): _StandIn(_reconstruct),
    ("numpy.core.numeric", "_frombuffer"): _StandIn(_frombuffer),
    ("numpy._core.numeric", "_frombuffer"): _StandIn(_frombuffer),
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO, stand_ins: _Globals) -> None:
        super().__init__(file, encoding="latin1")
        self._stand_ins = stand_ins

    def find_class(self, module: str, name: str) -> Callable[..., object]:
        """Stand-in of a global.

        Raises:
            PickleRefused: There is none.
        """
        try:
            return self._stand_ins[module, name]
        except KeyError:
            raise PickleRefused(f"{module}.{name}") from None
