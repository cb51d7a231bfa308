"""Cut JSON files of any size into their top-level objects, undecoded, in flat memory.

Two forms of file are read: one list `[{...}, {...}]`, and objects one after another (JSON lines),
each as compact or as spread over lines as its writer liked. What stands inside an object is left to
whoever decodes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skillbank_runners.skeletons.json_scanning import Positions, Scanner
from skillbank_runners.skeletons.poses import PoseFileInvalid

BLOCK_BYTES = 2**19
MAX_PIECE_BYTES = 32 * 2**20
"""A piece is held in memory whole; a larger one is refused. A DeepStream batch has some kB."""

_SPACE = b" \t\r\n"
_BOM = b"\xef\xbb\xbf"


class Piece(NamedTuple):
    """One top-level object as it stands in the file.

    Attributes:
        offset: Of its first byte in the file.
        content: Its bytes, from bracket to bracket.
    """

    offset: int
    content: bytes


@dataclass(frozen=True)
class Chunk:
    """Some complete objects in a row.

    Attributes:
        path: Of the file.
        offset: Of the first object in the file.
        text: The objects and what stands between them, from the first to the last, within
            brackets: `text[1:-1]` is what the file has.
        starts: Of each object, counted from the first.
        ends: Of each object, exclusive.
        is_list: Whether objects are separated by commas; else by white space.
    """

    path: Path
    offset: int
    text: bytes
    starts: Positions
    ends: Positions
    is_list: bool

    @property
    def end(self) -> int:
        """Of the last object in the file, exclusive."""
        return self.offset + len(self.text) - 2

    def pieces(self) -> Iterator[Piece]:
        """The objects one by one.

        Raises:
            PoseFileInvalid: Something else than a separator stands between two.
        """
        expected = b"," if self.is_list else b""
        previous = 0
        for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True):
            between = self.text[previous + 1 : start + 1]
            if previous and between.strip(_SPACE) != expected:
                what = "a comma" if self.is_list else "white space"
                problem = f"found {_show(between)} between two objects, expected {what}"
                raise PoseFileInvalid(self.path, f"byte {self.offset + previous}", problem)
            yield Piece(self.offset + start, self.text[start + 1 : end + 1])
            previous = end

    def as_list(self) -> bytes:
        """The objects as one JSON list; of a list, its separators are the decoder's to check."""
        if self.is_list:
            return self.text
        return b"[%b]" % b",".join(piece.content for piece in self.pieces())


def read_pieces(path: Path) -> Iterator[Piece]:
    """Top-level objects of a file, in order; their insides are not checked.

    Raises:
        PoseFileInvalid: The file is no list or sequence of objects, ends early, or has an object
            above MAX_PIECE_BYTES.
    """
    for chunk in read_chunks(path):
        yield from chunk.pieces()


def read_chunks(path: Path, block_bytes: int = BLOCK_BYTES) -> Iterator[Chunk]:
    """All objects of a file, about `block_bytes` at a time.

    Raises:
        PoseFileInvalid: As `read_pieces`.
    """
    try:
        with path.open("rb") as file:
            first = file.read(max(block_bytes, len(_BOM)))
            text = first.removeprefix(_BOM)
            splitter = _Splitter(path, len(first) - len(text))
            for block in chain([text], iter(partial(file.read, block_bytes), b"")):
                chunk = splitter.feed(block)
                if chunk is not None:
                    yield chunk
            splitter.finish()
    except OSError as error:
        raise PoseFileInvalid(path, "", f"cannot be read: {error.strerror}") from error


