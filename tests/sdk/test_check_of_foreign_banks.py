"""`skillbank check` on banks of others: every damage is told with its place, and none stops it."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fixtures.foreign_bank import networks, skill_name, write_foreign_bank, write_skill
from tests.fixtures.foreign_bank_damage import DAMAGES, put

from skillbank.bank import shipped
from skillbank.cli import main
from skillbank.skill_check import check_bank

ARCH = "segmentation"
HEALTHY = "tao-train-metric-learning"
_LINE = re.compile(r"  - \S[^\n]*?(:\d+)?: \S[^\n]*")


@pytest.fixture
def skill(tmp_path: Path) -> Path:
    """A skill folder in TAO's dialect without a fault, below two groups."""
    folder = tmp_path / "bank" / "models" / "vision" / skill_name(ARCH)
    return write_skill(folder, ARCH, networks()[ARCH])


@pytest.fixture
def bank(skill: Path) -> Path:
    return skill.parents[2]


def test_a_bank_in_taos_dialect_has_notes_and_no_problem(bank: Path) -> None:
    found = check_bank(bank)

    assert (found.num_skills, found.num_broken, found.report.problems) == (1, 0, ())
    assert any("Infinity is no JSON" in note for note in found.report.notes)
    assert any("schemas/manifest.json: no such file" in note for note in found.report.notes)


@pytest.mark.parametrize("case", DAMAGES)
def test_a_damage_is_told_with_its_place_on_one_line(
    bank: Path, skill: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damage, said = DAMAGES[case]
    damage(skill)

    status = main(["check", str(bank)])

    out, err = capsys.readouterr()
    lines = [*out.splitlines(), *err.splitlines()]
    assert any(said in line and str(skill) in line for line in lines), lines
    assert "Traceback" not in err
    assert (status == 2) is bool(err)
    if err:
        head, *findings, count = err.splitlines()
        assert head == f"error: {bank} breaks the skill format:"
        assert all(_LINE.fullmatch(line) for line in findings)
        assert re.fullmatch(r"found \d+ problems?( and \d+ notes?)?; 1 of 1 skill to be .*", count)


def test_one_broken_skill_hides_no_other(bank: Path, skill: Path) -> None:
    shutil.copytree(skill, skill.with_name(HEALTHY))
    DAMAGES["broken YAML"][0](skill)
    DAMAGES["dead link"][0](skill.with_name(HEALTHY))

    found = check_bank(bank)

    assert (found.num_skills, found.num_broken) == (2, 2)
    assert any(f"{skill}/references" in problem for problem in found.report.problems)
    assert any(f"{HEALTHY}/SKILL.md" in problem for problem in found.report.problems)


@pytest.mark.parametrize("info", [None, "network_arch: segmentation\n"])
def test_a_broken_schema_is_told_also_where_no_action_names_it(
    bank: Path, skill: Path, info: str | None
) -> None:
    place = skill / "references" / "skill_info.yaml"
    place.unlink()
    if info is not None:
        place.write_text(info, encoding="utf-8")
    (skill / "schemas" / "train.schema.json").write_text('{"type":', encoding="utf-8")

    problems = check_bank(bank).report.problems

    assert [line for line in problems if "train.schema.json:1: this is not JSON" in line]


def test_a_group_that_is_a_skill_itself_hides_none_of_its_own(bank: Path, skill: Path) -> None:
    head = "---\nname: models\ndescription: A group.\n---\n"
    (bank / "models" / "SKILL.md").write_text(head, encoding="utf-8")
    DAMAGES["dead link"][0](skill)

    found = check_bank(bank)

    assert (found.num_skills, found.num_broken) == (2, 1)


def test_links_in_a_circle_end_the_walk(bank: Path, skill: Path) -> None:
    (skill.parent / "again").symlink_to(bank)
    (skill.parent / "self").symlink_to("self")
    (bank / "same").symlink_to(skill)

    found = check_bank(bank)

    assert found.num_skills == 1


def test_a_folder_that_may_not_be_read_is_told(bank: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan = os.scandir

    def refuse(path: str) -> object:  # who runs the tests may be root, whom no mode stops
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    (bank / "closed").mkdir()
    monkeypatch.setattr(os, "scandir", refuse)

    problems = check_bank(bank).report.problems

    assert problems == (f"{bank}/closed: cannot be read: Permission denied.",)


def test_two_skills_of_one_name_are_told(bank: Path, skill: Path) -> None:
    shutil.copytree(skill, bank / "other" / skill.name)

    problems = check_bank(bank).report.problems

    assert problems == (f"{bank}/other/{skill.name}: a skill of this name is already at {skill}.",)


def test_a_page_by_another_name_is_told(bank: Path) -> None:
    (bank / "b").mkdir()
    (bank / "b" / "skill.md").write_text("x", encoding="utf-8")

    problems = check_bank(bank).report.problems

    assert problems == (f"{bank}/b/skill.md: found 'skill.md', expected the name 'SKILL.md'.",)


def test_a_listing_that_agents_cut_is_noted(tmp_path: Path) -> None:
    for number in range(30):
        folder = tmp_path / f"skill-{number}"
        folder.mkdir()
        head = f"---\nname: {folder.name}\ndescription: {'x' * 300}\n---\n"
        (folder / "SKILL.md").write_text(head, encoding="utf-8")

    (note,) = check_bank(tmp_path).report.notes

    assert "names and descriptions of 30 skills take 9,230 characters" in note


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("empty", "found no skill; expected a folder with a SKILL.md, or folders of them."),
        ("file", "expected a folder, found a file."),
        ("gone", "no such folder."),
    ],
)
def test_what_is_no_bank_is_told(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x", encoding="utf-8")

    problems = check_bank(tmp_path / name).report.problems

    assert problems == (f"{tmp_path / name}: {said}",)


def test_json_holds_each_finding_with_file_line_and_message(
    bank: Path, skill: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    DAMAGES["broken YAML"][0](skill)

    main(["check", str(bank), "--json"])

    document = json.loads(capsys.readouterr().out)
    (finding,) = [one for one in document["findings"] if not one["is_note"]]
    assert finding["file"] == f"{skill}/references/skill_info.yaml"
    assert finding["line"] == 11
    assert (document["skills"], document["broken"]) == (1, 1)


BYTES = st.binary(max_size=60)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=8), below, max_size=3)
    ),
    max_leaves=8,
)
KEYWORDS = st.sampled_from(
    [
        "type",
        "default",
        "enum",
        "minimum",
        "maximum",
        "properties",
        "math_cond",
        "depends_on",
        "option_weights",
        "required",
        "items",
        "pattern",
        "$ref",
        "anyOf",
        "additionalProperties",
    ]
)
SCHEMAS = st.dictionaries(KEYWORDS, VALUES, max_size=6)


