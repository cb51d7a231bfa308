"""Read JSON of any size piece by piece: documents, elements of lists, members of objects.

A piece is parsed by the standard library's decoder as soon as all of it is in memory; so memory
holds one piece, and errors name the byte where the trouble is.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from skillbank_runners.skeletons.poses import PoseFileInvalid

CHUNK_BYTES = 1 << 18
MAX_ELEMENT_CHARACTERS = 1 << 24
"""16 M: a frame of 500 people takes a tenth of it; parsed, it can be 20 times as big."""

_DECODE = json.JSONDecoder().raw_decode
_SPACE = re.compile(r"[ \t\n\r]*")
_SURELY_WRONG_CHARACTERS = 64
"""A piece that merely goes on behind the chunk fails within this distance of the chunk's end."""


class Element(NamedTuple):
    """One piece of a file.

    Attributes:
        document: Number of the document in the file: 0, or the line of JSON lines.
        key: Member of the document's object that it is, or is an element of; empty: none.
        place: Number in its list; -1 where it is no element of a list.
        offset: Byte of the file at which it begins.
        value: What it holds.
    """

    document: int
    key: str
    place: int
    offset: int
    value: object


def json_elements(path: Path, opened: Collection[str] = ()) -> Iterator[Element]:
    """Pieces of a JSON file, or of a file of JSON lines, in order.

    A document that is a list comes element by element. One that is an object comes whole, unless
    `opened` names members: then it comes member by member, and the lists among those named come
    element by element. An empty list gives nothing, but counts as a document.

    Raises:
        PoseFileInvalid: No JSON, not UTF-8, cut off, empty, or a piece beyond the limit.
    """
    with _open(path) as file:
        source = _Source(path, file, 0, CHUNK_BYTES)
        document = 0
        while source.peek():
            yield from _document(source, document, opened)
            document += 1
        if not document:
            raise PoseFileInvalid(path, "", "the file is empty; expected JSON")


class ElementReader:
    """Reads pieces again at offsets that `json_elements` told.

    Args:
        path: Of the file.
        file: The same, open.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[ElementReader]:
        """A reader for as long as the context lasts."""
        with _open(path) as file:
            yield cls(path, file)

    def at(self, offset: int) -> object:
        """The value that begins at a byte."""
        self._file.seek(offset)
        return _Source(self._path, self._file, offset, 4096).value()


@contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    """A regular file, open; errors of the file system name it."""
    if not path.is_file():
        raise PoseFileInvalid(path, "", "found no regular file; expected a file of JSON")
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise PoseFileInvalid(path, "", f"cannot be read: {error.strerror}") from error


def _document(source: _Source, document: int, opened: Collection[str]) -> Iterator[Element]:
    first = source.peek()
    if first == "[":
        for index, offset, value in _elements(source):
            yield Element(document, "", index, offset, value)
    elif first == "{" and opened:
        yield from _members(source, document, opened)
    else:
        yield Element(document, "", -1, source.offset, source.value())


def _elements(source: _Source) -> Iterator[tuple[int, int, object]]:
    """(index, offset, value) of each element of the list that begins here."""
    source.take("[")
    if source.peek() == "]":
        source.take("]")
        return
    index = 0
    while True:
        source.peek()
        yield index, source.offset, source.value()
        index += 1
        if source.take(",]") == "]":
            return


def _members(source: _Source, document: int, opened: Collection[str]) -> Iterator[Element]:
    source.take("{")
    if source.peek() == "}":
        source.take("}")
        return
    while True:
        if source.peek() != '"':
            raise source.invalid("expected a key in double quotes")
        key = str(source.value())
        source.take(":")
        if source.peek() == "[" and key in opened:
            for index, offset, value in _elements(source):
                yield Element(document, key, index, offset, value)
        else:
            yield Element(document, key, -1, source.offset, source.value())
        if source.take(",}") == "}":
            return


class _Source:
    """A window of text that moves over a file; `offset` is the byte of its current place."""

    def __init__(self, path: Path, file: BinaryIO, offset: int, chunk_bytes: int) -> None:
        self.offset = offset
        self._path = path
        self._file = file
        self._chunk_bytes = chunk_bytes
        self._read_bytes = offset
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self._text = ""
        self._place = 0
        self._ended = False
        if offset == 0:
            self._skip_mark()

    def peek(self) -> str:
        """The next character that is no space, without taking it; empty at the end."""
        while True:
            match = _SPACE.match(self._text, self._place)
            self._advance(match.end() if match else self._place)
            if self._place < len(self._text):
                return self._text[self._place]
            if not self._fill():
                return ""

    def take(self, expected: str) -> str:
        """The next character, which is one of those expected."""
        found = self.peek()
        if not found or found not in expected:
            raise self.invalid("expected " + " or ".join(repr(c) for c in expected))
        self._advance(self._place + 1)
        return found

    def value(self) -> object:
        """The value that begins here."""
        while True:
            try:
                value, end = _DECODE(self._text, self._place)
            except json.JSONDecodeError as error:
                self._need_more(error)
            except (RecursionError, ValueError) as error:
                raise self.invalid(f"cannot be parsed ({error})") from error
            else:
                length = end - self._place
                if self._is_whole(end) or not self._fill():
                    self._advance(self._place + length)
                    return value

    def invalid(self, problem: str) -> PoseFileInvalid:
        """Error for what stands here."""
        found = self._text[self._place : self._place + 20]
        told = f"found {found!r}" if found else "the file ends"
        return PoseFileInvalid(self._path, f"byte {self.offset}", f"{told}; {problem}")

    def _is_whole(self, end: int) -> bool:
        """Whether a value that seems to end here does: `1` may be the begin of `1.5e3`."""
        if len(self._text) - end > _SURELY_WRONG_CHARACTERS:
            return True
        return end < len(self._text) and self._text[end] in " \t\n\r,:]}"

    def _need_more(self, error: json.JSONDecodeError) -> None:
        """Read on where the piece may go on behind the window; else raise."""
        cut_off = error.msg.startswith("Unterminated string")
        near = len(self._text) - error.pos <= _SURELY_WRONG_CHARACTERS
        distance = error.pos - self._place
        if (cut_off or near) and self._fill():
            return
        self._advance(min(self._place + distance, len(self._text)))
        raise self.invalid(f"not JSON: {error.msg.lower()}") from error

    def _advance(self, place: int) -> None:
        if self._text.isascii():
            self.offset += place - self._place
        else:
            self.offset += len(self._text[self._place : place].encode())
        self._place = place

    def _fill(self) -> bool:
        """Get more text behind the current place; False at the end of the file."""
        if self._ended:
            return False
        pending = len(self._text) - self._place
        if pending > MAX_ELEMENT_CHARACTERS:
            raise self.invalid(f"one element is larger than {MAX_ELEMENT_CHARACTERS} characters")
        chunk = self._file.read(max(self._chunk_bytes, pending))
        self._ended = not chunk
        undecoded = len(self._utf8.getstate()[0])
        try:
            more = self._utf8.decode(chunk, final=self._ended)
        except UnicodeDecodeError as error:
            where = f"byte {self._read_bytes - undecoded + error.start}"
            raise PoseFileInvalid(self._path, where, "not UTF-8; expected JSON text") from error
        self._read_bytes += len(chunk)
        self._text = self._text[self._place :] + more
        self._place = 0
        return not self._ended

    def _skip_mark(self) -> None:
        """Take the byte order mark that some Windows programs write."""
        if self._fill() and self._text.startswith("\ufeff"):
            self._advance(1)
