"""Turn dataset roots into the files that a skill's `data_sources` names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from skillbank.skill import Skill

_ALL = "all"
_SHOWN = 12  # entries of a folder that an error lists


_ARCHIVES = (".tar.gz", ".tgz")


@dataclass(frozen=True)
class DataFile:
    """The value of one spec key, found in a dataset root, or why there is none.

    Attributes:
        key: Dotted spec key.
        role: Role that the root was given under.
        value: Absolute path, or URL, of the file; empty when it is not there.
        problem: What is wrong; empty when nothing is.
    """

    key: str
    role: str
    value: str = ""
    problem: str = ""


def is_remote(value: str) -> bool:
    """Tell whether a path is a URL, such as `s3://bucket/prefix`."""
    return "://" in value


def archive_in(value: str) -> Path | None:
    """The archive of this machine that a path leads into, such as `/data/set.tar.gz/train.npy`.

    The process that stages a job's inputs unpacks it; None where no part of the path is one.
    """
    if is_remote(value) or not any(ending in value for ending in _ARCHIVES):
        return None
    path = Path(value).expanduser()
    whole = (part for part in (path, *path.parents) if part.name.endswith(_ARCHIVES))
    return next((part for part in whole if part.is_file()), None)


def roles_of(skill: Skill, action: str) -> set[str]:
    """Roles under which an action reads datasets; `all`, which stands for each, is not named."""
    sources = skill.info.data_sources.get(action, {}).values()
    return {role for source in sources for role in (source.role, *source.other_roles)}


def find_data(
    skill: Skill, action: str, roots: Mapping[str, str]
) -> tuple[list[DataFile], list[str]]:
    """Files of the caller's dataset roots, by spec key.

    Args:
        skill: Its `data_sources` say which file of which root belongs to which key.
        action: One of the skill's actions.
        roots: Role -> folder or URL; `all` stands for every role that has none of its own.

    Returns:
        The files found or missed, and what is wrong with the roots themselves.
    """
    sources = skill.info.data_sources.get(action, {})
    known = roles_of(skill, action)
    known |= {_ALL} if known else set()
    problems = [_unknown_role(role, known, action) for role in roots if role not in known]
    usable = {role: root for role, root in roots.items() if role in known}
    absolute = {role: _absolute(root) for role, root in usable.items()}
    problems += [
        f"--data {role}={usable[role]}: there is no such folder; expected a dataset root, or the "
        ".tar.gz of one."
        for role, root in absolute.items()
        if not is_remote(root) and not Path(root).is_dir() and archive_in(root) is None
    ]
    if problems:
        return [], problems
    inputs = skill.info.actions[action].inputs
    files = []
    for key, source in sources.items():
        found = source.locate(absolute)
        if found is not None:
            role, value = found
            if source.under_role == "." and _is_folder_itself(absolute[role], value):
                value = absolute[role]
            optional = key in inputs and inputs[key].optional
            files.append(_checked(key, role, value, absolute[role], optional=optional))
    return files, []


def _is_folder_itself(root: str, value: str) -> bool:
    """Tell whether a root for every role is `.../test` where its folder `test` is looked for."""
    is_local = not is_remote(root)
    return is_local and Path(root).name == Path(value).name and not Path(value).exists()


def _checked(key: str, role: str, value: str, root: str, *, optional: bool) -> DataFile:
    if is_remote(value) or Path(value).exists() or archive_in(value) is not None:
        return DataFile(key, role, value)
    if optional:
        return DataFile(key, role)
    name = Path(value).relative_to(root)
    return DataFile(
        key, role, problem=f"{key}: {root} holds no {str(name)!r}; {_contents(Path(root))}"
    )


def _contents(folder: Path) -> str:
    names = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"it holds {', '.join(names[:_SHOWN])}{more}." if names else "it is empty."


def _unknown_role(role: str, known: set[str], action: str) -> str:
    if not known:
        return f"--data {role}=...: {action} reads no dataset; leave it out."
    return (
        f"--data {role}=...: {role!r} is no role of {action}'s data; "
        f"known: {', '.join(sorted(known))}."
    )


def _absolute(root: str) -> str:
    return root if is_remote(root) else str(Path(root).expanduser().absolute())
