"""Read config.yaml, with every mistake in it told at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skillbank.config import Config, PlatformEntry, StorageSettings
from skillbank.documents import parse_yaml
from skillbank.errors import RequestInvalid, did_you_mean
from skillbank.settings import SECRET_REFERENCES

_SECRETS = ("access_key", "secret_key", "session_token")
_UNKNOWN_KEYS = ("extra_forbidden", "unexpected_keyword_argument")
_EXPECTED = {
    "the file": "expected the keys results, storage and platforms",
    "results": "expected a folder or 's3://BUCKET/PREFIX'",
    "storage": "expected a list, each entry of which begins with '- prefix: s3://BUCKET'",
    "storage.*": "expected keys and values, such as 'prefix: s3://BUCKET'",
    "platforms": "expected names and their settings, such as 'cluster: {kind: slurm}'",
    "platforms.*": "expected keys and values, such as 'kind: slurm'",
    "platforms.*.kind": "expected the kind of platform, such as 'kind: slurm'",
}


class _Platform(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    results: str | None = None
    storage: tuple[StorageSettings, ...] = ()
    platforms: Mapping[str, _Platform] = Field(default_factory=dict)


def read_config_file(path: Path) -> Config:
    """What the file says.

    Raises:
        RequestInvalid: It cannot be read, or a key or value is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestInvalid(f"{path}: cannot be read: {error}; expected a YAML file.") from error
    content: Any = parse_yaml(text, str(path), error=RequestInvalid) or {}
    try:
        read = _File.model_validate(content)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        told = [_explain(one["loc"], one["type"], one["msg"]) for one in found]
        raise _refusal(path, told) from error
    _refuse_secrets(path, read.storage)
    if told := [*_wrong_places(read)]:
        raise _refusal(path, told)
    platforms = {
        name: PlatformEntry(entry.kind, entry.model_extra or {})
        for name, entry in read.platforms.items()
    }
    return Config(path, read.results, read.storage, platforms)


def _refusal(path: Path, problems: Sequence[str]) -> RequestInvalid:
    listed = "\n".join(f"  - {problem}" for problem in problems)
    return RequestInvalid(f"{path}: cannot be used:\n{listed}\nAll keys: docs/platforms.md.")


def _explain(place: tuple[int | str, ...], kind: str, message: str) -> str:
    """What is wrong at one place of the file, without the value, which may be a secret."""
    where = ".".join(map(str, place)) or "the file"
    if kind in _UNKNOWN_KEYS:
        is_storage = len(place) > 1 and place[0] == "storage"
        known = [one.name for one in fields(StorageSettings)] if is_storage else _File.model_fields
        return f"{where}: no such key; {did_you_mean(str(place[-1]), known)}"
    pattern = ".".join("*" if depth == 1 else str(part) for depth, part in enumerate(place))
    said = message.replace("Input should be", "expected")
    return f"{where}: {_EXPECTED.get(pattern or 'the file', said)}."


def _wrong_places(read: _File) -> Iterator[str]:
    """What is told of addresses that can lead nowhere."""
    scheme, separator, rest = (read.results or "").partition("://")
    if separator and (scheme not in ("file", "s3") or not rest.strip("/")):
        yield f"results: {read.results!r} is no such place; {_EXPECTED['results']}."
    for index, one in enumerate(read.storage):
        if not one.prefix.startswith("s3://"):
            yield (
                f"storage.{index}.prefix: {one.prefix!r} begins no URI of a bucket; expected "
                "'s3://BUCKET', or 's3://' for all."
            )
        if one.endpoint_url and not one.endpoint_url.startswith(("http://", "https://")):
            yield (
                f"storage.{index}.endpoint_url: {one.endpoint_url!r} is no address; expected "
                "'https://HOST' or 'http://HOST:PORT'."
            )


def _refuse_secrets(path: Path, storage: tuple[StorageSettings, ...]) -> None:
    for index, one in enumerate(storage):
        for key in _SECRETS:
            value = getattr(one, key)
            if value is not None and not value.startswith(SECRET_REFERENCES):
                raise RequestInvalid(
                    f"{path}: storage.{index}.{key}: a secret was given in plain text; name the "
                    f"variable that holds it, {key}: env:NAME, or the file, {key}: file:PATH."
                )
