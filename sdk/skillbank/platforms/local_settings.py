"""What a job may say about how it is run on this machine."""

from __future__ import annotations

import os

from pydantic import Field

from skillbank.errors import PlatformError
from skillbank.platforms.memory import read_memory, show_bytes
from skillbank.run_settings import RunSettings


class LocalSettings(RunSettings):
    """Resources of a job on this machine.

    `cpus` is the number of threads that its libraries use; `memory` is what must be free before it
    starts, and what others then leave to it. Neither is enforced while it runs.
    """

    max_parallel: int | None = Field(
        default=None, ge=1, description="The job starts only while fewer jobs of its root run."
    )


def check_local_settings(settings: LocalSettings, name: str) -> None:
    """Refuse what this machine will never have.

    Args:
        settings: Of one job.
        name: Name of the platform, for the message.

    Raises:
        PlatformError: It asks for more memory or cores than there are.
    """
    problems = []
    cores = len(os.sched_getaffinity(0))
    if settings.cpus is not None and settings.cpus > cores:
        problems.append(f"cpus: found {settings.cpus}, expected at most {cores}, as there are")
    wanted = settings.memory_bytes or 0
    if wanted and wanted > (total := read_memory().total_bytes):
        found, there = show_bytes(wanted), show_bytes(total)
        problems.append(f"memory: found {found}, expected at most {there}, as there is")
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise PlatformError(f"resources of platform {name!r} cannot be had:\n{listed}")
