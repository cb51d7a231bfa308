"""Headers of NumPy files, read without NumPy, say what NumPy says."""

from __future__ import annotations

import io
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib import format as npy

from skillbank.preflight.npy import HeaderCutOff, NotNpy, read_npy_header

SHAPES = st.lists(st.integers(0, 4), max_size=5).map(tuple)
DTYPES = st.sampled_from(["<f4", ">f8", "<i8", "|u1", "<f2", "|b1", "<c16"])


def written(array: np.ndarray, version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    npy.write_array(file, array, version=version)
    return file.getvalue()


@given(SHAPES, DTYPES, st.sampled_from([(1, 0), (2, 0), (3, 0)]), st.booleans())
def test_shape_and_size_are_those_that_numpy_wrote(shape, dtype, version, is_fortran) -> None:
    array = np.zeros(shape, dtype, order="F" if is_fortran else "C")
    whole = written(array, version)

    header = read_npy_header(whole[:4096])

    assert header.shape == shape
    assert np.dtype(header.dtype) == array.dtype
    assert header.size_bytes == len(whole)


def test_it_is_shown_as_a_person_reads_it() -> None:
    header = read_npy_header(written(np.zeros((43, 3, 30, 17, 1), np.float16)))

    assert str(header) == "f2 (43, 3, 30, 17, 1)"


@pytest.mark.parametrize("dtype", ["<U8", "|O", "|S4"])
def test_the_size_of_entries_that_are_no_numbers_is_not_guessed(dtype) -> None:
    file = io.BytesIO()
    npy.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": (2,)})

    assert read_npy_header(file.getvalue()).size_bytes is None


def test_structured_arrays_have_a_header_too() -> None:
    header = read_npy_header(written(np.zeros(3, [("x", "<f4"), ("y", "<i4")])))

    assert (header.shape, header.size_bytes) == ((3,), None)


def test_objects_are_known_before_anything_unpickles_them() -> None:
    objects = read_npy_header(written(np.array([{}, "a"], object)))

    assert objects.holds_objects
    assert not read_npy_header(WHOLE).holds_objects


def test_a_header_that_is_longer_than_what_was_read_is_told_apart() -> None:
    many = np.zeros(2, [(f"field_{index}", "<f4") for index in range(400)])

    with pytest.raises(HeaderCutOff):
        read_npy_header(written(many)[:4096])


WHOLE = written(np.zeros((2, 3), np.float32))


@pytest.mark.parametrize(
    ("head", "why"),
    [
        (b"", "does not begin"),
        (b"PK\x03\x04" + bytes(100), "does not begin"),
        (b"\x93NUMPY", "version is 0"),
        (b"\x93NUMPY\x09\x00" + bytes(20), "version is 9"),
        (WHOLE[:50], "cut off"),
        (WHOLE[:10] + b"(" * 118, "no description"),
        (WHOLE[:10] + b"{'descr': '<f4'}".ljust(118), "no description"),
        (WHOLE[:10] + b"__import__('os').system('echo')".ljust(118), "no description"),
        (WHOLE[:10] + b"{'descr': '<f4', 'shape': 3}".ljust(118), "no description"),
    ],
)
def test_what_is_no_such_file_is_refused_with_the_reason(head, why) -> None:
    with pytest.raises(NotNpy, match=why):
        read_npy_header(head)


@pytest.mark.parametrize(
    "text", ["-" * 3000 + "1", "{'descr': '<f4', 'shape': (1e999,)}"], ids=["deep", "infinite"]
)
def test_a_header_that_cannot_be_read_at_all_is_refused(text) -> None:
    head = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()

    with pytest.raises(NotNpy, match="no description"):
        read_npy_header(head)


@given(st.binary(max_size=200))
def test_no_bytes_break_it(rest) -> None:
    with suppress(NotNpy):
        read_npy_header(b"\x93NUMPY\x01\x00" + rest)
