"""The spec with which a job goes on from its own newest checkpoint, made where it runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from skillbank.bank import SkillBank
from skillbank.job_folder import dump_spec, read_plan
from skillbank.planner import resume_plan


def write_resumed_spec(job_folder: Path, target: Path) -> bool:
    """Write the job's spec, as a further run of it needs it.

    Args:
        job_folder: Holds `plan.json`, and `results/` with what earlier runs left.
        target: Where the spec goes.

    Returns:
        False where the skill is not known here, and nothing was written: the job's own spec holds.
    """
    plan = replace(read_plan(job_folder), folder=job_folder)
    bank = SkillBank()
    if plan.skill not in bank:
        return False
    target.write_text(dump_spec(resume_plan(plan, bank[plan.skill]).spec), encoding="utf-8")
    return True
