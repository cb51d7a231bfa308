"""Fill the spec keys that a skill leaves to the SDK: results folder, parent's checkpoint, ...

`spec_params` of skill_info.yaml names one of FUNCTIONS for each such key. A function looks at a
Setting and at the key that asks, and returns the value, or None to leave the key as it is. All
are pure: they read the disk at most, and write nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from skillbank.artefacts import ArtefactKind, describe_contents, newest_whole
from skillbank.checkpoints import Resolution, choose
from skillbank.conditions import is_number
from skillbank.errors import CheckpointNotFound, SkillInvalid, did_you_mean
from skillbank.inference_setting import Ask, Parent, Setting, Trial
from skillbank.spec_keys import get_value

__all__ = [
    "ASSIGN",
    "FUNCTIONS",
    "Ask",
    "Parent",
    "Setting",
    "Trial",
    "kind_of",
    "read_function",
    "resolve_parent",
]

ASSIGN = "assign_const_value"

Value = str | int | float | bool | None


def key(setting: Setting, _: Ask) -> Value:
    """Reference to the encryption key, resolved inside the job only."""
    return setting.encryption_key


def output_dir(setting: Setting, _: Ask) -> Value:
    """This job's results folder."""
    return str(setting.results)


def automl_output_dir(setting: Setting, _: Ask) -> Value:
    """Results folder of this recommendation."""
    return str(_own_results(setting))


def parent_model(setting: Setting, ask: Ask) -> Value:
    """The parent's artefact of the kind that the key takes."""
    resolution = resolve_parent(setting, ask)
    return resolution.checkpoint.location if resolution else None


def parent_model_folder(setting: Setting, ask: Ask) -> Value:
    """Folder that holds `parent_model`."""
    resolution = resolve_parent(setting, ask)
    return resolution.checkpoint.location.rpartition("/")[0] if resolution else None


def parent_model_or_ptm(setting: Setting, ask: Ask) -> Value:
    """`parent_model`, else `ptm`."""
    has_other = bool(setting.base_checkpoint)
    easy = Ask(ask.key, ask.kind, ask.optional or has_other, ask.arguments)
    return parent_model(setting, easy) or ptm(setting, ask)


def resume_model(setting: Setting, _: Ask) -> Value:
    """Newest checkpoint of an earlier try of this same job."""
    return _newest(setting.results)


def resume_model_or_ptm(setting: Setting, ask: Ask) -> Value:
    """`resume_model`, else `ptm`."""
    return resume_model(setting, ask) or ptm(setting, ask)


def ptm(setting: Setting, _: Ask) -> Value:
    """The pretrained model that the user named."""
    return setting.base_checkpoint


def ptm_if_no_resume_model(setting: Setting, ask: Ask) -> Value:
    """None when there is something to resume from, else `ptm`."""
    return None if resume_model(setting, ask) else ptm(setting, ask)


def create_onnx_file(setting: Setting, _: Ask) -> Value:
    """Where to write the ONNX file."""
    return str(setting.results / "model.onnx")


def create_engine_file(setting: Setting, _: Ask) -> Value:
    """Where to write the TensorRT engine."""
    return str(setting.results / "model.engine")


def create_cal_cache(setting: Setting, _: Ask) -> Value:
    """Where to write the calibration cache."""
    return str(setting.results / "cal.bin")


def create_pth_file(setting: Setting, _: Ask) -> Value:
    """Where to write the checkpoint."""
    return str(setting.results / "model.pth")


def create_inference_result_file_pose(setting: Setting, _: Ask) -> Value:
    """Where to write the predicted class names."""
    return str(setting.results / "results.txt")


def automl_assign_ptm(setting: Setting, _: Ask) -> Value:
    """The trial's own checkpoint, else the study's pretrained model."""
    return _newest(_own_results(setting)) or _study_ptm(setting)


def automl_ptm_if_no_resume_model(setting: Setting, _: Ask) -> Value:
    """None when the trial has something to resume from, else the study's pretrained model."""
    return None if _newest(_own_results(setting)) else _study_ptm(setting)


