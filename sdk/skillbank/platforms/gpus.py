"""Which GPUs of this machine a job may be given."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

_DRIVER_FOLDER = Path("/proc/driver/nvidia/gpus")
_QUERY_TIMEOUT_S = 30


def visible_gpus(cuda_visible_devices: str | None) -> tuple[str, ...]:
    """Names under which CUDA knows the GPUs that may be used.

    Args:
        cuda_visible_devices: The variable of that name; None where it is not set.
    """
    num_gpus = count_gpus()
    if cuda_visible_devices is None:
        return tuple(str(index) for index in range(num_gpus))
    return narrow_gpus(num_gpus, cuda_visible_devices)


def count_gpus(driver_folder: Path = _DRIVER_FOLDER) -> int:
    """How many GPUs the NVIDIA driver shows, without loading CUDA."""
    if driver_folder.is_dir():
        return sum(1 for _ in driver_folder.iterdir())
    # Some containers, and WSL, show the devices to nvidia-smi only.
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    try:
        listing = subprocess.run(
            [program, "-L"], capture_output=True, text=True, timeout=_QUERY_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in listing.stdout.splitlines())


def narrow_gpus(num_gpus: int, cuda_visible_devices: str) -> tuple[str, ...]:
    """The GPUs that are left by CUDA_VISIBLE_DEVICES, read as CUDA reads it.

    The list ends before the first entry that names no GPU, and so does CUDA's.
    """
    names: list[str] = []
    for entry in (part.strip() for part in cuda_visible_devices.split(",")):
        is_index = entry.isdecimal() and int(entry) < num_gpus
        is_uuid = num_gpus > 0 and entry.startswith(("GPU-", "MIG-"))
        if not (is_index or is_uuid) or entry in names:
            break
        names.append(entry)
    return tuple(names)
