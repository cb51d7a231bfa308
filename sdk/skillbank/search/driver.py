"""The loop of a search: fill free places, follow the trials, act on what they report.

Every step first reads what is recorded, in the journal and in the records of the jobs, and then
does what is missing. It can be killed anywhere: the next run finds the same records and goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field, replace

from skillbank.automl.domains import Domain
from skillbank.automl.history import (
    Goal,
    History,
    Promote,
    Proposal,
    Proposer,
    Start,
    TrialState,
)
from skillbank.automl.schedulers import TrialScheduler
from skillbank.automl.settings import SearchSettings
from skillbank.automl.space import SearchSpace
from skillbank.errors import FilesError, PlatformError
from skillbank.search.callbacks import Callbacks
from skillbank.search.journal import Entry, Journal, Note
from skillbank.search.patience import Patience
from skillbank.search.trial_jobs import TrialJobs
from skillbank.search.watch import TrialWatch

_LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class Tools:
    """What a search works with.

    Attributes:
        jobs: Its trials' jobs.
        journal: Its record.
        space: What is searched.
        proposer: Chooses points.
        scheduler: Decides how far they train.
        settings: Its settings.
        goals: What it optimizes.
        callbacks: The user's own functions.
        patience: Waits for a platform that does not answer.
    """

    jobs: TrialJobs
    journal: Journal
    space: SearchSpace
    proposer: Proposer
    scheduler: TrialScheduler
    settings: SearchSettings
    goals: tuple[Goal, ...]
    callbacks: Callbacks
    patience: Patience = field(default_factory=Patience)

    @property
    def goal(self) -> Goal:
        """What trials are ranked by as they train."""
        return self.goals[0]

    def own_entries(self) -> list[Entry]:
        """Recommendations that this search runs; others may share its storage."""
        own = self.jobs.plan.job_id
        return [entry for entry in self.journal.entries() if entry.note.search_id == own]


class Driver:
    """Runs the recommendations of a search.

    Args:
        tools: What it works with.
        tell: Called with a sentence after every change, to show it.
        first_points: Points to try before the proposer's, from earlier searches.
        elapsed_s: Time that earlier runs of this search took.
    """

    def __init__(
        self,
        tools: Tools,
        tell: Callable[[str], None],
        first_points: Sequence[Proposal] = (),
        elapsed_s: float = 0.0,
    ) -> None:
        self._tools = tools
        self._first_points = tuple(first_points)
        self._tell = tell
        self._began_at = time.monotonic() - elapsed_s
        self._watch = TrialWatch(tools, tell)
        self._domains: dict[str, Domain] = tools.space.domains()
        self.stop_reason = ""

    @property
    def is_request_wrong(self) -> bool:
        """Tell whether the search failed for what was asked of it."""
        return self._watch.is_request_wrong

    @property
    def elapsed_s(self) -> float:
        """Time that the search has run, earlier runs included."""
        return time.monotonic() - self._began_at

    def start_baseline(self) -> Entry:
        """Trial 0, which trains the spec that is tuned; started if it is not there yet."""
        entries = self._tools.journal.entries()
        if entries:
            return entries[0]
        proposal = Proposal(self._tools.space.defaults(), "baseline", "the spec as it stands")
        entry = self._add(proposal, Start(self._tools.jobs.num_epochs), values={})
        if entry.number != 0:  # another search of the same storage was a moment earlier
            told = "another search trains the baseline"
            entry = self._tools.journal.write(entry, state=TrialState.PRUNED, failure=told)
            self._tools.journal.finish(entry, None)
            return self._tools.journal.entry(0)
        return self._launch(entry)

    def run(self) -> None:
        """Go on until no trial runs and none is to come."""
        while self._tools.patience.ask(self.step, self._tell):
            time.sleep(_LOOK_EVERY_S)

    def step(self) -> bool:
        """Look at every trial once and fill the free places; False when all is done.

        Raises:
            PlatformError: The trials' platform does not answer; what is missing is done next time.
            FilesUnavailable: Nor does the place of their results.
        """
        places = self._places()  # before anything else: who is away starts nothing and loses none
        for entry in self._active():
            self._watch.look(entry)
        if reason := self._watch.fatal or self._used_up():
            self.stop_reason = reason
            self._stop_all(reason)
            return False
        self._give_up()
        while len(self._active()) < places and self._move():
            pass
        return bool(self._active())

    def settle(self) -> None:
        """Mend what a kill left between two records: ended trials whose jobs still run."""
        for entry in self._tools.own_entries():
            if entry.trial.state.is_final:
                self._watch.close(entry)
            if entry.number == 0:
                self._watch.learn_baseline(entry)

    def close_paused(self) -> None:
        """Give up the trials that were never promoted."""
        for entry in self._tools.own_entries():
            if entry.trial.state is TrialState.PAUSED:
                reached = entry.trial.trained_epochs
                self._watch.end(entry, TrialState.PRUNED, f"not promoted beyond {reached} epochs")

    def keep_only(self, numbers: Set[int]) -> None:
        """Delete, for the last time, the checkpoints of all ended trials but these."""
        self._watch.keep_only(numbers, is_last=True)

    def interrupt(self) -> None:
        """Stop the trials that run, so that a resumed search goes on with them."""
        for entry in self._active():
            self._tools.journal.write(entry, is_interrupted=True)
            try:
                self._tools.jobs.cancel(entry)
            except (PlatformError, FilesError) as error:
                self._tell(f"trial {entry.number} was not stopped: {error}")

    def _active(self) -> list[Entry]:
        return [entry for entry in self._tools.own_entries() if entry.trial.state.is_active]

    def _places(self) -> int:
        return max(1, min(self._tools.settings.max_concurrent, self._tools.jobs.capacity()))

    def history(self) -> History:
        """What schedulers and proposers see.

        A paused trial of another search of the same storage is a result like any other, but not
        ours to promote: it is shown as one that has ended.
        """
        own = self._tools.jobs.plan.job_id
        return [
            replace(entry.trial, state=TrialState.PRUNED)
            if entry.trial.state is TrialState.PAUSED and entry.note.search_id != own
            else entry.trial
            for entry in self._tools.journal.entries()
        ]

    def _move(self) -> bool:
        """Make the next move, if there is one."""
        history = self.history()
        move = self._tools.scheduler.next_move(history)
        if move is None:
            return False
        if isinstance(move, Promote):
            self._promote(move)
        else:
            self._launch(self._add(self._propose(move, history), move))
        return True

    def _propose(self, start: Start, history: History) -> Proposal:
        used = sum(trial.origin == "warm start" for trial in history)
        if used < len(self._first_points) and start.parent is None:
            return self._first_points[used]
        return self._tools.proposer.propose(len(history), start, history)

    def _add(
        self, proposal: Proposal, start: Start, values: dict[str, object] | None = None
    ) -> Entry:
        space, search_id = self._tools.space, self._tools.jobs.plan.job_id
        note = Note(
            search_id=search_id,
            job_id=f"{search_id}-t{{number:03d}}",
            epochs=start.epochs,
            bracket=start.bracket,
            parent=start.parent,
            generation=start.generation,
            origin=proposal.origin,
            reason=proposal.reason,
            values=space.values(proposal.params) if values is None else values,
            started_at=time.time(),
        )
        return self._tools.journal.add(proposal.params, self._domains, note)

    def _launch(self, entry: Entry) -> Entry:
        """Start the job of a new recommendation."""
        self._tell(f"trial {entry.number}: {describe_point(entry)}")
        self._watch.look(entry)
        return self._tools.journal.entry(entry.number)

    def _give_up(self) -> None:
        """End the paused trials that the scheduler will never promote: their checkpoints go."""
        for number in self._tools.scheduler.never_again(self.history()):
            entry = self._tools.journal.entry(number)
            if entry.note.search_id == self._tools.jobs.plan.job_id:
                told = f"too far behind after {entry.trial.trained_epochs} epochs"
                self._watch.end(entry, TrialState.PRUNED, told)

    def _promote(self, move: Promote) -> None:
        entry = self._tools.journal.entry(move.number)
        self._tell(
            f"trial {entry.number} goes on: {entry.trial.trained_epochs} -> {move.epochs} epochs"
        )
        entry = self._tools.journal.write(
            entry, state=TrialState.RUNNING, epochs=move.epochs, is_interrupted=False
        )
        self._watch.look(entry)

    def _used_up(self) -> str:
        """Why the search stops before it is done; empty while it may go on."""
        settings = self._tools.settings
        if settings.time_budget_s is not None and self.elapsed_s > settings.time_budget_s:
            return f"the time budget of {settings.time_budget_s:g} s is used up"
        if settings.cost_budget is not None and self.money() >= settings.cost_budget:
            return f"the cost budget of {settings.cost_budget:g} is used up"
        return ""

    def money(self) -> float:
        """What the trials have cost so far."""
        seconds = sum(self._watch.seconds(entry) for entry in self._tools.own_entries())
        return seconds / 3600 * self._tools.settings.cost_per_hour

    def _stop_all(self, reason: str) -> None:
        for entry in self._active():
            self._watch.end(entry, TrialState.PRUNED, reason)


def describe_point(entry: Entry) -> str:
    """A recommendation in one line."""
    shown = [f"{key.rpartition('.')[2]}={_short(v)}" for key, v in entry.note.values.items()]
    return f"{', '.join(shown) or 'the spec as it stands'} ({entry.trial.origin})"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
