"""Objects from S3, in ranges that go on where a connection broke."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import ClientError

from skillbank.errors import FileConflict, FileDamaged, FilesUnavailable
from skillbank.files.api import Progress, StoredFile
from skillbank.files.parallel import Parts, run_parts
from skillbank.files.partial import PartialFile, open_partial
from skillbank.files.retrying import CutReply, status_of
from skillbank.files.s3_client import Client, S3Client
from skillbank.files.s3_place import Place, digest_of, whole
from skillbank.files.telling import Telling

_BLOCK_BYTES = 256 << 10
_RANGE_NOT_THERE = 416
_TRIES = 5  # of an object that is replaced meanwhile


class Download:
    """One download.

    Args:
        s3: Who is asked.
        parts: How it is divided.
        place: Where the object lies.
        target: Where it goes.
    """

    def __init__(self, s3: S3Client, parts: Parts, place: Place, target: Path) -> None:
        self._s3 = s3
        self._parts = parts
        self._place = place
        self._target = target
        self._telling = Telling(None)
        self._patience = s3.patience()

    def run(self, look: Callable[[], StoredFile], progress: Progress | None = None) -> StoredFile:
        """Bring the object to its target.

        Args:
            look: Describes the object as it is now.
            progress: Told of bytes that arrived.

        Raises:
            FileDamaged: It arrived twice with another digest than the recorded one.
            FilesUnavailable: It is replaced again and again.
        """
        self._telling = Telling(progress)
        damaged: FileDamaged | None = None
        for _ in range(_TRIES):
            file = look()
            try:
                return self._fetch(file)
            except FileConflict:
                self._telling.take_back()  # it was replaced meanwhile
            except FileDamaged as error:
                self._telling.take_back()
                if damaged:
                    raise
                damaged = error
        raise FilesUnavailable(
            f"{self._place.uri}: it was replaced {_TRIES} times while it was downloaded; wait for "
            "its writer, then try again."
        )

    def _fetch(self, file: StoredFile) -> StoredFile:
        with open_partial(self._target, file, self._parts.size_bytes) as partial:
            self._telling(partial.num_there_bytes)
            run_parts(
                partial.missing,
                lambda number: self._fetch_part(file, partial, number),
                self._parts.threads,
                self._patience,
            )
            digest = partial.finish()
        return StoredFile(file.uri, file.size_bytes, file.version, file.modified_at, digest)

    def _fetch_part(self, file: StoredFile, partial: PartialFile, number: int) -> None:
        start, end = partial.range_of(number)
        arrived = start

        def receive(client: Client) -> None:
            nonlocal arrived
            answer = client.get_object(
                **self._place.address, IfMatch=file.version, Range=f"bytes={arrived}-{end - 1}"
            )
            if "ContentRange" not in answer and (arrived or end < file.size_bytes):
                raise CutReply("the store sent all of the object, or lost a header")
            with answer["Body"] as body:
                while arrived < end:
                    block = body.read(min(_BLOCK_BYTES, end - arrived))
                    if not block:
                        raise CutReply(f"{end - arrived:,} bytes are missing")
                    partial.write(block, arrived)
                    arrived += len(block)
                    self._patience.progress()
                    self._telling(len(block))

        self._s3.ask(file.uri, receive, self._patience)
        partial.finish_part(number)


def read_object(s3: S3Client, place: Place, start: int = 0, num_bytes: int | None = None) -> bytes:
    """Bytes of a small object; those of a whole one are checked against its digest.

    Raises:
        FileDamaged: They have another digest, also when asked again.
    """
    is_whole = start == 0 and num_bytes is None
    end = "" if num_bytes is None else start + num_bytes - 1
    span = {} if is_whole else {"Range": f"bytes={start}-{end}"}

    def receive(client: Client) -> tuple[bytes, str]:
        try:
            answer = client.get_object(**place.address, **span)
        except ClientError as error:
            if status_of(error) == _RANGE_NOT_THERE:
                return b"", ""
            raise
        with answer["Body"] as body:
            content = body.read()
        if len(content) != whole(answer, "ContentLength"):
            raise CutReply("bytes are missing")
        return content, digest_of(answer) if is_whole else ""

    for _ in range(2):
        content, digest = s3.ask(place.uri, receive)
        if not digest or hashlib.sha256(content).hexdigest() == digest:
            return content
    raise FileDamaged(f"{place.uri}: its sha256 is not the recorded one; upload it again.")
