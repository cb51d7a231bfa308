"""The jobs of a search: one training per recommendation, planned and run by the search's client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from skillbank.artefacts import Checkpoint, list_checkpoints, newest_whole
from skillbank.automl.history import Goal, Trial
from skillbank.automl.search_plan import EPOCHS_KEY
from skillbank.client import Client
from skillbank.config import read_config
from skillbank.errors import FilesUnavailable, JobNotFound
from skillbank.files.opening import Stores, hurried_stores
from skillbank.following import StatusLine, parse_status
from skillbank.inputs import keys_filled_by
from skillbank.job import Job
from skillbank.plan import JobPlan
from skillbank.request import AutomlPolicy, JobRequest
from skillbank.route import EVALUATION
from skillbank.search.journal import Entry
from skillbank.skill import Spec
from skillbank.spec_keys import find_path, get_value, plain, set_value
from skillbank.staging.manifest import MANIFEST_NAME
from skillbank.staging.mirror import PATIENCE_S

_RESUME_FUNCTIONS = frozenset({"resume_model", "resume_model_or_ptm", "automl_resume_model"})


class Saved(NamedTuple):
    """The best saved checkpoint of a recommendation, with its measured value."""

    entry: Entry
    checkpoint: Checkpoint
    value: float


class TrialJobs:
    """Plans, starts, pauses and reads the jobs of one search.

    Args:
        client: Runs them.
        plan: Plan of the search.
        num_epochs: Epochs of a full training.
    """

    def __init__(self, client: Client, plan: JobPlan, num_epochs: int) -> None:
        self.client = client
        self.plan = plan
        self.num_epochs = num_epochs
        self._spec = _own_spec(client, plan)
        self._is_place_in_doubt = False

    def capacity(self) -> int:
        """How many trials can train at once where they run.

        Raises:
            PlatformError: That cannot be asked now.
            FilesUnavailable: The place of their results did not answer, and still does not.
        """
        if self._is_place_in_doubt:
            stores = hurried_stores(read_config(self.client.root).storage, PATIENCE_S)
            uri = self.plan.results_uri
            stores.of(uri).stat(f"{uri}/{MANIFEST_NAME}")
            self._is_place_in_doubt = False
        return self.client.platforms[self.plan.platform].capacity(self.plan.one_trial)

    def find(self, entry: Entry) -> Job | None:
        """The job of a recommendation as it is now; None when it was never submitted."""
        try:
            return self.client.job(entry.note.job_id)
        except JobNotFound:
            return None

    def submit(self, entry: Entry, start_from: str | None = None) -> Job:
        """Start the job of a recommendation.

        Args:
            entry: The recommendation.
            start_from: Checkpoint of another trial to begin from.

        Raises:
            RequestInvalid: Its spec cannot be used.
            PlatformError: The platform cannot run it.
            FilesUnavailable: The place of its results does not answer.
        """
        with self._doubting_its_place():
            return self.client.submit(self.plan_trial(entry, start_from))

    def plan_trial(self, entry: Entry, start_from: str | None = None) -> JobPlan:
        """Plan of the job of a recommendation."""
        overrides = {**entry.note.values, **entry.note.repairs}
        if start_from is not None:
            skill = self.client.bank[self.plan.skill]
            for key in keys_filled_by(skill, self.plan.action, _RESUME_FUNCTIONS)[:1]:
                overrides[key] = start_from
        return self.client.plan_trial(
            self._request(overrides),
            job_id=entry.note.job_id,
            search_id=self.plan.job_id,
            pause_after=self.pause_after(entry.note.epochs),
        )

    def plan_alone(self) -> JobPlan:
        """Plan of a training of the spec as it stands, to see how fast it is."""
        return self.client.plan_trial(
            self._request({}), job_id=f"{self.plan.job_id}-pace", search_id=self.plan.job_id
        )

    def _request(self, overrides: Mapping[str, Any]) -> JobRequest:
        return JobRequest(
            skill=self.plan.skill,
            action=self.plan.action,
            spec=self._spec,
            overrides={**overrides, EPOCHS_KEY: self.num_epochs},
            automl_policy=AutomlPolicy.OFF,
            **self._where(),
        )

    def _where(self) -> dict[str, Any]:
        """Where and how the jobs of the search run: as its own plan says."""
        return {
            "platform": self.plan.platform,
            "resources": self.plan.resources,
            "results": self.plan.results_uri.rpartition("/")[0] or None,
        }

    def resume(self, entry: Entry) -> Job:
        """Let the job of a recommendation go on to the end of its present rung."""
        with self._doubting_its_place():
            return self.client.resume(entry.note.job_id, self.pause_after(entry.note.epochs))

    @contextmanager
    def _doubting_its_place(self) -> Iterator[None]:
        """Start nothing more, which would cost a trial one of its retries, until it answers."""
        try:
            yield
        except FilesUnavailable:
            self._is_place_in_doubt = True
            raise

    def pause_after(self, epochs: int) -> int | None:
        """What a job's plan says so that it trains `epochs` epochs."""
        return epochs if epochs < self.num_epochs else None

    def is_to_go_on(self, entry: Entry) -> bool:
        """Tell whether a paused job has not yet been asked to train as far as its trial may."""
        return self.client.plan_of(entry.note.job_id).pause_after != self.pause_after(
            entry.note.epochs
        )

    def lines(self, entry: Entry) -> list[StatusLine]:
        """Status lines of the newest attempt of a recommendation's job."""
        return self.client.events(entry.note.job_id)

    def all_lines(self, entry: Entry) -> list[StatusLine]:
        """Status lines of all attempts of a recommendation's job."""
        path = self.results(entry) / "status.json"
        return parse_status(path.read_text(encoding="utf-8")) if path.is_file() else []

    def name(self, number: int, num_retries: int = 0) -> str:
        """Id of the job of a recommendation, or of a further one with a repaired spec."""
        first = f"{self.plan.job_id}-t{number:03d}"
        return f"{first}-r{num_retries}" if num_retries else first

    def cancel(self, entry: Entry) -> None:
        """Stop the job of a recommendation, if it has one."""
        if self.find(entry) is not None:
            self.client.cancel(entry.note.job_id)

    def results(self, entry: Entry) -> Path:
        """Results folder of a recommendation's job."""
        return self.client.root / "jobs" / entry.note.job_id / "results"

    def trained_spec(self, entry: Entry) -> Spec:
        """The spec that a recommendation trains, without what belongs to its job's folder."""
        spec = _own_spec(self.client, self.client.plan_of(entry.note.job_id))
        skill = self.client.bank[self.plan.skill]
        for key in keys_filled_by(skill, self.plan.action, _RESUME_FUNCTIONS):
            set_value(spec, key, get_value(self._spec, key))
        return spec

    def newest_checkpoint(self, entry: Entry) -> str | None:
        """Path or URI of what another trial begins from (PBT)."""
        newest = newest_whole(self.results(entry))
        return newest.location if newest else None

    def bring(self, checkpoint: Checkpoint) -> Path:
        """Path of a checkpoint, which is fetched where only its job's results URI has it.

        Raises:
            FilesError: It cannot be fetched.
        """
        if checkpoint.uri:
            storage = read_config(self.client.root).storage
            Stores(storage).of(checkpoint.uri).download(checkpoint.uri, checkpoint.path)
        return checkpoint.path

    def best_checkpoint(self, entry: Entry, goal: Goal) -> tuple[Checkpoint, float] | None:
        """The saved checkpoint with the best measured value, and that value.

        Of equals the latest wins. None when nothing that was measured was saved.
        """
        measured = [
            (checkpoint, entry.trial.values[checkpoint.epoch + 1])
            for checkpoint in list_checkpoints(self.results(entry))
            if checkpoint.epoch is not None
            and checkpoint.epoch + 1 in entry.trial.values
            and checkpoint.is_whole
        ]
        if not measured:
            return None
        return min(measured, key=lambda each: (goal.loss(each[1]), -(each[0].epoch or 0)))

    def ranked(self, entries: Sequence[Entry], goal: Goal) -> list[Saved]:
        """Saved checkpoints of recommendations that did not fail, one each, the best first."""
        found = [
            Saved(entry, *best)
            for entry in entries
            if is_ranked(entry.trial, goal) and (best := self.best_checkpoint(entry, goal))
        ]
        return sorted(found, key=lambda saved: (goal.loss(saved.value), saved.entry.number))

    def delete_checkpoints(
        self, entry: Entry, goal: Goal | None, *, keep_newest: bool
    ) -> frozenset[Path]:
        """Delete checkpoints of a recommendation here; paths of those that stay.

        Args:
            entry: The recommendation.
            goal: Keeps the best by this; None: the best goes too.
            keep_newest: Keep what the job would go on from.
        """
        found = list_checkpoints(self.results(entry))
        best = self.best_checkpoint(entry, goal) if goal is not None else None
        kept = {best[0].path} if best else set()
        if keep_newest:
            # The one before the newest too: the newest may be a moment old and not recorded whole.
            kept |= {checkpoint.path for checkpoint in found[-2:]}
        for checkpoint in found:
            if checkpoint.path not in kept:
                checkpoint.path.unlink(missing_ok=True)
        return frozenset(kept)

    def plan_evaluation(self, name: str, parent: Entry, checkpoint: Checkpoint) -> JobPlan:
        """Plan of an evaluation of a trial's checkpoint.

        Raises:
            SkillbankError: The skill cannot evaluate, or lacks data for it.
        """
        request = JobRequest(
            skill=self.plan.skill,
            action=EVALUATION,
            overrides=self._evaluation_inputs(),
            data=self.plan.search["data"],
            parent_job_id=parent.note.job_id,
            checkpoint=_selection(checkpoint),
            **self._where(),
        )
        return self.client.plan_trial(
            request, job_id=f"{self.plan.job_id}-{name}", search_id=self.plan.job_id
        )

    def _evaluation_inputs(self) -> dict[str, Any]:
        """Where no dataset roots were given: the files that training validates on."""
        if self.plan.search["data"]:
            return {}
        sources = self.client.bank[self.plan.skill].info.data_sources
        trained = {
            (source.role, source.file): get_value(self._spec, key)
            for key, source in sources.get(self.plan.action, {}).items()
        }
        return {
            key: trained[source.role, source.file]
            for key, source in sources.get(EVALUATION, {}).items()
            if (source.role, source.file) in trained
        }


