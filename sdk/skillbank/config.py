"""What the user says about storage and platforms: `config.yaml`, or the file SKILLBANK_CONFIG."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from skillbank.errors import RequestInvalid
from skillbank.settings import config_path


@dataclass(frozen=True)
class StorageSettings:
    """How the buckets below a prefix are reached. Secrets are references, never values.

    Attributes:
        prefix: URIs that begin so: `s3://bucket/part`.
        endpoint_url: Address; None: AWS, or the profile's.
        region: Region that requests are signed for.
        profile: Profile of `~/.aws/config`.
        access_key: `env:NAME` or `file:PATH`; None: environment, profile or instance role tell.
        secret_key: The same.
        session_token: The same.
        ca_bundle: File of certificates to trust.
        addressing: Where requests put the bucket's name: `auto`, `path` or `virtual`.
        patience_s: How long a vanished endpoint is asked again, in seconds.
    """

    prefix: str = "s3://"
    endpoint_url: str | None = None
    region: str | None = None
    profile: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    session_token: str | None = None
    ca_bundle: str | None = None
    addressing: Literal["auto", "path", "virtual"] = "auto"
    patience_s: float = 300.0

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}


@dataclass(frozen=True)
class PlatformEntry:
    """One named platform.

    Attributes:
        kind: `local`, `slurm`, `docker` or `kubernetes`.
        settings: What else stands there, which the kind itself reads.
    """

    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)


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
    results: str | None = None
    storage: tuple[StorageSettings, ...] = ()
    platforms: Mapping[str, PlatformEntry] = field(default_factory=dict)


def read_config(root: Path) -> Config:
    """The configuration of a root; an empty one where there is no file.

    Raises:
        RequestInvalid: The file cannot be used, which names every wrong key; or SKILLBANK_CONFIG
            names none.
    """
    path = config_path(root)
    if not path.exists():
        if path != root / "config.yaml":
            raise RequestInvalid(
                f"SKILLBANK_CONFIG names {path}, where no file is; write it, or unset the "
                f"variable to use {root / 'config.yaml'}."
            )
        return Config(path)
    from skillbank.config_file import read_config_file  # loads pydantic, which most do without

    return read_config_file(path)
