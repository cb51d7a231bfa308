"""How well a classifier did: accuracy in its usual forms, per class, with confidence intervals.

Axes: N clips, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist, fmean

import torch
from torch import Tensor

from skillbank_runners.errors import RunnerError

TOP_K = (3, 5)
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """Range that holds the true share with 95 % confidence, within [0, 1]."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{100 * self.low:5.1f} to {100 * self.high:5.1f} %"


@dataclass(frozen=True)
class ClassResult:
    """One row of the per-class table; a share is None where its denominator is 0.

    Attributes:
        name: The class.
        support: Clips that truly are of this class.
        predicted: Clips taken for this class.
        correct: Clips of this class that were recognised.
        accuracy: `correct / support`, the class's recall.
        interval: Wilson interval of `accuracy`.
        precision: `correct / predicted`.
        f1: Harmonic mean of precision and recall; 0 when support or predicted is 0, None when both.
    """

    name: str
    support: int
    predicted: int
    correct: int
    accuracy: float | None
    interval: Interval | None
    precision: float | None
    f1: float | None

    @property
    def recall(self) -> float | None:
        """The class's accuracy under its other name."""
        return self.accuracy


@dataclass(frozen=True)
class ClassificationMetrics:
    """What an evaluation found.

    Attributes:
        num_clips: N.
        num_correct: Clips whose highest score is on the true class.
        accuracy: `num_correct / num_clips`, top-1.
        interval: Wilson interval of `accuracy`.
        mean_class_accuracy: Mean over the classes that have clips.
        macro_f1: Mean F1 over the classes that have clips or were predicted.
        top_k: k -> share of clips whose true class is among the k highest scores; k < C, and 1.
        cross_entropy: Mean negative log likelihood in nats; the scores are read as logits.
        classes: One entry per class, in the order of class ids.
        confusion: `confusion[true][predicted]`, counts of clips.
    """

    num_clips: int
    num_correct: int
    accuracy: float
    interval: Interval
    mean_class_accuracy: float
    macro_f1: float
    top_k: dict[int, float]
    cross_entropy: float
    classes: tuple[ClassResult, ...]
    confusion: tuple[tuple[int, ...], ...]

    @property
    def without_support(self) -> tuple[str, ...]:
        """Names of the classes that no clip belongs to."""
        return tuple(result.name for result in self.classes if not result.support)

    def to_json(self) -> dict[str, object]:
        """Values for strict JSON: null where a share is undefined or a number is not finite."""
        classes = [asdict(result) | {"recall": result.recall} for result in self.classes]
        return {
            "num_clips": self.num_clips,
            "num_correct": self.num_correct,
            "accuracy": self.accuracy,
            "accuracy_interval": asdict(self.interval) | {"confidence": CONFIDENCE},
            "mean_class_accuracy": self.mean_class_accuracy,
            "macro_f1": self.macro_f1,
            "top_k": {str(k): share for k, share in self.top_k.items()},
            "cross_entropy": self.cross_entropy if math.isfinite(self.cross_entropy) else None,
            "classes_without_clips": list(self.without_support),
            "classes": classes,
            "confusion": [list(row) for row in self.confusion],
        }

    def table(self) -> str:
        """The per-class table and the totals below it, as plain text for a log."""
        width = max(len("class"), *(len(result.name) for result in self.classes))
        head = (
            f"{'class':<{width}}  {'clips':>6}  {'correct':>7}  {'accuracy':>8}"
            f"  {'95 % interval':>19}  {'precision':>9}  {'F1':>8}"
        )
        rows = [_table_row(result, width) for result in self.classes]
        return "\n".join([head, "-" * len(head), *rows, "-" * len(head), *self._totals()])

    def _totals(self) -> list[str]:
        shares = {
            "total accuracy": f"{_percent(self.accuracy)}   ({self.num_correct} of "
            f"{self.num_clips} clips; 95 % interval {str(self.interval).strip()})",
            "mean class accuracy": _percent(self.mean_class_accuracy),
            "macro F1": _percent(self.macro_f1),
            **{f"top-{k} accuracy": _percent(share) for k, share in self.top_k.items() if k > 1},
            "cross-entropy": f"{self.cross_entropy:8.4f}",
        }
        lines = [f"{name:<20} {value}" for name, value in shares.items()]
        if self.without_support:
            names = ", ".join(repr(name) for name in self.without_support)
            lines.append(f"no clips of {names}: left out of the mean class accuracy")
        return lines


