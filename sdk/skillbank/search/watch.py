"""Follows the jobs of a search's trials and brings the journal up to what they show."""

from __future__ import annotations

import time
from collections.abc import Callable, Set
from dataclasses import replace
from typing import TYPE_CHECKING

from skillbank.automl.callbacks import CallbackFailed
from skillbank.automl.history import TrialState
from skillbank.automl.settings import Algorithm
from skillbank.errors import CheckpointNotFound, JobConflict, JobElsewhere, RequestInvalid
from skillbank.following import StatusLine
from skillbank.job import FailureKind, Job, JobState, classify_failure
from skillbank.search.failures import DivergenceWatch, choose_remedy, explain_missing_metric
from skillbank.search.far_checkpoints import FarCheckpoints
from skillbank.search.journal import Entry
from skillbank.search.patience import Silence
from skillbank.search.trial_jobs import figures_of, is_validation

if TYPE_CHECKING:
    from skillbank.search.driver import Tools

_FAILURES_IN_A_ROW = 4


class TrialWatch:
    """Looks at trials on behalf of a driver.

    Args:
        tools: What the search works with.
        tell: Called with a sentence when something happened.
    """

    def __init__(self, tools: Tools, tell: Callable[[str], None]) -> None:
        self._tools = tools
        self._tell = tell
        self._divergence = DivergenceWatch(tools.settings.divergence_factor)
        self._far = FarCheckpoints(tools.jobs)
        self.fatal = ""
        """Why no trial can succeed; empty while they can."""
        self.is_request_wrong = False
        """Whether that is for what was asked of the search."""

    def look(self, entry: Entry) -> None:
        """Bring one active trial up to date and do what its state asks for."""
        job = self._tools.jobs.find(entry)
        if job is None:
            self._submit(entry)
            return
        lines = self._tools.jobs.lines(entry)
        try:
            entry = self._read(entry, lines)
            if entry.number == 0:
                self.learn_baseline(entry)
            if job.state.is_final:
                self._ended(entry, job, lines)
            elif entry.number != 0:
                self._cut(entry, lines)
        except CallbackFailed as error:
            self.end(entry, TrialState.FAILED, str(error), FailureKind.UNKNOWN.value)

    def learn_baseline(self, entry: Entry) -> None:
        """Take note of how high the baseline's losses were, in all attempts of its job."""
        self._divergence.learn(self._tools.jobs.all_lines(entry))

    def end(self, entry: Entry, state: TrialState, reason: str, kind: str = "") -> None:
        """Bring a trial to a final state, whatever its job does now."""
        told = {"failure": reason, "failure_kind": kind}
        seconds = self.seconds(entry)
        entry = self._tools.journal.write(
            entry, state=state, ended_at=time.time(), seconds=seconds, **told
        )
        word = f" ({kind})" if kind else ""
        self._tell(f"trial {entry.number} {state.value}{word}: {reason}")
        self.close(entry)
        self._check_for_hope()

    def close(self, entry: Entry) -> None:
        """Stop the job of an ended trial and end it in the study; doing so twice is harmless."""
        job = self._tools.jobs.find(entry)
        if job is not None and not job.state.is_final:
            self._tools.jobs.cancel(entry)
        self._tools.journal.finish(entry, self._values(entry))
        self._clean_up()

    def seconds(self, entry: Entry) -> float:
        """Time that the jobs of a trial have run so far."""
        job = self._tools.jobs.find(entry) if entry.trial.state.is_active else None
        if job is None or job.started_at is None:
            return entry.note.seconds
        return entry.note.seconds + (job.ended_at or time.time()) - job.started_at

    def _submit(self, entry: Entry) -> None:
        """Start the job of a trial; what cannot be started is recorded as failed."""
        start_from = None
        if entry.trial.parent is not None:
            parent = self._tools.journal.entry(entry.trial.parent)
            start_from = self._tools.jobs.newest_checkpoint(parent)
            if start_from is None:
                told = f"trial {parent.number}, which it goes on from, left no checkpoint"
                self.end(entry, TrialState.FAILED, told, FailureKind.INFRASTRUCTURE.value)
                return
        try:
            self._tools.jobs.submit(entry, start_from)
        except RequestInvalid as error:
            self.end(entry, TrialState.FAILED, str(error), FailureKind.BAD_CONFIGURATION.value)
        except Silence as error:
            if self._tools.jobs.find(entry) is not None:
                raise  # its job is on record: the next look retries it, as any that a place failed
            self.end(entry, TrialState.FAILED, str(error), FailureKind.INFRASTRUCTURE.value)
        else:
            self._tools.journal.write(entry, state=TrialState.RUNNING)

    def _read(self, entry: Entry, lines: list[StatusLine]) -> Entry:
        """Report every validation that the study does not know yet."""
        goal, callbacks = self._tools.goal, self._tools.callbacks
        if callbacks.evaluates:
            return entry  # measured at the end of a rung, see _rest
        closed = [line for line in lines if is_validation(line)]
        num_known = len(entry.trial.values)
        for index, line in enumerate(closed):
            epochs = line["epoch"] + 1
            if epochs in entry.trial.values:
                continue
            value = callbacks.extract(closed[: index + 1], goal.metric)
            if value is None or value - value != 0:
                continue
            entry = self._tools.journal.report(entry, epochs, value)
            self._tell(
                f"trial {entry.number}: epoch {epochs}/{self._tools.jobs.num_epochs} "
                f"{goal.metric} {value:.4g}"
            )
        if len(entry.trial.values) > num_known:
            entry = self._tools.journal.write(entry, metrics=figures_of(closed))
            if self._deletes:
                self._tools.jobs.delete_checkpoints(entry, goal, keep_newest=True)
        return entry

    def _cut(self, entry: Entry, lines: list[StatusLine]) -> None:
        """Stop a running trial that diverges, or that the scheduler has given up."""
        if reason := self._divergence.reason(lines):
            self.end(entry, TrialState.FAILED, reason, FailureKind.DIVERGED.value)
            return
        history = [each.trial for each in self._tools.journal.entries()]
        if reason := self._tools.scheduler.stop_reason(entry.trial, history):
            self.end(entry, TrialState.PRUNED, reason)

    def _ended(self, entry: Entry, job: Job, lines: list[StatusLine]) -> None:
        if job.state is JobState.PAUSED and self._tools.jobs.is_to_go_on(entry):
            self._resume(entry)
        elif job.state in {JobState.PAUSED, JobState.COMPLETE}:
            self._rest(entry, job, lines)
        elif entry.note.is_interrupted:
            # In this order: a kill in between must not leave it as if a user had cancelled it.
            seconds = self.seconds(entry)
            self._resume(entry)
            entry = self._tools.journal.entry(entry.number)
            self._tools.journal.write(entry, is_interrupted=False, seconds=seconds)
        elif job.state is JobState.CANCELED:
            self.end(entry, TrialState.PRUNED, "its job was cancelled")
        else:
            self._failed(entry, job, lines)

    def _rest(self, entry: Entry, job: Job, lines: list[StatusLine]) -> None:
        """A trial has reached the end of its rung."""
        entry = self._evaluate(entry)
        if entry.number == 0 and not entry.trial.values:
            self.fatal = explain_missing_metric(self._tools.goal, figures_of(lines))
            self.is_request_wrong = True
        is_over = job.state is JobState.COMPLETE or self._tools.scheduler.is_last(entry.trial)
        if not is_over:
            self._tools.journal.write(entry, state=TrialState.PAUSED, seconds=self.seconds(entry))
            self._tell(f"trial {entry.number} paused after {entry.trial.trained_epochs} epochs")
            return
        entry = self._tools.journal.write(entry, metrics=self._figures(entry, lines))
        missing = [g.metric for g in self._tools.goals if self._value(entry, g.metric) is None]
        if missing:
            told = f"its training never reported {', '.join(missing)}"
            self.end(entry, TrialState.FAILED, told, FailureKind.UNKNOWN.value)
            return
        best = self._tools.goal.best(entry.trial)
        seconds = self.seconds(entry)
        entry = self._tools.journal.write(
            entry, state=TrialState.COMPLETE, ended_at=time.time(), seconds=seconds
        )
        self._tell(f"trial {entry.number} complete: {self._tools.goal.metric} {best:.4g}")
        self.close(entry)

    def _evaluate(self, entry: Entry) -> Entry:
        """Measure a trial by the user's own function, where there is one."""
        callbacks = self._tools.callbacks
        if not callbacks.evaluates:
            return entry
        value = callbacks.evaluate(entry)
        return self._tools.journal.report(entry, entry.trial.epochs, value)

    def _failed(self, entry: Entry, job: Job, lines: list[StatusLine]) -> None:
        told = str(lines[-1].get("failure", "")) if lines else ""
        kind = classify_failure(job.state, job.exit_code, job.detail, told)
        spec = self._tools.jobs.client.plan_of(job.id).spec
        remedy = choose_remedy(kind, entry.note.num_retries, spec, self._tools.settings)
        if not remedy.retries:
            self.end(entry, TrialState.FAILED, first_line(job.detail), kind.value)
            return
        number = entry.note.num_retries + 1
        told = remedy.sentence or f"{kind.value}: {first_line(job.detail)}"
        self._tell(f"trial {entry.number} is tried again ({told})")
        changed = replace(entry.note, num_retries=number, seconds=self.seconds(entry))
        if remedy.repairs:
            changed = replace(
                changed,
                repairs={**changed.repairs, **remedy.repairs},
                adjustments=(*changed.adjustments, remedy.sentence),
                job_id=self._tools.jobs.name(entry.number, num_retries=number),
            )
        self._tools.journal.replace(entry, changed)
        if not remedy.repairs:
            self._resume(entry)

    def _resume(self, entry: Entry) -> None:
        """Let the job of a trial go on.

        Raises:
            PlatformError: It cannot now; what its job's state asks for then is done next time.
            FilesUnavailable: As before, for the place of its results.
        """
        try:
            self._tools.jobs.resume(entry)
        except JobElsewhere as error:
            self.end(entry, TrialState.FAILED, str(error), FailureKind.UNKNOWN.value)
        except JobConflict as error:  # somebody else does so right now: the next look tells
            self._tell(f"trial {entry.number}: {error}")

    def _figures(self, entry: Entry, lines: list[StatusLine]) -> dict[str, float]:
        """Everything that was measured of a trial, its size and its time among it."""
        figures = {**entry.note.metrics, **figures_of(lines), "seconds": self.seconds(entry)}
        best = self._tools.jobs.best_checkpoint(entry, self._tools.goal)
        if best is not None:
            figures["checkpoint_bytes"] = float(best[0].size_bytes)
        return figures

    def _value(self, entry: Entry, metric: str) -> float | None:
        if metric == self._tools.goal.metric:
            return self._tools.goal.best(entry.trial)
        return entry.note.metrics.get(metric)

    def _values(self, entry: Entry) -> list[float] | None:
        """One value per goal; None when one is missing."""
        values = [self._value(entry, goal.metric) for goal in self._tools.goals]
        known = [value for value in values if value is not None]
        return known if len(known) == len(values) else None

    @property
    def _deletes(self) -> bool:
        """Tell whether checkpoints of lesser trials go; PBT may yet copy any of them."""
        settings = self._tools.settings
        return (
            settings.delete_intermediate_ckpt
            and settings.algorithm is not Algorithm.PBT
            and len(self._tools.goals) == 1
        )

    def _clean_up(self) -> None:
        """Delete the checkpoints of ended trials but for the best's and the baseline's."""
        if self._deletes:
            ended = [e for e in self._tools.own_entries() if e.trial.state.is_final]
            ranked = self._tools.jobs.ranked(ended, self._tools.goal)
            self.keep_only({0, *(saved.entry.number for saved in ranked[:1])})

    def keep_only(self, numbers: Set[int], *, is_last: bool = False) -> None:
        """Delete the checkpoints of all ended trials but these, whose best ones stay.

        Args:
            numbers: The trials whose best ones stay.
            is_last: Nobody asks again.
        """
        ended = [entry for entry in self._tools.own_entries() if entry.trial.state.is_final]
        self._far.refresh(ended)
        kept = []
        for entry in ended:
            goal = self._tools.goal if entry.number in numbers else None
            try:
                paths = self._tools.jobs.delete_checkpoints(entry, goal, keep_newest=False)
                kept.append((entry, paths))
            except CheckpointNotFound as error:
                self._tell(f"trial {entry.number}: its checkpoints were not deleted: {error}")
        for sentence in self._far.keep_only(kept, is_last=is_last):
            self._tell(sentence)

    def _check_for_hope(self) -> None:
        """Stop a search in which everything fails for a reason that no point can cure."""
        entries = self._tools.own_entries()
        baseline = entries[0] if entries and entries[0].number == 0 else None
        kind = FailureKind.BAD_CONFIGURATION.value
        if baseline and baseline.note.failure_kind == kind:
            self.fatal = f"the baseline cannot be trained: {baseline.note.failure}"
            self.is_request_wrong = True
            return
        ended = [entry for entry in entries if entry.trial.state.is_final]
        failed = [e for e in ended if e.trial.state is TrialState.FAILED]
        cured = any(e.note.failure_kind == FailureKind.DIVERGED.value for e in failed)
        if len(ended) == len(failed) >= _FAILURES_IN_A_ROW and not cured:
            self.fatal = (
                f"the first {len(failed)} trials all failed, the last one: "
                f"{failed[-1].note.failure}"
            )


def first_line(text: str) -> str:
    """What happened, without log and advice: the first line, and the problems that it lists."""
    first, *others = text.splitlines() or [""]
    listed = [line.strip().removeprefix("- ") for line in others if line.lstrip().startswith("- ")]
    if first.endswith(":") and listed:
        return f"{first} {' | '.join(listed)}"
    return first or "it ended without a message"
