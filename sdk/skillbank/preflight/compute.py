"""Whether the shape of the machine fits the job: GPUs, their memory, memory for the data."""

from __future__ import annotations

from collections.abc import Iterator

from skillbank.platforms.inspection import Check, CheckState, Resources
from skillbank.preflight.data import data_bytes, show_bytes
from skillbank.preflight.subject import Subject

NAME = "compute"
_CPU_BUILD = "+cpu"


def check_compute(subject: Subject) -> Iterator[Check]:
    """GPUs asked for against those there, what the skill recommends, and room for the data."""
    if subject.platform is None:
        return
    resources = subject.platform.resources()
    if resources is None:
        yield Check(NAME, CheckState.SKIPPED, "the platform does not tell what one job can get")
        return
    yield _check_gpus(subject, resources)
    yield _check_memory(subject, resources)


def show_resources(resources: Resources) -> str:
    """What there is, in a row."""
    memory = show_bytes(resources.memory_bytes)
    names = [f"{gpu.name} {_memory(gpu.memory_bytes)}".rstrip() for gpu in resources.gpus]
    gpus = ", ".join(names) or "no GPU"
    return f"{resources.cpus} CPU cores, {memory} of memory, {gpus}"


def _check_gpus(subject: Subject, resources: Resources) -> Check:
    hardware = subject.skill.info.hardware
    there, asked = len(resources.gpus), _asked(subject)
    if hardware.min_gpus > there:
        return _told(CheckState.FAIL, f"{there} GPUs are there", f"at least {hardware.min_gpus}")
    if asked > max(there, 1):
        fix = f"--set {subject.action}.num_gpus={max(there, 1)}"
        return _told(CheckState.FAIL, f"{there} GPUs are there", f"the {asked} asked for", fix)
    further = hardware.model_extra or {}
    if not there or not asked:
        note = f"; the skill says of CPUs: {further['cpu']}" if "cpu" in further else ""
        found = f"runs on the CPU, {resources.cpus} cores{note}"
        recommended = int(further.get("recommended_gpus") or 0)
        if recommended and not note:
            return _told(CheckState.WARN, found, f"{recommended} GPUs are recommended")
        return _told(CheckState.PASS, found)
    return _check_gpu_memory(subject, resources, asked)


def _check_gpu_memory(subject: Subject, resources: Resources, asked: int) -> Check:
    wanted_gb = float((subject.skill.info.hardware.model_extra or {}).get("gpu_memory_gb") or 0)
    gpus = ", ".join(f"{gpu.name} {_memory(gpu.memory_bytes)}".rstrip() for gpu in resources.gpus)
    found = f"{asked} of {len(resources.gpus)} GPUs: {gpus}"
    small = [g for g in resources.gpus if 0 < g.memory_bytes < wanted_gb * 1e9]
    if small:
        fix = "use a smaller batch size"
        return _told(CheckState.WARN, found, f"{wanted_gb:g} GB of GPU memory", fix)
    versions = subject.platform.installed(["torch"]) if subject.platform else None
    if (versions or {}).get("torch", "").endswith(_CPU_BUILD):
        expected = "a build for CUDA: this one computes on the CPU"
        return _told(CheckState.WARN, f"{found}; torch is a CPU build", expected)
    return _told(CheckState.PASS, found)


def _check_memory(subject: Subject, resources: Resources) -> Check:
    size = data_bytes(subject)
    available = show_bytes(resources.available_bytes)
    found = f"{available} of memory are free"
    found += f", the data are {show_bytes(size)}" if size else ""
    if size > resources.available_bytes:
        expected = "room for the data, where they are read as a whole"
        return Check(NAME, CheckState.WARN, found, expected, about="memory")
    return Check(NAME, CheckState.PASS, found, about="memory")


def _asked(subject: Subject) -> int:
    """GPUs that the job would hold, or, where it could not be planned, that were asked for."""
    if subject.shape is not None:
        return subject.shape.num_gpus
    value = subject.draft.value(f"{subject.action}.num_gpus")
    return value if type(value) is int else 0


def _told(state: CheckState, found: str, expected: str = "", fix: str = "") -> Check:
    return Check(NAME, state, found, expected, fix, "gpus")


def _memory(size_bytes: int) -> str:
    return show_bytes(size_bytes) if size_bytes else ""
