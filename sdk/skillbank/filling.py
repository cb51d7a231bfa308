"""Carry out a skill's `spec_params`: inference functions, links and constants fill empty keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from skillbank.errors import SkillInvalid
from skillbank.inference import ASSIGN, FUNCTIONS, Ask, Setting, kind_of, read_function
from skillbank.inference import resolve_parent as resolve
from skillbank.skill import Skill
from skillbank.spec import SpecDraft
from skillbank.spec_keys import find_path, is_empty

if TYPE_CHECKING:
    from skillbank.skill_info import Link, SpecParam

DOWNLOADS = "downloads"  # below a job's folder


@dataclass(frozen=True)
class Filled:
    """What filling decided besides the spec's values.

    Attributes:
        checkpoint_reason: Which of the parent's artefacts was chosen and why; empty for none.
        downloads: Local path -> URL.
    """

    checkpoint_reason: str
    downloads: dict[str, str]


def fill_spec(draft: SpecDraft, setting: Setting, folder: Path) -> Filled:
    """Fill the keys that `spec_params` maps and the caller left empty.

    Args:
        draft: The spec.
        setting: What the functions may look at.
        folder: The job's folder, where links are downloaded to.

    Raises:
        SkillInvalid: An entry of `spec_params` cannot be read.
        CheckpointNotFound: The parent lacks an artefact that a key needs.
    """
    from skillbank.skill_info import Const, Link  # loads pydantic, which most commands do without

    reasons: list[str] = []
    downloads: dict[str, str] = {}
    params = draft.skill.info.spec_params.get(draft.action, {})
    for key, param in sorted(params.items(), key=lambda item: _is_relative(item[1])):
        if not find_path(draft.schema, key):
            draft.notes.append(f"spec_params: {draft.action} has no key {key!r}; it was skipped.")
        elif isinstance(param, str):
            reasons += _call(draft, key, param, setting)
        elif is_empty(draft.value(key)) and isinstance(param, Const):
            draft.set(key, param.const, "constant of the skill")
        elif is_empty(draft.value(key)) and isinstance(param, Link):
            path = _destination(draft.skill, key, param, folder)
            draft.set(key, path, f"download {param.link}")
            downloads[path] = param.link
    return Filled(next(iter(reasons), ""), downloads)


def _call(draft: SpecDraft, key: str, text: str, setting: Setting) -> list[str]:
    """Fill one key by its function; returns why this artefact of the parent, if one is used."""
    name, arguments = read_function(draft.skill.name, key, text)
    if not is_empty(draft.value(key)) and name != ASSIGN:
        return []
    inputs = draft.skill.info.actions[draft.action].inputs
    wanted = inputs.get(key)
    kind = kind_of(key, wanted.type if wanted else None)
    # An input that another one may stand for is missed at the end, when neither was filled.
    is_optional = wanted is None or wanted.optional or bool(wanted.unless)
    ask = Ask(key, kind, is_optional, arguments)
    value = FUNCTIONS[name](replace(setting, spec=draft.spec), ask)
    if value is None:
        return []
    draft.set(key, value, f"inference {name}")
    used = resolve(setting, ask) if name.startswith("parent_model") else None
    return [f"{key}: {used.reason}"] if used else []


def _is_relative(param: SpecParam) -> bool:
    """Tell whether an entry compares with other keys, which must be settled before."""
    return isinstance(param, str) and param.startswith(f"{ASSIGN},")


def _destination(skill: Skill, key: str, link: Link, folder: Path) -> str:
    parts = PurePosixPath(link.destination_path).parts
    inside = [part for part in parts if part not in {"/", "."}]
    if not inside or ".." in inside:
        raise SkillInvalid(
            f"{skill.name}: spec_params of {key}: destination_path {link.destination_path!r} does "
            "not name a file inside the job's folder."
        )
    return str(folder.joinpath(DOWNLOADS, *inside))
