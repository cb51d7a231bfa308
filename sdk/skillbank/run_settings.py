"""How a job is run, whatever it does: its rank in the queue, its time, its retries, its share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from skillbank.errors import RequestInvalid, did_you_mean

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_UNITS_BYTES = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def read_duration(value: object) -> object:
    """Seconds of `90`, `30m`, `4h`, `1h30m`, `2d` or `1-12:00:00`; what is no text as it is.

    Raises:
        ValueError: The text is no time.
    """
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if match := re.fullmatch(r"(?:(\d+)-)?(\d+):(\d\d):(\d\d)", text):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    parts = re.findall(r"(\d+(?:\.\d+)?)([smhd])", text)
    if parts and "".join(number + unit for number, unit in parts) == text:
        return sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text)
    raise ValueError("expected a time, such as 90 (seconds), 30m, 4h, 1h30m or 1-12:00:00")


def read_size(value: object) -> object:
    """Bytes of `16G`, `500M`, `16GiB` or a number; what is no text as it is.

    Raises:
        ValueError: The text is no size.
    """
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", value.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError("expected a size, such as 16G, 500M or 1.5T")
    return int(float(match[1]) * _UNITS_BYTES[match[2].upper()])


def read_patterns(value: object) -> object:
    """Patterns of a text that commas separate; anything else as it is."""
    if not isinstance(value, str):
        return value
    return tuple(part.strip() for part in value.split(",") if part.strip())


Duration = Annotated[float, BeforeValidator(read_duration), Field(gt=0)]
Size = Annotated[int, BeforeValidator(read_size), Field(gt=0)]


class RunSettings(BaseModel):
    """What every platform takes; a platform's own class adds what its scheduler takes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    priority: int = Field(
        default=0, ge=-1000, le=1000, description="Jobs of a higher one start first."
    )
    time_limit_s: Duration | None = Field(
        default=None,
        alias="time_limit",
        description="Longest time that one run may take: `90`, `30m`, `4h`, `1-12:00:00`.",
    )
    retries: int = Field(
        default=0,
        ge=0,
        le=20,
        description="Further runs after failures of the machine, each from the last checkpoint.",
    )
    retry_wait_s: Duration = Field(
        default=10.0,
        alias="retry_wait",
        description="Pause before the first retry; it doubles with each.",
    )
    cpus: int | None = Field(default=None, ge=1, description="Processor cores of one job.")
    memory_bytes: Size | None = Field(
        default=None, alias="memory", description="Memory of one job: `16G`."
    )
    upload_excludes: Annotated[tuple[str, ...], BeforeValidator(read_patterns)] = Field(
        default=(),
        description="Patterns of files below `results/` that do not go to the results URI.",
    )


Settings = TypeVar("Settings", bound=RunSettings)


def keys_of(kind: type[RunSettings]) -> dict[str, object]:
    """Names of a platform's settings, as users write them, with the type of each."""
    return {one.alias or name: one.annotation for name, one in kind.model_fields.items()}


def read_run_settings(kind: type[Settings], given: Mapping[str, Any], where: str) -> Settings:
    """Settings of one job.

    Args:
        kind: The platform's class.
        given: What the user said.
        where: What the keys belong to, for errors: "resources of platform 'slurm'".

    Raises:
        RequestInvalid: A key is unknown or a value cannot be used; all are named.
    """
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        known = [one.alias or name for name, one in kind.model_fields.items()]
        problems = [
            _explain(one, known, given)
            for one in error.errors(include_url=False, include_input=False)
        ]
        listed = "\n".join(f"  - {problem}" for problem in dict.fromkeys(problems))
        raise RequestInvalid(f"{where} cannot be used:\n{listed}") from error


def _explain(error: ErrorDetails, known: list[str], given: Mapping[str, Any]) -> str:
    """What is wrong with one key, and what was found there if that is one plain value."""
    key = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        return f"{key}: no such key; {did_you_mean(key, known)}"
    said = error["msg"].removeprefix("Value error, ").replace("Input should be", "expected", 1)
    value = given.get(key)
    found = f"found {str(value)!r}, " if isinstance(value, int | float | str) else ""
    return f"{key}: {found}{said[:1].lower()}{said[1:]}"
