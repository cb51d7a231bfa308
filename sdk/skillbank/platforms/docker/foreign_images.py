"""Jobs in images that are not ours, such as TAO's: they have their own command, and no skillbank.

The wrapper stays outside: the job is a process of this machine, with a supervisor and a place in
the queue as any other, and that process runs the container, passes its signals on and prints what
it prints: `python -m skillbank.platforms.docker.foreign_images ROOT PLATFORM JOB ATTEMPT`.
"""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from skillbank.errors import PlatformError, RequestInvalid, SkillbankError
from skillbank.plan import JobPlan
from skillbank.platforms.docker.container import LABEL_FOLDER
from skillbank.platforms.docker.daemon import Daemon
from skillbank.platforms.docker.settings import DockerSettings
from skillbank.platforms.local_settings import LocalSettings
from skillbank.staging.order import needs_staging

_PLACE_FAILED_EXIT = 74
_STOPPED_EXIT = 143
_KILLED_EXIT = 137
_OF_THIS_MACHINE = {one.alias or name for name, one in LocalSettings.model_fields.items()}


class _Stopped(BaseException):
    """The job is to end."""


@dataclass(frozen=True)
class ForeignPlan(JobPlan):
    """A plan whose job is a container that this machine's process runs.

    Attributes:
        root: Root folder of the jobs.
        attempt: Number of the attempt.
    """

    root: Path = field(kw_only=True)
    attempt: int = field(kw_only=True)

    def command(self) -> list[str]:
        """Arguments of Python that run the container."""
        own = ["-m", "skillbank.platforms.docker.foreign_images"]
        return [*own, str(self.root), self.platform, str(self.folder), str(self.attempt)]


def foreign_plan(plan: JobPlan, root: Path, attempt: int) -> ForeignPlan:
    """The same job as a process of this machine, which runs the container."""
    own = {one.name: getattr(plan, one.name) for one in fields(JobPlan)}
    own["resources"] = local_resources(plan)
    return ForeignPlan(**own, root=root, attempt=attempt)


def local_resources(plan: JobPlan) -> dict[str, Any]:
    """Of a plan's resources, those that a process of this machine knows."""
    return {key: value for key, value in plan.resources.items() if key in _OF_THIS_MACHINE}


def check_foreign(plan: JobPlan, settings: DockerSettings, name: str) -> None:
    """Refuse what only our own images can do.

    Args:
        plan: The job.
        settings: How it runs.
        name: Name of the platform, for the message.

    Raises:
        PlatformError: The plan or the settings need it.
    """
    wants = {
        "read or write files in S3": needs_staging(plan),
        "pause after some epochs": plan.pause_after is not None,
        "get variables ('environment')": bool(settings.environment),
    }
    impossible = [what for what, is_wanted in wants.items() if is_wanted]
    if impossible:
        raise PlatformError(
            f"platform {name!r} runs the command of an image that is not skillbank's "
            f"('container_command'), whose jobs cannot {' or '.join(impossible)}; use a platform "
            "with an image of docker/Dockerfile."
        )


def foreign_command(template: str, plan: JobPlan) -> list[str]:
    """Program and arguments in the container.

    Args:
        template: Words in which `{network}`, `{action}`, `{spec}` and `{results}` are replaced.
        plan: The job.

    Raises:
        RequestInvalid: It names something else.
    """
    known = {
        "network": plan.network_arch,
        "action": plan.action,
        "spec": str(plan.folder / "spec.yaml"),
        "results": str(plan.results),
    }
    try:
        return [word.format_map(known) for word in shlex.split(template)]
    except (KeyError, ValueError, IndexError) as error:
        raise RequestInvalid(
            f"container_command: {template!r} cannot be filled ({error}); expected words with "
            "{network}, {action}, {spec} and {results}, such as '{network} {action} -e {spec} "
            "results_dir={results}'."
        ) from error


def foreign_content(content: Mapping[str, Any], command: list[str]) -> dict[str, Any]:
    """A container of ours with another command, started by whatever its image starts with."""
    ours = {"Entrypoint", "OpenStdin", "StdinOnce"}
    kept = {key: value for key, value in content.items() if key not in ours}
    return {**kept, "Cmd": command}


def run_foreign(daemon: Daemon, name: str, content: dict[str, Any], grace_s: float) -> int:
    """Run a container to its end, printing what it prints; its exit status.

    Args:
        daemon: Where.
        name: Name of the container.
        content: What it is.
        grace_s: Time between SIGTERM and SIGKILL, once this process was asked to stop.

    Raises:
        PlatformError: It cannot be started, or the daemon went away.
    """
    signal.signal(signal.SIGTERM, _raise_stopped)
    remove_containers(daemon, content["Labels"][LABEL_FOLDER])
    container = daemon.create(name, content)
    try:
        try:
            daemon.start(container)
            for part in daemon.follow(container):
                sys.stdout.buffer.write(part)
                sys.stdout.buffer.flush()
            return daemon.await_end(container, grace_s)
        except _Stopped:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            daemon.stop(container, grace_s)
            exit_code = daemon.await_end(container, grace_s)
            return _STOPPED_EXIT if exit_code == _KILLED_EXIT else exit_code
    finally:
        daemon.remove(container, is_running_too=True)


def remove_containers(daemon: Daemon, job_folder: str) -> None:
    """End and remove what an earlier process of a job left behind."""
    for found in daemon.labelled(f"{LABEL_FOLDER}={job_folder}"):
        daemon.remove(found["Id"], is_running_too=True)


def _raise_stopped(*_: object) -> None:
    raise _Stopped


def main(arguments: list[str]) -> int:
    """Run one attempt; its exit status.

    Args:
        arguments: Root folder, name of the platform, folder of the job, number of the attempt.
    """
    from skillbank.job_folder import read_plan
    from skillbank.platforms.docker import DockerPlatform
    from skillbank.platforms.registry import Platforms
    from skillbank.settings import read_settings

    root, name, folder, attempt = arguments
    try:
        platform = Platforms(Path(root))[name]
        if not isinstance(platform, DockerPlatform):
            raise RequestInvalid(f"platform {name!r} of {root} is no longer of the kind 'docker'.")
        plan = replace(read_plan(Path(folder)), folder=Path(folder))
        gpus = (read_settings().cuda_visible_devices or "").split(",")
        return platform.run_foreign(plan, int(attempt), tuple(gpu for gpu in gpus if gpu))
    except SkillbankError as error:
        sys.stderr.write(f"error: {error}\n")
        return _PLACE_FAILED_EXIT
    except _Stopped:
        return _STOPPED_EXIT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
