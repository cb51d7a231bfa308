"""Settle what the caller said about files: checkpoints to use, results folders, secrets, paths."""

from __future__ import annotations

from glob import has_magic
from pathlib import Path

from skillbank.artefacts import ArtefactKind
from skillbank.checkpoints import is_rule
from skillbank.data_sources import archive_in, is_remote
from skillbank.errors import RequestInvalid
from skillbank.inference import kind_of
from skillbank.request import JobRequest
from skillbank.settings import SECRET_REFERENCES
from skillbank.skill import Skill
from skillbank.skill_info import Input, InputType
from skillbank.spec import SpecDraft
from skillbank.spec_check import input_noun
from skillbank.spec_keys import field_at, find_path, get_value, is_empty, is_file_of

_OF_PARENT = frozenset({"parent_model", "parent_model_or_ptm"})
_OF_PTM = frozenset(
    {
        "ptm",
        "ptm_if_no_resume_model",
        "resume_model_or_ptm",
        "parent_model_or_ptm",
        "automl_assign_ptm",
        "automl_ptm_if_no_resume_model",
    }
)
_KINDS = {".onnx": ArtefactKind.ONNX, ".engine": ArtefactKind.ENGINE, ".trt": ArtefactKind.ENGINE}


def keys_filled_by(skill: Skill, action: str, functions: frozenset[str]) -> list[str]:
    """Spec keys of an action that one of the inference functions fills."""
    params = skill.info.spec_params.get(action, {})
    return [key for key, function in params.items() if function in functions]


def check_checkpoints(request: JobRequest, skill: Skill) -> None:
    """Make sure that the action can use the checkpoints that the request names.

    Raises:
        RequestInvalid: It takes none of the sort, or a rule is given without a parent.
    """
    action = request.action
    if request.base_checkpoint and not keys_filled_by(skill, action, _OF_PTM):
        raise RequestInvalid(
            f"base_checkpoint: {action} of {skill.name} starts from no pretrained weights; "
            f"leave it out{', or use --checkpoint' if _takes_checkpoint(skill, action) else ''}."
        )
    if request.checkpoint is None:
        return
    if not _takes_checkpoint(skill, action):
        inputs = skill.info.actions[action].inputs
        own = [key for key, wanted in inputs.items() if wanted.type == "checkpoint"]
        raise RequestInvalid(
            f"checkpoint: {action} of {skill.name} takes no checkpoint of another job; use "
            f"{' or '.join(f'--set {key}=PATH' for key in own) or 'none'}."
        )
    if is_rule(request.checkpoint) and request.parent_job_id is None:
        raise RequestInvalid(
            f"checkpoint: {request.checkpoint!r} chooses among the checkpoints of a parent job, "
            "and no parent was given; pass --parent JOB, or the path of a file."
        )


def lay_checkpoint(draft: SpecDraft, request: JobRequest) -> str:
    """Without a parent: put the named file into the key that takes it; returns the reason."""
    if request.checkpoint is None or request.parent_job_id is not None:
        return ""
    kind = _KINDS.get(Path(request.checkpoint).suffix, ArtefactKind.CHECKPOINT)
    inputs = draft.skill.info.actions[draft.action].inputs
    keys = keys_filled_by(draft.skill, draft.action, _OF_PARENT)
    fitting = [k for k in keys if kind_of(k, inputs[k].type if k in inputs else None) is kind]
    if not fitting:
        draft.problems.append(
            f"checkpoint: {request.checkpoint!r} is of the kind {kind.value!r}, which "
            f"{draft.action} does not take; it fills {', '.join(keys)}."
        )
    for key in fitting:
        if key in draft.given and draft.value(key) != request.checkpoint:
            draft.problems.append(
                f"{key}: {draft.value(key)!r} was given ({draft.given[key]}), and checkpoint is "
                f"{request.checkpoint!r}; remove one."
            )
        draft.give(key, request.checkpoint, "checkpoint")
    return f"{request.checkpoint} was named"


def settle_secrets(draft: SpecDraft) -> None:
    """Let only references to secrets into the spec; a literal one never reaches it."""
    for key in draft.secret_keys & set(draft.given):
        value = draft.value(key)
        if is_empty(value) or str(value).startswith(SECRET_REFERENCES):
            continue
        origin = draft.given.pop(key)
        draft.set(key, get_value(draft.template, key), "")
        how = f"name the variable that holds it, {key}=env:NAME, or the file, {key}=file:PATH"
        if origin == "spec file":
            draft.notes.append(f"{key}: the secret in the spec file was left out; {how}.")
        else:
            draft.problems.append(f"{key}: a secret was given in plain text; {how}.")


def settle_results(draft: SpecDraft, results: Path) -> None:
    """Let the job write to its own folder, whatever the spec says, and say so."""
    filled = keys_filled_by(
        draft.skill, draft.action, frozenset({"output_dir", "automl_output_dir"})
    )
    for key in dict.fromkeys([*filled, "results_dir", f"{draft.action}.results_dir"]):
        value = draft.value(key)
        if key not in draft.given or is_empty(value):
            continue
        origin = draft.given.pop(key)
        draft.set(key, get_value(draft.template, find_path(draft.schema, key) or key), "")
        if value != str(results):
            draft.notes.append(f"{key}: {value!r} ({origin}) is not used; see {results}.")


def settle_paths(draft: SpecDraft, *, must_exist: bool) -> None:
    """Make the caller's input files independent of the working directory.

    Args:
        draft: The spec.
        must_exist: Whether the job will run where the files are looked for now.
    """
    wanted = draft.skill.info.actions[draft.action].inputs
    files = {key: Input(type=InputType.FILE) for key in draft.given if _names_a_file(draft, key)}
    for key, one in {**files, **wanted}.items():
        value = draft.value(key)
        if key not in draft.given or is_empty(value) or not isinstance(value, str):
            continue
        if is_remote(value):
            continue
        path = Path(value).expanduser().absolute()
        draft.set(key, str(path), draft.given[key])
        there = path.is_dir() if one.type == "folder" else _matches(path)
        there = there or archive_in(str(path)) is not None
        if must_exist and not there:
            draft.problems.append(
                f"{key}: {value!r} ({draft.given[key]}) does not exist; expected "
                f"{input_noun(one)} at {path}."
            )


def _names_a_file(draft: SpecDraft, key: str) -> bool:
    """Whether the value of a field that takes names or paths is a path: `file_endings` tell."""
    return is_file_of(field_at(draft.schema, tuple(key.split("."))), draft.value(key))


def _matches(path: Path) -> bool:
    """Whether a file or folder is there, or one that fits a pattern such as `poses/*.json`."""
    if path.exists() or not has_magic(str(path)):
        return path.exists()
    try:
        return any(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    except ValueError:  # `**` as a part of a name
        return False


def absolute_file(value: str | None) -> str | None:
    """A local path made independent of the working directory; a URL as it is."""
    if value is None or is_remote(value):
        return value
    return str(Path(value).expanduser().absolute())


def _takes_checkpoint(skill: Skill, action: str) -> bool:
    return bool(keys_filled_by(skill, action, _OF_PARENT))
