"""Files in a bucket of S3, or of a server that speaks its protocol."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from skillbank.config import StorageSettings
from skillbank.errors import FileMissing
from skillbank.files.api import FileStore, Progress, StoredFile
from skillbank.files.parallel import USUAL_PARTS, Parts
from skillbank.files.retrying import Patience
from skillbank.files.s3_client import Client, S3Client
from skillbank.files.s3_download import Download, read_object
from skillbank.files.s3_place import Place, described, object_of, place_of, whole
from skillbank.files.s3_upload import Uploads, abort_upload, put
from skillbank.files.source import open_source
from skillbank.files.telling import Telling

_REACH_PATIENCE_S = 10.0


class S3Store(FileStore):
    """Objects by key.

    The sha256 of an object lies in its metadata (`x-amz-meta-sha256`), and a checksum of every
    request that sends bytes lets the server find what was damaged on the way. A version is the
    ETag: two writes of the same content share it, so who fights for a file writes something of its
    own into it.

    Conditions of `write` hold whoever writes at the same moment. Those of an `upload` in parts are
    looked at before the first byte, and held by the server when the upload is completed: by AWS
    for certain, while SeaweedFS (4.48) and moto let two win that complete at the same moment, and
    moto holds none but ABSENT. A lease is therefore written, not uploaded.

    Args:
        settings: How the buckets are reached.
        parts: How large transfers are divided.
    """

    def __init__(self, settings: StorageSettings, parts: Parts = USUAL_PARTS) -> None:
        self._s3 = S3Client(settings)
        self._parts = parts
        self._uploads = Uploads(self._s3, parts)

    def stat(self, uri: str) -> StoredFile | None:
        """What is recorded with an object."""
        place = place_of(uri)
        if not place.key or place.key.endswith("/"):
            return None
        try:
            return self._look(place)
        except FileMissing:
            return None

    def list(self, folder: str) -> Iterator[StoredFile]:
        """Objects below a prefix; S3 lists no digests, so `sha256` is empty: `stat` tells it.

        All are listed before the first is told, since not every server lists them in order.
        """
        place = place_of(folder)
        yield from sorted(self._list(place, None), key=lambda found: found.uri)

    def is_reachable(self, folder: str) -> None:
        """List a little, with little patience: a preflight has no minutes."""
        place = place_of(folder)
        next(self._list(place, Patience(_REACH_PATIENCE_S)), None)

    def read(self, uri: str, start: int = 0, num_bytes: int | None = None) -> bytes:
        """Bytes of an object; all of it is checked against its digest."""
        place = object_of(uri)
        if num_bytes == 0:
            self._look(place)
            return b""
        return read_object(self._s3, place, start, num_bytes)

    def write(self, uri: str, content: bytes, if_version: str | None = None) -> StoredFile:
        """Put an object in one request."""
        return put(self._s3, object_of(uri), content, if_version)

    def delete(self, uri: str) -> None:
        """Remove an object; on a bucket with versions it is hidden."""
        place = object_of(uri)
        self._s3.ask(uri, lambda client: client.delete_object(**place.address))

    def download(self, uri: str, target: Path, progress: Progress | None = None) -> StoredFile:
        """Fetch an object in ranges, several at once."""
        place = object_of(uri)
        return Download(self._s3, self._parts, place, target).run(
            lambda: self._look(place), progress
        )

    def upload(
        self,
        source: Path,
        uri: str,
        if_version: str | None = None,
        progress: Progress | None = None,
    ) -> StoredFile:
        """Put a small file in one request, a large one in parts, several at once."""
        place, telling = object_of(uri), Telling(progress)
        with open_source(source) as opened:
            if opened.size_bytes <= self._parts.size_bytes:
                content = opened.read(0, opened.size_bytes)
                return put(self._s3, place, content, if_version, telling)
            return self._uploads.send(place, opened, if_version, telling)

    def clean(self, folder: str, older_than_s: float = 86_400.0) -> int:
        """Abort uploads in parts that were begun and never completed."""
        place = place_of(folder)
        newest = time.time() - older_than_s
        found = self._s3.ask(folder, partial(_list_uploads, place.bucket, _prefix_of(place)))
        old = [one for one in found if one["Initiated"].timestamp() <= newest]
        return sum(
            abort_upload(self._s3, Place(folder, place.bucket, one["Key"]), one["UploadId"])
            for one in old
        )

    def _look(self, place: Place) -> StoredFile:
        return self._s3.ask(
            place.uri,
            lambda client: described(place.uri, client.head_object(**place.address)),
        )

    def _list(self, place: Place, patience: Patience | None) -> Iterator[StoredFile]:
        wanted = {"Bucket": place.bucket, "Prefix": _prefix_of(place)}
        while True:
            answer = self._s3.ask(place.uri, partial(_list_page, wanted), patience)
            for found in answer.get("Contents", ()):
                if not found["Key"].endswith("/"):  # a folder that somebody made
                    yield _listed(place.bucket, found)
            if not answer.get("IsTruncated"):
                return
            wanted["ContinuationToken"] = answer["NextContinuationToken"]


def _prefix_of(place: Place) -> str:
    return place.key if not place.key or place.key.endswith("/") else f"{place.key}/"


def _list_uploads(bucket: str, prefix: str, client: Client) -> list[Mapping[str, Any]]:
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
    return [one for page in pages for one in page.get("Uploads", ())]


def _list_page(wanted: Mapping[str, str], client: Client) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = client.list_objects_v2(**wanted)
    whole(answer, "Name")  # an empty body reads like an empty list
    return answer


def _listed(bucket: str, found: Mapping[str, Any]) -> StoredFile:
    return StoredFile(
        f"s3://{bucket}/{found['Key']}",
        int(found["Size"]),
        found["ETag"],
        found["LastModified"].timestamp(),
    )
