"""What one agent asks for, done within what it may: the only way from a tool to the client."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skillbank.checkpoints import Resolution
from skillbank.client import Client
from skillbank.data_sources import is_remote, roles_of
from skillbank.errors import SkillInvalid, SkillNotFound
from skillbank.job import Job, JobId
from skillbank.mcp.allowance import Allowance
from skillbank.mcp.ledger import Kind
from skillbank.mcp.places import Places
from skillbank.mcp.shown_plans import ShownPlans
from skillbank.mcp.signatures import Arguments
from skillbank.plan import JobPlan
from skillbank.preflight.verdict import Preflight
from skillbank.request import JobRequest
from skillbank.settings import AgentLimits
from skillbank.spec import build_spec
from skillbank.spec_file import read_spec_file
from skillbank.workflow_request import WorkflowRequest
from skillbank.workflows.workflow import Workflow, WorkflowId
from skillbank.workflows.workflow_plan import WorkflowPlan

_MAPPINGS = ("spec", "overrides", "data", "automl", "resources")


@dataclass(frozen=True)
class House:
    """What all agents of a server share.

    Attributes:
        client: Does the work.
        places: What requests may name.
        limits: What each agent may start.
        plans: Plans of jobs that agents were shown.
        workflow_plans: Plans of workflows that agents were shown.
    """

    client: Client
    places: Places
    limits: AgentLimits
    plans: ShownPlans[JobPlan]
    workflow_plans: ShownPlans[WorkflowPlan]


class Desk:
    """Where one agent asks.

    Args:
        house: What it shares with others.
        agent: Its name.
    """

    def __init__(self, house: House, agent: str) -> None:
        self.client = house.client
        self.agent = agent
        self.allowance = Allowance(house.client, agent, house.limits)
        self._house = house

    def plan(self, **asked: Any) -> JobPlan:  # noqa: ANN401 - create_job's, passed on untouched
        """Plan a job; the arguments are `Client.create_job`'s."""
        planned = self.client.plan_job(self._read_job(asked))
        self._house.places.check_plan(planned)
        self._house.plans.add(self.agent, planned.hash, planned)
        return planned

    def run(self, plan_hash: str) -> Job:
        """Start the job of a plan that was shown, and return at once.

        Args:
            plan_hash: `hash` of what `plan` showed, whole; it holds for an hour.
        """
        planned = self._house.plans.get(self.agent, plan_hash)
        self._house.places.check_plan(planned)
        with self.allowance.starting(planned.num_gpus, num_jobs=1) as write_down:
            write_down(Kind.JOB, planned.job_id, 1)
            return self.client.submit(planned)

    def check_job(self, job_id: object) -> None:
        """Refuse a results URI, in place of a job's id, that this agent may not read.

        Raises:
            AccessRefused: It lies elsewhere.
        """
        if isinstance(job_id, str) and is_remote(job_id):
            self._house.places.check_file("job_id", job_id)

    def resume(
        self,
        job_id: JobId,
        pause_after: int | None = None,
        *,
        platform: str | None = None,
        resources: Mapping[str, Any] | None = None,
    ) -> Job:
        """Resume a job; the arguments are `Client.resume`'s."""
        self._house.places.check_resources(resources or {})
        found = self.client.job(job_id)
        num_gpus = self.client.plan_of(found.id).num_gpus
        with self.allowance.starting(num_gpus, num_jobs=0) as write_down:
            if found.state.can_resume:  # else resuming says why not
                write_down(Kind.JOB, found.id, found.attempt + 1)
            job = self.client.resume(found.id, pause_after, platform=platform, resources=resources)
            if job.attempt != found.attempt + 1:  # those between were begun elsewhere
                write_down(Kind.JOB, job.id, job.attempt)
            return job

    def resolve(self, job_id: JobId, checkpoint: str | None, kind: str) -> Resolution:
        """Choose a checkpoint; the arguments are `Client.resolve`'s."""
        self._house.places.check_checkpoint(checkpoint)
        return self.client.resolve(job_id, checkpoint, kind)

    def search_space(self, skill: str, **settings: Any) -> Any:  # noqa: ANN401 - passed on untouched
        """Show a search space; the arguments are `Client.search_space`'s."""
        self._house.places.check_settings(**settings)
        return self.client.search_space(skill, **settings)

    def plan_workflow(
        self, request: Mapping[str, Any], name: str | None, idempotency_key: str | None
    ) -> WorkflowPlan:
        """Plan a workflow; the arguments are `Client.plan_workflow`'s."""
        wanted = self._read_workflow(request)
        planned = self.client.plan_workflow(wanted, name=name, idempotency_key=idempotency_key)
        self._check_steps(planned)
        self._house.workflow_plans.add(self.agent, planned.hash, planned)
        return planned

    def run_workflow(self, plan_hash: str) -> Workflow:
        """Start the workflow of a plan that was shown, and return at once.

        Args:
            plan_hash: `hash` of what `plan_workflow` showed, whole; it holds for an hour.
        """
        planned = self._house.workflow_plans.get(self.agent, plan_hash)
        self._check_steps(planned)
        num_gpus = max(step.num_gpus for step in planned.steps)
        with self.allowance.starting(num_gpus, num_jobs=len(planned.steps)) as write_down:
            write_down(Kind.WORKFLOW, planned.workflow_id, 1)
            return self.client.submit_workflow(planned)

    def resume_workflow(self, workflow_id: WorkflowId) -> Workflow:
        """Resume a workflow; the arguments are `Client.resume_workflow`'s."""
        found = self.client.workflow(workflow_id)
        planned = self.client.workflow_plan_of(found.id)
        num_gpus = max(step.num_gpus for step in planned.steps)
        with self.allowance.starting(num_gpus, num_jobs=0) as write_down:
            if found.state.can_resume:
                write_down(Kind.WORKFLOW, found.id, found.attempt + 1)
            return self.client.resume_workflow(found.id)

    def limits(self) -> dict[str, object]:
        """What this agent may still start, and which folders, addresses and secrets it may name."""
        used, may, places = self.allowance.usage(), self.allowance.limits, self._house.places
        return {
            "agent": self.agent,
            "running": {"used": len(used.running), "most": may.running, "jobs": used.running},
            "jobs_per_day": {"used": len(used.started), "most": may.jobs_per_day},
            "gpu_hours_per_day": {
                "used": round(used.gpu_hours, 4),
                "most": may.gpu_hours_per_day,
            },
            "allowed": [*places.folders, places.root / "jobs", *places.prefixes],
        }

    def preflight(self, request: Mapping[str, Any] | None, platform: str) -> Preflight:
        """Check a launch; the arguments are `Client.preflight`'s, the request as JSON has it."""
        if request is None:
            return self.client.preflight(platform=platform)
        if "steps" in request:
            return self.client.preflight(self._read_workflow(request))
        asked = Arguments(Client.create_job).read(request, "request")
        return self.client.preflight(self._read_job(asked))

    def _read_job(self, asked: Mapping[str, Any]) -> JobRequest:
        """The request that `create_job` would make of its arguments, checked before it is used."""
        spec = asked["spec"]
        self._house.places.check_file("spec", spec)
        given = {**asked, "spec": read_spec_file(Path(spec)) if isinstance(spec, str) else spec}
        named = {name: given[name] or {} for name in _MAPPINGS}
        request = JobRequest(**{**given, **named})
        self._check(request)
        return request

    def _read_workflow(self, given: Mapping[str, Any]) -> WorkflowRequest:
        """The steps that are asked for, checked before they are used."""
        steps = given.get("steps")
        for index, step in enumerate(steps if isinstance(steps, list) else []):
            spec = step.get("spec") if isinstance(step, Mapping) else None
            self._house.places.check_file(f"steps[{index}].spec", spec)
        wanted = WorkflowRequest.from_mapping(given)
        for step in wanted.steps:
            self._check(step.request)
        return wanted

    def _check(self, request: JobRequest) -> None:
        """Refuse a request before anything that it names, or comes to name, is looked at."""
        self._house.places.check_request(request)
        with suppress(SkillNotFound, SkillInvalid):  # whoever uses the request says it
            skill = self.client.bank[request.skill]
            known = {"all", *roles_of(skill, request.action)}
            data = {role: root for role, root in request.data.items() if role in known}
            draft = build_spec(
                skill, request.action, spec=request.spec, data=data, overrides=request.overrides
            )
            self._house.places.check_draft(draft)

    def _check_steps(self, planned: WorkflowPlan) -> None:
        for step in planned.steps:
            if step.plan is not None:
                self._house.places.check_plan(step.plan)
