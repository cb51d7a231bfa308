"""Which part of a step a path is: a dataset root, an input file, weights, a place for results."""

from __future__ import annotations

from skillbank.inputs import keys_filled_by
from skillbank.skill import Skill
from skillbank.words.bank_words import ActionWords
from skillbank.words.places import Place, Use

_FROM_PARENT = frozenset({"parent_model", "parent_model_or_ptm"})
_FROM_PRETRAINED = frozenset(
    {"ptm", "ptm_if_no_resume_model", "resume_model_or_ptm", "parent_model_or_ptm"}
)
_WEIGHTS = frozenset({Use.CHECKPOINT, Use.BASE, Use.RESUME})
_ROLES = {Use.TRAIN: "train", Use.VAL: "val", Use.TEST: "test"}


def lay(place: Place, words: ActionWords) -> tuple[str, str] | None:
    """Slot of a step that a path fills, and its value; None when the action has no use for it."""
    skill, action = words.skill, words.action
    if place.is_spec:
        is_layout = place.use is Use.LAYOUT
        return (
            _field(words, place, ("graph_layout", "layout")) if is_layout else ("spec", place.path)
        )
    if place.is_weights or (
        place.use in _WEIGHTS and not place.ending and _is_weights_folder(place)
    ):
        return _weights(place, skill, action)
    if place.ending in {"onnx", "engine", "trt", "plan"}:
        return _deployable(place, words)
    if place.use is Use.OUTPUT:
        return _output(place, words)
    return _input(place, words)


def takes_data(skill: Skill, action: str) -> bool:
    """Tell whether an action reads a dataset root."""
    return bool(skill.info.data_sources.get(action))


def takes_checkpoint(skill: Skill, action: str) -> bool:
    """Tell whether an action uses the checkpoint of another job."""
    return bool(keys_filled_by(skill, action, _FROM_PARENT))


def _is_weights_folder(place: Place) -> bool:
    return place.use in {Use.BASE, Use.RESUME}


def _weights(place: Place, skill: Skill, action: str) -> tuple[str, str] | None:
    resumes = keys_filled_by(skill, action, frozenset({"resume_model", "resume_model_or_ptm"}))
    if place.use is Use.RESUME and resumes:
        return f"overrides.{resumes[0]}", place.path
    if takes_checkpoint(skill, action):
        return "checkpoint", place.path
    if keys_filled_by(skill, action, _FROM_PRETRAINED):
        return "base_checkpoint", place.path
    return None


def _deployable(place: Place, words: ActionWords) -> tuple[str, str] | None:
    """An ONNX file or an engine: what an action writes, or what it reads in place of weights."""
    if place.ending == "onnx":
        found = _field(words, place, ("onnx_file",))
        return found or (
            ("checkpoint", place.path) if takes_checkpoint(words.skill, words.action) else None
        )
    return _field(words, place, ("trt_engine",))


def _output(place: Place, words: ActionWords) -> tuple[str, str] | None:
    if place.path.startswith("s3://") and not place.ending:
        return "results", place.path.rstrip("/")
    if place.ending:
        return _field(words, place, ("output_file",))
    return ("overrides.results_dir", place.path) if "results_dir" in words.fields else None


def _input(place: Place, words: ActionWords) -> tuple[str, str] | None:
    action = words.skill.info.actions[words.action]
    files = [key for key, one in action.inputs.items() if one.type in {"file", "folder"}]
    role = _ROLES.get(place.role if place.use is Use.LABELS else place.use, "")
    leaves = _leaves(place)
    if place.ending and leaves:
        fitting = [key for key in files if key.rpartition(".")[2] in leaves]
        told = [key for key in fitting if f"{role or _role_in_name(place)}_dataset" in key]
        if told or fitting:
            return f"overrides.{(told or fitting)[0]}", place.path
    if place.use is Use.LABELS:
        labels = [key for key in files if key.rpartition(".")[2] in {"labels", "label_path"}]
        if labels:
            return f"overrides.{labels[0]}", place.path
    if takes_data(words.skill, words.action):
        return (
            None
            if place.ending and not _is_archive(place)
            else (f"data.{role or 'all'}", place.path)
        )
    required = [
        key for key in files if not action.inputs[key].optional and not action.inputs[key].unless
    ]
    own = [key for key in required if key.startswith(f"{words.action}.")]
    return (f"overrides.{(own or required)[0]}", place.path) if required else None


def _is_archive(place: Place) -> bool:
    return place.ending in {"zip", "tar", "gz", "tgz"}


def _leaves(place: Place) -> tuple[str, ...]:
    """Last parts of the keys that take a file of this ending."""
    if place.is_video:
        return ("video",)
    if place.use is Use.LABELS or place.ending in {"pkl", "pickle"}:
        return ("labels", "label_path")
    if place.ending in {"npy", "npz"}:
        return ("data_path", "data")
    if place.ending in {"csv", "tsv"}:
        return ("labels", "data")
    if place.ending in {"json", "jsonl", "bvh", "skeleton", "mat", "c3d"}:
        return ("poses", "data")
    return ()


def _role_in_name(place: Place) -> str:
    name = place.path.rpartition("/")[2]
    return next((role for role in ("train", "val", "test") if name.startswith(role)), "train")


def _field(words: ActionWords, place: Place, leaves: tuple[str, ...]) -> tuple[str, str] | None:
    own = [key for key in words.fields if key.rpartition(".")[2] in leaves]
    own.sort(key=lambda key: not key.startswith(f"{words.action}."))
    return (f"overrides.{own[0]}", place.path) if own else None
