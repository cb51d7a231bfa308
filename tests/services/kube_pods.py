"""Pods as processes of this machine: what a kubelet does for a container, without the container.

The image is ignored, `python` is this Python, and volumes of the pod's own (`emptyDir`) are folders
here: paths below them are rewritten in arguments and variables.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil

INTERRUPTED_ONCE = """
import pathlib, sys, time
runs = pathlib.Path(sys.argv[1], "runs")
with runs.open("a") as file:
    file.write("run\\n")
if len(runs.read_text().split()) == 1:
    pathlib.Path(sys.argv[1], "running").touch()
    time.sleep(600)
"""
"""A job that waits to be interrupted in its first run and completes in the next; counts both."""

Pod = Mapping[str, Any]
Secrets = Callable[[str, str], str]
"""Secret and key -> value; KeyError where there is none."""

_PASSED_ON = ("PATH", "LANG", "LD_LIBRARY_PATH", "COVERAGE_PROCESS_START")


class PodProcess:
    """The one container of a pod.

    Args:
        pod: The pod, as the API shows it.
        folder: Where its log and its own volumes go.
        secrets: What the pod's references to Secrets lead to.

    Raises:
        KeyError: A Secret, or a key of one, is not there.
    """

    def __init__(self, pod: Pod, folder: Path, secrets: Secrets) -> None:
        container = pod["spec"]["containers"][0]
        self._volumes = dict(_make_volumes(pod, folder))
        self.log = folder / "log"
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        for variable in container.get("env") or ():
            environment[variable["name"]] = self._value_of(variable, secrets)
        words = [self._rewrite(word) for word in (*container["command"], *container["args"])]
        words[0] = sys.executable if words[0] == "python" else words[0]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                words,
                env=environment,
                cwd=self._volumes.get(container.get("workingDir"), folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._killer: threading.Timer | None = None

    def exit_code(self) -> int | None:
        """What it ended with, as a container tells it; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        if self._killer is not None:
            self._killer.cancel()
        return 128 - code if code < 0 else code

    def stop(self, grace_s: float) -> None:
        """Ask it to end, and kill it when it has not after a time; returns at once."""
        if self._killer is None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._killer = threading.Timer(grace_s, self.kill)
            self._killer.daemon = True
            self._killer.start()

    def kill(self) -> None:
        """End it and all that it started at once, as the end of a container does."""
        if self._killer is not None:
            self._killer.cancel()
        try:
            family = [*psutil.Process(self._process.pid).children(recursive=True)]
        except psutil.NoSuchProcess:
            family = []
        self._process.kill()
        for process in family:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        self._process.wait()

    def _value_of(self, variable: Mapping[str, Any], secrets: Secrets) -> str:
        if "valueFrom" in variable:
            reference = variable["valueFrom"]["secretKeyRef"]
            return secrets(reference["name"], reference["key"])
        return self._rewrite(variable.get("value", ""))

    def _rewrite(self, text: str) -> str:
        for mount, folder in self._volumes.items():
            if text == mount or text.startswith(f"{mount}/"):
                return f"{folder}{text[len(mount) :]}"
        return text.replace("$$(", "$(")


def _make_volumes(pod: Pod, folder: Path) -> Iterator[tuple[str, Path]]:
    """Folders for the volumes that begin empty: where the pod sees them -> where they are."""
    empty = {one["name"] for one in pod["spec"].get("volumes") or () if "emptyDir" in one}
    for mount in pod["spec"]["containers"][0].get("volumeMounts") or ():
        if mount["name"] in empty and not mount["mountPath"].startswith("/dev/"):
            place = folder / mount["name"]
            place.mkdir(parents=True, exist_ok=True)
            yield mount["mountPath"], place
    folder.mkdir(parents=True, exist_ok=True)
