"""Get a container to run, whatever an earlier submitter left behind; and clear up after those."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skillbank.errors import PlatformError
from skillbank.platforms.attempt import AttemptFolder
from skillbank.platforms.docker.container import (
    LABEL_ATTEMPT,
    LABEL_FOLDER,
    LABEL_KEEP,
    LABEL_ROOT,
)
from skillbank.platforms.docker.daemon import Daemon, NameTaken, message_of
from skillbank.platforms.docker.settings import DockerSettings
from skillbank.platforms.docker.sight import NEVER_STARTED


def provide_image(daemon: Daemon, settings: DockerSettings) -> None:
    """Have the image there, fetched where the settings say so.

    Raises:
        PlatformError: It is not there and cannot be had.
    """
    is_there = daemon.has_image(settings.image)
    if settings.pull == "always" or (settings.pull == "missing" and not is_there):
        daemon.pull(settings.image)
    elif not is_there:
        raise PlatformError(
            f"the daemon at {daemon.address} has no image {settings.image!r}, and 'pull: never' "
            f"keeps it from being fetched; make it with '{build_command(settings.image)}'."
        )


def build_command(image: str) -> str:
    """What makes an image of our own."""
    return f"docker build -f docker/Dockerfile -t {image} ."


def run_container(
    daemon: Daemon, name: str, content: dict[str, Any], variables: dict[str, str]
) -> str:
    """Make and start a container; one of that name and job is taken as it is. Its id.

    Args:
        daemon: Where.
        name: Its name.
        content: What it is.
        variables: What it is told through standard input when it starts.

    Raises:
        PlatformError: The daemon refuses it, or the name is somebody else's; nothing is left.
    """
    try:
        container = daemon.create(name, content)
    except NameTaken:
        found = _take_over(daemon, name, content["Labels"])
        container = str(found["Id"])
        if found["State"]["Status"] not in NEVER_STARTED:
            return container
    try:
        daemon.start(container, message_of(variables))
    except PlatformError:
        daemon.remove(container, is_running_too=True)
        raise
    return container


def sweep(daemon: Daemon, root: str) -> None:
    """Remove containers of a root that ended after anybody last asked for them, but kept ones.

    Args:
        daemon: Where.
        root: Label of the root.
    """
    for found in daemon.labelled(f"{LABEL_ROOT}={root}", "exited"):
        labels = found["Labels"]
        folder = AttemptFolder(Path(labels[LABEL_FOLDER]), int(labels[LABEL_ATTEMPT]))
        is_done = folder.ending() is not None or not folder.path.is_dir()
        if is_done and LABEL_KEEP not in labels:
            daemon.remove(found["Id"])


def _take_over(daemon: Daemon, name: str, labels: dict[str, str]) -> dict[str, Any]:
    """The container that an earlier submitter of the same attempt made before it died."""
    found = daemon.inspect(name)
    theirs = found["Config"]["Labels"] or {}
    if theirs.get(LABEL_FOLDER) != labels[LABEL_FOLDER]:
        raise PlatformError(
            f"a container named {name} is there, and it is not of {labels[LABEL_FOLDER]}; remove "
            f"it with 'docker rm {name}'."
        )
    return found
