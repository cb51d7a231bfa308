"""What a user can say about jobs on SLURM: `platforms.<name>` of config.yaml, or per job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from skillbank.errors import RequestInvalid
from skillbank.run_settings import Duration, RunSettings

ONLY_IN_CONFIG = (
    "setup",
    "sbatch_options",
    "environment",
    "python",
    "venv",
    "container_image",
    "container_runtime",
    "container_mounts",
    "container_python",
    "scratch",
    "shared",
)
"""Keys that decide what is executed and what it sees: they are no matter of one request."""

_LONGEST_WARNING_S = 65535  # sbatch takes no more


def _check_one_line(value: str) -> str:
    if "\n" in value or "\r" in value or "\0" in value:
        raise ValueError("expected one line")
    return value


def _check_mount(value: str) -> str:
    parts = value.split(":")
    if len(parts) > 3 or not all(part.startswith("/") for part in parts[:2]):
        raise ValueError(
            f"expected /SOURCE, /SOURCE:/TARGET or /SOURCE:/TARGET:ro, found {value!r}"
        )
    return value


Line = Annotated[str, Field(min_length=1), AfterValidator(_check_one_line)]
Word = Annotated[str, Field(min_length=1, pattern=r"^\S+$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Folder = Annotated[str, Field(pattern=r"^[A-Za-z0-9_./${}@+-]+$")]
Mount = Annotated[Line, AfterValidator(_check_mount)]


class SlurmSettings(RunSettings):
    """How jobs run on SLURM."""

    partition: Word | None = Field(default=None, description="Partition; absent: the default one.")
    account: Word | None = Field(default=None, description="Account that the time is charged to.")
    qos: Word | None = Field(default=None, description="Quality of service.")
    gpu_type: Word | None = Field(
        default=None, description="Type of the GPUs, as `sinfo -o %G` shows it: `a100`."
    )
    constraint: Line | None = Field(default=None, description="Features that nodes must have.")
    nodelist: Word | None = Field(default=None, description="Nodes that are used: `n[1-4]`.")
    exclude: Word | None = Field(default=None, description="Nodes that are not used.")
    reservation: Word | None = Field(default=None, description="Reservation to run in.")
    nice: int | None = Field(
        default=None,
        description="Adjusts the rank among all users' jobs; absent: `priority`, turned round.",
    )
    exclusive: bool = Field(default=False, description="Nodes are shared with no other job.")
    walltime_s: Duration | None = Field(
        default=None,
        alias="walltime",
        description="Time of one stay on the nodes (`--time`); shortly before its end the job is "
        "queued again. Absent: enough for `time_limit`, else the partition's.",
    )
    requeue: bool = Field(
        default=True,
        description="A job whose node failed, that was preempted, or whose walltime is nearly over "
        "is queued again and goes on from its last checkpoint.",
    )
    max_requeues: int = Field(
        default=100, ge=0, description="How often a job may be queued again, whatever for."
    )
    warning_s: Duration = Field(
        default=120.0,
        le=_LONGEST_WARNING_S,
        alias="warning",
        description="How long before its walltime is over a job is told to save and exit.",
    )
    grace_s: Duration = Field(
        default=60.0,
        alias="grace",
        description="Time to save and exit that a cancelled job is given.",
    )
    patience_s: Duration = Field(
        default=8.0,
        alias="patience",
        description="How long a controller that does not answer is asked again.",
    )
    mail_user: Word | None = Field(default=None, description="Who gets mail from SLURM.")
    mail_type: Word = Field(default="END,FAIL", description="What mail is about.")
    modules: tuple[Word, ...] = Field(
        default=(), description="Environment modules that are loaded on the node."
    )
    setup: tuple[Line, ...] = Field(
        default=(), description="Lines of bash that run on the node before the job."
    )
    python: Line | None = Field(
        default=None, description="Python on the nodes, with skillbank; absent: this one."
    )
    venv: Line | None = Field(
        default=None, description="Virtual environment on the nodes, instead of `python`."
    )
    container_image: Line | None = Field(
        default=None, description="Image that jobs run in: a file or a URI; absent: no container."
    )
    container_runtime: Literal["pyxis", "apptainer"] = Field(
        default="pyxis", description="What starts containers on the nodes."
    )
    container_mounts: tuple[Mount, ...] = Field(
        default=(),
        description="Folders that jobs see, `/SOURCE:/TARGET:ro`; the root folder always is one.",
    )
    container_python: Word = Field(default="python3", description="Python inside the image.")
    environment: tuple[Name, ...] = Field(
        default=(),
        description="Names of variables that jobs get from the submitter; their values stand in "
        "no file of ours.",
    )
    scratch: Folder | None = Field(
        default=None,
        description="Folder on the node's own disk; may name variables there: `/local/$USER`.",
    )
    shared: bool = Field(
        default=True,
        description="The nodes see the root folder under the same path; without, jobs need a "
        "results URI.",
    )
    sbatch_options: tuple[Line, ...] = Field(
        default=(), description="Further options of sbatch, one each: `--licenses=matlab`."
    )

    @model_validator(mode="after")
    def _check_choices(self) -> SlurmSettings:
        if self.python and self.venv:
            raise ValueError("python and venv: found both, expected one of them")
        wrong = [one for one in self.sbatch_options if not one.startswith("-")]
        if wrong:
            raise ValueError(f"sbatch_options: {wrong[0]!r} is no option; expected --NAME=VALUE")
        return self

    @property
    def stay_s(self) -> float | None:
        """Seconds that SLURM is asked for; None: what the partition gives.

        The time limit is watched beside the job, to the second; SLURM's own end comes after it.
        """
        if self.walltime_s is not None or self.time_limit_s is None:
            return self.walltime_s
        return self.time_limit_s + self.grace_s + self.warning_s

    @property
    def warning_lead_s(self) -> int:
        """When the warning comes, in seconds before the end; a short stay is not all warning."""
        longest = self.warning_s if self.stay_s is None else self.stay_s / 2
        return max(1, int(min(self.warning_s, longest)))


def refuse_only_in_config(given: Mapping[str, Any], where: str) -> None:
    """Refuse keys of a request that only whoever owns the machine may set.

    Raises:
        RequestInvalid: There is one.
    """
    found = sorted(set(given) & set(ONLY_IN_CONFIG))
    if found:
        raise RequestInvalid(
            f"{where}: {', '.join(found)}: cannot be said for one job, since it decides what is "
            "executed there; write it into config.yaml, under a platform of its own."
        )
