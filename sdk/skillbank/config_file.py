"""Read config.yaml, with every mistake in it told at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skillbank.config import Config, PlatformEntry, StorageSettings
from skillbank.documents import parse_yaml
from skillbank.errors import RequestInvalid
from skillbank.settings import SECRET_REFERENCES

_SECRETS = ("access_key", "secret_key", "session_token")


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
        listed = "\n".join(
            f"  - {'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}"
            for one in error.errors(include_url=False, include_input=False)
        )
        raise RequestInvalid(f"{path}: cannot be used:\n{listed}") from error
    _refuse_secrets(path, read.storage)
    platforms = {
        name: PlatformEntry(entry.kind, entry.model_extra or {})
        for name, entry in read.platforms.items()
    }
    return Config(path, read.results, read.storage, platforms)


def _refuse_secrets(path: Path, storage: tuple[StorageSettings, ...]) -> None:
    for index, one in enumerate(storage):
        for key in _SECRETS:
            value = getattr(one, key)
            if value is not None and not value.startswith(SECRET_REFERENCES):
                raise RequestInvalid(
                    f"{path}: storage.{index}.{key}: a secret was given in plain text; name the "
                    f"variable that holds it, {key}: env:NAME, or the file, {key}: file:PATH."
                )
