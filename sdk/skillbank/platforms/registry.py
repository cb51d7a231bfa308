"""Platforms by name: those that config.yaml describes, and one of each kind under its own name."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from skillbank.config import read_config
from skillbank.errors import PlatformError, RequestInvalid, did_you_mean
from skillbank.platforms.api import Platform
from skillbank.settings import container_sockets, kube_config_paths


class Kind(NamedTuple):
    """One kind of platform.

    Attributes:
        module: Where its class is.
        class_name: Its class: takes the root, `name` and `settings`.
        package: Package that it needs, which an extra of the same name as the kind installs;
            empty: none.
    """

    module: str
    class_name: str
    package: str = ""


KINDS = {
    "local": Kind("skillbank.platforms.local", "LocalPlatform"),
    "slurm": Kind("skillbank.platforms.slurm", "SlurmPlatform"),
    "docker": Kind("skillbank.platforms.docker", "DockerPlatform", "docker"),
    "kubernetes": Kind("skillbank.platforms.kubernetes", "KubernetesPlatform", "kubernetes"),
}


class Platforms(Mapping[str, Platform]):
    """Every platform that jobs of a root can name; each is made when it is first asked for.

    Args:
        root: Root folder of the jobs; `config.yaml` is read there.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: dict[str, Platform] = {}
        self._known: dict[str, tuple[str, Mapping[str, Any]]] | None = None

    def __getitem__(self, name: str) -> Platform:
        """The platform of a name.

        Raises:
            KeyError: None has it.
            PlatformError: It needs a package that is not installed.
            RequestInvalid: config.yaml cannot be used.
        """
        if name not in self._made:
            kind, settings = self._entries()[name]
            self._made[name] = self._make(name, kind, settings)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        """Whether a platform has the name; nothing is made."""
        return name in self._entries()

    def __iter__(self) -> Iterator[str]:
        """Names, `local` first, those of config.yaml before the rest."""
        return iter(self._entries())

    def __len__(self) -> int:
        """How many there are."""
        return len(self._entries())

    def kind_of(self, name: str) -> str:
        """Kind of a platform: `local`, `slurm`, `docker` or `kubernetes`."""
        return self._entries()[name][0]

    def set_up(self) -> list[str]:
        """Names of those that config.yaml describes or of which this machine shows a sign."""
        given = read_config(self._root).platforms
        return [name for name in self if name in given or _shows_a_sign(self.kind_of(name))]

    def _entries(self) -> dict[str, tuple[str, Mapping[str, Any]]]:
        if self._known is None:
            config = read_config(self._root)
            for name, entry in config.platforms.items():
                if entry.kind not in KINDS:
                    raise RequestInvalid(
                        f"{config.path}: platforms.{name}.kind: {entry.kind!r} is no kind of "
                        f"platform; {did_you_mean(entry.kind, KINDS)}"
                    )
            given = {n: (entry.kind, entry.settings) for n, entry in config.platforms.items()}
            plain: dict[str, tuple[str, Mapping[str, Any]]] = {
                kind: (kind, {}) for kind in KINDS if kind not in given
            }
            first = {"local": given.get("local", plain.get("local", ("local", {})))}
            self._known = {**first, **given, **plain}
        return self._known

    def _make(self, name: str, kind: str, settings: Mapping[str, Any]) -> Platform:
        module, class_name, package = KINDS[kind]
        if package:
            _require(package, kind)
        platform: Platform = getattr(import_module(module), class_name)(
            self._root, name=name, settings=settings
        )
        return platform


def set_up_names(platforms: Mapping[str, Platform]) -> list[str]:
    """Names of the platforms that are there to be used, without asking them."""
    return platforms.set_up() if isinstance(platforms, Platforms) else list(platforms)


def _require(package: str, extra: str) -> None:
    try:
        import_module(package)
    except ModuleNotFoundError as error:
        raise PlatformError(
            f"platform {extra!r} needs the package {package!r}, which is not installed; install it "
            f"with: pip install 'skillbank[{extra}]'"
        ) from error


def _shows_a_sign(kind: str) -> bool:
    """Whether this machine looks as if the kind could be used, found out in no time."""
    match kind:
        case "slurm":
            return shutil.which("sbatch") is not None
        case "docker":
            return any(path.exists() for path in container_sockets())
        case "kubernetes":
            return any(path.exists() for path in kube_config_paths())
    return True
