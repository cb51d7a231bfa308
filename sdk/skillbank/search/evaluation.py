"""The final evaluation of a search: its best checkpoint and the baseline's, on the same data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from skillbank.artefacts import Checkpoint
from skillbank.automl.callbacks import CallbackFailed
from skillbank.automl.result import FinalEvaluation, Status, compare
from skillbank.errors import JobNotFound, SearchFailed, SkillbankError
from skillbank.job import Job, JobState
from skillbank.search.callbacks import describe
from skillbank.search.journal import Entry
from skillbank.search.patience import Silence
from skillbank.search.trial_jobs import figures_of

if TYPE_CHECKING:
    from skillbank.search.driver import Tools
    from skillbank.search.outcome import Outcome


@dataclass(frozen=True)
class _Measured:
    """What an evaluation job measured, or why it did not."""

    figures: dict[str, float]
    problem: str = ""
    record_path: str = ""


class FinalEvaluations:
    """Evaluates checkpoints by the skill's own evaluate action, or by the user's function.

    Args:
        tools: What the search works with.
        outcome: Knows the trials' checkpoints.
        tell: Called with a sentence when something happened.
    """

    def __init__(self, tools: Tools, outcome: Outcome, tell: Callable[[str], None]) -> None:
        self._tools = tools
        self._outcome = outcome
        self._tell = tell

    def evaluate(self, best: Entry) -> FinalEvaluation:
        """Evaluate the best trial's checkpoint, and the baseline's beside it."""
        metric = self._tools.goal.metric
        if self._tools.callbacks.evaluates_best:
            return self._by_function(best)
        self._tell(f"final evaluation of trial {best.number}")
        of_best = self._measure("evaluate-best", best)
        value = of_best.figures.get(metric)
        if value is None:
            there = ", ".join(of_best.figures) or "nothing"
            told = of_best.problem or f"evaluate reports no {metric!r} (it reports {there})"
            return self._failed(told)
        baseline = self._tools.journal.entry(0)
        of_baseline = of_best
        if baseline.number != best.number:
            of_baseline = self._measure("evaluate-baseline", baseline)
        reference = of_baseline.figures.get(metric)
        return FinalEvaluation(
            metric=metric,
            metric_value=value,
            status=Status.SUCCESS,
            baseline_value=reference,
            comparison_to_baseline=compare(value, reference, self._tools.goal),
            record_path=of_best.record_path,
            data=self._data(),
        )

    def _by_function(self, best: Entry) -> FinalEvaluation:
        try:
            value = self._tools.callbacks.evaluate_best(describe(best), best.note.job_id)
        except CallbackFailed as error:
            return self._failed(str(error))
        return FinalEvaluation(
            metric=self._tools.goal.metric,
            metric_value=value,
            status=Status.SUCCESS,
            data=f"function {self._tools.settings.final_eval_fn}",
        )

    def _measure(self, name: str, entry: Entry) -> _Measured:
        """Run an evaluation to its end; a second call finds the first one's job."""
        client = self._tools.jobs.client
        found = self._outcome.checkpoint_of(entry)
        if found is None:
            return _Measured({}, f"trial {entry.number} left no checkpoint that was measured")
        try:
            start = partial(self._start, name, entry, found[0])
            job = self._tools.patience.ask(start, self._tell)
        except SkillbankError as error:
            return _Measured({}, str(error))
        job = self._tools.patience.ask(partial(client.wait, job.id), self._tell)
        if job.state is not JobState.COMPLETE:
            return _Measured({}, f"job {job.id} ended as {job.state}: {job.detail}")
        return _Measured(figures_of(client.events(job.id)), record_path=str(job.results))

    def _start(self, name: str, entry: Entry, checkpoint: Checkpoint) -> Job:
        """The evaluation's job; the one that was started earlier goes on.

        Raises:
            PlatformError: The platform does not answer; once more goes on where this stopped.
            FilesUnavailable: Nor does the place of the results.
            SkillbankError: It can never run.
        """
        jobs, job_id = self._tools.jobs, f"{self._tools.jobs.plan.job_id}-{name}"
        try:
            job = jobs.client.job(job_id)
        except JobNotFound:
            plan = jobs.plan_evaluation(name, entry, checkpoint)
            try:
                return jobs.client.submit(plan)
            except Silence as error:
                if plan.folder.is_dir():
                    raise  # its job is on record, to be resumed
                raise SearchFailed(str(error)) from error
        return jobs.client.resume(job.id) if job.state.can_resume else job

    def _failed(self, problem: str) -> FinalEvaluation:
        self._tell(f"the final evaluation was not possible: {problem}")
        return FinalEvaluation(
            metric=self._tools.goal.metric,
            metric_value=None,
            status=Status.FAILURE,
            data=f"{self._data()}: {problem}",
        )

    def _data(self) -> str:
        """Which data the evaluation reads, in words."""
        given = self._tools.jobs.plan.search["data"]
        if not given:
            return "the validation data that the spec names"
        roles = ", ".join(f"{role}={root}" for role, root in given.items())
        told = "test data" if "test" in given else "validation data: the trials were chosen by it"
        return f"{roles} ({told})"
