"""One search from its review to its report."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from skillbank.automl.history import Proposal
from skillbank.automl.llm import check_endpoint, task_of
from skillbank.automl.proposers import make_proposer
from skillbank.automl.result import SearchState
from skillbank.automl.schedulers import make_scheduler
from skillbank.automl.search_plan import SearchPlan
from skillbank.automl.space_reading import read_space
from skillbank.automl.warm_start import read_earlier, warm_start_points
from skillbank.client import Client
from skillbank.errors import FilesError, PlatformError, RequestInvalid, SearchFailed
from skillbank.plan import JobPlan
from skillbank.search.callbacks import Callbacks
from skillbank.search.driver import Driver, Tools
from skillbank.search.evaluation import FinalEvaluations
from skillbank.search.journal import Entry, Journal, open_storage
from skillbank.search.outcome import Outcome
from skillbank.search.pace import measure_pace
from skillbank.search.patience import Answer, Patience
from skillbank.search.report import write_report
from skillbank.search.review import make_review, render_review
from skillbank.search.status import SearchFolder
from skillbank.search.trial_jobs import Saved, TrialJobs

_REVIEW = "review.json"
_ALL = 1_000_000
_WARM_STARTS = 3  # points of earlier searches that are tried first


class SearchRun:
    """Runs the search of a plan, or goes on with it.

    Args:
        client: Runs the trials.
        plan: Plan of the search.
        folder: Its results.
        patience: How it waits for a platform that does not answer.

    Raises:
        SkillbankError: The search cannot begin: a setting, a storage, an earlier search.
    """

    def __init__(
        self,
        client: Client,
        plan: JobPlan,
        folder: SearchFolder,
        patience: Patience | None = None,
    ) -> None:
        self._client = client
        self._plan = plan
        self._folder = folder
        self._search = SearchPlan.from_mapping(plan.search)
        self._tools = make_tools(client, plan, folder.results)
        if patience is not None:
            self._tools = replace(self._tools, patience=patience)
        self._outcome = Outcome(self._tools, self._search, folder)
        self._first_points = points_to_begin_with(client, self._tools)
        self._epochs: int | None = None
        self._driver = Driver(
            self._tools, self._tell, self._first_points, self._outcome.elapsed_before_s()
        )

    def run(self) -> None:
        """Search to the end.

        Raises:
            SkillbankError: It cannot succeed, such as with a language model that cannot be asked;
                what was found so far stays.
        """
        self._folder.report("automl started", "STARTED")
        if not self._tools.journal.entries():
            check_endpoint(self._search.settings)
        self._ask(self._driver.settle)
        baseline = self._ask(self._driver.start_baseline)
        self._review(baseline)
        self._driver.run()
        self._driver.close_paused()
        self._finish(self._driver.stop_reason)

    def interrupt(self) -> None:
        """Stop the trials that run, so that a resumed search goes on; the best so far is kept."""
        self._driver.interrupt()
        # It was told; what runs there ends, or is found on resuming.
        with suppress(PlatformError, FilesError):
            for job in self._client.jobs(limit=_ALL, search=self._plan.job_id):
                if not job.state.is_final:  # an evaluation
                    self._client.cancel(job.id)
        for best in self._tools.jobs.ranked(self._tools.own_entries(), self._tools.goal)[:1]:
            with suppress(FilesError):  # it stays where its trial left it
                self._keep(best)

    def _review(self, baseline: Entry) -> None:
        """Write what the search is about to do, once, before the first recommendation."""
        if (self._folder.results / _REVIEW).is_file():
            return
        is_own = baseline.note.search_id == self._plan.job_id
        measure = partial(measure_pace, self._client, baseline.note.job_id)
        pace = self._ask(measure) if is_own else None
        review = make_review(self._tools, self._search.algorithm_reason, pace, self._first_points)
        self._folder.write(_REVIEW, review)
        self._folder.report(render_review(review))

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        """The answer of a platform, once it gives one."""
        return self._tools.patience.ask(question, self._tell)

    def _tell(self, message: str) -> None:
        self._outcome.write(self._driver.elapsed_s, self._expected_epochs())
        self._folder.report(message, **self._outcome.figures())

    def _expected_epochs(self) -> int | None:
        """What the review said; None before there is one."""
        path = self._folder.results / _REVIEW
        if self._epochs is None and path.is_file():
            review: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            self._epochs = int(review["budget"]["epochs"])
        return self._epochs

    def _finish(self, stop_reason: str) -> None:
        ranked = self._tools.jobs.ranked(self._tools.own_entries(), self._tools.goal)
        if not ranked:
            self._outcome.write(self._driver.elapsed_s, None, SearchState.STOPPED, stop_reason)
            kind = RequestInvalid if self._driver.is_request_wrong else SearchFailed
            raise kind(
                f"no trial left a checkpoint that was measured: {stop_reason or 'all failed'}. "
                f"See each one's reason with 'skillbank automl result {self._plan.job_id}'."
            )
        best = ranked[0].entry
        self._ask(partial(self._keep, ranked[0]))
        evaluation = None
        if self._tools.settings.final_evaluation:
            evaluations = FinalEvaluations(self._tools, self._outcome, self._tell)
            evaluation = evaluations.evaluate(best)
        state = SearchState.STOPPED if stop_reason else SearchState.COMPLETE
        self._outcome.evaluation = evaluation
        result = self._outcome.write(self._driver.elapsed_s, None, state, stop_reason)
        write_report(self._folder.results / "report.html", result, self._tools.space)
        self._folder.add_artefact("report.html", "report")
        if self._tools.settings.delete_intermediate_ckpt:
            # What had to stay until now: copies, and a front, needed them.
            self._driver.keep_only({0, best.number, *result.pareto_front})
        told = self._outcome.sentence(result)
        self._folder.report(told, "SUCCESS", **self._outcome.figures())

    def _keep(self, best: Saved) -> None:
        """Leave the best checkpoint in the search's own results."""
        known = {**best.entry.note.metrics, **best.checkpoint.metrics}
        latest = self._client.bank[self._plan.skill].info.latest_checkpoint
        spec = self._tools.jobs.trained_spec(best.entry)
        checkpoint = replace(best.checkpoint, path=self._tools.jobs.bring(best.checkpoint), uri="")
        self._folder.keep_best(
            checkpoint, {**known, self._tools.goal.metric: best.value}, spec, latest
        )


