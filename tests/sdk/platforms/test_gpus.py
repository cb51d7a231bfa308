"""Which GPUs a job may be given, as the driver and CUDA_VISIBLE_DEVICES have it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from skillbank.platforms.gpus import count_gpus, narrow_gpus


def test_a_gpu_is_a_folder_of_the_driver(tmp_path: Path) -> None:
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / name).mkdir()

    assert count_gpus(tmp_path) == 2


@pytest.mark.parametrize(
    ("listing", "count"),
    [
        ("GPU 0: NVIDIA H100 (UUID: GPU-1)\nGPU 1: NVIDIA H100 (UUID: GPU-2)\n", 2),
        ("No devices were found\n", 0),
    ],
)
def test_without_the_drivers_folder_nvidia_smi_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listing: str, count: int
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nprintf '{listing}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert count_gpus(tmp_path / "none") == count


def test_without_driver_and_nvidia_smi_there_is_no_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert count_gpus(tmp_path / "none") == 0


@pytest.mark.parametrize(
    ("variable", "names"),
    [
        ("0,1", ("0", "1")),
        (" 3 , 1 ", ("3", "1")),
        ("", ()),
        ("-1", ()),
        ("0,-1,1", ("0",)),
        ("0,7,1", ("0",)),
        ("1,1", ("1",)),
        ("GPU-8f1a,MIG-77", ("GPU-8f1a", "MIG-77")),
        ("NoDevFiles", ()),
    ],
)
def test_cuda_visible_devices_is_read_as_cuda_reads_it(
    variable: str, names: tuple[str, ...]
) -> None:
    assert narrow_gpus(4, variable) == names


def test_a_uuid_on_a_machine_without_gpus_names_nothing() -> None:
    assert narrow_gpus(0, "GPU-8f1a") == ()
