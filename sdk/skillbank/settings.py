"""What the environment says; no other file of the SDK reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
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
