"""The launch gate before a workflow: every step is looked at, whatever became of the others."""

from __future__ import annotations

from pathlib import Path

from tests.sdk.preflight.conftest import SKILL, Machine

from skillbank.client import Client
from skillbank.platforms.inspection import Check, CheckState
from skillbank.preflight.verdict import Preflight
from skillbank.workflow_request import WorkflowRequest


def workflow(*steps: dict[str, object]) -> WorkflowRequest:
    return WorkflowRequest.from_mapping({"steps": [{"skill": SKILL, **step} for step in steps]})


def checks(found: Preflight, step: int, name: str) -> list[Check]:
    (section,) = (s for s in found.sections if s.about.startswith(f"steps[{step}]:"))
    return [check for check in section.checks if check.name == name]


def failed(found: Preflight, step: int) -> set[str]:
    (section,) = (s for s in found.sections if s.about.startswith(f"steps[{step}]:"))
    return {check.name for check in section.checks if check.state is CheckState.FAIL}


def chain(data: Path, **of_evaluate: object) -> WorkflowRequest:
    roots = {"all": str(data)}
    return workflow(
        {"action": "train", "data": roots, "automl_policy": "off"},
        {"action": "evaluate", "parent": 0, "data": roots, **of_evaluate},
        {"action": "export", "parent": 0},
    )


def test_a_workflow_that_is_all_right_may_go(client: Client, data: Path) -> None:
    found = client.preflight(chain(data))

    assert found.go
    assert [section.about for section in found.sections] == [
        "platform local",
        f"steps[0]: {SKILL} train",
        f"steps[1]: {SKILL} evaluate",
        f"steps[2]: {SKILL} export",
    ]
    assert [section.plan is not None for section in found.sections] == [False, True, False, False]


def test_a_later_step_is_rehearsed_and_planned_when_its_parent_is_complete(
    client: Client, data: Path
) -> None:
    found = client.preflight(chain(data))

    (plan,) = checks(found, 1, "plan")
    (parent,) = checks(found, 1, "parent")
    assert plan.state is CheckState.SKIPPED
    assert (parent.state, parent.found) == (
        CheckState.PASS,
        f"will be the job of steps[0], {SKILL} train",
    )


def test_no_path_that_a_rehearsal_made_up_is_shown(client: Client, data: Path) -> None:
    found = client.preflight(chain(data))

    text = "\n".join(check.found for check in found.checks)
    assert "skillbank-" not in text.replace(str(data), "")
    (review,) = (check for check in checks(found, 2, "review") if check.about == "spec")
    assert review.found == "as the template"


def test_a_wrong_key_of_a_later_step_is_found_now(client: Client, data: Path) -> None:
    found = client.preflight(chain(data, overrides={"evaluate.batch_sise": 4}))

    assert [failed(found, step) for step in range(3)] == [set(), {"plan"}, set()]
    assert "did you mean" in checks(found, 1, "plan")[0].found


def test_a_setting_that_contradicts_the_parents_is_found_now(client: Client, data: Path) -> None:
    found = client.preflight(chain(data, overrides={"model.graph_layout": "openpose"}))

    assert failed(found, 1) == {"plan"}
    assert "steps[0]" in checks(found, 1, "plan")[0].found


def test_a_step_is_looked_at_also_when_its_parent_fails(client: Client, data: Path) -> None:
    found = client.preflight(
        workflow(
            {"action": "train", "data": {"all": "/nowhere"}, "automl_policy": "off"},
            {"action": "evaluate", "parent": 0, "data": {"all": str(data)}},
            {"action": "export", "parent": 0, "overrides": {"export.opset": "many"}},
        )
    )

    assert [failed(found, step) for step in range(3)] == [{"data", "plan"}, set(), {"plan"}]


def test_a_step_is_looked_at_also_when_nobody_knows_its_parent(client: Client, data: Path) -> None:
    found = client.preflight(
        workflow(
            {"action": "prune"},
            {"action": "evaluate", "parent": 0, "data": {"all": "/nowhere"}},
        )
    )

    assert failed(found, 0) == {"skill"}
    assert failed(found, 1) == {"data", "parent", "plan"}
    assert "steps[0] has no skill and action" in checks(found, 1, "parent")[0].found
    assert data.is_dir()


def test_a_parent_that_leaves_nothing_of_use_fails(client: Client, data: Path) -> None:
    roots = {"all": str(data)}
    found = client.preflight(
        workflow(
            {"action": "train", "data": roots, "automl_policy": "off"},
            {"action": "export", "parent": 0},
            {"action": "evaluate", "parent": 1, "data": roots},
        )
    )

    assert "parent" in failed(found, 2)
    assert checks(found, 2, "parent")[0].expected == "a step of train"


def test_one_of_two_things_that_stand_for_one_another_is_enough_of_a_parent(
    client: Client, tmp_path: Path
) -> None:
    roots = {"all": str(tmp_path)}
    names = ("train", "export", "gen_trt_engine", "evaluate")
    steps = [
        {"skill": "tao-train-centerpose", "action": name, "parent": index - 1 if index else None}
        for index, name in enumerate(names)
    ]
    steps[3]["data"] = roots

    found = client.preflight(WorkflowRequest.from_mapping({"steps": steps}))

    assert checks(found, 3, "parent")[0].state is CheckState.PASS


def test_data_that_an_earlier_step_makes_are_not_missed_now(client: Client, tmp_path: Path) -> None:
    poses = tmp_path / "poses.json"
    poses.write_text("[]")
    overrides = {"dataset_convert.data": str(poses)}

    found = client.preflight(
        workflow(
            {"action": "dataset_convert", "overrides": overrides},
            {"action": "train", "parent": 0, "automl_policy": "off"},
        )
    )

    assert failed(found, 1) == set()
    assert checks(found, 1, "data") == []


def test_every_platform_is_looked_at_once(root: Path, data: Path) -> None:
    machines = {"local": Machine(root, gpus=()), "other": Machine(root / "other", gpus=())}
    client = Client(root, platforms=machines)
    roots = {"all": str(data)}

    found = client.preflight(
        workflow(
            {"action": "train", "data": roots, "automl_policy": "off"},
            {"action": "train", "data": roots, "automl_policy": "off", "platform": "other"},
            {"action": "export", "parent": 0},
        )
    )

    assert [s.about for s in found.sections][:2] == ["platform local", "platform other"]
    assert found.go
