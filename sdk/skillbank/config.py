"""What the user says about storage and platforms: `config.yaml`, or the file SKILLBANK_CONFIG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from skillbank.documents import parse_yaml
from skillbank.errors import RequestInvalid
from skillbank.settings import SECRET_REFERENCES, config_path


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StorageSettings(_Section):
    """How the buckets below a prefix are reached. Secrets are references, never values."""

    prefix: str = Field(default="s3://", description="URIs that begin so: `s3://bucket/part`.")
    endpoint_url: str | None = Field(
        default=None, description="Address; None: AWS, or the profile's."
    )
    region: str | None = Field(default=None, description="Region that requests are signed for.")
    profile: str | None = Field(default=None, description="Profile of `~/.aws/config`.")
    access_key: str | None = Field(default=None, description="`env:NAME` or `file:PATH`.")
    secret_key: str | None = Field(default=None, description="`env:NAME` or `file:PATH`.")
    session_token: str | None = Field(default=None, description="`env:NAME` or `file:PATH`.")
    ca_bundle: str | None = Field(default=None, description="File of certificates to trust.")
    addressing: Literal["auto", "path", "virtual"] = Field(
        default="auto", description="Where requests put the bucket's name."
    )
    patience_s: float = Field(
        default=300, gt=0, description="How long a vanished endpoint is asked again, in seconds."
    )


class PlatformEntry(BaseModel):
    """One named platform: its kind, and settings that the kind itself reads."""

    model_config = ConfigDict(extra="allow", frozen=True)

    kind: str

    @property
    def settings(self) -> Mapping[str, Any]:
        """What stands beside the kind."""
        return self.model_extra or {}


class _File(_Section):
    results: str | None = None
    storage: tuple[StorageSettings, ...] = ()
    platforms: Mapping[str, PlatformEntry] = Field(default_factory=dict)


@dataclass(frozen=True)
class Config:
    """What config.yaml says.

    Attributes:
        path: The file; it need not be there.
        results: Folder or `s3://` URI below which jobs leave their results; None: in the root.
        storage: How buckets are reached.
        platforms: Name -> platform, besides those that need no settings.
    """

    path: Path
    results: str | None
    storage: tuple[StorageSettings, ...]
    platforms: Mapping[str, PlatformEntry]


def read_config(root: Path) -> Config:
    """The configuration of a root; an empty one where there is no file.

    Raises:
        RequestInvalid: The file cannot be read; names every wrong key.
    """
    path = config_path(root)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Config(path, None, (), {})
    except (OSError, UnicodeDecodeError) as error:
        raise RequestInvalid(f"{path}: cannot be read: {error}; expected a YAML file.") from error
    try:
        content = parse_yaml(text, str(path), error=RequestInvalid)
        read = _File.model_validate(content or {})
    except ValidationError as error:
        raise RequestInvalid(f"{path}: cannot be used:\n{_list_problems(error)}") from error
    _refuse_secrets(path, read.storage)
    return Config(path, read.results, read.storage, read.platforms)


def _list_problems(error: ValidationError) -> str:
    return "\n".join(
        f"  - {'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}"
        for one in error.errors(include_url=False, include_input=False)
    )


def _refuse_secrets(path: Path, storage: tuple[StorageSettings, ...]) -> None:
    for index, one in enumerate(storage):
        for key in ("access_key", "secret_key", "session_token"):
            value = getattr(one, key)
            if value is not None and not value.startswith(SECRET_REFERENCES):
                raise RequestInvalid(
                    f"{path}: storage.{index}.{key}: a secret was given in plain text; name the "
                    f"variable that holds it, {key}: env:NAME, or the file, {key}: file:PATH."
                )
