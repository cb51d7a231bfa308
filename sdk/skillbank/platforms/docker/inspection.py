"""Checks of a Docker or Podman daemon before a job is sent to it; nothing is started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from skillbank.errors import PlatformError
from skillbank.platforms.docker.daemon import Daemon
from skillbank.platforms.docker.launching import build_command
from skillbank.platforms.docker.settings import DockerSettings
from skillbank.platforms.inspection import Check, CheckState, Needs
from skillbank.platforms.machine import nearest_folder

_TOOLKIT = (
    "install the NVIDIA Container Toolkit, then run 'sudo nvidia-ctk runtime configure "
    "--runtime=docker' and 'sudo systemctl restart docker'"
)


def inspect_daemon(
    reach: Callable[[], Daemon], settings: DockerSettings, root: Path, needs: Needs
) -> tuple[Check, ...]:
    """Whether a daemon answers, has the image, sees the root folder, and can hand out GPUs.

    Args:
        reach: Gives the daemon.
        settings: What config.yaml says.
        root: Root folder of the jobs.
        needs: What the jobs of a launch need.
    """
    try:
        daemon = reach()
        found = f"{daemon.product} answers at {daemon.address}"
    except PlatformError as error:
        told, _, fix = str(error).partition("; ")
        return (Check("daemon", CheckState.FAIL, told, "a daemon that answers", fix),)
    checks = [Check("daemon", CheckState.PASS, found)]
    has_image = daemon.has_image(settings.image)
    checks.append(_check_image(settings, has_image=has_image))
    if has_image:
        checks.append(_check_mount(daemon, settings, root))
    if needs.num_gpus:
        checks += _check_gpus(daemon, settings)
    return tuple(checks)


def _check_image(settings: DockerSettings, *, has_image: bool) -> Check:
    if has_image:
        return Check("image", CheckState.PASS, f"{settings.image} is there")
    found = f"{settings.image} is not there"
    build = build_command(settings.image)
    if settings.pull == "never":
        return Check("image", CheckState.FAIL, found, "an image: 'pull: never' is set", build)
    expected = "an image, or a registry that has it: the first job fetches it"
    return Check("image", CheckState.WARN, found, expected, build)


def _check_mount(daemon: Daemon, settings: DockerSettings, root: Path) -> Check:
    """Make a container with the root folder and remove it: the daemon looks for the folder then."""
    folder = str(nearest_folder(root))
    mount = {"Type": "bind", "Source": folder, "Target": folder, "ReadOnly": True}
    content = {"Image": settings.image, "Cmd": ["true"], "HostConfig": {"Mounts": [mount]}}
    try:
        daemon.remove(daemon.create("", content))
    except PlatformError as error:
        expected = "a daemon on this machine, or one that shares its files"
        return Check("mount", CheckState.FAIL, str(error), expected, "unset DOCKER_HOST")
    return Check("mount", CheckState.PASS, f"the daemon sees {folder}")


def _check_gpus(daemon: Daemon, settings: DockerSettings) -> Iterator[Check]:
    if daemon.is_podman:
        yield Check(
            "gpus",
            CheckState.FAIL,
            "Podman's Docker socket ignores requests for GPUs",
            "dockerd with the NVIDIA Container Toolkit",
            "use 'platform: local', or Docker",
        )
        return
    runtimes = sorted(daemon.info.get("Runtimes") or {})
    if settings.runtime and settings.runtime not in runtimes:
        found = f"runtimes of the daemon: {', '.join(runtimes)}"
        yield Check("gpus", CheckState.FAIL, found, f"the runtime {settings.runtime!r}", _TOOLKIT)
    elif not any("nvidia" in name for name in runtimes):
        found = f"no NVIDIA runtime among the daemon's: {', '.join(runtimes)}"
        yield Check("gpus", CheckState.WARN, found, "the NVIDIA Container Toolkit", _TOOLKIT)
    else:
        yield Check("gpus", CheckState.PASS, "the daemon has the NVIDIA runtime")
