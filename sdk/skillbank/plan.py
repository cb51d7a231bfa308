"""A job, decided but not yet run: what a dry run shows and what a platform receives."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from skillbank.errors import PlanInvalid

_ADDED_KEYS = ("search_id", "pause_after", "search", "resources", "results_uri", "upload_excludes")


class Route(StrEnum):
    """Who does the work."""

    DIRECT = "direct"
    AUTOML = "automl"


@dataclass(frozen=True)
class JobPlan:
    """Everything that is decided before anything runs.

    Attributes:
        job_id: Id that the job will have.
        skill: Name of the skill.
        action: Action of the skill.
        network_arch: Runner package.
        route: Who does the work.
        reason: Why this route, in a sentence that can be shown.
        spec: The complete spec, checked.
        origins: Dotted spec key -> where its value came from; keys left at the template's
            value are not listed.
        notes: What the user should know: ignored sections, falling back to the CPU, ...
        folder: The job's own folder, absolute.
        parent_job_id: Job whose artefacts are used.
        checkpoint_reason: Which checkpoint was chosen and why; empty when none was.
        automl_policy: `on` or `off`, as resolved.
        platform: Where it runs.
        num_gpus: GPUs the job holds while it runs; 0 on the CPU.
        idempotency_key: See JobRequest.
        request_hash: Digest of the request, to tell a repeated one from a different one.
        downloads: Local path inside the job's folder -> URL that `fetch_links` gets it from.
        search_id: AutoML job that it is a trial of.
        pause_after: Epochs after which the job pauses, None: never.
        search: Settings of the search, resolved; empty for a direct route.
        resources: How it is run, as the platform reads it: `time_limit`, `retries`, ...
        results_uri: `s3://` URI of the job: a copy of its folder that grows while it runs; empty:
            there is none.
        upload_excludes: Patterns of files below `results/` that stay where the job runs.
    """

    job_id: str
    skill: str
    action: str
    network_arch: str
    route: Route
    reason: str
    spec: Mapping[str, Any]
    folder: Path
    origins: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    parent_job_id: str | None = None
    checkpoint_reason: str = ""
    automl_policy: str = "on"
    platform: str = "local"
    num_gpus: int = 0
    idempotency_key: str | None = None
    request_hash: str = ""
    downloads: Mapping[str, str] = field(default_factory=dict)
    search_id: str | None = None
    pause_after: int | None = None
    search: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)
    results_uri: str = ""
    upload_excludes: tuple[str, ...] = ()

    @property
    def results(self) -> Path:
        """Folder the action writes to."""
        return self.folder / "results"

    @property
    def own_process(self) -> JobPlan:
        """What the job's own process needs: that of a search trains nothing itself.

        GPUs and settings of the platform are for its trials, one by one.
        """
        if self.route is not Route.AUTOML:
            return self
        return replace(self, num_gpus=0, resources={})

    @property
    def one_trial(self) -> JobPlan:
        """What one trial of a search needs."""
        return replace(self, route=Route.DIRECT, search={})

    @property
    def hash(self) -> str:
        """SHA-256 over everything else in the plan."""
        content = self._content()
        # Plans that were saved before these keys existed keep the hash that they claim.
        unset = [key for key in _ADDED_KEYS if not content[key]]
        counted = {key: value for key, value in content.items() if key not in unset}
        return hashlib.sha256(_canonical(counted).encode()).hexdigest()

    def command(self) -> list[str]:
        """Arguments of Python that do the job: the same on every platform, for every model."""
        if self.route is Route.AUTOML:
            return ["-m", "skillbank.search", "--job", str(self.folder)]
        spec = str(self.folder / "spec.yaml")
        launch = ["-m", "skillbank_runners.launch", self.network_arch, self.action]
        pause = [] if self.pause_after is None else ["--pause-after", str(self.pause_after)]
        return [*launch, "-e", spec, "--results", str(self.results), *pause]

    def to_json(self) -> str:
        """The plan as JSON that `from_json` takes back, with its hash."""
        return json.dumps({**self._content(), "hash": self.hash}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> JobPlan:
        """Read a saved plan.

        Raises:
            PlanInvalid: It is not a plan, or it was changed after it was made.
        """
        try:
            content = json.loads(text)
            claimed = content.pop("hash")
            plan = cls(
                **{
                    **content,
                    "route": Route(content["route"]),
                    "folder": Path(content["folder"]),
                    "notes": tuple(content["notes"]),
                    "upload_excludes": tuple(content.get("upload_excludes", ())),
                }
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            known = ", ".join(f.name for f in fields(cls))
            found = "it is no JSON" if isinstance(error, json.JSONDecodeError) else error
            raise PlanInvalid(
                f"this is not a saved plan ({found}); expected JSON with the keys {known}, hash. "
                "Make one with 'skillbank plan SKILL ACTION --json > plan.json'."
            ) from error
        if plan.hash != claimed:
            raise PlanInvalid(
                f"the plan of job {plan.job_id} was changed after it was made: its content hashes "
                f"to {plan.hash[:12]}, it claims {str(claimed)[:12]}. Make a new one with "
                "'skillbank plan', passing the change as an override."
            )
        return plan

    def _content(self) -> dict[str, Any]:
        content = asdict(self)
        return {**content, "route": self.route.value, "folder": str(self.folder)}


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
