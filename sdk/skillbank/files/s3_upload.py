"""Objects to S3: small ones in one request, large ones in parts that go again one by one."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from skillbank.errors import FileConflict, FileMissing, FilesError, FilesUnavailable
from skillbank.files.api import ABSENT, StoredFile
from skillbank.files.parallel import Parts, run_parts
from skillbank.files.retrying import Patience
from skillbank.files.s3_body import Body
from skillbank.files.s3_client import Answer, Client, S3Client
from skillbank.files.s3_place import (
    Place,
    condition_of,
    described,
    is_marked,
    record,
    whole,
    written_at,
)
from skillbank.files.source import Fingerprint, Source, SourceRewritten
from skillbank.files.telling import Telling

_MOST_PARTS = 10_000
_TRIES = 3  # of an upload that the store forgets
_ABORT_PATIENCE_S = 5.0


def put(
    s3: S3Client,
    place: Place,
    content: bytes,
    if_version: str | None,
    telling: Telling | None = None,
) -> StoredFile:
    """Write an object in one request."""
    sha256, mark = hashlib.sha256(content), uuid4().hex
    patience = s3.patience()
    body = Body(
        lambda start, end: content[start:end],
        len(content),
        telling or Telling(None),
        patience.progress,
    )

    def send(client: Client) -> Mapping[str, Any]:
        body.seek(0)
        answer: Mapping[str, Any] = client.put_object(
            **place.address,
            Body=body if content else b"",
            ChecksumSHA256=base64.b64encode(sha256.digest()).decode(),
            Metadata=record(sha256.hexdigest(), mark),
            **condition_of(if_version),
        )
        whole(answer, "ETag")
        return answer

    try:
        answer = s3.ask(place.uri, send, patience)
    except (FileConflict, FileMissing) as error:
        if if_version is None:
            raise
        return _own(s3, place, mark, _as_conflict(error))
    return StoredFile(
        place.uri, len(content), answer["ETag"], written_at(answer), sha256.hexdigest()
    )


@dataclass
class _HalfDone:
    """An upload that the store knows: which parts are there, by number from 1."""

    upload_id: str
    mark: str
    fingerprint: Fingerprint
    parts: dict[int, dict[str, Any]] = field(default_factory=dict)


class Uploads:
    """Uploads in parts; what a vanished endpoint left half done goes on at the next call.

    Args:
        s3: Who is asked.
        parts: How they are divided.
    """

    def __init__(self, s3: S3Client, parts: Parts) -> None:
        self._s3 = s3
        self._parts = parts
        self._half_done: dict[Place, _HalfDone] = {}  # those that nobody is working on
        self._lock = threading.Lock()

    def send(
        self, place: Place, source: Source, if_version: str | None, telling: Telling
    ) -> StoredFile:
        """Write an object; its digest goes before it, so the file is read twice."""
        _check_version(self._s3, place, if_version)
        part_bytes = max(self._parts.size_bytes, -(-source.size_bytes // _MOST_PARTS))
        fingerprint = source.fingerprint(part_bytes)
        with self._lock:
            earlier = self._half_done.pop(place, None)
        if earlier is not None and earlier.fingerprint != fingerprint:
            abort_upload(self._s3, place, earlier.upload_id)
            earlier = None
        for _ in range(_TRIES):
            upload = _Upload(self._s3, place, source, fingerprint, part_bytes)
            try:
                return self._carry_out(upload, earlier, if_version, telling)
            except _Forgotten:
                earlier = None
                telling.take_back()
        raise FilesUnavailable(
            f"{place.uri}: the store forgot the upload {_TRIES} times; try again later."
        )

    def _carry_out(
        self, upload: _Upload, earlier: _HalfDone | None, if_version: str | None, telling: Telling
    ) -> StoredFile:
        is_kept = False
        try:
            upload.begin(earlier)
            upload.send_parts(self._parts.threads, telling)
            stored = upload.complete(if_version)
            is_kept = True
        except SourceRewritten:
            raise
        except FilesUnavailable:
            if upload.half_done is not None:
                with self._lock:
                    self._half_done[upload.place] = upload.half_done
                is_kept = True
            raise
        finally:  # also when a listener to progress, or Ctrl-C, ends it
            if not is_kept and upload.half_done is not None:
                abort_upload(self._s3, upload.place, upload.half_done.upload_id)
        return stored


class _Forgotten(Exception):
    """The store does not know the upload any more."""


class _Upload:
    """One upload in parts."""

    def __init__(
        self,
        s3: S3Client,
        place: Place,
        source: Source,
        fingerprint: Fingerprint,
        part_bytes: int,
    ) -> None:
        self._s3 = s3
        self.place = place
        self._source = source
        self._fingerprint = fingerprint
        self._part_bytes = part_bytes
        self._patience = s3.patience()
        self.half_done: _HalfDone | None = None

    def begin(self, earlier: _HalfDone | None) -> None:
        """Go on with an earlier upload of the same bytes, as far as the store has it; or begin."""
        if earlier is not None:
            self.half_done = earlier
            there = self._ask_known(self._list_parts)
            earlier.parts = {n: part for n, part in earlier.parts.items() if n in there}
            return
        mark = uuid4().hex
        recorded = record(self._fingerprint.sha256, mark)

        def create(client: Client) -> str:
            answer = client.create_multipart_upload(
                **self.place.address, ChecksumAlgorithm="CRC32", Metadata=recorded
            )
            return str(whole(answer, "UploadId"))

        upload_id = self._s3.ask(self.place.uri, create, self._patience)
        self.half_done = _HalfDone(upload_id, mark, self._fingerprint)

    def send_parts(self, threads: int, telling: Telling) -> None:
        """Bring up every part that is not there."""
        done = self._known.parts
        telling(sum(end - start for start, end in map(self._range_of, done)))
        numbers = range(1, len(self._fingerprint.crc32s) + 1)
        missing = [number for number in numbers if number not in done]
        run_parts(missing, lambda number: self._send(number, telling), threads, self._patience)
        self._source.check(self._fingerprint.sha256)

    def complete(self, if_version: str | None) -> StoredFile:
        """Let the object appear, if the condition holds.

        Raises:
            FileConflict: It does not.
        """
        parts = self._known.parts

        def complete(client: Client) -> Mapping[str, Any]:
            answer: Mapping[str, Any] = client.complete_multipart_upload(
                **self.place.address,
                UploadId=self._known.upload_id,
                MultipartUpload={"Parts": [parts[number] for number in sorted(parts)]},
                **condition_of(if_version),
            )
            whole(answer, "ETag")
            return answer

        try:
            answer = self._s3.ask(self.place.uri, complete, self._patience)
        except FileConflict as error:
            return _own(self._s3, self.place, self._known.mark, error)
        except FileMissing as error:  # also of an upload whose first answer was lost
            return _own(self._s3, self.place, self._known.mark, _Forgotten(str(error)))
        return StoredFile(
            self.place.uri,
            self._source.size_bytes,
            answer["ETag"],
            written_at(answer),
            self._fingerprint.sha256,
        )

    @property
    def _known(self) -> _HalfDone:
        assert self.half_done is not None
        return self.half_done

    def _range_of(self, number: int) -> tuple[int, int]:
        start = (number - 1) * self._part_bytes
        return start, min(start + self._part_bytes, self._source.size_bytes)

    def _send(self, number: int, telling: Telling) -> None:
        start, end = self._range_of(number)
        crc32 = self._fingerprint.crc32s[number - 1]
        checksum = base64.b64encode(crc32.to_bytes(4, "big")).decode()
        body = Body(
            lambda first, last: self._source.read(start + first, start + last),
            end - start,
            telling,
            self._patience.progress,
        )

        def send(client: Client) -> str:
            self._source.check_part(start, end, crc32)
            body.seek(0)
            answer = client.upload_part(
                **self.place.address,
                UploadId=self._known.upload_id,
                PartNumber=number,
                Body=body,
                ChecksumCRC32=checksum,
            )
            return str(whole(answer, "ETag"))

        etag = self._ask_known(send)
        self._known.parts[number] = {
            "PartNumber": number,
            "ETag": etag,
            "ChecksumCRC32": checksum,
        }

    def _list_parts(self, client: Client) -> set[int]:
        pages = client.get_paginator("list_parts").paginate(
            **self.place.address, UploadId=self._known.upload_id
        )
        return {part["PartNumber"] for page in pages for part in page.get("Parts", ())}

    def _ask_known(self, question: Callable[[Client], Answer]) -> Answer:
        """Ask about the upload, which the store may have forgotten."""
        try:
            return self._s3.ask(self.place.uri, question, self._patience)
        except FileMissing as error:
            raise _Forgotten(str(error)) from error


def abort_upload(s3: S3Client, place: Place, upload_id: str) -> bool:
    """Free the room of an upload that nobody will complete; False: not now."""
    try:
        s3.ask(
            place.uri,
            lambda client: client.abort_multipart_upload(**place.address, UploadId=upload_id),
            Patience(_ABORT_PATIENCE_S),
        )
    except FileMissing:
        return True
    except FilesError:
        return False
    return True


def _own(s3: S3Client, place: Place, mark: str, error: Exception) -> StoredFile:
    """What this call wrote although it was told no: the answer to its first try was lost."""
    try:
        answer = s3.ask(place.uri, lambda client: client.head_object(**place.address))
    except FileMissing:
        answer = {}
    if not is_marked(answer, mark):
        raise error
    return described(place.uri, answer)


def _as_conflict(error: FilesError) -> FileConflict:
    """Where a version was to be replaced, nothing is a conflict as well."""
    return error if isinstance(error, FileConflict) else FileConflict(str(error))


def _check_version(s3: S3Client, place: Place, if_version: str | None) -> None:
    """Fail before everything goes over: the store itself decides only at the end."""
    if if_version is None:
        return
    try:
        answer = s3.ask(place.uri, lambda client: client.head_object(**place.address))
    except FileMissing:
        answer = {"ETag": ABSENT}
    if answer["ETag"] != if_version:
        raise FileConflict(f"{place.uri}: somebody else wrote first; read it again.")
