"""Addresses and records of S3 objects."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from skillbank.errors import RequestInvalid
from skillbank.files.api import ABSENT, StoredFile
from skillbank.files.retrying import CutReply

SCHEME = "s3://"
# Names of what is recorded with an object: its digest, and which call wrote it.
_DIGEST, _MARK = "sha256", "skillbank-write"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Place(NamedTuple):
    """Bucket and key of a URI."""

    uri: str
    bucket: str
    key: str

    @property
    def address(self) -> dict[str, str]:
        """As boto3 wants it."""
        return {"Bucket": self.bucket, "Key": self.key}


def place_of(uri: str) -> Place:
    """Where an S3 URI leads; the key is taken as it is written.

    Raises:
        RequestInvalid: It names no bucket.
    """
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    if not uri.startswith(SCHEME) or not bucket:
        raise RequestInvalid(f"{uri}: names no bucket; expected 's3://BUCKET/KEY'.")
    return Place(uri, bucket, key)


def object_of(uri: str) -> Place:
    """The place of one object.

    Raises:
        RequestInvalid: The URI names none.
    """
    place = place_of(uri)
    if not place.key or place.key.endswith("/"):
        raise RequestInvalid(f"{uri}: names a folder; expected the URI of a file.")
    return place


def condition_of(if_version: str | None) -> dict[str, str]:
    """What makes S3 hold the condition of a write."""
    if if_version is None:
        return {}
    return {"IfNoneMatch": "*"} if if_version == ABSENT else {"IfMatch": if_version}


def record(sha256: str, mark: str) -> dict[str, str]:
    """What is recorded with an object."""
    return {_DIGEST: sha256, _MARK: mark}


def is_marked(answer: Mapping[str, Any], mark: str) -> bool:
    """Tell whether the object of an answer was written by the call that made the mark."""
    return bool(answer.get("Metadata", {}).get(_MARK) == mark)


def digest_of(answer: Mapping[str, Any]) -> str:
    """The sha256 that is recorded with the object of an answer; empty when none is."""
    digest = str(answer.get("Metadata", {}).get(_DIGEST, ""))
    return digest if _SHA256.fullmatch(digest) else ""


def described(uri: str, answer: Mapping[str, Any]) -> StoredFile:
    """The object that S3 describes in an answer."""
    return StoredFile(
        uri,
        size_bytes=int(whole(answer, "ContentLength")),
        version=str(whole(answer, "ETag")),
        modified_at=whole(answer, "LastModified").timestamp(),
        sha256=digest_of(answer),
        age_s=_age_of(answer),
    )


def _age_of(answer: Mapping[str, Any]) -> float | None:
    """Time between the two moments that the server itself tells; None where it tells one."""
    now = written_at(answer)
    return max(0.0, now - answer["LastModified"].timestamp()) if now else None


def written_at(answer: Mapping[str, Any]) -> float:
    """When the server answered, by its own clock; 0 where it does not tell."""
    date = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date", "")
    try:
        return parsedate_to_datetime(date).timestamp()
    except ValueError:
        return 0.0


def whole(answer: Mapping[str, Any], name: str) -> Any:  # noqa: ANN401  # of boto3's own types
    """A field that every answer of its kind has.

    Raises:
        CutReply: This one ended before.
    """
    if name not in answer:
        raise CutReply(f"the answer lacks {name}")
    return answer[name]
