"""Paths, and what each is for."""

from __future__ import annotations

import pytest

from skillbank.words.matcher import Sentence
from skillbank.words.places import PlaceWords, Use

WORDS = PlaceWords()


def uses(text: str) -> list[tuple[str, Use]]:
    return [(place.path, place.use) for place in WORDS.read(Sentence.of(text))]


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("train on /a", Use.TRAIN),
        ("the training set is in /a", Use.TRAIN),
        ("validate on /a", Use.VAL),
        ("/a as the validation set", Use.VAL),
        ("the test set in /a", Use.TEST),
        ("labels in /a", Use.LABELS),
        ("annotations.csv", Use.LABELS),
        ("write the results to /a", Use.OUTPUT),
        ("save the labels to /a", Use.OUTPUT),
        ("the weights in /a", Use.CHECKPOINT),
        ("starting from /a.pth", Use.BASE),
        ("resume from /a.pth", Use.RESUME),
        ("config /a.yaml", Use.SPEC),
        ("look at /a", Use.PLAIN),
        ("test set. Then /a", Use.PLAIN),
        ("测试集在/a", Use.TEST),
        ("Trainingsdaten liegen in /a", Use.TRAIN),
    ],
)
def test_the_words_around_a_path_say_what_it_is_for(text: str, use: Use) -> None:
    assert [found for _, found in uses(text)] == [use]


def test_each_path_has_the_words_nearest_to_it() -> None:
    assert uses("train on /a, validate on /b and test on /c") == [
        ("/a", Use.TRAIN),
        ("/b", Use.VAL),
        ("/c", Use.TEST),
    ]


@pytest.mark.parametrize(
    ("path", "ending"),
    [("/a/b.MP4", "mp4"), ("/a/b.pth", "pth"), ("/a.d/b", ""), ("/a/b.json/", "")],
)
def test_a_file_is_known_by_its_ending(path: str, ending: str) -> None:
    (place,) = WORDS.read(Sentence.of(f'"{path}"'))

    assert place.ending == ending
