"""Recipes are compared on the training subjects, once each."""

import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import yaml

from bench import recipe_search
from bench.recipes import RECIPES, Recipe
from skillbank_runners.pose_classification.spec import EXPERIMENT, SPECS
from skillbank_runners.pose_classification.spec_preprocessing import PreprocessingSpec
from skillbank_runners.spec_reading import read_spec

PUBLISHED = Path(__file__).parents[3] / "references/recipes/utd_mhad.yaml"
CHOSEN = "aligned"


@pytest.fixture
def data(tmp_path):
    """Two clips of each of four subjects; there are no files of test subjects."""
    random = np.random.default_rng(0)
    names = [f"a{action:02}_s{subject:02}_t01" for subject in (1, 3, 5, 7) for action in (1, 2)]
    x = random.normal(size=(len(names), 3, 128, 17, 1)).astype(np.float32)
    x[:, :, 60:] = 0
    for name in ("utd_mhad", "utd_mhad_absolute"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "train_data.npy", x)
    labels = pickle.dumps([names, [0, 1] * 4])
    (tmp_path / "utd_mhad" / "train_label.pkl").write_bytes(labels)
    return tmp_path


@pytest.fixture
def quick(monkeypatch):
    """Every recipe in one epoch."""
    for name, recipe in RECIPES.items():
        changed = dataclasses.replace(recipe, epochs=1, warmup=0, frames=8)
        monkeypatch.setitem(RECIPES, name, changed)


def search(data, *more):
    results = data / "results.jsonl"
    narrow = ["--narrower", "32", "--results", str(results)]
    recipe_search.main([str(data), *narrow, *more])
    return [json.loads(line) for line in results.read_text().splitlines()]


# Four trainings of a narrow network on six clips: 1 to 3 s.
@pytest.mark.usefixtures("quick")
def test_every_subject_is_held_out_once_and_nothing_is_run_twice(data):
    lines = search(data, "--recipes", "adamw_0.05")
    assert [line["fold"] for line in lines] == [1, 3, 5, 7]
    assert all(line["clips"] == 2 and 0 <= line["accuracy"] <= 1 for line in lines)
    assert search(data, "--recipes", "adamw_0.05") == lines


@pytest.mark.usefixtures("quick")
def test_the_same_seed_gives_the_same_answers(data):
    (line,) = search(data, "--recipes", "stock32", "--folds", "3")
    (data / "results.jsonl").unlink()
    (again,) = search(data, "--recipes", "stock32", "--folds", "3")
    assert again["mistaken"] == line["mistaken"]


def test_a_cosine_rises_and_falls():
    recipe = Recipe(lr=1.0, lr_steps=(), warmup=2, epochs=10)
    rates = [recipe.rate(epoch) for epoch in (0, 1, 2, 6, 10)]
    assert rates == pytest.approx([0.05, 0.5, 1.0, 0.5, 0.0])


def test_steps_are_those_of_the_stock_recipe():
    rates = [RECIPES["stock32"].rate(epoch) for epoch in (0, 19.9, 20, 27)]
    assert rates == pytest.approx([5e-4, 5e-4, 5e-5, 5e-6])


@pytest.mark.parametrize("action", ["train", "evaluate"])
def test_the_published_recipe_is_the_one_that_was_chosen(action):
    chosen = RECIPES[CHOSEN]
    spec, _ = read_spec(action, yaml.safe_load(PUBLISHED.read_text()), SPECS, EXPERIMENT)
    assert spec.dataset.preprocessing == chosen.preprocessing
    assert spec.dataset.augmentation == chosen.augmentation
    assert (spec.dataset.window_size, spec.dataset.batch_size) == (chosen.frames, chosen.batch_size)
    assert (spec.model.graph_layout, spec.model.dropout) == (chosen.layout, chosen.dropout)
    optim = spec.train.optim
    assert optim.optimizer_type == f"torch.optim.{chosen.optimizer_type}"
    assert (optim.lr, optim.weight_decay) == (chosen.lr, chosen.weight_decay)
    assert (optim.lr_scheduler, optim.warmup_epochs) == ("Cosine", chosen.warmup)
    assert spec.train.label_smoothing == chosen.label_smoothing


def test_the_stock_recipe_does_nothing_to_clips():
    assert RECIPES["stock32"].preprocessing == PreprocessingSpec()
