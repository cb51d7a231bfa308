"""The durable record of a search: one Optuna trial per recommendation.

Everything that a search needs to go on after a kill is here and in the records of its jobs. What
belongs to one decision is written in one operation, so that a kill falls before or after it.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skillbank.automl.domains import ChoiceDomain, Domain, IntDomain, Params
from skillbank.automl.history import Goal, Trial, TrialState
from skillbank.errors import StoreInvalid
from skillbank.locks import wait_lock
from skillbank.settings import SECRET_REFERENCES, read_secret

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.storages import BaseStorage
    from optuna.storages.journal._file import BaseJournalFileLock
    from optuna.study import StudyDirection
    from optuna.trial import FrozenTrial

JOURNAL = "journal.log"
_BUSY_S = 60.0
_STOPPED_BY = {signal.SIGTERM, signal.SIGINT}


@dataclass(frozen=True)
class Note:
    """What a search remembers of a recommendation besides its point and its measurements.

    Attributes:
        search_id: AutoML job that runs it.
        job_id: Job that trains it now.
        state: Where it stands.
        epochs: Epochs it may train to.
        bracket, parent, generation, origin, reason: See `Trial`.
        values: Spec values of its point: dotted key -> value.
        adjustments: What was changed of the spec after a failure, one sentence each.
        repairs: Dotted key -> value: those changes.
        num_retries: Times it was tried again.
        failure_kind: Why it failed, in a word; empty when it did not.
        failure: Why it failed or was stopped, in a sentence.
        seconds: Time its jobs ran until the last pause or end.
        metrics: Further figures of its last validation.
        started_at: When it was proposed, in seconds since the epoch, UTC.
        ended_at: When it reached a final state.
        is_interrupted: Whether the search itself stopped its job, to go on with it later.
    """

    search_id: str
    job_id: str
    state: TrialState = TrialState.WAITING
    epochs: int = 1
    bracket: int = 0
    parent: int | None = None
    generation: int = 0
    origin: str = ""
    reason: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    adjustments: tuple[str, ...] = ()
    repairs: dict[str, Any] = field(default_factory=dict)
    num_retries: int = 0
    failure_kind: str = ""
    failure: str = ""
    seconds: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    started_at: float = 0.0
    ended_at: float | None = None
    is_interrupted: bool = False

    @classmethod
    def read(cls, content: dict[str, Any]) -> Note:
        """A note as it was written."""
        known = {each.name for each in fields(cls)}
        given = {name: value for name, value in content.items() if name in known}
        given["state"] = TrialState(given["state"])
        given["adjustments"] = tuple(given.get("adjustments", ()))
        return cls(**given)

    def write(self) -> dict[str, Any]:
        """What Optuna's storages take."""
        content = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**content, "state": self.state.value, "adjustments": list(self.adjustments)}


@dataclass(frozen=True)
class Entry:
    """One recommendation: the trial that proposers and schedulers see, and the note beside it."""

    trial: Trial
    note: Note

    @property
    def number(self) -> int:
        """Number of the trial."""
        return self.trial.number


class Journal:
    """The trials of one search, in an Optuna storage.

    Args:
        storage: Where it is kept.
        name: Name of the study, which several searches of one storage may share.
        goals: What is optimized.
    """

    def __init__(self, storage: BaseStorage, name: str, goals: Sequence[Goal]) -> None:
        import optuna
        from optuna.study import StudyDirection

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._storage = storage
        directions = [
            StudyDirection.MINIMIZE if goal.minimize else StudyDirection.MAXIMIZE for goal in goals
        ]
        self._study = _find_or_create(storage, name, directions)
        storage.set_study_system_attr(
            self._study, "study:metric_names", [goal.metric for goal in goals]
        )
        found = storage.get_study_directions(self._study)
        if list(found) != directions:
            raise StoreInvalid(
                f"the study {name!r} of this storage has the directions "
                f"{', '.join(d.name.lower() for d in found)}; this search optimizes "
                f"{', '.join(f'{g.metric} ({_word(g)})' for g in goals)}. Use another storage, or "
                "the same metrics."
            )
        self._single = goals[0] if len(goals) == 1 else None

    def entries(self) -> list[Entry]:
        """All recommendations, by number."""
        trials = self._storage.get_all_trials(self._study, deepcopy=False)
        return [_read_entry(trial) for trial in trials if "note" in trial.user_attrs]

    def entry(self, number: int) -> Entry:
        """One recommendation as it is now."""
        return _read_entry(self._storage.get_trial(self._id(number)))

    def add(self, params: Params, domains: dict[str, Domain], note: Note) -> Entry:
        """Record a new recommendation.

        Args:
            params: Its point.
            domains: What each quantity of the point was drawn from.
            note: Its first note; `{number}` in the job's id stands for the trial's number.
        """
        from optuna.trial import TrialState as OptunaState
        from optuna.trial import create_trial

        draft = create_trial(
            state=OptunaState.RUNNING,
            params=dict(params),
            distributions={name: distribution_of(domains[name]) for name in params},
            user_attrs={"note": note.write(), **_shown(note)},
        )
        identity = self._storage.create_new_trial(self._study, template_trial=draft)
        entry = self.entry(self._storage.get_trial(identity).number)
        self._storage.set_trial_user_attr(identity, "job", entry.note.job_id)
        return entry

    def write(self, entry: Entry, **changes: Any) -> Entry:  # noqa: ANN401 - fields of Note
        """Change some fields of the note of a recommendation."""
        return self.replace(entry, replace(entry.note, **changes))

    def replace(self, entry: Entry, note: Note) -> Entry:
        """Write another note for a recommendation."""
        identity = self._id(entry.number)
        self._storage.set_trial_user_attr(identity, "note", note.write())
        for name, value in _shown(note).items():
            if value != _shown(entry.note).get(name):
                self._storage.set_trial_user_attr(identity, name, value)
        return self.entry(entry.number)

    def report(self, entry: Entry, epochs: int, value: float) -> Entry:
        """Record the metric after `epochs` epochs; the same report twice changes nothing."""
        if entry.trial.values.get(epochs) != value:
            self._storage.set_trial_intermediate_value(self._id(entry.number), epochs, value)
        return self.entry(entry.number)

    def finish(self, entry: Entry, values: Sequence[float] | None) -> None:
        """End the Optuna trial of a recommendation whose note is final.

        Args:
            entry: The recommendation.
            values: One per goal; None when it has none.
        """
        from optuna.trial import TrialState as OptunaState

        states = {
            TrialState.COMPLETE: OptunaState.COMPLETE,
            TrialState.PRUNED: OptunaState.PRUNED,
            TrialState.FAILED: OptunaState.FAIL,
        }
        identity = self._id(entry.number)
        if self._storage.get_trial(identity).state.is_finished():
            return
        state = states[entry.note.state]
        if values is None and state is OptunaState.COMPLETE:
            state = OptunaState.FAIL
        kept = None if state is OptunaState.FAIL else values
        if state is OptunaState.PRUNED and self._single is None:
            kept = None  # Optuna's own rule: no values of a pruned trial of several objectives
        self._storage.set_trial_state_values(identity, state, kept)

    def _id(self, number: int) -> int:
        return self._storage.get_trial_id_from_study_id_trial_number(self._study, number)