def automl_resume_model(setting: Setting, _: Ask) -> Value:
    """The trial's own newest checkpoint."""
    return _newest(_own_results(setting))


def assign_const_value(setting: Setting, ask: Ask) -> Value:
    """In a trial: its epoch budget, or the least of the key's own value and that of the arguments.

    None outside a trial.
    """
    if setting.trial is None:
        return None
    if not ask.arguments:
        return setting.trial.num_epochs
    values = [get_value(setting.spec, name) for name in (ask.key, *ask.arguments)]
    numbers: list[Value] = [value for value in values if is_number(value)]
    return min(numbers, key=float) if numbers else None  # type: ignore[arg-type]  # all numbers


FUNCTIONS: Mapping[str, Callable[[Setting, Ask], Value]] = {
    function.__name__: function
    for function in (
        key,
        output_dir,
        automl_output_dir,
        parent_model,
        parent_model_folder,
        parent_model_or_ptm,
        resume_model,
        resume_model_or_ptm,
        ptm,
        ptm_if_no_resume_model,
        create_onnx_file,
        create_engine_file,
        create_cal_cache,
        create_pth_file,
        create_inference_result_file_pose,
        automl_assign_ptm,
        automl_ptm_if_no_resume_model,
        automl_resume_model,
        assign_const_value,
    )
}


def read_function(skill: str, key: str, text: str) -> tuple[str, tuple[str, ...]]:
    """Name and arguments of an entry of `spec_params`, such as `assign_const_value,a,b`.

    Raises:
        SkillInvalid: There is no function of that name, or it takes no arguments.
    """
    name, *arguments = (part.strip() for part in text.split(","))
    if name not in FUNCTIONS:
        known = f"known: {', '.join(sorted(FUNCTIONS))}."
        hint = did_you_mean(name, FUNCTIONS)
        told = hint if hint == known else f"{hint} {known}"
        raise SkillInvalid(
            f"{skill}: spec_params of {key}: {text!r} is no inference function; {told}"
        )
    if arguments and name != ASSIGN:
        raise SkillInvalid(
            f"{skill}: spec_params of {key}: {text!r}: {name} takes no arguments; "
            f"expected {name!r}, or '{ASSIGN},KEY,...'."
        )
    return name, tuple(arguments)


def kind_of(key: str, input_type: str | None) -> ArtefactKind:
    """Kind of artefact that a key takes: by its declared input type, else by its name."""
    kinds = (ArtefactKind.CHECKPOINT, ArtefactKind.ONNX, ArtefactKind.ENGINE)
    if input_type in kinds:
        return ArtefactKind(input_type)
    last = key.rpartition(".")[2]
    if "engine" in last:
        return ArtefactKind.ENGINE
    return ArtefactKind.ONNX if "onnx" in last else ArtefactKind.CHECKPOINT


def resolve_parent(setting: Setting, ask: Ask) -> Resolution | None:
    """The parent's artefact that fits a key; None without a parent, or where none is needed.

    Raises:
        CheckpointNotFound: The key needs one and the parent has none; lists what it has.
    """
    parent = setting.parent
    if parent is None:
        return None
    try:
        if parent.is_complete:
            return choose(parent.results, setting.selection, *setting.metric, ask.kind)
        raise CheckpointNotFound(
            f"job {parent.job_id} is {parent.state}, not COMPLETE; "
            f"{describe_contents(parent.results)} {parent.advice} or name one of its files with "
            "--checkpoint PATH and without --parent."
        )
    except CheckpointNotFound as error:
        if ask.optional:
            return None
        raise CheckpointNotFound(
            f"{ask.key}: the parent job {parent.job_id} ({parent.action}) has no "
            f"{ask.kind.value} for it: {error}"
        ) from error


def _newest(results: Path) -> str | None:
    checkpoint = newest_whole(results)
    return str(checkpoint.path) if checkpoint else None


def _own_results(setting: Setting) -> Path:
    return setting.trial.results if setting.trial else setting.results


def _study_ptm(setting: Setting) -> str | None:
    return setting.trial.base_checkpoint if setting.trial else setting.base_checkpoint
