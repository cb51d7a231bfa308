"""The files of wrong workflows, for wrong_workflows.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml


def write_workflows(folder: Path, skill: str, export_job: str) -> None:
    """Write files of steps, each wrong in its own way, below a folder that is made.

    Args:
        folder: Where they go.
        skill: Skill that has train, evaluate and export.
        export_job: Id of a complete export of it.
    """
    train: dict[str, Any] = {"skill": skill, "action": "train", "data": {"all": "data"}}
    train["automl_policy"] = "off"
    evaluate = {"skill": skill, "action": "evaluate", "data": {"all": "data"}, "parent": "train"}
    export = {"skill": skill, "action": "export", "parent": "train"}
    measured = {key: value for key, value in evaluate.items() if key != "parent"}
    flows = {
        "key": [{**train, "overides": {"num_epochs": 3}}],
        "parent": [train, {**export, "parent": 1}],
        "later-step": [train, {**evaluate, "overrides": {"evaluate.batch_siz": 4}}],
        "many": [
            {**train, "overrides": {"num_epoch": 3}},
            {**evaluate, "data": {"all": "nowhere"}},
            {**export, "action": "exprot"},
        ],
        "parent-action": [train, export, {**evaluate, "parent": "export"}],
        "job": [{**measured, "parent_job_id": export_job}],
        "structure": [train, {**evaluate, "overrides": {"num_classes": 9}}],
        "epoch": [train, {**export, "checkpoint": "epoch=1000"}],
    }
    folder.mkdir()
    for name, steps in flows.items():
        text = yaml.safe_dump({"steps": steps}, sort_keys=False)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
