"""Train models by skill: the control plane.

    from skillbank import Client

    job = Client().create_job("tao-train-pose-classification", "train", data={"all": "my/data"})

Names are loaded when they are first used, so that `import skillbank` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skillbank.bank import SkillBank
    from skillbank.capabilities import Capabilities
    from skillbank.checkpoints import Resolution
    from skillbank.client import Client
    from skillbank.errors import SkillbankError
    from skillbank.following import News
    from skillbank.job import Job, JobState
    from skillbank.plan import JobPlan, Route
    from skillbank.platforms.api import Platform
    from skillbank.platforms.inspection import Check, CheckState
    from skillbank.platforms.local import LocalPlatform
    from skillbank.preflight.verdict import Preflight
    from skillbank.request import AutomlPolicy, JobRequest
    from skillbank.search.preview import preview_search
    from skillbank.skill import Skill
    from skillbank.workflow_request import WorkflowRequest, WorkflowStep
    from skillbank.workflows.workflow import Workflow, WorkflowNews, WorkflowState
    from skillbank.workflows.workflow_plan import WorkflowPlan

_MODULE_OF = {
    "AutomlPolicy": "request",
    "Capabilities": "capabilities",
    "Check": "platforms.inspection",
    "CheckState": "platforms.inspection",
    "Client": "client",
    "Job": "job",
    "JobPlan": "plan",
    "JobRequest": "request",
    "JobState": "job",
    "LocalPlatform": "platforms.local",
    "News": "following",
    "Platform": "platforms.api",
    "Preflight": "preflight.verdict",
    "Resolution": "checkpoints",
    "Route": "plan",
    "Skill": "skill",
    "SkillBank": "bank",
    "SkillbankError": "errors",
    "Workflow": "workflows.workflow",
    "WorkflowNews": "workflows.workflow",
    "WorkflowPlan": "workflows.workflow_plan",
    "WorkflowRequest": "workflow_request",
    "WorkflowState": "workflows.workflow",
    "WorkflowStep": "workflow_request",
    "preview_search": "search.preview",
}

__all__ = [
    "AutomlPolicy",
    "Capabilities",
    "Check",
    "CheckState",
    "Client",
    "Job",
    "JobPlan",
    "JobRequest",
    "JobState",
    "LocalPlatform",
    "News",
    "Platform",
    "Preflight",
    "Resolution",
    "Route",
    "Skill",
    "SkillBank",
    "SkillbankError",
    "Workflow",
    "WorkflowNews",
    "WorkflowPlan",
    "WorkflowRequest",
    "WorkflowState",
    "WorkflowStep",
    "preview_search",
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'skillbank' has no attribute {name!r}")
    return getattr(import_module(f"skillbank.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