def points_to_begin_with(client: Client, tools: Tools) -> Sequence[Proposal]:
    """What is tried before the proposer's own points: the best of the earlier searches named.

    Raises:
        SkillbankError: One of them is not there, or is no search of the skill.
    """
    earlier = []
    for job_id in tools.settings.warm_start:
        results = client.job(job_id).results
        earlier.extend(read_earlier(results, tools.jobs.plan.skill, tools.goal))
    return warm_start_points(earlier, tools.space, _WARM_STARTS) if earlier else ()


def make_tools(client: Client, plan: JobPlan, results: Path) -> Tools:
    """What the search of a plan works with.

    Args:
        client: Runs the trials.
        plan: Plan of the search.
        results: Where its journal lies.

    Raises:
        SkillbankError: A setting or the storage cannot be used.
    """
    search = SearchPlan.from_mapping(plan.search)
    settings, goals = search.settings, search.goals
    skill = client.bank[plan.skill]
    space = read_space(skill, dict(plan.spec), settings)
    assert settings.max_epochs is not None
    is_shared = settings.storage is not None
    name = f"{plan.skill} {plan.action}" if is_shared else plan.job_id
    return Tools(
        jobs=TrialJobs(client, plan, settings.max_epochs),
        journal=Journal(open_storage(results, settings.storage), name, goals),
        space=space,
        proposer=make_proposer(settings, space, goals, task_of(skill, space)),
        scheduler=make_scheduler(settings, goals[0], settings.max_epochs),
        settings=settings,
        goals=goals,
        callbacks=Callbacks(settings, Path(search.import_folder)),
    )
