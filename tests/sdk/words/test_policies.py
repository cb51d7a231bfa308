"""Whether the words want a search over hyperparameters."""

from __future__ import annotations

import pytest

from skillbank.request import AutomlPolicy
from skillbank.words.matcher import Sentence
from skillbank.words.policies import PolicyWords

WORDS = PolicyWords()
OFF = [
    "train on /d, no HPO",
    "turn off AutoML",
    "disable automl for this run",
    "skip the hyperparameter search please",
    "without AutoML",
    "no tuning",
    "plain training on /d",
    "vanilla training",
    "a single training run",
    "I don't want AutoML",
    "AutoML is not needed",
    "no need for any tuning",
    "leave HPO out of it",
    "skip the sweep",
    "ohne Hyperparametersuche",
    "ohne AutoML",
    "schalte AutoML aus",
    "不要调参",
    "关闭AutoML",
    "不使用超参数搜索",
    "no AutoML or HPO",
    "no AutoML, no HPO",
    "just train it once",
    "automl off",
    "AutoML: off",
    "with AutoML disabled",
    "please leave AutoML off",
    "no need to tune hyperparameters",
    "AutoML should be turned off",
    "use the default hyperparameters",
    "don't bother with hyperparameter tuning",
    "I'd rather not use AutoML",
    "train w/o HPO",
    "train it with no hyperparameter optimisation at all",
    "kein AutoML",
    "bitte kein HPO",
    "einfaches Training",
    "不需要超参数搜索\uff0c训练30轮",
    "don't do any tuning",
    "don't tune anything",
    "do not search hyperparameters",
    "hyperparameter search off",
    "avoid the tuning",
    "AutoML aus",
    "no sweeps",
    "not with AutoML",
    "no search",
    "I do not need hyperparameter search",
    "deactivate automl",
    "do a normal training without sweeps",
    "single plain training",
    "plain, single training",
    '"AutoML? no thanks"',
    "skip AutoML/HPO",
    "forget about AutoML",
    "train without searching hyperparameters",
]
ON = [
    "don't turn off AutoML",
    "keep AutoML on but only 5 trials",
    "do not disable the hyperparameter search",
    "I don't want AutoML turned off",
    "don't you dare turn off AutoML",
    "schalte AutoML nicht aus",
    "使用AutoML",
    "never disable HPO",
    "without turning off AutoML",
    "with AutoML enabled",
    "use AutoML",
    "run a hyperparameter search",
    "no reason to disable AutoML",
    "AutoML should not be turned off",
    "AutoML must stay on",
    "不要关闭AutoML",
    "别关掉自动调参",
    "with hyperparameter tuning",
    "find the best hyperparameters",
    "tune the hyperparameters",
    "no, keep AutoML on",
    "don't skip tuning",
]
NOTHING = [
    "train on /d for 3 epochs",
    "fine-tune the model",
    "search for falls in the video",
    "training on a single GPU",
]


def policies(text: str) -> set[AutomlPolicy]:
    return {said.value for said in WORDS.read(Sentence.of(text))}


@pytest.mark.parametrize("text", OFF)
def test_words_turn_the_search_off(text: str) -> None:
    assert policies(text) == {AutomlPolicy.OFF}


@pytest.mark.parametrize("text", ON)
def test_words_keep_the_search_on(text: str) -> None:
    assert policies(text) == {AutomlPolicy.ON}


@pytest.mark.parametrize("text", NOTHING)
def test_other_words_say_nothing_of_the_search(text: str) -> None:
    assert policies(text) == set()


@pytest.mark.parametrize(
    "negation", ["don't", "do not", "never", "please don't", "under no circumstances"]
)
@pytest.mark.parametrize("verb", ["turn off", "disable", "skip", "deactivate"])
@pytest.mark.parametrize("topic", ["AutoML", "HPO", "the hyperparameter search"])
def test_a_negated_off_wants_the_search(negation: str, verb: str, topic: str) -> None:
    assert policies(f"{negation} {verb} {topic}") == {AutomlPolicy.ON}


def test_what_is_taken_back_counts_for_nothing() -> None:
    said = WORDS.read(Sentence.of("The search took all night, so skip it this time"))

    assert [one.value for one in said] == [AutomlPolicy.OFF]


def test_a_thousand_topics_in_a_row_are_read() -> None:
    assert policies("no " + "AutoML or " * 1000) == {AutomlPolicy.OFF}
