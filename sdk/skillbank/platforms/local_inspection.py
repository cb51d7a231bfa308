"""Checks of this machine as a platform: root folder, locks, disk space, places."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from skillbank.platforms.inspection import Check, CheckState, Needs
from skillbank.platforms.machine import file_system_of, nearest_folder, probe_folder
from skillbank.platforms.memory import show_bytes
from skillbank.platforms.slots import Places, list_holders

_LEAST_BYTES = 256 * 10**6  # a log, a spec and a checkpoint of a small network
_ROOMY_BYTES = 10**9
_OTHER_ROOT = "export SKILLBANK_HOME=FOLDER"


def inspect_root(root: Path, needs: Needs) -> Iterator[Check]:
    """Whether jobs can be kept below a root folder, which need not exist yet."""
    folder = nearest_folder(root)
    where = str(root) if folder == root else f"{root} (to be made in {folder})"
    if root.exists() and not root.is_dir():
        yield Check("root", CheckState.FAIL, f"{root} is a file", "a folder", _OTHER_ROOT)
        return
    try:
        weakness = probe_folder(folder)
    except OSError as error:
        yield Check(
            "root",
            CheckState.FAIL,
            f"{where} cannot be written: {error.strerror}",
            "a folder that can be written",
            _OTHER_ROOT,
        )
    else:
        yield Check("root", CheckState.PASS, f"{where} can be written")
        yield _check_locks(folder, weakness)
    yield _check_disk(folder, needs)


def inspect_places(folder: Path, gpus: Sequence[str], num_slots: int, num_gpus: int) -> Check:
    """Whether a job would start at once, or wait for others.

    Args:
        folder: Where the locks of the places lie.
        gpus: GPUs that jobs may get.
        num_slots: CPU jobs that run at once.
        num_gpus: GPUs that a job takes; 0: it takes a CPU slot.
    """
    if num_gpus:
        free, there, word = len(Places(folder, "gpu", gpus).list_free()), len(gpus), "GPUs"
    else:
        running = len(list_holders(folder, ("slot",)))
        free, there, word = max(0, num_slots - running), num_slots, "CPU slots"
    found = f"{free} of {there} {word} are free"
    wanted = num_gpus or 1
    if wanted > there:
        fix = "ask for fewer: --set num_gpus=N"
        return Check("places", CheckState.FAIL, found, f"at least {wanted}", fix)
    if wanted > free:
        expected = f"{wanted}; the job waits, QUEUED, until others end"
        more = "" if num_gpus else f"export SKILLBANK_LOCAL_SLOTS={num_slots + 1}"
        return Check("places", CheckState.WARN, found, expected, more)
    return Check("places", CheckState.PASS, found)


def _check_locks(folder: Path, weakness: str) -> Check:
    kind, is_remote = file_system_of(folder)
    named = f"{kind or 'its'} file system"
    if weakness:
        expected = "a file system whose locks hold, such as a local disk"
        return Check("locks", CheckState.FAIL, f"{named}: {weakness}", expected, _OTHER_ROOT)
    if is_remote:
        return Check(
            "locks",
            CheckState.WARN,
            f"{named}: locks work between processes of this machine",
            "a local disk: job records shared over a network can be damaged",
            _OTHER_ROOT,
        )
    return Check("locks", CheckState.PASS, f"{named}: locks work")


def _check_disk(folder: Path, needs: Needs) -> Check:
    usage = shutil.disk_usage(folder)
    if not usage.total:
        return Check("disk", CheckState.SKIPPED, f"{folder}: the file system tells no size")
    found = f"{show_bytes(usage.free)} are free below {folder}"
    if needs.disk_bytes:
        found += f"; up to {show_bytes(needs.disk_bytes)} are needed ({needs.disk_reason})"
    least = max(needs.least_bytes, _LEAST_BYTES)
    roomy = max(needs.disk_bytes, _ROOMY_BYTES)
    fix = f"remove folders of old jobs below {folder}, or {_OTHER_ROOT}"
    if usage.free < least:
        return Check("disk", CheckState.FAIL, found, f"at least {show_bytes(least)}", fix)
    if usage.free < roomy:
        return Check("disk", CheckState.WARN, found, f"at least {show_bytes(roomy)}", fix)
    return Check("disk", CheckState.PASS, found)
