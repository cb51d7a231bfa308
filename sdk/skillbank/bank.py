"""Find skills: those shipped with this package, and any folders that the caller adds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from skillbank.errors import SkillInvalid, SkillNotFound, did_you_mean
from skillbank.settings import read_settings
from skillbank.skill import Skill


def shipped(folder: str) -> Path:
    """Where a shipped data folder (`skills`, `schemas`, `references`) lies in this installation.

    A wheel carries it inside the package; an editable install reads the checkout's own folder.
    """
    package = Path(__file__).resolve().parent
    inside = package / folder
    return inside if inside.is_dir() else package.parents[1] / folder


class SkillBank:
    """The skills of one or more folders, by name.

    Args:
        folders: Each a skill folder, or a folder of skill folders, at most one level of groups
            between. When None: the shipped skills, and those that SKILLBANK_SKILLS names.

    Raises:
        SkillInvalid: A folder does not exist, or two skills have one name.
    """

    def __init__(self, folders: Iterable[Path | str] | None = None) -> None:
        if folders is None:
            folders = [shipped("skills"), *read_settings().skill_folders]
        self._skills: dict[str, Skill] = {}
        for folder in (folder for root in folders for folder in _skill_folders(Path(root))):
            known = self._skills.get(folder.name)
            if known is not None and known.folder != folder:
                raise SkillInvalid(
                    f"{folder}: a skill of this name is already at {known.folder}; "
                    "rename one, or leave one out."
                )
            self._skills[folder.name] = Skill(folder)

    def __iter__(self) -> Iterator[Skill]:
        return iter(self._skills.values())

    def __len__(self) -> int:
        return len(self._skills)

    def __contains__(self, name: object) -> bool:
        return name in self._skills

    def __getitem__(self, name: str) -> Skill:
        if name not in self._skills:
            raise SkillNotFound(f"no skill is named {name!r}; {did_you_mean(name, self._skills)}")
        return self._skills[name]


def _skill_folders(root: Path) -> list[Path]:
    root = root.expanduser().resolve()
    if not root.is_dir():
        raise SkillInvalid(f"{root}: no such folder; expected a folder of skills.")
    if (root / "SKILL.md").is_file():
        return [root]
    return sorted(path.parent for depth in ("*", "*/*") for path in root.glob(f"{depth}/SKILL.md"))
