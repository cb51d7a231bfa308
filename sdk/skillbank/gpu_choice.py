"""Settle how many GPUs a job gets, and which; and on how many machines."""

from __future__ import annotations

from skillbank.spec import SpecDraft
from skillbank.spec_keys import find_path


def choose_gpus(draft: SpecDraft, available: int) -> int:
    """Number of GPUs that the job holds; 0 on the CPU.

    `num_gpus` and `gpu_ids` of the action's section are made to agree: where they differ, the
    larger number wins. The default of one GPU falls back to the CPU where there is none.

    Args:
        draft: The spec; what it asks for in vain becomes a problem.
        available: GPUs that one job can get here.
    """
    least = draft.skill.info.hardware.min_gpus
    if least > available:
        draft.problems.append(
            f"{draft.skill.name} needs at least {least} GPUs, there are {available}; choose "
            "another platform."
        )
    _note_other_sections(draft)
    single, count, ids = (f"{draft.action}.{name}" for name in ("gpu_id", "num_gpus", "gpu_ids"))
    if find_path(draft.schema, single):
        wanted = [draft.value(single)]
        named = single
    elif find_path(draft.schema, count):
        wanted = _agree(draft, count, ids)
        named = ids if ids in draft.given or not find_path(draft.schema, count) else count
    else:
        return 0
    if not all(type(index) is int for index in wanted):
        return 0  # the schema check tells what is wrong
    return _hold(draft, wanted, named, available)


def check_nodes(draft: SpecDraft, platform: str, *, can_span_machines: bool) -> None:
    """Refuse several machines where a job runs on one.

    Args:
        draft: The spec; what it asks for in vain becomes a problem.
        platform: Name of the platform.
        can_span_machines: Whether one job can run on several of its machines.
    """
    key = f"{draft.action}.num_nodes"
    number = draft.value(key)
    if not can_span_machines and type(number) is int and number > 1:
        draft.problems.append(
            f"{key}: {number} machines were asked for, a job of the platform {platform!r} runs on "
            "one; use 1, or choose a platform that spans machines, such as slurm."
        )


def _hold(draft: SpecDraft, wanted: list[int], named: str, available: int) -> int:
    if available == 0 and wanted in ([], [0]):
        draft.notes.append("no GPU is there: the job runs on the CPU.")
        return 0
    there = f"GPU {', '.join(map(str, range(available)))}" if available else "none"
    verb = "is" if available == 1 else "are"
    bad = [index for index in wanted if not 0 <= index < available]
    if len(set(wanted)) < len(wanted):
        draft.problems.append(f"{named}: {wanted!r} names a GPU twice; name each once.")
    elif len(wanted) > max(available, 1):
        draft.problems.append(
            f"{named}: {len(wanted)} GPUs were asked for, {available or 'none'} "
            f"{verb} there; ask for fewer, or choose another platform."
        )
    elif bad:
        draft.problems.append(f"{named}: there is no GPU {bad[0]}; there {verb} {there}.")
    return len(wanted) if available else 0


def _note_other_sections(draft: SpecDraft) -> None:
    """Say it when the caller asks for GPUs in a section that the action does not read."""
    for key, origin in draft.given.items():
        section, _, name = key.rpartition(".")
        if name in {"num_gpus", "gpu_ids"} and section != draft.action and origin != "spec file":
            draft.notes.append(
                f"{key} ({origin}) has no effect on {draft.action}; set {draft.action}.{name}."
            )


def _agree(draft: SpecDraft, count: str, ids: str) -> list[int]:
    """GPU indices wanted; the key that the caller did not give follows the other."""
    number, indices = draft.value(count), draft.value(ids)
    if type(number) is not int or not isinstance(indices, list):
        return list(range(number)) if type(number) is int else [0]
    if ids in draft.given and count in draft.given and number != len(indices):
        draft.notes.append(
            f"{count} is {number} and {ids} is {indices!r}: the larger number wins, "
            f"{max(number, len(indices))} GPUs."
        )
    if ids in draft.given and (count not in draft.given or len(indices) > number):
        number = max(1, len(indices))
        draft.set(count, number, f"follows {ids}")
    if len(indices) < number:
        unused = [index for index in range(number + len(indices)) if index not in indices]
        indices = [*indices, *unused[: number - len(indices)]]
        draft.set(ids, indices, f"follows {count}")
    elif len(indices) > number:
        indices = indices[:number]
        draft.set(ids, indices, f"follows {count}")
    return indices
