"""Finding skills in one or more folders."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from skillbank.bank import SkillBank, shipped
from skillbank.errors import SkillInvalid, SkillNotFound


def add_skill(root: Path, name: str) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "SKILL.md").write_text(f"---\nname: {name}\ndescription: x\n---\n", encoding="utf-8")
    return folder


def test_the_shipped_skills_are_found_without_saying_where() -> None:
    bank = SkillBank()

    assert "tao-train-pose-classification" in bank
    assert len(bank) == len(list(shipped("skills").glob("*/SKILL.md")))


def test_the_environment_adds_folders_to_the_shipped_skills(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    add_skill(first, "tao-train-toy")
    add_skill(second, "tao-train-other")
    monkeypatch.setenv("SKILLBANK_SKILLS", os.pathsep.join([str(first), "", str(second)]))

    bank = SkillBank()

    assert {"tao-train-pose-classification", "tao-train-toy", "tao-train-other"} <= {
        skill.name for skill in bank
    }


def test_a_folder_of_the_environment_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKILLBANK_SKILLS", str(tmp_path / "gone"))

    with pytest.raises(SkillInvalid, match="gone: no such folder"):
        SkillBank()


@pytest.mark.parametrize("group", [".", "models"])
def test_skills_are_found_in_a_folder_and_in_groups_below_it(tmp_path: Path, group: str) -> None:
    folder = add_skill(tmp_path / group, "tao-train-toy")

    assert SkillBank([tmp_path])["tao-train-toy"].folder == folder.resolve()


def test_a_folder_may_be_named_by_text(tmp_path: Path) -> None:
    add_skill(tmp_path, "tao-train-toy")

    assert "tao-train-toy" in SkillBank([str(tmp_path)])


def test_a_skill_folder_itself_is_a_bank_of_one(tmp_path: Path) -> None:
    folder = add_skill(tmp_path, "tao-train-toy")
    add_skill(tmp_path, "tao-train-other")

    assert [skill.name for skill in SkillBank([folder])] == ["tao-train-toy"]


def test_folders_without_a_page_are_no_skills(tmp_path: Path) -> None:
    (tmp_path / "drafts").mkdir()

    assert len(SkillBank([tmp_path])) == 0


def test_an_unknown_name_comes_with_what_was_meant(tmp_path: Path) -> None:
    add_skill(tmp_path, "tao-train-toy")

    with pytest.raises(SkillNotFound, match="did you mean 'tao-train-toy'"):
        SkillBank([tmp_path])["tao-train-toi"]


def test_two_skills_of_one_name_are_refused(tmp_path: Path) -> None:
    add_skill(tmp_path / "a", "tao-train-toy")
    add_skill(tmp_path / "b", "tao-train-toy")

    with pytest.raises(SkillInvalid, match="a skill of this name is already at"):
        SkillBank([tmp_path / "a", tmp_path / "b"])


def test_the_same_folder_twice_is_one_bank(tmp_path: Path) -> None:
    add_skill(tmp_path, "tao-train-toy")

    assert len(SkillBank([tmp_path, tmp_path])) == 1


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SkillInvalid, match="no such folder"):
        SkillBank([tmp_path / "nowhere"])