def classification_metrics(
    scores_NC: Tensor, labels_N: Tensor, class_names: Sequence[str]
) -> ClassificationMetrics:
    """Everything that one evaluation reports.

    Args:
        scores_NC: The network's outputs before softmax, any float type, any device.
        labels_N: True class ids in [0, C).
        class_names: C names in the order of class ids.

    Raises:
        RunnerError: There are no clips, or the network's scores are not finite.
    """
    scores_NC = scores_NC.detach().double().cpu()
    labels_N = labels_N.detach().long().cpu()
    _check(scores_NC, labels_N, class_names)
    num_clips, num_classes = scores_NC.shape
    cells_N = labels_N * num_classes + scores_NC.argmax(dim=1)
    counts_CC = torch.bincount(cells_N, minlength=num_classes**2).view(num_classes, num_classes)
    confusion = tuple(tuple(row) for row in counts_CC.tolist())
    num_correct = sum(confusion[i][i] for i in range(num_classes))
    classes = _class_results(confusion, class_names)
    return ClassificationMetrics(
        num_clips=num_clips,
        num_correct=num_correct,
        accuracy=num_correct / num_clips,
        interval=wilson_interval(num_correct, num_clips),
        mean_class_accuracy=fmean(r.accuracy for r in classes if r.accuracy is not None),
        macro_f1=fmean(result.f1 for result in classes if result.f1 is not None),
        top_k={1: num_correct / num_clips, **_top_k(scores_NC, labels_N)},
        cross_entropy=float(torch.nn.functional.cross_entropy(scores_NC, labels_N)),
        classes=classes,
        confusion=confusion,
    )


def wilson_interval(num_correct: int, num_clips: int) -> Interval:
    """95 % score interval of a share, eq. (3.3) of E. B. Wilson, JASA 22 (1927) 209-212.

    It stays inside [0, 1] and keeps its coverage for few clips and for shares near 0 and 1.
    """
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share = num_correct / num_clips
    centre = (share + z**2 / (2 * num_clips)) / (1 + z**2 / num_clips)
    spread = math.sqrt(share * (1 - share) / num_clips + (z / (2 * num_clips)) ** 2)
    half = z * spread / (1 + z**2 / num_clips)
    # Rounding would leave 1e-17 beside the exact ends.
    low = 0.0 if num_correct == 0 else centre - half
    high = 1.0 if num_correct == num_clips else centre + half
    return Interval(low, high)


def _check(scores_NC: Tensor, labels_N: Tensor, class_names: Sequence[str]) -> None:
    if len(scores_NC) == 0:
        raise RunnerError("there are no clips to evaluate; expected at least one.")
    if scores_NC.shape != (len(labels_N), len(class_names)):
        raise ValueError(
            f"scores {tuple(scores_NC.shape)} do not fit {len(labels_N)} labels "
            f"and {len(class_names)} class names"
        )
    broken_N = ~scores_NC.isfinite().all(dim=1)
    if broken_N.any():
        raise RunnerError(
            f"the network's scores are not finite for {int(broken_N.sum())} of {len(broken_N)} "
            f"clips (first: index {int(broken_N.nonzero()[0])}); its weights have diverged. "
            "Choose an earlier checkpoint, or train with a lower train.optim.lr "
            "or with train.grad_clip set."
        )


def _class_results(
    confusion: tuple[tuple[int, ...], ...], class_names: Sequence[str]
) -> tuple[ClassResult, ...]:
    results = []
    for i, name in enumerate(class_names):
        correct, support = confusion[i][i], sum(confusion[i])
        predicted = sum(row[i] for row in confusion)
        results.append(
            ClassResult(
                name=name,
                support=support,
                predicted=predicted,
                correct=correct,
                accuracy=_share(correct, support),
                interval=wilson_interval(correct, support) if support else None,
                precision=_share(correct, predicted),
                f1=_share(2 * correct, support + predicted),
            )
        )
    return tuple(results)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _top_k(scores_NC: Tensor, labels_N: Tensor) -> dict[int, float]:
    num_clips, num_classes = scores_NC.shape
    return {
        k: int((scores_NC.topk(k).indices == labels_N[:, None]).sum()) / num_clips
        for k in TOP_K
        if k < num_classes
    }


def _table_row(result: ClassResult, width: int) -> str:
    interval = "-" if result.interval is None else str(result.interval)
    return (
        f"{result.name:<{width}}  {result.support:>6}  {result.correct:>7}"
        f"  {_percent(result.accuracy)}  {interval:>19}"
        f"   {_percent(result.precision)}  {_percent(result.f1)}"
    )


def _percent(share: float | None) -> str:
    return f"{'-':>8}" if share is None else f"{100 * share:6.2f} %"
