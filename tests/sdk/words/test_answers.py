"""Whole sentences: what is asked for, and which words said so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from skillbank.bank import SkillBank
from skillbank.words.answer import Answer, Outcome, ParentRef
from skillbank.words.reader import MAX_STEPS, SentenceReader

POSE = "tao-train-pose-classification"
REQUESTS = sorted((Path(__file__).parents[2] / "requests").glob("*.yaml"))
Ask = Callable[[str], Answer]


def settings(answer: Answer, step: int = 0) -> dict[str, object]:
    return dict(answer.steps[step].overrides)


@pytest.mark.parametrize(
    ("words", "key", "value"),
    [
        ("for 30 epochs", "train.num_epochs", 30),
        ("for thirty epochs", "train.num_epochs", 30),
        ("for 30 epcohs", "train.num_epochs", 30),
        ("with a learning rate of 0,01", "train.optim.lr", 0.01),
        ("lr 1e-2", "train.optim.lr", 0.01),
        ("batch size: 16", "dataset.batch_size", 16),
        ("on two GPUs", "train.num_gpus", 2),
        ("on GPU 0 and 1", "train.gpu_ids", [0, 1]),
        ("train.num_epochs=30", "train.num_epochs", 30),
        ("with 8 epochs, not 16", "train.num_epochs", 8),
        ("for 30 epochs, no, make that 50", "train.num_epochs", 50),
        ("30 Epochen lang", "train.num_epochs", 30),
        ("训练30轮", "train.num_epochs", 30),
    ],
)
def test_a_setting_is_read_beside_its_name(ask: Ask, words: str, key: str, value: object) -> None:
    answer = ask(f"train a pose classifier on /data/gym {words}")

    assert answer.outcome is Outcome.PLAN
    assert settings(answer) == {key: value}


def test_a_correction_replaces_what_it_corrects(ask: Ask) -> None:
    answer = ask("evaluate - no, export the pose classifier of job 7f3a2c")

    assert [step.action for step in answer.steps] == ["export"]


def test_two_values_that_nobody_corrects_contradict_each_other(ask: Ask) -> None:
    answer = ask("train a pose classifier on /d for 30 epochs with 50 epochs")

    assert answer.outcome is Outcome.CONTRADICTORY
    assert "30" in answer.message
    assert "50" in answer.message


def test_steps_of_a_chain_build_on_each_other(ask: Ask) -> None:
    answer = ask("train a pose classifier on /d, evaluate it, then export it")

    assert [step.action for step in answer.steps] == ["train", "evaluate", "export"]
    assert [step.parent for step in answer.steps] == [None, ParentRef(step=0), ParentRef(step=0)]
    assert answer.steps[1].data == {"all": "/d"}


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("resume job 7f3a2c", ("resume", "7f3a2c")),
        ("show me the logs of the last training", ("logs", "last:train")),
        ("what can you do?", ("capabilities",)),
        ("how do I train CenterPose?", ("show", "tao-train-centerpose")),
        ("list my jobs", ("jobs",)),
    ],
)
def test_a_question_or_an_order_is_one_command(ask: Ask, text: str, call: tuple[str, ...]) -> None:
    command = ask(text).command

    assert command is not None
    assert (command.name, *command.arguments) == call


def test_a_job_whose_skill_is_known_needs_no_other_words(reader: SentenceReader) -> None:
    answer = reader.read("evaluate job 7f3a2c on /d", lambda ref: POSE if ref.job else None)

    assert answer.steps[0].skill == POSE


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("train a model on /d", Outcome.AMBIGUOUS),
        ("evaluate or export the pose classifier of job 7f3a2c", Outcome.AMBIGUOUS),
        ("train a pose classifier", Outcome.INCOMPLETE),
        ("train YOLO on /d", Outcome.UNSUPPORTED),
        ("train a pose classifier on /d on the cluster", Outcome.UNSUPPORTED),
        ("train a pose classifier on /d, platform=mars", Outcome.UNSUPPORTED),
        ("train a pose classifier on /d without AutoML and with ASHA", Outcome.CONTRADICTORY),
        ("don't train anything", Outcome.NOTHING),
        ("train a pose classifier on /d. Forget it.", Outcome.NOTHING),
        ("", Outcome.NOTHING),
        ("  \n ", Outcome.NOTHING),
    ],
)
def test_what_cannot_be_run_is_told_apart(ask: Ask, text: str, outcome: Outcome) -> None:
    answer = ask(text)

    assert answer.outcome is outcome
    assert answer.message
    assert not answer.outcome.can_run


def test_what_is_counted_is_no_task(ask: Ask) -> None:
    counted = ask("evaluate the video classifier of job a93c with ten segments per video on /d")

    assert settings(counted) == {"evaluate.video_num_segments": 10}
    assert ask("train a segmentation model on /d").outcome is Outcome.UNSUPPORTED


def test_a_policy_that_is_none_is_refused_by_its_words(ask: Ask) -> None:
    answer = ask("train a pose classifier on /d automl=perhaps")

    assert answer.outcome is Outcome.UNSUPPORTED
    assert "'perhaps'" in answer.message


def test_more_steps_than_a_plan_can_have_are_refused(ask: Ask) -> None:
    answer = ask("train a pose classifier on /d, then export it. " * MAX_STEPS)

    assert answer.outcome is Outcome.UNSUPPORTED
    assert f"{2 * MAX_STEPS} steps" in answer.message


def requests() -> Iterator[str]:
    for file in REQUESTS:
        for case in yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader):
            yield case["request"]


# Two reads, by two readers, of every request of the corpus: 4 s.
def test_every_answer_names_its_words_and_is_always_the_same(reader: SentenceReader) -> None:
    another = SentenceReader(SkillBank())
    every = list(requests())

    answers = [reader.read(text) for text in every]
    misplaced = [
        (text, origin)
        for text, answer in zip(every, answers, strict=True)
        for origin in answer.origins
        if text[origin.start : origin.end] != origin.words or not origin.words
    ]

    assert misplaced == []
    assert answers == [another.read(text) for text in every]
    assert len(every) > 500


@pytest.mark.parametrize(
    "part", ["action", "data.all", "overrides.train.num_epochs", "automl_policy"]
)
def test_each_part_of_a_step_has_an_origin(ask: Ask, part: str) -> None:
    answer = ask("train a pose classifier on /d for 30 epochs, no HPO")

    assert f"steps[0].{part}" in {origin.part for origin in answer.origins}
