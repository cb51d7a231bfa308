"""`skills`, `show` and `check`."""

from __future__ import annotations

import pytest

from skillbank.bank import SkillBank

SKILL = "tao-train-pose-classification"


def test_skills_lists_every_skill_with_what_can_be_run(cli):
    done = cli("skills")

    assert done.status == 0
    (line,) = [line for line in done.out.splitlines() if line.startswith(SKILL)]
    assert "dataset_convert, train, evaluate, inference, export" in line
    assert "    Trains" in done.out


def test_skills_as_json_is_a_list_of_all_skills(cli):
    listed = cli("skills", "--json").document

    assert [entry["name"] for entry in listed] == [skill.name for skill in SkillBank()]
    assert all(entry["description"] for entry in listed)


def test_show_tells_what_a_skill_is_for_and_its_short_names(cli):
    out = cli("show", SKILL).out

    assert SkillBank()[SKILL].description in out
    assert "learning_rate" in out
    assert "train.optim.lr" in out


def test_show_as_json_holds_the_whole_info(cli):
    document = cli("show", SKILL, "--json").document

    assert document["info"] == SkillBank()[SKILL].info.model_dump(mode="json")


def test_show_of_an_action_describes_every_key_of_its_template(cli):
    document = cli("show", SKILL, "train", "--json").document

    fields = {field["key"]: field for field in document["fields"]}
    assert fields["train.optim.lr"]["default"] == 0.1
    assert fields["train.optim.lr"]["automl"] is True
    assert fields["model.dropout"]["allowed"] == ">= 0.0, <= 1.0"
    assert fields["model.graph_strategy"]["allowed"] == "one of uniform | distance | spatial"
    assert fields["train.num_epochs"]["type"] == "integer"
    assert all(field["description"] for field in fields.values())
    assert _leaves(SkillBank()[SKILL].template("train")) <= set(fields)


def test_show_of_an_action_puts_a_key_and_what_it_does_on_two_lines(cli):
    lines = cli("show", SKILL, "train").out.splitlines()

    at = next(i for i, line in enumerate(lines) if line.startswith("train.num_epochs  "))
    assert lines[at] == "train.num_epochs  integer, default 10, >= 1, short: num_epochs"
    assert lines[at + 1].startswith("    ")


def test_show_of_an_action_says_which_file_of_a_dataset_is_which_input(cli):
    out = cli("show", SKILL, "train").out

    line = next(x for x in out.splitlines() if x.startswith("dataset.train_dataset.data_path"))
    assert "train: train_data.npy" in line


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["tao-train-pose-clasification"], f"did you mean '{SKILL}'?"),
        ([SKILL, "trian"], "did you mean 'train'?"),
    ],
)
def test_show_of_a_wrong_name_suggests_the_right_one(cli, arguments, told):
    done = cli("show", *arguments)

    assert done.status == 2
    assert told in done.err


def test_check_of_a_shipped_skill_finds_nothing(cli):
    folder = SkillBank()[SKILL].folder

    done = cli("check", folder)

    assert (done.status, done.err) == (0, "")
    assert "a valid skill folder" in done.out


def test_check_of_a_broken_folder_lists_its_problems(cli, tmp_path):
    (tmp_path / "SKILL.md").write_text("no front matter\n", encoding="utf-8")

    done = cli("check", tmp_path)

    assert done.status == 2
    assert done.err.startswith(f"error: {tmp_path} breaks the skill format:\n  - ")
    assert "front matter" in done.err


def test_check_of_a_folder_that_is_not_there_does_not_blame_the_format(cli, tmp_path):
    done = cli("check", tmp_path / "absent")

    assert done.status == 2
    assert done.err.startswith(f"error: {tmp_path / 'absent'} cannot be checked:\n  - ")
    assert "breaks" not in done.err


def test_check_as_json_is_one_document_with_all_problems(cli, tmp_path):
    done = cli("check", tmp_path / "absent", "--json")

    assert done.status == 2
    assert done.document["problems"] == [f"{tmp_path / 'absent'}: no such folder."]


def _leaves(node, prefix=""):
    keys = set()
    for name, value in node.items():
        below = _leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else set()
        keys |= below or {f"{prefix}{name}"}
    return keys
