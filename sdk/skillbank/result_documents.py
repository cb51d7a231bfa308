"""What the client's answers and errors look like as JSON: the same through every door.

The command line prints these documents with `--json`; the MCP server returns them. Importing this
costs next to nothing: the help of the command line does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skillbank.errors import SkillbankError, SkillInvalid, SpecInvalid

if TYPE_CHECKING:
    from skillbank.automl.parameter import Parameter
    from skillbank.automl.result import SearchResult
    from skillbank.automl.space import SearchSpace
    from skillbank.checkpoints import Resolution
    from skillbank.following import StatusLine
    from skillbank.job import Job
    from skillbank.plan import JobPlan
    from skillbank.words.answer import Answer, AskedStep
    from skillbank.workflows.workflow import Workflow
    from skillbank.workflows.workflow_plan import WorkflowPlan

SEARCHED_ACTION = "train"  # the only one that AutoML may search
Document = dict[str, object]


def write_json(document: object) -> str:
    """A document as text: paths as text, tuples as lists."""
    return json.dumps(document, indent=2, default=str, ensure_ascii=False)


def job_document(job: Job) -> Document:
    """A job, with the folder of its results, their URI elsewhere or "", and its plan's notes."""
    return {**asdict(job), "results": job.results, **_of_plan(job)}


def _of_plan(job: Job) -> Document:
    """What any other machine knows the job by; of a job whose folder is gone nothing is told."""
    from skillbank.job_folder import read_plan

    try:
        plan = read_plan(job.folder)
    except (SkillbankError, OSError):
        return {"results_uri": "", "notes": []}
    return {"results_uri": plan.results_uri, "notes": list(plan.notes)}


def status_document(job: Job, lines: Sequence[StatusLine]) -> Document:
    """A job with the newest of its status lines."""
    return {**job_document(job), "progress": lines[-1] if lines else None}


def plan_document(plan: JobPlan) -> Document:
    """A plan with its hash, as it is saved and applied."""
    document: Document = json.loads(plan.to_json())
    return document


def workflow_document(workflow: Workflow) -> Document:
    """A workflow and its steps."""
    return asdict(workflow)


def workflow_plan_document(plan: WorkflowPlan) -> Document:
    """The plan of a workflow with its hash, as it is saved and applied."""
    document: Document = json.loads(plan.to_json())
    return document


def log_document(job_id: str, text: str) -> Document:
    """What a job printed."""
    return {"job": job_id, "log": text}


def report_document(job_id: str, path: Path) -> Document:
    """Where a job's report lies."""
    return {"job": job_id, "report": path}


def resolution_document(found: Resolution) -> Document:
    """A chosen checkpoint, why this one, and the others."""
    return asdict(found)


def space_document(skill: str, found: SearchSpace) -> Document:
    """What a search varies."""
    return {
        "skill": skill,
        "parameters": [_parameter_document(parameter) for parameter in found.parameters],
        "baseline": found.values(found.defaults()),
        "fixed": [asdict(each) for each in found.fixed],
    }


def search_document(job: Job, found: SearchResult) -> Document:
    """What a search has found."""
    head: Document = {"job_id": job.id, "job_state": job.state.value}
    return head | found.model_dump(mode="json")


def answer_document(answer: Answer) -> Document:
    """What plain words were read as; where there are steps, `workflow` is what runs them."""
    steps = [_step_document(step) for step in answer.steps]
    return {**asdict(answer), "steps": steps}


def _step_document(step: AskedStep) -> Document:
    """A step; AutoML's policy stands only where there is something to search."""
    document = asdict(step)
    if step.action != SEARCHED_ACTION:
        del document["automl_policy"]
    if step.parent is not None:
        document["parent"] = {
            key: value for key, value in asdict(step.parent).items() if value is not None
        }
    return document


def error_document(kind: str, message: str, problems: Iterable[str] = ()) -> Document:
    """An error of a kind, with the single problems where there are several."""
    return {"error": {"type": kind, "message": message, "problems": list(problems)}}


def describe_error(error: SkillbankError | OSError) -> Document:
    """An error that a user's request met."""
    if isinstance(error, SkillbankError):
        problems = error.problems if isinstance(error, SpecInvalid | SkillInvalid) else ()
        return error_document(type(error).__name__, str(error), problems)
    # A full disk, a folder that cannot be written.
    where = f"{error.filename}: " if error.filename else ""
    message = f"{where}{error.strerror}. Check that it can be written; --root names another root."
    return error_document("OSError", message)


def describe_scale(parameter: Parameter) -> str:
    """How a search draws a parameter's values, in words."""
    if parameter.options:
        weights = ", ".join(f"{weight:g}" for weight in parameter.weights)
        return f"weights {weights}" if weights else "in order" if parameter.is_ordered else "even"
    if parameter.power_of is not None:
        return f"powers of {parameter.power_of}"
    if parameter.step is not None:
        return f"steps of {parameter.step:g}"
    scale = "log" if parameter.log else "linear"
    return f"{scale} of 1 - value" if parameter.complement else scale


def _parameter_document(parameter: Parameter) -> Mapping[str, Any]:
    scale = describe_scale(parameter)
    return {"name": parameter.name, "type": parameter.type, "scale": scale} | asdict(parameter)
