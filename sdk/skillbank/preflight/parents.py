"""Whether the parent of a job is complete, may be one, and left what the job needs."""

from __future__ import annotations

from collections.abc import Iterator

from skillbank.artefacts import ArtefactKind
from skillbank.checkpoints import list_artefacts
from skillbank.errors import SkillbankError
from skillbank.inference import kind_of
from skillbank.job import Job, JobState
from skillbank.platforms.inspection import Check, CheckState
from skillbank.preflight.subject import Subject
from skillbank.workflows.rehearsal import FutureParent

NAME = "parent"


def check_parent(subject: Subject) -> Iterator[Check]:
    """One check of the job, one of the artefact that is taken from it."""
    if subject.earlier is not None:
        yield _check_step(subject, subject.earlier)
    elif subject.parent is not None:
        yield from _check_job(subject, subject.parent)
    elif subject.lost_parent:
        fix = "skillbank jobs --state COMPLETE" if subject.request.parent_job_id else ""
        yield _failed(subject.lost_parent, "a parent that is or will be COMPLETE", fix)
    else:
        yield Check(NAME, CheckState.PASS, "builds on no other job")


def _check_job(subject: Subject, job: Job) -> Iterator[Check]:
    about = f"job {job.id} is {job.skill} {job.action}, {job.state}"
    allowed = subject.skill.info.actions[subject.action].parents
    if job.skill != subject.skill.name and _arch(subject, job) != subject.skill.info.network_arch:
        expected = f"a job of {subject.skill.name}"
        yield _failed(about, expected, f"skillbank jobs --skill {subject.skill.name}")
        return
    if allowed is not None and job.action not in allowed:
        expected = f"a job of {' or '.join(allowed)}" if allowed else "none: leave --parent out"
        yield _failed(about, expected, f"skillbank jobs --skill {subject.skill.name}")
        return
    if job.state is not JobState.COMPLETE:
        verb = "resume" if job.state.can_resume else "wait"
        yield _failed(about, "a COMPLETE job", f"skillbank {verb} {job.id}")
        return
    yield Check(NAME, CheckState.PASS, about)
    yield from _check_artefacts(subject, job)


def _check_artefacts(subject: Subject, job: Job) -> Iterator[Check]:
    inputs = subject.skill.info.actions[subject.action].inputs
    for key in subject.parent_keys:
        if subject.draft.value(key):
            continue
        kind = _kind_of(subject, key)
        try:
            reason = subject.client.resolve(job.id, subject.request.checkpoint, kind).reason
        except SkillbankError as error:
            left = {entry.kind for entry in list_artefacts(job.results)}
            is_met = not left.isdisjoint(_choices(subject, key) - {kind})
            if key in inputs and not inputs[key].optional and not is_met:
                fix = f"skillbank resolve {job.id} --explain"
                yield Check(NAME, CheckState.FAIL, str(error), f"a {kind}", fix, key)
        else:
            yield Check(NAME, CheckState.PASS, reason, about=key)


def _check_step(subject: Subject, earlier: FutureParent) -> Check:
    """Whether an earlier step of the same workflow will be a parent that fits."""
    action = earlier.plan.action
    about = f"will be the job of {earlier.name}, {earlier.skill.name} {action}"
    allowed = subject.skill.info.actions[subject.action].parents
    if earlier.skill.info.network_arch != subject.skill.info.network_arch:
        return _failed(about, f"a step of {subject.skill.name}")
    if allowed is not None and action not in allowed:
        return _failed(about, f"a step of {' or '.join(allowed)}" if allowed else "no parent")
    outputs = earlier.skill.info.actions[action].outputs.values()
    kinds = sorted({output.kind.value for output in outputs})
    missing = [key for key in _keys_needed(subject) if _choices(subject, key).isdisjoint(kinds)]
    if missing:
        wanted = _kind_of(subject, missing[0])
        return _failed(f"{about}, which leaves {', '.join(kinds)}", f"a {wanted}")
    return Check(NAME, CheckState.PASS, about)


def _keys_needed(subject: Subject) -> list[str]:
    """Keys that the job cannot do without and that only a parent fills."""
    inputs = subject.skill.info.actions[subject.action].inputs
    required = [key for key in subject.parent_keys if key in inputs and not inputs[key].optional]
    return [
        key for key in required if not any(map(subject.draft.value, (key, *inputs[key].unless)))
    ]


def _choices(subject: Subject, key: str) -> set[ArtefactKind]:
    """Kinds of artefact of which one is enough: the key's own, and those that stand for it."""
    wanted = subject.skill.info.actions[subject.action].inputs.get(key)
    others = [each for each in (wanted.unless if wanted else ()) if each in subject.parent_keys]
    return {_kind_of(subject, each) for each in (key, *others)}


def _kind_of(subject: Subject, key: str) -> ArtefactKind:
    wanted = subject.skill.info.actions[subject.action].inputs.get(key)
    return kind_of(key, wanted.type if wanted else None)


def _arch(subject: Subject, job: Job) -> str:
    """Network of a job's skill; a skill that is gone has none."""
    if job.skill not in subject.client.bank:
        return ""
    return subject.client.bank[job.skill].info.network_arch


def _failed(found: str, expected: str, fix: str = "") -> Check:
    return Check(NAME, CheckState.FAIL, found, expected, fix)
