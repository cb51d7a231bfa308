"""Plans that are submitted: one for every door, for a plan makes one job."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from anyio.from_thread import BlockingPortal
from tests.parity.row import TOY
from tests.parity.world import DOORS, ENDLESS, World
from tests.sdk.mcp.conftest import Agent

from skillbank.client import Client
from skillbank.plan import JobPlan
from skillbank.request import JobRequest
from skillbank.workflows.workflow_plan import WorkflowPlan

_JOB: dict[str, Any] = {
    "skill": TOY,
    "action": "train",
    "automl_policy": "off",
    "overrides": ENDLESS,
}
Ask = Callable[[str, Mapping[str, Any]], Any]


def make_plans(world: World, portal: BlockingPortal, agent: Agent) -> None:
    """Plans that nobody has submitted, some that somebody has, and some that nobody may.

    Programs and command lines find theirs in files; agents know theirs by the hash.
    """
    client, names = world.client, world.shared
    flow = {"request": names["IN_ENDLESS"]}

    def ask(tool: str, arguments: Mapping[str, Any]) -> Any:
        return portal.call(lambda: agent.ask(tool, **arguments))

    for door in DOORS[:2]:
        for name in ("PLAN", "USED_PLAN"):
            _write(world, name, client.plan_job(JobRequest(**_JOB)).to_json(), door)
        for name in ("FLOW_PLAN", "USED_FLOW_PLAN"):
            _write(world, name, client.plan_workflow(**flow).to_json(), door)
        own = {
            n: Path(world.own[door][f"OWN_{n}"]).read_text()
            for n in ("USED_PLAN", "USED_FLOW_PLAN")
        }
        client.submit(JobPlan.from_json(own["USED_PLAN"]))
        client.submit_workflow(WorkflowPlan.from_json(own["USED_FLOW_PLAN"]))
    _show_plans(world, ask, flow)
    _write_wrong(world)
    world.settle()


def _show_plans(world: World, ask: Ask, flow: Mapping[str, Any]) -> None:
    own = world.own["tool"]
    for name in ("OWN_PLAN", "OWN_USED_PLAN"):
        own[name] = ask("plan", _JOB)["hash"]
    for name in ("OWN_FLOW_PLAN", "OWN_USED_FLOW_PLAN"):
        own[name] = ask("plan_workflow", flow)["hash"]
    ask("run", {"plan_hash": own["OWN_USED_PLAN"]})
    ask("run_workflow", {"plan_hash": own["OWN_USED_FLOW_PLAN"]})


def _write_wrong(world: World) -> None:
    """Plans that were changed, that belong elsewhere, and that are none."""
    client, flow = world.client, world.shared["IN_ENDLESS"]
    changed = json.loads(client.plan_job(JobRequest(**_JOB)).to_json())
    _write(world, "CHANGED_PLAN", json.dumps({**changed, "num_gpus": 7}))
    changed = json.loads(client.plan_workflow(flow).to_json())
    _write(world, "CHANGED_FLOW_PLAN", json.dumps({**changed, "workflow_id": "workflow-nobody"}))
    other = Client(world.folder / "elsewhere")
    _write(world, "FOREIGN_PLAN", other.plan_job(JobRequest(**_JOB)).to_json())
    _write(world, "FOREIGN_FLOW_PLAN", other.plan_workflow(flow).to_json())
    _write(world, "NO_PLAN", "[]")
    other.close()


def _write(world: World, name: str, text: str, door: str | None = None) -> None:
    """Write a plan for one door, or for all."""
    path = world.folder / f"{name} of {door}.json"
    path.write_text(text, encoding="utf-8")
    if door is None:
        world.shared[name] = str(path)
    else:
        world.own[door][f"OWN_{name}"] = str(path)
