"""Wrong workflows, and what a good message about each must name."""

from __future__ import annotations

from wrong_request import WrongRequest
from wrong_world import EXPORT

W = WrongRequest

WORKFLOWS = (
    W("no such file", "skillbank workflow run nowhere.yaml", ("nowhere.yaml", "steps:")),
    W("no file", "skillbank workflow run", ("FILE is missing", "--plan")),
    W(
        "file without steps",
        "skillbank workflow run train.yaml",
        ("train.yaml", "steps: found nothing"),
    ),
    W(
        "unknown key of a step",
        "skillbank workflow plan flows/key.yaml",
        ("steps[0].overides", "'overrides'"),
    ),
    W(
        "parent that is no earlier step",
        "skillbank workflow plan flows/parent.yaml",
        ("steps[1].parent", "found 1", "parent_job_id"),
    ),
    W(
        "unknown key of a spec, in a step that runs an hour later",
        "skillbank workflow run flows/later-step.yaml",
        ("steps[1]: evaluate.batch_siz", "'evaluate.batch_size'"),
    ),
    W(
        "something wrong in every step",
        "skillbank workflow run flows/many.yaml",
        ("steps[0]: num_epoch", "steps[1]: --data all=nowhere", "steps[2]:", "'exprot'"),
    ),
    W(
        "parent of the wrong action",
        "skillbank workflow plan flows/parent-action.yaml",
        ("steps[2]: parent", "export", "takes a parent of: train"),
    ),
    W(
        "job of the wrong action as parent",
        "skillbank workflow plan flows/job.yaml",
        ("steps[0]: parent", EXPORT, "takes a parent of: train"),
    ),
    W(
        "structure that contradicts the parent's",
        "skillbank workflow plan flows/structure.yaml",
        ("steps[1]: dataset.num_classes", "9", "steps[0]"),
    ),
    W(
        "epoch that the parent will not train",
        "skillbank workflow plan flows/epoch.yaml",
        ("steps[1]: checkpoint", "'epoch=1000'", "expected epoch=0 to"),
    ),
    W(
        "unknown workflow",
        "skillbank workflow status workflow-77777777",
        ("workflow-77777777", "skillbank workflow list"),
    ),
    W(
        "plan of a job, not of a workflow",
        "skillbank workflow run --plan plan.json",
        ("not a saved plan of a workflow", "workflow plan"),
    ),
)
