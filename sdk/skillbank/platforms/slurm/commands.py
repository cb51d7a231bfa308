"""Runs SLURM's commands, and reads what they print and why they fail."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from skillbank.errors import PlatformError

_TIMEOUT_S = 60.0
_PAUSE_S = 0.5
_SILENT = (
    "Unable to contact slurm controller",
    "Unable to establish controller",
    "Socket timed out",
    "Zero Bytes were transmitted",
    "Connection refused",
    "Transport endpoint",
)
_UNKNOWN_JOB = ("Invalid job id", "does not exist")


class Unanswered(PlatformError):
    """SLURM's controller does not answer: nothing is known of its jobs, which go on."""


class UnknownJob(PlatformError):
    """The controller knows no such job, or not any more."""


class SlurmCommands:
    """SLURM's commands as the user has them on PATH.

    Args:
        environment: Their whole environment.
        patience_s: How long a controller that does not answer is asked again.
    """

    def __init__(self, environment: Mapping[str, str], patience_s: float) -> None:
        # Times arrive in seconds since the epoch, whatever the zone.
        self._environment = {**environment, "SLURM_TIME_FORMAT": "%s"}
        self._patience_s = patience_s

    def ask(self, *command: str) -> str:
        """Output of a command that changes nothing, asked again while nobody answers.

        Raises:
            Unanswered: The controller does not answer.
            UnknownJob: It knows no such job.
            PlatformError: The command is missing or failed.
        """
        deadline = time.monotonic() + self._patience_s
        while True:
            try:
                return self.tell(*command)
            except Unanswered:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_PAUSE_S)

    def tell(self, *command: str, environment: Mapping[str, str] | None = None) -> str:
        """Output of a command that may change something, run once.

        Args:
            command: Program and arguments.
            environment: Variables to be added.

        Raises:
            Unanswered: The controller does not answer; whether the command took effect is unknown.
            UnknownJob: It knows no such job.
            PlatformError: The command is missing or failed.
        """
        try:
            done = subprocess.run(
                command,
                env={**self._environment, **(environment or {})},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_S,
                check=False,
            )
        except FileNotFoundError as error:
            raise PlatformError(
                f"{command[0]}: no such command on PATH; SLURM's commands are needed here. Work on "
                "a login node of the cluster, or load its module."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise _unanswered(f"{command[0]} said nothing for {_TIMEOUT_S:g} s") from error
        if done.returncode:
            raise _explain(command, done.stderr.strip() or done.stdout.strip(), done.returncode)
        return done.stdout


def read_fields(line: str, names: Sequence[str]) -> dict[str, str]:
    """Some of the `Key=value` fields of a line that `scontrol --oneliner` prints.

    Values that scontrol leaves open, such as `(null)`, are left out.
    """
    found = {}
    for name in names:
        match = re.search(rf"(?:^|\s){re.escape(name)}=(\S*)", line)
        if match and match[1] not in {"", "(null)", "None", "N/A", "Unknown"}:
            found[name] = match[1]
    return found


def read_time(text: str | None) -> float | None:
    """Seconds since the epoch; None where SLURM tells no time."""
    return float(text) if text and text.isdecimal() and int(text) else None


def read_tail(path: Path, most_bytes: int) -> str:
    """The last part of a file's text, from the beginning of a line; empty without the file."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - most_bytes))
            content = file.read()
    except FileNotFoundError:
        return ""
    text = content.decode(errors="replace")
    return text if size <= most_bytes else text.partition("\n")[2]


def _explain(command: Sequence[str], said: str, code: int) -> PlatformError:
    line = "; ".join(_clean(one) for one in said.splitlines() if one.strip())
    if any(sign in said for sign in _SILENT):
        return _unanswered(line)
    if any(sign in said for sign in _UNKNOWN_JOB):
        return UnknownJob(line)
    told = line or f"no message, exit status {code}"
    return PlatformError(
        f"{command[0]} failed: {told}. Whether SLURM itself works is shown by 'scontrol ping' and "
        "'sinfo'."
    )


def _clean(line: str) -> str:
    return re.sub(r"^\w+: (?:error|fatal): ", "", line.strip())


def _unanswered(said: str) -> PlatformError:
    return Unanswered(
        f"SLURM's controller does not answer ({said}). Jobs go on meanwhile; see whether it is up "
        "with 'scontrol ping', then ask again."
    )
