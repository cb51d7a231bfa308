"""Keys that take one of several names or the path of a file, such as model.graph_layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.sdk.test_plans_of_shipped_skills import SKILL, plan

from skillbank.automl.custom_ranges import range_problems
from skillbank.automl.search_field import SearchField
from skillbank.automl.settings import Range
from skillbank.describing import list_fields
from skillbank.errors import SpecInvalid
from skillbank.spec_keys import field_at

KEY = "model.graph_layout"
NODE = field_at(SKILL.schema("train"), ("model", "graph_layout"))


def problem(root: Path, value: Any) -> str:
    with pytest.raises(SpecInvalid) as caught:
        plan(root, "train", overrides={KEY: value})
    [found] = caught.value.problems
    return found


@pytest.mark.parametrize("name", ["nvidia", "human3.6m", "h36m17", "mediapipe33"])
def test_a_name_stays_a_name(tmp_path: Path, name: str) -> None:
    assert plan(tmp_path, "train", overrides={KEY: name}).spec["model"]["graph_layout"] == name


def test_a_path_holds_wherever_the_job_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.yaml").write_text("joints: [a]\nedges: []\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    made = plan(tmp_path, "train", overrides={"graph_layout": "mine.yaml"})

    assert made.spec["model"]["graph_layout"] == str(tmp_path / "mine.yaml")


def test_a_file_that_is_not_there_is_told_before_the_job_runs(tmp_path: Path) -> None:
    path = tmp_path / "gone.yaml"

    assert problem(tmp_path, str(path)) == (
        f"{KEY}: {str(path)!r} (override) does not exist; expected a file at {path}."
    )


def test_a_typing_error_comes_with_what_was_meant_and_all_there_is(tmp_path: Path) -> None:
    told = problem(tmp_path, "coco71")

    assert told.startswith(f"{KEY}: 'coco71' is not allowed; did you mean 'coco17'? allowed: one ")
    assert told.endswith("'hand21', or the path of a file (.yaml or .yml).")


def test_another_type_is_told_the_same(tmp_path: Path) -> None:
    assert problem(tmp_path, 7).startswith(f"{KEY}: '7' is not allowed; allowed: one of 'nvidia', ")


def test_the_list_of_keys_shows_the_names() -> None:
    [field] = [field for field in list_fields(SKILL.schema("train")) if field.key == KEY]

    assert field.allowed.startswith("one of nvidia | openpose | ")
    assert field.allowed.endswith("| hand21 | path of a .yaml file")


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        (["nvidia", "nvidia34", "mine.yaml"], []),
        (["nvidia", "kinect"], ["'kinect'"]),
    ],
)
def test_a_search_takes_the_options_that_the_key_takes(
    options: list[str], refused: list[str]
) -> None:
    wanted = Range.model_validate({"valid_options": options})
    found = list(range_problems(SearchField(KEY, NODE, "nvidia", wanted=wanted)))

    assert [word in said for word, said in zip(refused, found, strict=True)] == [True] * len(found)
