"""The toy skill, and a client that runs it, for tests of everything around a training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.job import JobState, Observation
from skillbank.plan import JobPlan, Route
from skillbank.platforms.api import Platform
from skillbank.platforms.local import LocalPlatform

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "toy_runner"
TOY = "toy-train"


class RecordingPlatform(Platform):
    """Starts nothing: remembers what it was told, and says what a test lets it say."""

    def __init__(self) -> None:
        self.submitted: list[tuple[str, int]] = []
        self.seen = Observation(JobState.RUNNING, started_at=1.0)

    def submit(self, plan: JobPlan, attempt: int) -> None:
        self.submitted.append((plan.job_id, attempt))

    def poll(self, plan: JobPlan, attempt: int) -> Observation:
        return self.seen if (plan.job_id, attempt) in self.submitted else LOST

    def cancel(self, plan: JobPlan, attempt: int) -> None:
        self.seen = Observation(JobState.CANCELED, f"cancelled {plan.job_id}, attempt {attempt}")

    def logs(self, plan: JobPlan) -> str:
        return f"one\ntwo\nlog of {plan.job_id}\n"

    def gpus(self) -> int:
        return 0


LOST = Observation(JobState.LOST, "nobody knows this attempt")


def make_plan(root: Path, job_id: str, **changes: object) -> JobPlan:
    """A plan of the toy's training, made without the planner."""
    plan = JobPlan(
        job_id=job_id,
        skill=TOY,
        action="train",
        network_arch="toy",
        route=Route.DIRECT,
        reason="a test asks for it",
        spec={"results_dir": "", "train": {"num_epochs": 3}},
        folder=root / "jobs" / job_id,
        request_hash="request",
    )
    return replace(plan, **changes)  # type: ignore[arg-type]


def make_recording_client(root: Path) -> Client:
    """A client whose jobs are only written down."""
    bank = SkillBank([FIXTURES / "skills"])
    return Client(root, bank=bank, platforms={"local": RecordingPlatform()})


def make_toy_client(root: Path, *, num_slots: int = 4, grace_s: float = 1.0) -> Client:
    """A client that really runs the toy; PYTHONPATH must name the toy's source root."""
    local = LocalPlatform(root, gpus=(), num_slots=num_slots, grace_s=grace_s)
    return Client(root, bank=SkillBank([FIXTURES / "skills"]), platforms={"local": local})