class _Splitter:
    """Takes a file block by block and gives what is complete."""

    def __init__(self, path: Path, offset: int) -> None:
        self._path = path
        self._scanner = Scanner(path)
        self._pending = b""
        self._offset = offset  # of pending, in the file
        self._starts = np.empty(0, np.intp)  # of objects not given yet, within pending
        self._has_begun = self._has_given = False

    def feed(self, block: bytes) -> Chunk | None:
        """Take the next block; the objects that it completes."""
        if not self._has_begun:
            block = self._begin(block)
            if not block:
                return None
        shift = len(self._pending)
        starts, ends = self._scanner.scan(block, self._offset + shift)
        self._pending += block
        self._starts = np.concatenate([self._starts, starts + shift])
        chunk = self._cut(ends + shift) if len(ends) else None
        self._check_rest()
        return chunk

    def finish(self) -> None:
        """Check that the file ended where it may.

        Raises:
            PoseFileInvalid: It did not.
        """
        if not self._has_begun:
            raise PoseFileInvalid(self._path, "", "the file is empty, expected a list of objects")
        if self._scanner.depth or self._scanner.is_in_string:
            inside = "the list"
            if len(self._starts):
                inside = f"the object that begins at byte {self._offset + int(self._starts[0])}"
            problem = f"the file ends inside {inside}: it was cut off; copy or record it again"
            raise self._error(self._offset + len(self._pending), problem)

    @property
    def _is_list(self) -> bool:
        return self._scanner.base == 1

    def _begin(self, block: bytes) -> bytes:
        """Find out which form the file has; what is left of its first block."""
        text = block.lstrip(_SPACE)
        self._offset += len(block) - len(text)
        if not text:
            return text
        if text[:1] not in (b"[", b"{"):
            is_text = text[0] < 0x80 and 0 not in text[:4]
            problem = "JSON: a list of objects, or one object per line" + ", in UTF-8" * (
                not is_text
            )
            raise self._error(self._offset, f"found {_show(text)}, expected {problem}")
        self._has_begun = True
        self._scanner.base = int(text[:1] == b"[")
        return text

    def _cut(self, ends: Positions) -> Chunk:
        """The complete objects, taken out of what is pending."""
        count, end, first = len(ends), int(ends[-1]), int(self._starts[0])
        self._check_separator(self._pending[:first])
        text = b"".join((b"[", memoryview(self._pending)[first:end], b"]"))
        starts = self._starts[:count] - first
        chunk = Chunk(self._path, self._offset + first, text, starts, ends - first, self._is_list)
        self._has_given = True
        self._offset += end
        self._pending, self._starts = self._pending[end:], self._starts[count:] - end
        return chunk

    def _check_separator(self, before: bytes) -> None:
        """Check what stands before the first of the complete objects."""
        rest, offset = self._opened(before)
        if self._is_list and self._has_given:
            if not rest.startswith(b","):
                raise self._error(offset, f"found {_show(rest)}, expected a comma")
            rest, offset = rest[1:], offset + 1
        self._require_space(rest, offset, "before an object")

    def _opened(self, text: bytes) -> tuple[bytes, int]:
        """What follows the opening of the list, and white space, in `text`; and its offset."""
        rest = text.lstrip(_SPACE)
        if self._is_list and not self._has_given:
            rest = rest.removeprefix(b"[").lstrip(_SPACE)
        return rest, self._offset + len(text) - len(rest)

    def _check_rest(self) -> None:
        """Refuse what no later block can make right."""
        if len(self._pending) > MAX_PIECE_BYTES:
            problem = f"an object is larger than {MAX_PIECE_BYTES >> 20} MB, expected one per batch"
            raise self._error(self._offset, problem)
        scanner = self._scanner
        if scanner.is_in_string or scanner.depth > scanner.base:
            return
        rest, offset = self._opened(self._pending)
        end = self._offset + len(self._pending)
        if not scanner.is_over:
            comma = b"," if self._is_list and self._has_given else b""
            self._require_space(rest.removeprefix(comma), offset, "here")
            return
        before, _, after = rest.rpartition(b"]")
        self._require_space(before, offset, "before the end of the list")
        self._require_space(after, end - len(after), "after the end of the list")
        self._offset, self._pending = end, b""

    def _require_space(self, text: bytes, offset: int, where: str) -> None:
        found = text.lstrip(_SPACE)
        if found:
            at = offset + len(text) - len(found)
            raise self._error(at, f"found {_show(found)} {where}, expected an object or the end")

    def _error(self, offset: int, problem: str) -> PoseFileInvalid:
        return PoseFileInvalid(self._path, f"byte {offset}", problem)


def _show(text: bytes) -> str:
    return repr(text[:20].decode("utf-8", "backslashreplace"))
