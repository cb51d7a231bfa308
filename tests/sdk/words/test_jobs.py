"""Jobs and checkpoints that a sentence points to."""

from __future__ import annotations

import pytest

from skillbank.words.answer import ParentRef
from skillbank.words.jobs import JobWords
from skillbank.words.matcher import Sentence

WORDS = JobWords()


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        ("job 7f3a2c", ParentRef(job="7f3a2c")),
        ("job #7f3a2c", ParentRef(job="7f3a2c")),
        ("train-2k4m9qpx", ParentRef(job="train-2k4m9qpx")),
        ("evaluate 7f3a2c", ParentRef(job="7f3a2c")),
        ("the last training", ParentRef(last="train")),
        ("the most recent pose classification training", ParentRef(last="train")),
        ("the previous export job", ParentRef(last="export")),
        ("the model I just trained", ParentRef(last="train")),
        ("任务 7f3a2c", ParentRef(job="7f3a2c")),
    ],
)
def test_a_job_is_found_by_its_id_or_its_place_in_time(text: str, ref: ParentRef) -> None:
    assert [pointer.ref for pointer in WORDS.read(Sentence.of(text))] == [ref]


@pytest.mark.parametrize(
    "text",
    [
        "epoch 30",
        "version v2",
        "train on 1080p clips",
        "the last checkpoint",
        "the last training data",
    ],
)
def test_other_numbers_and_nouns_are_no_jobs(text: str) -> None:
    assert WORDS.read(Sentence.of(text)) == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("the best checkpoint", "best"),
        ("the latest checkpoint", "latest"),
        ("epoch 7", "epoch=7"),
        ("the checkpoint of step 400", "step=400"),
        ("最佳检查点", "best"),
    ],
)
def test_a_checkpoint_is_chosen_by_a_rule(text: str, rule: str) -> None:
    assert [said.value for said in WORDS.read_checkpoints(Sentence.of(text))] == [rule]


def test_a_run_of_nouns_is_one_job() -> None:
    assert len(WORDS.read(Sentence.of("the last " + "training " * 2000))) == 1
