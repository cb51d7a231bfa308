"""No text breaks the reader, whoever wrote it and however long it is."""

from __future__ import annotations

import time
from itertools import cycle, islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillbank.words.answer import Outcome
from skillbank.words.reader import SentenceReader

WORDS = """
train evaluate export inference convert resume cancel not don't no, AutoML HPO off on never
plain 30 -5 0,1 1e999 epochs GPUs GPU lr adam batch size learning rate between and or then with
without pose classifier centerpose skeletons video clips /a /b.pth /c.onnx x.csv clip.mp4 job
7f3a2c the last training best checkpoint epoch 7 step 20 trials ASHA at most 2 hours a=b
train.num_epochs=3 --data /d automl=maybe platform=mars ? . , : ( 训练 30轮 不要 关闭 把 转
trainiere ohne forget it what is each person doing only tune w/o half an hour hundred 二十 "
' ` “ data=val=/x spec=y epoch=4 e=/z.yaml [1, 2] YOLO delete every night cluster
"""
PIECES = st.sampled_from(WORDS.split())


@given(st.text(max_size=200))
def test_any_text_has_an_answer(reader: SentenceReader, text: str) -> None:
    answer = reader.read(text)

    assert answer.text == text
    assert answer.message


@given(st.lists(PIECES, max_size=25))
@settings(max_examples=300)
def test_any_row_of_known_words_has_an_answer_with_its_words(
    reader: SentenceReader, pieces: list[str]
) -> None:
    text = " ".join(pieces)

    answer = reader.read(text)

    assert all(text[one.start : one.end] == one.words for one in answer.origins)
    assert (answer.outcome is Outcome.PLAN) <= bool(answer.steps)
    assert (answer.outcome is Outcome.COMMAND) == (answer.command is not None)


# Each reads 10 000 characters; half a second where all is well, as machines are shared.
@pytest.mark.parametrize(
    "fragment",
    [
        "train a pose classifier on /data/x for 30 epochs, then export it. ",
        "训练",
        "a-",
        "a",
        "1,",
        "/a/b ",
        "no AutoML or ",
        "forget it ",
        "the last training ",
        "30 epochs ",
        "before training export, ",
        "convert it to ",
    ],
)
def test_a_long_text_is_read_in_time(reader: SentenceReader, fragment: str) -> None:
    text = "".join(islice(cycle(fragment), 10_000))

    before = time.process_time()
    reader.read(text)

    assert time.process_time() - before < 3
