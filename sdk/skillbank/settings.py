"""What the environment says; no other file of the SDK reads it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from skillbank.errors import RequestInvalid

if TYPE_CHECKING:
    from pydantic import SecretStr

# Processes of a job carry these, so that strays can be found when their supervisor is gone.
JOB_MARKS = ("SKILLBANK_JOB_ID", "SKILLBANK_JOB_FOLDER")
# Variables that may hold the key of encrypted checkpoints, the first that does is used.
ENCRYPTION_KEY_NAMES = ("SKILLBANK_ENCRYPTION_KEY", "TAO_ENCRYPTION_KEY")
SECRET_REFERENCES = ("env:", "file:")
"""What a reference to a secret begins with."""


@dataclass(frozen=True)
class Settings:
    """Choices that hold for a whole machine or shell.

    Attributes:
        home: Root folder of jobs: `SKILLBANK_HOME`, else `~/.skillbank`.
        local_slots: CPU jobs of one root that run at once here: `SKILLBANK_LOCAL_SLOTS`, else one
            per four cores, since a training uses several by itself.
        cuda_visible_devices: GPUs that this shell may use, as CUDA reads it; None for all.
        encryption_key: Reference to the user's key (`env:NAME`), never the key itself; None when
            no variable of ENCRYPTION_KEY_NAMES holds one.
        skill_folders: Where skills lie besides the shipped ones: `SKILLBANK_SKILLS`, folders
            separated as in PATH.
    """

    home: Path
    local_slots: int
    cuda_visible_devices: str | None
    encryption_key: str | None = None
    skill_folders: tuple[Path, ...] = ()


@dataclass(frozen=True)
class CacheSettings:
    """Where files from elsewhere are kept, and how much of them.

    Attributes:
        folder: `SKILLBANK_CACHE`, else `cache` in the root folder of jobs, else
            `~/.cache/skillbank`. Processes and machines may share it.
        max_bytes: Size beyond which what was not used for longest goes: `SKILLBANK_CACHE_MAX`,
            such as `200G`; None: it may fill the disk.
    """

    folder: Path
    max_bytes: int | None = None


@dataclass(frozen=True)
class AgentLimits:
    """What one agent may start through the MCP server.

    Attributes:
        running: Most of its jobs that have not ended: `SKILLBANK_MCP_MAX_RUNNING`.
        jobs_per_day: Most jobs in any 24 hours: `SKILLBANK_MCP_MAX_JOBS_PER_DAY`.
        gpu_hours_per_day: Most GPU hours in any 24 hours: `SKILLBANK_MCP_MAX_GPU_HOURS`.
    """

    running: float = 4
    jobs_per_day: float = 100
    gpu_hours_per_day: float = 24


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings of this process's environment.

    Raises:
        RequestInvalid: A variable holds something that cannot be used.
    """
    given = os.environ if environment is None else environment
    home = given.get("SKILLBANK_HOME") or "~/.skillbank"
    slots = given.get("SKILLBANK_LOCAL_SLOTS") or str(max(1, (os.cpu_count() or 1) // 4))
    if not slots.isdecimal() or int(slots) < 1:
        raise RequestInvalid(
            f"SKILLBANK_LOCAL_SLOTS={slots!r} is not a number of jobs; expected an integer of at "
            "least 1, such as 'export SKILLBANK_LOCAL_SLOTS=2'."
        )
    return Settings(
        home=Path(home).expanduser().resolve(),
        local_slots=int(slots),
        cuda_visible_devices=given.get("CUDA_VISIBLE_DEVICES"),
        encryption_key=next((f"env:{n}" for n in ENCRYPTION_KEY_NAMES if given.get(n)), None),
        skill_folders=tuple(
            Path(folder) for folder in given.get("SKILLBANK_SKILLS", "").split(os.pathsep) if folder
        ),
    )


def config_path(root: Path) -> Path:
    """File with the user's storage and platforms: `SKILLBANK_CONFIG`, else in the root."""
    given = os.environ.get("SKILLBANK_CONFIG")
    return Path(given).expanduser().resolve() if given else root / "config.yaml"


def scratch_folder() -> Path:
    """Where a machine keeps the jobs that it carries out without seeing their root folder.

    `SKILLBANK_SCRATCH`, else the job's own temporary folder, else /tmp.
    """
    given = os.environ.get("SKILLBANK_SCRATCH") or os.environ.get("TMPDIR") or "/tmp"
    return Path(given).expanduser().resolve() / "skillbank-jobs"


def storage_of_environment() -> str:
    """Storage settings, as JSON, that a platform gave to a machine without a config.yaml."""
    return os.environ.get("SKILLBANK_STORAGE", "")


def kube_config_paths() -> list[Path]:
    """Files that may tell how a Kubernetes cluster is reached, in or outside of one."""
    given = os.environ.get("KUBECONFIG") or "~/.kube/config"
    in_cluster = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
    return [*(Path(one).expanduser() for one in given.split(os.pathsep) if one), in_cluster]


def container_sockets() -> list[Path]:
    """Sockets at which a Docker or Podman service may listen, the one that is asked for first."""
    given = os.environ.get("DOCKER_HOST", "")
    runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    usual = [Path("/var/run/docker.sock"), Path(runtime, "podman/podman.sock")]
    usual.append(Path("/run/podman/podman.sock"))
    return [Path(given.removeprefix("unix://"))] if given.startswith("unix://") else usual


def cache_settings(
    root: Path | None = None, environment: Mapping[str, str] | None = None
) -> CacheSettings:
    """Where files from elsewhere are kept on this machine.

    Args:
        root: Root folder of jobs, where this machine sees one.
        environment: What to read instead of this process's environment.

    Raises:
        RequestInvalid: SKILLBANK_CACHE_MAX is no size.
    """
    given = os.environ if environment is None else environment
    usual = "~/.cache/skillbank" if root is None else str(root / "cache")
    folder = Path(given.get("SKILLBANK_CACHE") or usual).expanduser().absolute()
    limit = given.get("SKILLBANK_CACHE_MAX")
    return CacheSettings(folder, _read_bytes("SKILLBANK_CACHE_MAX", limit) if limit else None)


def _read_bytes(name: str, text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    size = int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " ")) if match else 0
    if size < 1:
        raise RequestInvalid(
            f"{name}={text!r} is no size; expected a number of bytes, or one with K, M, G or T, "
            f"such as 'export {name}=200G'."
        )
    return size


def add_to_environment(variables: Mapping[str, str]) -> None:
    """Set variables of this process and of those that it will start."""
    os.environ.update(variables)


def named_variables(names: Iterable[str]) -> dict[str, str]:
    """Variables of this process's environment, those of the names that are set."""
    return {name: os.environ[name] for name in names if name in os.environ}


def environment_of_jobs() -> dict[str, str]:
    """This process's environment, less the marks of the job it may itself belong to."""
    return {name: value for name, value in os.environ.items() if name not in JOB_MARKS}


def read_agent_limits(environment: Mapping[str, str] | None = None) -> AgentLimits:
    """Limits of agents that this process's environment sets, else the usual ones.

    Raises:
        RequestInvalid: A variable holds something that is no such number.
    """
    given = os.environ if environment is None else environment
    usual = AgentLimits()
    return AgentLimits(
        running=_read_amount("SKILLBANK_MCP_MAX_RUNNING", given, usual.running),
        jobs_per_day=_read_amount("SKILLBANK_MCP_MAX_JOBS_PER_DAY", given, usual.jobs_per_day),
        gpu_hours_per_day=_read_amount(
            "SKILLBANK_MCP_MAX_GPU_HOURS", given, usual.gpu_hours_per_day
        ),
    )


def _read_amount(name: str, environment: Mapping[str, str], usual: float) -> float:
    text = environment.get(name) or str(usual)
    try:
        amount = float(text)
    except ValueError:
        amount = -1.0
    if not 0 <= amount < float("inf"):
        raise RequestInvalid(
            f"{name}={text!r} is no limit; expected a number of at least 0, such as "
            f"'export {name}={usual:g}'."
        )
    return amount


def read_secret(
    reference: str, key: str, environment: Mapping[str, str] | None = None
) -> SecretStr:
    """The secret that a reference, `env:NAME` or `file:PATH`, leads to.

    Args:
        reference: Where it is kept.
        key: Dotted key that holds the reference, for errors.
        environment: What to read instead of this process's environment.

    Raises:
        RequestInvalid: There is none, or it cannot be one. No error repeats a secret, nor a
            reference that may be one.
    """
    kind, _, name = reference.partition(":")
    if kind == "env" and name:
        found = (os.environ if environment is None else environment).get(name, "")
        where, advice = f"the variable {name}", f"set it with 'export {name}=...'"
    elif kind == "file" and name:
        found = _read_secret_file(Path(name).expanduser(), key)
        where, advice = f"the file {name}", "write the secret into it, on one line"
    else:
        raise RequestInvalid(
            f"{key}: no secret is taken in plain text; name the variable that holds it, "
            f"{key}=env:NAME, or the file, {key}=file:PATH."
        )
    secret = found.strip()
    if not secret:
        raise RequestInvalid(f"{key}: {where} is empty or not set; {advice}.")
    if not secret.isascii() or not secret.isprintable() or " " in secret:
        raise RequestInvalid(
            f"{key}: what {where} holds is no secret: expected one line of ASCII without spaces; "
            f"{advice}."
        )
    from pydantic import SecretStr  # loads pydantic, which most commands do without

    return SecretStr(secret)


def forget_secret(reference: str) -> None:
    """Take the variable of `env:NAME` out of this process's environment, which jobs inherit."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        os.environ.pop(name, None)


def _read_secret_file(path: Path, key: str) -> str:
    if not path.is_absolute():
        raise RequestInvalid(
            f"{key}: 'file:{path}' depends on the folder that a job runs in; give the whole path, "
            "such as 'file:/home/me/key' or 'file:~/key'."
        )
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise RequestInvalid(
            f"{key}: the file {path} cannot be read: {why}; check the path and its permissions."
        ) from None
