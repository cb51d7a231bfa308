"""A model gets a skill's own words: what it trains, and what each searched field means."""

from __future__ import annotations

from pathlib import Path

from skillbank.automl.llm import Task, task_of
from skillbank.automl.parameter import Parameter
from skillbank.automl.space import SearchSpace
from skillbank.automl.space_reading import search_space
from skillbank.bank import SkillBank
from skillbank.skill import Skill

TOY = Path(__file__).resolve().parents[3] / "fixtures" / "toy_skill"


def test_the_words_of_skill_and_schema_are_taken() -> None:
    skill = SkillBank()["tao-train-pose-classification"]
    space = search_space(skill)

    task = task_of(skill, space)

    assert task.skill == "tao-train-pose-classification"
    assert "pose" in task.description.lower()
    assert "\n" not in task.description
    assert task.meanings["train.optim.lr"].startswith("Learning rate")
    assert set(task.meanings) == {parameter.key for parameter in space.parameters}


def test_a_key_that_the_schema_does_not_explain_has_no_meaning() -> None:
    skill = Skill(TOY)

    task = task_of(skill, SearchSpace((Parameter("no.such.key", 1, low=0, high=2),)))

    assert task == Task(skill.name, task.description, {})
