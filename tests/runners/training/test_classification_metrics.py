"""Metrics against numbers worked out by hand, against loops, and against torchmetrics' own."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_f1_score

from skillbank_runners.errors import RunnerError
from skillbank_runners.training.classification_metrics import (
    ClassificationMetrics,
    classification_metrics,
    wilson_interval,
)

NAMES = ("walk", "jump", "throw", "bow")

# True class, then the scores; argmax: walk walk jump | jump jump | walk ; no clip of "bow".
BY_HAND = (
    (0, (9.0, 1.0, 0.0, 2.0)),
    (0, (5.0, 4.0, 1.0, 0.0)),
    (0, (2.0, 3.0, 1.0, 0.0)),
    (1, (0.0, 7.0, 1.0, 2.0)),
    (1, (3.0, 4.0, 0.0, 1.0)),
    (2, (6.0, 5.0, 4.0, 1.0)),
)


@pytest.fixture
def by_hand() -> ClassificationMetrics:
    labels_N = torch.tensor([label for label, _ in BY_HAND])
    scores_NC = torch.tensor([scores for _, scores in BY_HAND])
    return classification_metrics(scores_NC, labels_N, NAMES)


def random_case(seed: int, num_clips: int, num_classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    scores_NC = torch.randn(num_clips, num_classes, generator=generator)
    return scores_NC, torch.randint(0, num_classes, (num_clips,), generator=generator)


def test_totals_equal_those_worked_out_by_hand(by_hand: ClassificationMetrics) -> None:
    assert (by_hand.num_correct, by_hand.num_clips) == (4, 6)
    assert by_hand.accuracy == pytest.approx(4 / 6)
    assert by_hand.mean_class_accuracy == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert by_hand.macro_f1 == pytest.approx((4 / 6 + 4 / 5 + 0) / 3)
    assert by_hand.top_k == {1: pytest.approx(4 / 6), 3: pytest.approx(1.0)}


def test_the_confusion_matrix_has_true_classes_as_rows(by_hand: ClassificationMetrics) -> None:
    assert by_hand.confusion == ((2, 1, 0, 0), (0, 2, 0, 0), (1, 0, 0, 0), (0, 0, 0, 0))


def test_a_class_row_equals_the_one_worked_out_by_hand(by_hand: ClassificationMetrics) -> None:
    jump = by_hand.classes[1]

    assert (jump.support, jump.predicted, jump.correct) == (2, 3, 2)
    assert (jump.accuracy, jump.recall) == (1.0, 1.0)
    assert jump.precision == pytest.approx(2 / 3)
    assert jump.f1 == pytest.approx(4 / 5)


def test_a_class_without_clips_has_no_shares_and_is_named(by_hand: ClassificationMetrics) -> None:
    bow = by_hand.classes[3]

    assert (bow.accuracy, bow.interval, bow.precision, bow.f1) == (None, None, None, None)
    assert by_hand.without_support == ("bow",)
    assert "no clips of 'bow': left out of the mean class accuracy" in by_hand.table()


def test_a_class_never_predicted_has_no_precision_but_an_f1(by_hand: ClassificationMetrics) -> None:
    throw = by_hand.classes[2]

    assert (throw.accuracy, throw.precision, throw.f1) == (0.0, None, 0.0)


def test_cross_entropy_is_the_mean_negative_log_likelihood() -> None:
    scores_NC = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])

    metrics = classification_metrics(scores_NC, torch.tensor([0, 1]), ("a", "b"))

    assert metrics.cross_entropy == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)


@pytest.mark.parametrize(
    ("num_correct", "num_clips", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3: to four places.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
    ],
)
def test_wilson_intervals_equal_published_ones(
    num_correct: int, num_clips: int, low: float, high: float
) -> None:
    interval = wilson_interval(num_correct, num_clips)

    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("seed", "num_clips", "num_classes"), [(0, 50, 7), (1, 9, 9), (2, 200, 2), (3, 1, 4), (4, 5, 1)]
)
def test_counts_equal_those_of_a_plain_loop(seed: int, num_clips: int, num_classes: int) -> None:
    scores_NC, labels_N = random_case(seed, num_clips, num_classes)
    ranked = [sorted(range(num_classes), key=row.__getitem__)[::-1] for row in scores_NC.tolist()]
    truth = labels_N.tolist()

    metrics = classification_metrics(scores_NC, labels_N, [f"c{i}" for i in range(num_classes)])

    for i in range(num_classes):
        for j in range(num_classes):
            pairs = sum(t == i and r[0] == j for t, r in zip(truth, ranked, strict=True))
            assert metrics.confusion[i][j] == pairs
    for k, share in metrics.top_k.items():
        assert share == sum(t in r[:k] for t, r in zip(truth, ranked, strict=True)) / num_clips
    assert set(metrics.top_k) == {1} | {k for k in (3, 5) if k < num_classes}


@pytest.mark.parametrize("seed", range(5))
def test_macro_f1_equals_torchmetrics(seed: int) -> None:
    scores_NC, labels_N = random_case(seed, 30, 6)
    labels_N = labels_N.clamp(max=3)  # two classes are predicted but never true

    metrics = classification_metrics(scores_NC, labels_N, list("abcdef"))

    expected = multiclass_f1_score(scores_NC, labels_N, 6, average="macro")
    assert metrics.macro_f1 == pytest.approx(float(expected), abs=1e-6)


def test_half_precision_scores_count_like_full_ones() -> None:
    scores_NC, labels_N = random_case(7, 40, 5)
    rounded = scores_NC.half()

    half = classification_metrics(rounded, labels_N, list("abcde"))

    assert half == classification_metrics(rounded.float(), labels_N, list("abcde"))


def test_the_json_form_is_strict_and_holds_null_for_undefined_shares(
    by_hand: ClassificationMetrics,
) -> None:
    values = json.loads(json.dumps(by_hand.to_json(), allow_nan=False))

    assert values["classes"][3]["accuracy"] is None
    assert values["classes"][0]["interval"]["low"] == pytest.approx(0.2077, abs=5e-5)
    assert values["top_k"] == {"1": pytest.approx(4 / 6), "3": 1.0}
    assert values["classes_without_clips"] == ["bow"]


def test_an_endless_loss_is_null_in_json() -> None:
    huge = torch.tensor([[1e308, -1e308]], dtype=torch.float64)

    metrics = classification_metrics(huge, torch.tensor([1]), ("a", "b"))

    assert json.loads(json.dumps(metrics.to_json(), allow_nan=False))["cross_entropy"] is None


def test_the_table_shows_counts_per_class_and_totals(by_hand: ClassificationMetrics) -> None:
    lines = by_hand.table().splitlines()

    assert " ".join(lines[2].split()) == "walk 3 2 66.67 % 20.8 to 93.9 % 66.67 % 66.67 %"
    assert " ".join(lines[5].split()) == "bow 0 0 - - - -"
    assert any(line.startswith("total accuracy        66.67 %   (4 of 6 clips") for line in lines)
    assert len({len(line) for line in lines[:7]}) == 1


def test_scores_that_are_not_finite_are_refused_with_the_clip() -> None:
    scores_NC = torch.zeros(4, 3)
    scores_NC[2, 1] = math.nan

    with pytest.raises(RunnerError, match=r"1 of 4 clips \(first: index 2\).*diverged"):
        classification_metrics(scores_NC, torch.zeros(4), list("abc"))


def test_an_evaluation_without_clips_is_refused() -> None:
    with pytest.raises(RunnerError, match="no clips"):
        classification_metrics(torch.zeros(0, 3), torch.zeros(0), list("abc"))
