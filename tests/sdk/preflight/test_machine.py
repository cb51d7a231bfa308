"""What this machine says of itself, and how its root folder is looked at."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from skillbank.locks import take_lock
from skillbank.platforms.inspection import Check, CheckState, FileKind, Gpu, Needs
from skillbank.platforms.local import LocalPlatform
from skillbank.platforms.machine import (
    file_system_of,
    installed_versions,
    look_at_path,
    machine_resources,
    nearest_folder,
    probe_folder,
    read_gpu_table,
)


def check(platform: LocalPlatform, name: str, needs: Needs = Needs()) -> Check:  # noqa: B008 - frozen
    return next(check for check in platform.inspect(needs) if check.name == name)


def test_a_root_that_does_not_exist_is_looked_for_above_and_not_made(tmp_path: Path) -> None:
    root = tmp_path / "a" / "b"

    found = check(LocalPlatform(root, gpus=()), "root")

    assert found.state is CheckState.PASS
    assert f"to be made in {tmp_path}" in found.found
    assert not list(tmp_path.iterdir())


def test_a_root_that_is_a_file_fails_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "root").touch()

    found = check(LocalPlatform(tmp_path / "root", gpus=()), "root")

    assert (found.state, found.fix) == (CheckState.FAIL, "export SKILLBANK_HOME=FOLDER")


def test_a_root_that_cannot_be_written_fails_and_disk_space_is_told_all_the_same() -> None:
    platform = LocalPlatform(Path("/proc/sys"), gpus=())

    assert check(platform, "root").state is CheckState.FAIL
    assert "cannot be written" in check(platform, "root").found
    assert check(platform, "disk").found


@pytest.mark.parametrize(
    ("least", "most", "state"),
    [(0, 1e-6, CheckState.PASS), (0.1, 1.1, CheckState.WARN), (1.1, 1.1, CheckState.FAIL)],
)
def test_disk_space_is_held_against_what_the_job_needs(tmp_path: Path, least, most, state) -> None:
    usage = os.statvfs(tmp_path)
    free = usage.f_bavail * usage.f_frsize
    needs = Needs(0, int(free * most), int(free * least), "as job x wrote")

    found = check(LocalPlatform(tmp_path, gpus=()), "disk", needs)

    assert found.state is state
    assert "as job x wrote" in found.found


def test_a_disk_that_is_nearly_full_is_told_in_megabytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = SimpleNamespace(total=10**9, used=10**9 - 20_000_000, free=20_000_000)
    monkeypatch.setattr("skillbank.platforms.local_inspection.shutil.disk_usage", lambda _: full)

    found = check(LocalPlatform(tmp_path, gpus=()), "disk")

    assert (found.state, found.found) == (CheckState.FAIL, f"20 MB are free below {tmp_path}")
    assert found.expected == "at least 256 MB"


def test_places_that_others_hold_are_not_free(tmp_path: Path) -> None:
    platform = LocalPlatform(tmp_path, gpus=(), num_slots=2)
    (tmp_path / "slots").mkdir()
    first, second = (tmp_path / "slots" / f"slot-{index}.lock" for index in (0, 1))
    held = [take_lock(first)]
    one_free = check(platform, "places")
    held.append(take_lock(second))
    none_free = check(platform, "places")
    for lock in held:
        assert lock is not None
        os.close(lock)

    assert (one_free.state, one_free.found) == (CheckState.PASS, "1 of 2 CPU slots are free")
    assert (none_free.state, none_free.fix) == (
        CheckState.WARN,
        "export SKILLBANK_LOCAL_SLOTS=3",
    )
    assert "waits" in none_free.expected


def test_a_job_on_gpus_asks_for_gpus_and_not_for_slots(tmp_path: Path) -> None:
    platform = LocalPlatform(tmp_path, gpus=("0", "1"))

    assert check(platform, "places", Needs(2)).found == "2 of 2 GPUs are free"
    assert check(platform, "places", Needs(3)).state is CheckState.FAIL


def test_a_probe_leaves_nothing_and_finds_that_locks_hold(tmp_path: Path) -> None:
    assert probe_folder(tmp_path) == ""
    assert not list(tmp_path.iterdir())


def test_the_nearest_folder_is_the_one_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert nearest_folder(tmp_path) == tmp_path
    assert nearest_folder(tmp_path / "file" / "x") == tmp_path


def test_the_file_system_of_a_local_folder_is_no_remote_one(tmp_path: Path) -> None:
    kind, is_remote = file_system_of(tmp_path)

    assert kind
    assert not is_remote


def test_gpus_are_known_by_index_and_by_uuid() -> None:
    table = "0, GPU-aa, NVIDIA H100 80GB HBM3, 81559\n1, GPU-bb, NVIDIA GH200, [N/A]\n"

    gpus = read_gpu_table(table)

    assert gpus["0"] == gpus["GPU-aa"] == Gpu("NVIDIA H100 80GB HBM3", 81559 * 2**20)
    assert gpus["1"] == Gpu("NVIDIA GH200", 0)
    assert read_gpu_table("No devices were found\n") == {}


@pytest.mark.parametrize(
    ("script", "memory_bytes"),
    [("echo '0, GPU-aa, H100, 81559'", 81559 * 2**20), ("exit 9", 0), ("echo nonsense", 0)],
    ids=["driver", "broken driver", "another program"],
)
def test_the_driver_is_asked_for_names_and_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script, memory_bytes
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    (gpu,) = machine_resources(("GPU-aa",)).gpus

    assert gpu.memory_bytes == memory_bytes


def test_every_gpu_that_may_be_used_is_listed_also_where_the_driver_is_silent() -> None:
    assert len(machine_resources(("7", "GPU-none")).gpus) == 2
    assert machine_resources(()).gpus == ()


def test_versions_are_known_by_distribution_or_module_and_nothing_is_imported() -> None:
    found = installed_versions(["pytorch-lightning", "yaml", "no_such_module", "no-such-one"])

    assert found.keys() == {"pytorch-lightning", "yaml"}
    assert found["yaml"] == ""


def test_a_file_that_may_not_be_read_is_there(tmp_path: Path) -> None:
    path = tmp_path / "data.npy"
    path.write_bytes(b"x")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")

    facts = look_at_path(str(path))

    assert (facts.kind.value, facts.is_readable) == ("file", False)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    assert not look_at_path(str(tmp_path / "pipe")).is_readable


@pytest.mark.parametrize("name", ["**b.json", "x" * 300, "a\0b", "[", "none/*.json"])
def test_a_name_that_no_file_can_have_is_a_file_that_is_not_there(tmp_path: Path, name) -> None:
    assert look_at_path(str(tmp_path / name)).kind is FileKind.MISSING
