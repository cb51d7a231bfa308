"""Which files of this machine a container sees: its root, and what spec and settings name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from glob import has_magic
from pathlib import Path
from typing import Any

from skillbank.errors import PlatformError
from skillbank.plan import JobPlan
from skillbank.platforms.docker.settings import DockerSettings
from skillbank.settings import cache_settings

_FILE_REFERENCE = "file:"
_ENV_REFERENCE = "env:"
# What an image brings itself: a folder of this machine over it would break it, or open a way out.
_OF_THE_IMAGE = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin")
_OF_THE_IMAGE_TOO = ("/sys", "/usr", "/var/run")


def mounts_of(plan: JobPlan, settings: DockerSettings, root: Path) -> list[dict[str, Any]]:
    """Bind mounts of a job, each under its own path, as the Engine API takes them.

    What lies below another mount of the same kind is not listed again.

    Raises:
        PlatformError: The spec names a folder that no container can be given.
    """
    named = list(input_paths(plan.spec))
    for path in named:
        _refuse_system_folder(path)
    own = map(str, own_folders(plan, root))
    writable = _outermost({*own, *settings.writable_mounts})
    wanted = {str(root), *map(str, named), *settings.mounts} - set(writable)
    readable = [path for path in _outermost(wanted) if not _is_below(path, writable)]
    return [
        *(_bind(path, is_read_only=True) for path in readable),
        *(_bind(path, is_read_only=False) for path in writable),
    ]


def make_own_folders(plan: JobPlan, root: Path) -> None:
    """Have everything there that a container is going to write to: no engine makes it."""
    for folder in own_folders(plan, root):
        folder.mkdir(parents=True, exist_ok=True)


def own_folders(plan: JobPlan, root: Path) -> list[Path]:
    """What a job writes to: its own folder, the locks of places, the cache of files from S3.

    The rest of the root it may only read: records and results of others are not its own.
    """
    return [plan.folder, root / "slots", cache_settings(root).folder]


def input_paths(spec: Mapping[str, Any]) -> Iterator[Path]:
    """Files and folders of this machine that a spec names and that are there.

    Of a pattern it is the folder above it, of a secret's `file:PATH` the file.
    """
    for value in _texts(spec):
        path = Path(value.removeprefix(_FILE_REFERENCE))
        if has_magic(str(path)) and not path.exists():
            path = _before_pattern(path)
        if path.is_absolute() and path != Path("/") and path.exists():
            yield path


def variables_named(spec: Mapping[str, Any]) -> Iterator[str]:
    """Variables that a spec refers to as secrets, `env:NAME`."""
    for value in _texts(spec):
        if value.startswith(_ENV_REFERENCE):
            yield value.removeprefix(_ENV_REFERENCE)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _texts(one)


def _before_pattern(path: Path) -> Path:
    return next((up for up in path.parents if not has_magic(str(up))), path)


def _refuse_system_folder(path: Path) -> None:
    system = {*_OF_THE_IMAGE, *_OF_THE_IMAGE_TOO}
    if str(path) in system or _is_below(str(path), ("/dev", "/proc", "/sys")):
        raise PlatformError(
            f"the spec names {path}, which a container has of its own; expected data in a folder "
            "such as /data or /home/me/data: move it there, or link it."
        )


def _outermost(paths: Iterable[str]) -> list[str]:
    """The paths without those that lie below others of them, in order."""
    known = sorted(set(paths))
    return [path for path in known if not _is_below(path, known)]


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path != folder and Path(path).is_relative_to(folder) for folder in folders)


def _bind(path: str, *, is_read_only: bool) -> dict[str, Any]:
    return {"Type": "bind", "Source": path, "Target": path, "ReadOnly": is_read_only}
