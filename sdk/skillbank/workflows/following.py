"""What is new about a workflow and its steps' jobs, as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from skillbank.following import GrowingFile, parse_status
from skillbank.job import Job
from skillbank.workflows.workflow import Step, StepNews, StepState, Workflow, WorkflowNews

StatusStart = Callable[[Job], int]


class StepFollower:
    """Reads on in the status files of a workflow's jobs.

    Args:
        find_job: Gives a job as it is now, by its id.
        status_start: Byte of its status file at which the newest attempt of a job begins.
    """

    def __init__(self, find_job: Callable[[str], Job], status_start: StatusStart) -> None:
        self._find_job = find_job
        self._status_start = status_start
        self._files: dict[tuple[str, int], GrowingFile] = {}
        self._told: dict[str, Job] = {}

    def skip(self, step: Step) -> None:
        """Leave out what a step did before it is followed."""
        if step.job_id is not None:
            self._told[step.job_id] = self._find_job(step.job_id)

    def read(self, step: Step) -> StepNews | None:
        """What is new about a step since the last look; None when nothing is."""
        if step.job_id is None:
            return None
        told = self._told.get(step.job_id)
        if told is not None and told.state.is_final and step.attempt == told.attempt:
            return None
        # The state is asked for first: what was written before an end is then seen after it.
        job = self._find_job(step.job_id)
        text = self._file(job).read_new(is_ended=job.state.is_final)
        lines = tuple(parse_status(text))
        self._told[job.id] = job
        return StepNews(step.index, job, lines) if lines or job != told else None

    def _file(self, job: Job) -> GrowingFile:
        key = (job.id, job.attempt)
        if key not in self._files:
            path = job.results / "status.json"
            self._files[key] = GrowingFile(path, self._status_start(job))
        return self._files[key]


def follow(
    look: Callable[[], Workflow], follower: StepFollower, every_s: float
) -> Iterator[WorkflowNews]:
    """What is new about a workflow, as it comes, until it has ended.

    The first news comes at once and leaves out what steps did that have ended; the last shows the
    workflow in its final state.
    """
    told: Workflow | None = None
    while told is None or not told.state.is_final:
        workflow = look()
        if told is None:
            for step in workflow.steps:
                if step.state.is_settled or step.state is StepState.WAITING:
                    follower.skip(step)
        news = tuple(found for step in workflow.steps if (found := follower.read(step)))
        if news or workflow != told:
            yield WorkflowNews(workflow, news)
        told = workflow
        if not workflow.state.is_final:
            time.sleep(every_s)