def _selection(checkpoint: Checkpoint) -> str:
    """How a request names a checkpoint of its parent, wherever that is kept."""
    if checkpoint.uri and checkpoint.step is not None:
        return f"step={checkpoint.step}"
    return str(checkpoint.path)


def is_validation(line: StatusLine) -> bool:
    """Tell whether a status line closes an epoch."""
    return isinstance(line.get("epoch"), int) and "step" not in line and bool(line.get("kpi"))


def figures_of(lines: list[StatusLine]) -> dict[str, float]:
    """The newest value of everything that status lines measured."""
    figures: dict[str, float] = {}
    for line in lines:
        kpi = line.get("kpi") or {}
        figures |= {name: float(v) for name, v in kpi.items() if isinstance(v, int | float)}
    return figures


def best_of(entries: Sequence[Entry], goal: Goal) -> list[Entry]:
    """Recommendations that were measured and did not fail, the best first."""

    def rank(entry: Entry) -> tuple[float, int]:
        value = goal.best(entry.trial)
        assert value is not None
        return goal.loss(value), entry.number

    return sorted((e for e in entries if is_ranked(e.trial, goal)), key=rank)


def is_ranked(trial: Trial, goal: Goal) -> bool:
    """Tell whether a trial may be the best: failed ones never are."""
    return trial.state.value != "failed" and goal.best(trial) is not None


def _own_spec(client: Client, plan: JobPlan) -> Spec:
    """The spec of a job, without what the planner filled in for the job's own folder."""
    spec: Spec = plain(plan.spec)
    template = client.bank[plan.skill].template(plan.action)
    schema = client.bank[plan.skill].schema(plan.action)
    for key, origin in plan.origins.items():
        value = get_value(spec, key)
        if origin.startswith("inference ") and str(value).startswith(str(plan.folder)):
            path = find_path(schema, key) or tuple(key.split("."))
            set_value(spec, path, get_value(template, path))
    return spec