# 2 s: a bank is written, damaged and checked for each of a hundred examples.
@settings(max_examples=100)
@given(
    field=SCHEMAS,
    top=SCHEMAS,
    info=st.dictionaries(
        st.sampled_from(["actions", "data_sources", "spec_params", "name", "metric", "hardware"]),
        VALUES,
        max_size=3,
    ),
    matter=VALUES,
    standard=st.booleans(),
)
def test_whatever_values_a_bank_holds_the_check_ends_with_a_report(
    tmp_path_factory: pytest.TempPathFactory,
    field: dict[str, object],
    top: dict[str, object],
    info: dict[str, object],
    matter: object,
    standard: bool,
) -> None:
    skill = write_foreign_skill(tmp_path_factory)
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema"} if standard else {}
    content = {**draft, "type": "object", "default": {}, **top}
    content.setdefault("properties", {"train": field})
    put("schemas/train.schema.json", json.dumps(content))(skill)
    base = "network_arch: x\nactions: {train: {inputs: {}}}\n"
    text = "".join(f"{key}: {json.dumps(value)}\n" for key, value in info.items())
    put("references/skill_info.yaml", base + text if "actions" not in info else text)(skill)
    put("SKILL.md", f"---\n{json.dumps(matter)}\n---\n")(skill)

    found = check_bank(skill.parent)

    assert found.num_skills == 1
    assert all("\n" not in str(finding) for finding in found.report.findings)


# 3 s: the same, with bytes torn out of, and put into, the files of our own skill.
@settings(max_examples=60)
@given(seed=st.integers(), noise=BYTES)
def test_whatever_bytes_a_bank_holds_the_check_ends_with_a_report(
    tmp_path_factory: pytest.TempPathFactory, seed: int, noise: bytes
) -> None:
    skill = write_foreign_skill(tmp_path_factory)
    chosen = random.Random(seed)
    for path in sorted(path for path in skill.rglob("*") if path.is_file()):
        content = path.read_bytes()
        start = chosen.randrange(len(content) + 1)
        end = chosen.choice([start, min(len(content), start + 5), len(content)])
        path.write_bytes(content[:start] + noise + content[end:])

    found = check_bank(skill.parent)

    assert found.num_skills == 1


def write_foreign_skill(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest skill of the foreign bank, anew."""
    bank = tmp_path_factory.getbasetemp() / "fuzzed"
    shutil.rmtree(bank, ignore_errors=True)
    return write_skill(bank / "x", "x", {"train.num_epochs": {"type": "int", "default": 1}})


def test_the_whole_foreign_bank_is_checked_beside_our_own(tmp_path: Path) -> None:
    bank = write_foreign_bank(tmp_path / "theirs")
    (tmp_path / "ours").symlink_to(shipped("skills"))

    found = check_bank(tmp_path)

    ours = sum(1 for _ in shipped("skills").glob("*/SKILL.md"))
    theirs = sum(1 for _ in bank.glob("*/SKILL.md"))
    assert found.num_skills == ours + theirs