def _find_or_create(storage: BaseStorage, name: str, directions: list[StudyDirection]) -> int:
    from optuna.exceptions import DuplicatedStudyError

    try:
        return storage.get_study_id_from_name(name)
    except KeyError:
        pass
    try:
        return storage.create_new_study(directions, name)
    except DuplicatedStudyError:  # another search was a moment earlier
        return storage.get_study_id_from_name(name)


def open_storage(results: Path, url: str | None) -> BaseStorage:
    """The storage of a search: a journal in its results folder, or the database at a URL.

    Raises:
        StoreInvalid: It cannot be opened.
    """
    if url is None:
        return _open_journal(results / JOURNAL)
    if url.startswith(SECRET_REFERENCES):
        url = read_secret(url, "automl.storage").get_secret_value()
    from optuna.exceptions import StorageInternalError
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import SQLAlchemyError

    # Searches that share a file wait for one another, on a busy disk for longer than Python's 5 s.
    is_hasty = url.startswith("sqlite") and "timeout=" not in url
    engine = {"connect_args": {"timeout": _BUSY_S}} if is_hasty else None
    try:
        return RDBStorage(url, engine_kwargs=engine)
    except (StorageInternalError, SQLAlchemyError, ImportError) as error:
        # The error's own text may repeat the URL, and with it a password.
        raise StoreInvalid(
            f"automl.storage: the database cannot be opened ({type(error).__name__}); "
            "expected a URL such as 'postgresql+psycopg2://user@host/name' with its driver "
            "installed, or no storage: a journal in the job's folder."
        ) from None


def distribution_of(domain: Domain) -> BaseDistribution:
    """Optuna's distribution for a domain."""
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(domain, ChoiceDomain):
        return CategoricalDistribution(domain.options)
    if isinstance(domain, IntDomain):
        return IntDistribution(domain.low, domain.high, domain.log, domain.step)
    return FloatDistribution(domain.low, domain.high, domain.log, domain.step)


def _open_journal(path: Path) -> BaseStorage:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    drop_half_line(path)
    return JournalStorage(JournalFileBackend(str(path), lock_obj=_make_lock(path)))


def drop_half_line(path: Path) -> None:
    """Cut off what a killed process left of its last line; whole lines stay."""
    if not path.is_file():
        return
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)


def _make_lock(path: Path) -> BaseJournalFileLock:
    """A lock that the kernel drops when its holder is killed; Optuna's own would be waited for."""
    from optuna.storages.journal._file import BaseJournalFileLock

    class KernelLock(BaseJournalFileLock):
        def __init__(self) -> None:
            self._held: int | None = None
            self._mask: Set[int] = set()

        def acquire(self) -> bool:
            # A search that is asked to stop does so between two writes, never within one.
            self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPED_BY)
            self._held = wait_lock(path.with_suffix(".lock"))
            return True

        def release(self) -> None:
            if self._held is not None:
                os.close(self._held)
                self._held = None
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    return KernelLock()


def _read_entry(trial: FrozenTrial) -> Entry:
    note = Note.read(trial.user_attrs["note"])
    note = replace(note, job_id=note.job_id.format(number=trial.number))
    return Entry(
        Trial(
            number=trial.number,
            params=trial.params,
            state=note.state,
            values=dict(sorted(trial.intermediate_values.items())),
            epochs=note.epochs,
            bracket=note.bracket,
            parent=note.parent,
            generation=note.generation,
            origin=note.origin,
            reason=note.reason,
            adjustments=note.adjustments,
            failure=note.failure,
            objectives=note.metrics if note.state is TrialState.COMPLETE else {},
        ),
        note,
    )


def _shown(note: Note) -> dict[str, Any]:
    """What a reader of optuna-dashboard wants beside the point."""
    shown = {"job": note.job_id, "state": note.state.value, "origin": note.origin}
    told = {"reason": note.reason, "failure": note.failure}
    return {**shown, **{name: text for name, text in told.items() if text}}


def _word(goal: Goal) -> str:
    return "minimize" if goal.minimize else "maximize"
