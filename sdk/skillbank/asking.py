"""From what a sentence was read as to what the client runs: jobs that are meant, by their ids."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from skillbank.checkpoints import Resolution
from skillbank.errors import CheckpointNotFound, JobNotFound
from skillbank.job import Job, JobState
from skillbank.request import JobRequest
from skillbank.route import SEARCHED_ACTION
from skillbank.words.answer import Answer, AskedStep, Command, Missing, Outcome, ParentRef
from skillbank.workflow_request import WorkflowRequest, WorkflowStep

_SEEN = 200  # newest jobs among which "the last training" is looked for
_LAST = "last"  # how a command names the newest job; `last:train` is the newest training
_OF_ONE_JOB = frozenset({"resume", "cancel", "status", "logs", "report", "resolve", "wait"})
# Numbers with the word on either side; not the marks of a list, and no part of a name or a date.
_NUMBER = re.compile(
    r"^[ \t]*\d+\.\s|\bstep \d+|"
    r"(?:\b[^\W\d]{1,30}[ \t]{1,3})?(?<![A-Za-z0-9_./:-])"
    r"(?P<number>[+-]?\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?)(?![A-Za-z0-9_)]|[-/.:][A-Za-z0-9])"
    r"(?:\s?%|[ \t]{1,3}[^\W\d]{1,30})?",
    re.MULTILINE,
)


class JobFinder:
    """Finds the jobs that a sentence means.

    Args:
        find: A job by its id, or the beginning of it.
        newest: The newest jobs, at most so many.
        resolve: Which checkpoint of a job a rule chooses.
    """

    def __init__(
        self,
        find: Callable[[str], Job],
        newest: Callable[[int], list[Job]],
        resolve: Callable[[str, str], Resolution],
    ) -> None:
        self._find, self._newest, self._resolve = find, newest, resolve
        self._absent: list[str] = []

    def skill_of(self, ref: ParentRef) -> str | None:
        """Skill of the job that is meant; None when there is none."""
        try:
            return self.job(ref).skill
        except JobNotFound as error:
            self._absent.append(str(error))
            return None

    def job(self, ref: ParentRef, skill: str | None = None) -> Job:
        """The job that is meant: by its id, or the newest complete one of an action.

        Args:
            ref: What the sentence says of it.
            skill: Skill that the newest one must be of; None: any.

        Raises:
            JobNotFound: There is none.
        """
        if ref.job is not None:
            return self._find(ref.job)
        for job in self._newest(_SEEN):
            is_of_skill = skill is None or job.skill == skill
            if job.action == ref.last and job.state is JobState.COMPLETE and is_of_skill:
                return job
        raise JobNotFound(
            f"there is no complete {ref.last} job{f' of {skill}' if skill else ''} yet; "
            "'skillbank jobs' lists what there is."
        )

    def settle(self, answer: Answer) -> Answer:
        """The answer with the jobs that it means, and as the steps that a workflow takes.

        Where a job, or its checkpoint, is not there, the answer is INCOMPLETE and says so.
        """
        if answer.outcome is Outcome.PLAN:
            return self._settle_steps(_with_unused(answer))
        if answer.outcome is Outcome.COMMAND and answer.command is not None:
            return self._settle_command(answer, answer.command)
        if answer.outcome is Outcome.AMBIGUOUS and self._absent:
            # The job would have told which skill is meant.
            return _lacking(answer, Missing(0, "parent", self._absent[0]))
        return answer

    def _settle_steps(self, answer: Answer) -> Answer:
        steps = []
        for index, step in enumerate(answer.steps):
            try:
                steps.append(self._step(step))
            except JobNotFound as error:
                return _lacking(answer, Missing(index, "parent", str(error)))
            except CheckpointNotFound as error:
                return _lacking(answer, Missing(index, "checkpoint", str(error)))
        mapping = WorkflowRequest(tuple(steps)).to_mapping()
        for step, content in zip(answer.steps, mapping["steps"], strict=True):
            if step.spec is not None:
                content["spec"] = step.spec  # read when it is planned: words alone open no file
        return replace(answer, workflow=mapping)

    def _step(self, step: AskedStep) -> WorkflowStep:
        """A step as it is requested.

        Raises:
            JobNotFound: Its parent is not there.
            CheckpointNotFound: It trains on from a job that left nothing.
        """
        ref = step.parent or ParentRef()
        parent = None if ref.step is not None or ref == ParentRef() else self.job(ref, step.skill)
        wanted: dict[str, Any] = {
            "skill": step.skill,
            "action": step.action,
            "overrides": step.overrides,
            "data": step.data,
            "parent_job_id": parent.id if parent else None,
            "checkpoint": step.checkpoint,
            "base_checkpoint": step.base_checkpoint,
            "automl_policy": step.automl_policy,
            "automl": step.automl,
            "platform": step.platform,
            "resources": step.resources,
            "results": step.results,
        }
        if parent and parent.action == step.action == SEARCHED_ACTION:
            # A training that builds on another starts from its weights.
            chosen = self._resolve(parent.id, step.checkpoint or "best")
            wanted |= {"parent_job_id": None, "checkpoint": None}
            wanted["base_checkpoint"] = chosen.checkpoint.location
        return WorkflowStep(JobRequest(**wanted), ref.step)

    def _settle_command(self, answer: Answer, command: Command) -> Answer:
        """A command about one job, with the job's id."""
        if command.name not in _OF_ONE_JOB or not command.arguments:
            return answer
        try:
            job = self._commanded(command.arguments[0])
        except JobNotFound as error:
            return _lacking(answer, Missing(0, "job", str(error)))
        chosen = [part for rule in command.arguments[1:] for part in ("--checkpoint", rule)]
        arguments = (job.id, *chosen)
        line = " ".join(("skillbank", command.name, *arguments))
        settled = replace(command, arguments=arguments)
        return _with_unused(replace(answer, command=settled, message=f"This is '{line}'."))

    def _commanded(self, named: str) -> Job:
        """The job that a command names: by its id, or the newest, of any state.

        Raises:
            JobNotFound: There is none.
        """
        name, _, action = named.partition(":")
        if name != _LAST:
            return self._find(named)
        for job in self._newest(_SEEN):
            if action in {"", job.action}:
                return job
        kind = f"{action} job" if action else "job"
        raise JobNotFound(f"there is no {kind} yet; start one with 'skillbank run SKILL ACTION'.")


def _with_unused(answer: Answer) -> Answer:
    """The answer with a note on numbers that no part of it came from.

    A number says something exact ("for 20 more epochs", "the first 100 clips"); whoever reviews the
    answer should not have to find out that it was passed over.
    """
    used = [(origin.start, origin.end) for origin in answer.origins]
    told = (*(answer.command.arguments if answer.command else ()), *answer.notes)
    unused = [
        " ".join(found[0].split())
        for found in _NUMBER.finditer(answer.text)
        if found["number"] is not None
        and not any(found["number"] in part for part in told)
        and not any(
            start < found.end("number") and found.start("number") < end for start, end in used
        )
    ]
    if not unused:
        return answer
    quoted = ", ".join(f'"{words}"' for words in unused)
    return replace(answer, notes=(*answer.notes, f"nothing was made of {quoted}."))


def _lacking(answer: Answer, missing: Missing) -> Answer:
    """The answer without what is not there: nothing of it can be run."""
    return replace(
        answer,
        outcome=Outcome.INCOMPLETE,
        command=None,
        candidates=(),
        message=f"Something is missing: {missing.what}",
        missing=(missing,),
    )
