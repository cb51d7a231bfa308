"""What a user can say about jobs in containers: `platforms.<name>` of config.yaml, or per job."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator

from skillbank.run_settings import Duration, RunSettings, Size

_GIB = 2**30
_LEAST_MEMORY_BYTES = 16 * 2**20
"""Below it a container does not even start: Docker refuses 6 MiB, runc a few more."""

_SEPARATOR = ":"


def own_image() -> str:
    """The image that `docker/Dockerfile` makes of this version."""
    return f"skillbank:{version('skillbank')}"


def _check_user(value: str) -> str:
    parts = value.split(_SEPARATOR)
    if len(parts) > 2 or not all(parts):
        raise ValueError("expected UID, UID:GID or the name of a user of the image")
    return value


def _check_folder(value: str) -> str:
    if not value.startswith("/") or value.rstrip("/") == "":
        raise ValueError(f"expected the absolute path of a folder or a file, found {value!r}")
    return value


def _check_limit(value: int | str) -> int | str:
    parts = str(value).split(_SEPARATOR)
    if len(parts) > 2 or not all(part.removeprefix("-").isdecimal() for part in parts):
        raise ValueError("expected a number, or SOFT:HARD, such as `65536` or `1024:65536`")
    return value


Folder = Annotated[str, AfterValidator(_check_folder)]
Limit = Annotated[int | str, AfterValidator(_check_limit)]


class DockerSettings(RunSettings):
    """How jobs run in containers of Docker or Podman."""

    image: str = Field(
        default_factory=own_image,
        min_length=1,
        description="Image that jobs run in; it holds this version of skillbank.",
    )
    container_command: str | None = Field(
        default=None,
        description="For an image that is not ours, such as TAO's, what it runs: `{network} "
        "{action} -e {spec} results_dir={results}`; absent: our launcher.",
    )
    python: str = Field(default="python", description="Python of the image, a name or a path.")
    pull: Literal["missing", "always", "never"] = Field(
        default="missing", description="When the image is fetched from its registry."
    )
    base_url: str | None = Field(
        default=None,
        description="Where the daemon listens: `unix:///run/podman/podman.sock`, "
        "`tcp://host:2376`; absent: DOCKER_HOST, then Docker's usual socket, then Podman's.",
    )
    shared: bool = Field(
        default=False,
        description="A daemon on another machine sees the root folder and the data under the same "
        "paths. One behind a Unix socket always does.",
    )
    user: Annotated[str, AfterValidator(_check_user)] | None = Field(
        default=None,
        description="UID:GID that jobs run as; absent: whoever submits them.",
    )
    network: str = Field(
        default="none",
        min_length=1,
        description="`none`, `host`, `bridge` or a network's name; files in S3 need one.",
    )
    mounts: tuple[Folder, ...] = Field(
        default=(),
        description="Further paths that jobs may read, under the same path; the root folder and "
        "the files that a spec names are there anyway.",
    )
    writable_mounts: tuple[Folder, ...] = Field(
        default=(), description="Further paths that jobs may write to."
    )
    environment: tuple[str, ...] = Field(
        default=(),
        description="Names of variables that jobs get from the submitter; their values are "
        "neither stored nor shown.",
    )
    gpu_ids: tuple[str, ...] | None = Field(
        default=None,
        description="GPUs that jobs may be given, by index or UUID; absent: those that "
        "CUDA_VISIBLE_DEVICES leaves.",
    )
    shm_bytes: Size = Field(
        default=8 * _GIB,
        alias="shm_size",
        description="Most shared memory, in which data workers hand over batches.",
    )
    ulimits: Mapping[str, Limit] = Field(
        default_factory=dict, description="Limits such as `nofile: 65536` or `memlock: -1`."
    )
    runtime: str | None = Field(
        default=None, description="The daemon's runtime: `nvidia`; absent: its default."
    )
    read_only: bool = Field(
        default=True, description="The image's own files cannot be changed; /tmp can."
    )
    max_parallel: int | None = Field(
        default=None, ge=1, description="A job starts only while fewer jobs of its root run."
    )
    keep: bool = Field(default=False, description="Containers stay after their jobs ended.")
    grace_s: Duration = Field(
        default=15.0, alias="grace", description="Time that a cancelled job has to save and exit."
    )

    @field_validator("memory_bytes")
    @classmethod
    def _check_memory(cls, value: int | None) -> int | None:
        if value is not None and value < _LEAST_MEMORY_BYTES:
            raise ValueError("expected at least 16M; a training takes some gigabytes")
        return value
