"""From the answer to a sentence to what the client runs: jobs that were meant, steps as requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from skillbank.checkpoints import Resolution
from skillbank.errors import JobNotFound
from skillbank.job import Job, JobState
from skillbank.request import JobRequest
from skillbank.route import SEARCHED_ACTION
from skillbank.spec_file import read_spec_file
from skillbank.words.answer import Answer, AskedStep, Command, Missing, Outcome, ParentRef
from skillbank.workflow_request import WorkflowRequest, WorkflowStep

_SEEN = 200  # newest jobs among which "the last training" is looked for


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

    def skill_of(self, ref: ParentRef) -> str | None:
        """Skill of the job that is meant; None when there is none."""
        job = self.job(ref)
        return None if job is None else job.skill

    def job(self, ref: ParentRef, skill: str | None = None) -> Job | None:
        """The job that is meant: by its id, or the newest complete one of an action.

        Args:
            ref: What the sentence says of it.
            skill: Skill that the newest one must be of; None: any.
        """
        if ref.job is not None:
            try:
                return self._find(ref.job)
            except JobNotFound:
                return None
        for job in self._newest(_SEEN):
            is_of_skill = skill is None or job.skill == skill
            if job.action == ref.last and job.state is JobState.COMPLETE and is_of_skill:
                return job
        return None

    def settle(self, answer: Answer) -> Answer:
        """The answer with the jobs that it means, and as the steps that a workflow takes."""
        if answer.outcome is Outcome.COMMAND and answer.command is not None:
            return self._settle_command(answer, answer.command)
        if answer.outcome is not Outcome.PLAN:
            return answer
        steps: list[WorkflowStep] = []
        for index, step in enumerate(answer.steps):
            parent = step.parent
            if parent is not None and parent.last is not None:
                job = self.job(parent, step.skill)
                if job is None:
                    return _without_job(answer, index, f"no complete {parent.last} of {step.skill}")
                parent = ParentRef(job=job.id)
            steps.append(self._step(replace(step, parent=parent)))
        return replace(answer, workflow=WorkflowRequest(tuple(steps)).to_mapping())

    def _step(self, step: AskedStep) -> WorkflowStep:
        parent = step.parent or ParentRef()
        wanted: dict[str, Any] = {
            "skill": step.skill,
            "action": step.action,
            "spec": _read_spec(step.spec),
            "overrides": step.overrides,
            "data": step.data,
            "parent_job_id": parent.job,
            "checkpoint": step.checkpoint,
            "base_checkpoint": step.base_checkpoint,
            "automl_policy": step.automl_policy,
            "automl": step.automl,
            "platform": step.platform,
        }
        job = self.job(parent) if parent.job else None
        if step.action == SEARCHED_ACTION and job is not None and job.action == SEARCHED_ACTION:
            # A training that builds on another starts from its weights.
            chosen = self._resolve(job.id, step.checkpoint or "best")
            wanted |= {"parent_job_id": None, "checkpoint": None}
            wanted["base_checkpoint"] = str(chosen.path)
        return WorkflowStep(JobRequest(**wanted), parent.step)

    def _settle_command(self, answer: Answer, command: Command) -> Answer:
        """A command on `last` or `last:train` with the job's id."""
        if not command.arguments or not command.arguments[0].startswith("last"):
            return answer
        action = command.arguments[0].partition(":")[2]
        found = [job for job in self._newest(_SEEN) if action in {"", job.action}]
        if not found:
            return _without_job(answer, 0, f"no {action or 'job'} yet")
        arguments = (found[0].id, *command.arguments[1:])
        message = f"This is '{' '.join(('skillbank', command.name, *arguments))}'."
        return replace(answer, command=replace(command, arguments=arguments), message=message)


def _without_job(answer: Answer, index: int, what: str) -> Answer:
    told = f"there is {what} below this root; 'skillbank jobs' lists what there is"
    return replace(
        answer,
        outcome=Outcome.INCOMPLETE,
        command=None,
        message=f"Something is missing: {told}.",
        missing=(Missing(index, "parent", told),),
    )


def _read_spec(path: str | None) -> Mapping[str, Any]:
    from pathlib import Path

    return {} if path is None else read_spec_file(Path(path).expanduser())
