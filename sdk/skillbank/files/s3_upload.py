"""Large files to S3, in parts that are sent again one by one."""

from __future__ import annotations

import base64
import hashlib
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from skillbank.errors import FileConflict, FileMissing, FilesError, FilesUnavailable
from skillbank.files.api import ABSENT, Progress, StoredFile
from skillbank.files.parallel import Parts, run_parts
from skillbank.files.retrying import Patience
from skillbank.files.s3_body import Body
from skillbank.files.s3_client import Client, S3Client
from skillbank.files.s3_place import (
    Place,
    condition_of,
    described,
    is_marked,
    record,
    whole,
    written_at,
)
from skillbank.files.source import Source

_MOST_PARTS = 10_000
_TRIES = 3  # of an upload that the store forgets
_ABORT_PATIENCE_S = 5.0


@dataclass
class _HalfDone:
    """An upload that was begun: which parts are there, by number from 1."""

    upload_id: str
    mark: str
    digest: str
    size_bytes: int
    part_bytes: int
    parts: dict[int, dict[str, Any]] = field(default_factory=dict)

    def range_of(self, number: int) -> tuple[int, int]:
        start = (number - 1) * self.part_bytes
        return start, min(start + self.part_bytes, self.size_bytes)

    @property
    def missing(self) -> list[int]:
        count = -(-self.size_bytes // self.part_bytes)
        return [number for number in range(1, count + 1) if number not in self.parts]


class Uploads:
    """Uploads of one client; what a vanished endpoint left half done goes on at the next call."""

    def __init__(self, s3: S3Client, parts: Parts) -> None:
        self._s3 = s3
        self._parts = parts
        self._half_done: dict[tuple[str, str], _HalfDone] = {}
        self._lock = threading.Lock()

    def put(
        self, place: Place, content: bytes, if_version: str | None, progress: Progress | None = None
    ) -> StoredFile:
        """Write an object in one request."""
        sha256, mark = hashlib.sha256(content), uuid4().hex
        patience = self._s3.patience()
        body = Body(content, progress, patience.progress)

        def send(client: Client) -> Mapping[str, Any]:
            body.seek(0)
            answer = client.put_object(
                **place.address,
                Body=body if content else b"",
                ChecksumSHA256=base64.b64encode(sha256.digest()).decode(),
                Metadata=record(sha256.hexdigest(), mark),
                **condition_of(if_version),
            )
            whole(answer, "ETag")
            return dict(answer)

        try:
            answer = self._s3.ask(place.uri, send, patience)
        except (FileConflict, FileMissing) as error:
            if if_version is None:
                raise
            return self._own(place, mark, error, is_conditional=True)
        return StoredFile(
            place.uri, len(content), answer["ETag"], written_at(answer), sha256.hexdigest()
        )

    def send(
        self,
        place: Place,
        source: Source,
        if_version: str | None,
        progress: Progress | None = None,
    ) -> StoredFile:
        """Write an object in parts; its digest goes with it, so the file is read twice."""
        self._check_version(place, if_version)
        digest = source.digest()
        patience = self._s3.patience()
        tries = _TRIES
        while True:
            upload = self._begin(place, digest, source.size_bytes, patience)
            try:
                self._send_parts(place, upload, source, patience, progress)
                source.check(digest)
                return self._complete(place, upload, if_version, patience)
            except FilesUnavailable:
                raise  # what is there stays, for the next call
            except FileMissing as error:
                self._forget(place)
                tries -= 1
                if not tries:
                    raise FilesUnavailable(
                        f"{place.uri}: the store forgot the upload {_TRIES} times; try again later."
                    ) from error
            except FilesError:
                self._abort(place, upload)
                raise

    def _begin(self, place: Place, digest: str, size_bytes: int, patience: Patience) -> _HalfDone:
        with self._lock:
            found = self._half_done.pop((place.bucket, place.key), None)
        if found is not None:
            if (found.digest, found.size_bytes) != (digest, size_bytes):
                self._abort(place, found)
            elif self._look(place, found, patience):
                return self._remember(place, found)
        mark = uuid4().hex
        answer = self._s3.ask(
            place.uri,
            lambda client: whole(
                client.create_multipart_upload(
                    **place.address, ChecksumAlgorithm="CRC32", Metadata=record(digest, mark)
                ),
                "UploadId",
            ),
            patience,
        )
        part_bytes = max(self._parts.size_bytes, -(-size_bytes // _MOST_PARTS))
        return self._remember(place, _HalfDone(answer, mark, digest, size_bytes, part_bytes))

    def _look(self, place: Place, upload: _HalfDone, patience: Patience) -> bool:
        """Keep those parts that the store has as well; False: it has forgotten the upload."""

        def list_parts(client: Client) -> set[int]:
            pages = client.get_paginator("list_parts").paginate(
                **place.address, UploadId=upload.upload_id
            )
            return {part["PartNumber"] for page in pages for part in page.get("Parts", ())}

        try:
            there = self._s3.ask(place.uri, list_parts, patience)
        except FileMissing:
            return False
        upload.parts = {n: part for n, part in upload.parts.items() if n in there}
        return True

    def _send_parts(
        self,
        place: Place,
        upload: _HalfDone,
        source: Source,
        patience: Patience,
        progress: Progress | None,
    ) -> None:
        if progress and upload.parts:
            progress(sum(end - start for start, end in map(upload.range_of, upload.parts)))

        def send_part(number: int) -> None:
            content = source.read(*upload.range_of(number))
            checksum = base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()
            body = Body(content, progress, patience.progress)

            def send(client: Client) -> str:
                body.seek(0)
                answer = client.upload_part(
                    **place.address,
                    UploadId=upload.upload_id,
                    PartNumber=number,
                    Body=body,
                    ChecksumCRC32=checksum,
                )
                return str(whole(answer, "ETag"))

            etag = self._s3.ask(place.uri, send, patience)
            upload.parts[number] = {
                "PartNumber": number,
                "ETag": etag,
                "ChecksumCRC32": checksum,
            }

        run_parts(upload.missing, send_part, self._parts.threads, patience)

    def _complete(
        self, place: Place, upload: _HalfDone, if_version: str | None, patience: Patience
    ) -> StoredFile:
        def complete(client: Client) -> Mapping[str, Any]:
            answer = client.complete_multipart_upload(
                **place.address,
                UploadId=upload.upload_id,
                MultipartUpload={"Parts": [upload.parts[n] for n in sorted(upload.parts)]},
                **condition_of(if_version),
            )
            whole(answer, "ETag")
            return dict(answer)

        try:
            answer = self._s3.ask(place.uri, complete, patience)
        except (FileConflict, FileMissing) as error:
            stored = self._own(place, upload.mark, error, is_conditional=False)
        else:
            stored = StoredFile(
                place.uri, upload.size_bytes, answer["ETag"], written_at(answer), upload.digest
            )
        self._forget(place)
        return stored

    def _own(
        self, place: Place, mark: str, error: FilesError, *, is_conditional: bool
    ) -> StoredFile:
        """What this call wrote although it was told no: the answer to its first try was lost."""
        try:
            answer = self._s3.ask(place.uri, lambda client: client.head_object(**place.address))
        except FileMissing:
            answer = {}
        if is_marked(answer, mark):
            return described(place.uri, answer)
        if isinstance(error, FileMissing) and is_conditional:
            raise FileConflict(str(error)) from error
        raise error

    def _check_version(self, place: Place, if_version: str | None) -> None:
        """Fail before everything goes over: the store itself decides only at the end."""
        if if_version is None:
            return
        try:
            answer = self._s3.ask(place.uri, lambda client: client.head_object(**place.address))
        except FileMissing:
            answer = {"ETag": ABSENT}
        if answer["ETag"] != if_version:
            raise FileConflict(f"{place.uri}: somebody else wrote first; read it again.")

    def _remember(self, place: Place, upload: _HalfDone) -> _HalfDone:
        with self._lock:
            self._half_done[place.bucket, place.key] = upload
        return upload

    def _forget(self, place: Place) -> None:
        with self._lock:
            self._half_done.pop((place.bucket, place.key), None)

    def _abort(self, place: Place, upload: _HalfDone) -> None:
        """Free the room of what was sent; where that fails, `clean` does it later."""
        self._forget(place)
        abort_upload(self._s3, place, upload.upload_id)


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
