"""What a search has found so far, read off its journal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from skillbank.artefacts import Checkpoint
from skillbank.automl.history import Goal, TrialState
from skillbank.automl.result import (
    FILE,
    Baseline,
    Best,
    Cost,
    Direction,
    FinalEvaluation,
    Objective,
    Progress,
    SearchResult,
    SearchState,
    Status,
    TrialRecord,
    compare,
    read_result,
    write_result,
)
from skillbank.automl.search_plan import SearchPlan
from skillbank.search.driver import Tools
from skillbank.search.importance import importance_of
from skillbank.search.journal import Entry
from skillbank.search.status import SearchFolder
from skillbank.search.trial_jobs import best_of


class Outcome:
    """Builds and writes the result of a search.

    Args:
        tools: What the search works with.
        search: What was planned.
        folder: Its results.
    """

    def __init__(self, tools: Tools, search: SearchPlan, folder: SearchFolder) -> None:
        self._tools = tools
        self._search = search
        self._folder = folder
        self.evaluation: FinalEvaluation | None = None

    def elapsed_before_s(self) -> float:
        """Time that earlier runs of this search took."""
        if not (self._folder.results / FILE).is_file():
            return 0.0
        return read_result(self._folder.results).progress.elapsed_s

    def checkpoint_of(self, entry: Entry) -> tuple[Checkpoint, float] | None:
        """Best saved checkpoint of a trial with its value."""
        return self._tools.jobs.best_checkpoint(entry, self._tools.goal)

    def write(
        self,
        elapsed_s: float,
        expected_epochs: int | None,
        state: SearchState = SearchState.RUNNING,
        stop_reason: str = "",
    ) -> SearchResult:
        """Write search.json.

        Args:
            elapsed_s: Time the search has run.
            expected_epochs: Epochs of all trials together, by the launch review; None when
                unknown.
            state: Where it stands.
            stop_reason: Why it stopped early.
        """
        result = self._build(elapsed_s, expected_epochs, state, stop_reason)
        write_result(self._folder.results / FILE, result)
        return result

    def figures(self) -> dict[str, Any]:
        """The best value so far, for a status line."""
        best = best_of(self._tools.own_entries(), self._tools.goal)[:1]
        goal = self._tools.goal
        return {"kpi": {goal.metric: goal.best(best[0].trial)}} if best else {}

    def sentence(self, result: SearchResult) -> str:
        """What came of the search, in a sentence."""
        assert result.best is not None
        metric = result.metric
        told = f"best {metric} {result.best.metric_value:.4g} by trial {result.best.trial}"
        if result.baseline is not None and result.baseline.metric_value is not None:
            told += f", baseline {result.baseline.metric_value:.4g}"
        final = result.final_evaluation
        if final is not None and final.metric_value is not None:
            told += f"; final evaluation {final.metric_value:.4g}"
            if final.baseline_value is not None:
                told += f", baseline {final.baseline_value:.4g}"
        return f"automl is {result.state.value}: {told}"

    def _build(
        self,
        elapsed_s: float,
        expected_epochs: int | None,
        state: SearchState,
        stop_reason: str,
    ) -> SearchResult:
        entries = self._tools.own_entries()
        goal, goals = self._tools.goal, self._tools.goals
        best = self._best(entries)
        history = tuple(self._record(entry) for entry in entries)
        several = goals if len(goals) > 1 else ()
        is_over = state is not SearchState.RUNNING
        cost = self._cost(history)
        eta_s = 0.0 if is_over else _eta(elapsed_s, cost.epochs, expected_epochs)
        result = SearchResult(
            skill=self._tools.jobs.plan.skill,
            algorithm=self._tools.settings.algorithm.value,
            algorithm_reason=self._search.algorithm_reason,
            metric=goal.metric,
            direction=_direction(goal),
            objectives=tuple(Objective(metric=g.metric, direction=_direction(g)) for g in several),
            state=state,
            stop_reason=stop_reason,
            best=best,
            baseline=self._baseline(best),
            final_evaluation=self.evaluation,
            history=history,
            progress=self._progress(entries, elapsed_s, eta_s),
            pareto_front=pareto_front(entries, goals) if several else (),
            cost=cost,
        )
        if not is_over:
            return result
        return result.model_copy(update={"importance": importance_of(result, self._tools.space)})

    def _best(self, entries: Sequence[Entry]) -> Best | None:
        """The trial whose checkpoint is best; before one is saved, whose value is."""
        goal = self._tools.goal
        for entry, checkpoint, value in self._tools.jobs.ranked(entries, goal)[:1]:
            kept = self._folder.results / checkpoint.path.name
            return Best(
                trial=entry.number,
                job_id=entry.note.job_id,
                specs={**entry.note.values, **entry.note.repairs},
                metric_value=value,
                epoch=None if checkpoint.epoch is None else checkpoint.epoch + 1,
                checkpoint=str(kept) if kept.is_file() else None,
                adjustments=entry.note.adjustments,
            )
        for entry in best_of(entries, goal)[:1]:
            return Best(
                trial=entry.number,
                job_id=entry.note.job_id,
                specs={**entry.note.values, **entry.note.repairs},
                metric_value=goal.best(entry.trial),
                adjustments=entry.note.adjustments,
            )
        return None

    def _baseline(self, best: Best | None) -> Baseline | None:
        """Trial 0, whichever search of a shared storage has run it."""
        entries = self._tools.journal.entries()
        if not entries:
            return None
        entry, goal = entries[0], self._tools.goal
        value = goal.best(entry.trial)
        return Baseline(
            job_id=entry.note.job_id,
            metric_value=value,
            status=Status.of(entry.trial.state),
            comparison_to_best=compare(best.metric_value if best else None, value, goal),
        )

    def _record(self, entry: Entry) -> TrialRecord:
        trial, note = entry.trial, entry.note
        return TrialRecord(
            trial=entry.number,
            job_id=note.job_id,
            state=trial.state,
            metric=self._tools.goal.best(trial),
            metrics=note.metrics,
            curve=tuple(trial.values.items()),
            epochs=trial.trained_epochs,
            target_epochs=trial.epochs,
            seconds=round(note.seconds, 2),
            failure_kind=note.failure_kind,
            failure_reason=note.failure,
            adjustments=note.adjustments,
            specs={**note.values, **note.repairs},
            params=trial.params,
            origin=note.origin,
            reason=note.reason,
            bracket=note.bracket,
            parent=note.parent,
            generation=note.generation,
            started_at=note.started_at,
            ended_at=note.ended_at,
        )

    def _progress(
        self, entries: Sequence[Entry], elapsed_s: float, eta_s: float | None
    ) -> Progress:
        def count(*states: TrialState) -> int:
            return sum(entry.trial.state in states for entry in entries)

        return Progress(
            proposed=sum(entry.number != 0 for entry in entries),
            complete=count(TrialState.COMPLETE),
            pruned=count(TrialState.PRUNED),
            paused=count(TrialState.PAUSED),
            failed=count(TrialState.FAILED),
            running=count(TrialState.RUNNING, TrialState.WAITING),
            max_recommendations=self._tools.scheduler.max_starts,
            elapsed_s=round(elapsed_s, 1),
            eta_s=eta_s,
        )

    def _cost(self, history: Sequence[TrialRecord]) -> Cost:
        seconds = sum(record.seconds for record in history)
        price = self._tools.settings.cost_per_hour
        # A copy's curve begins where its parent's stood then (PBT).
        copied = sum(min(r.curve)[0] - 1 for r in history if r.parent is not None and r.curve)
        return Cost(
            epochs=sum(record.epochs for record in history) - copied,
            seconds=round(seconds, 1),
            gpu_seconds=round(seconds * self._tools.jobs.plan.num_gpus, 1),
            money=round(seconds / 3600 * price, 4) if price else None,
        )


def pareto_front(entries: Sequence[Entry], goals: Sequence[Goal]) -> tuple[int, ...]:
    """Numbers of the complete trials that no other beats in every goal."""
    points = {
        entry.number: [goal.loss(entry.note.metrics[goal.metric]) for goal in goals]
        for entry in entries
        if entry.trial.state is TrialState.COMPLETE
        and all(goal.metric in entry.note.metrics for goal in goals)
    }
    return tuple(
        number
        for number, losses in points.items()
        if not any(_dominates(other, losses) for other in points.values())
    )


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def _direction(goal: Goal) -> Direction:
    return Direction.MINIMIZE if goal.minimize else Direction.MAXIMIZE


def _eta(elapsed_s: float, trained: int, expected: int | None) -> float | None:
    """Time until the expected epochs are trained, at the pace so far."""
    if expected is None or trained == 0:
        return None
    return round(max(0, expected - trained) * elapsed_s / trained, 1)
