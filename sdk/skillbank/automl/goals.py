"""Which metrics a search optimizes, and which of their values are better."""

from __future__ import annotations

import re

from skillbank.automl.history import Goal
from skillbank.automl.settings import SearchSettings
from skillbank.errors import RequestInvalid, did_you_mean

_LOWER_IS_BETTER = (
    "loss|latency|runtime|duration|time|cost|flops|params|parameters|memory|energy|wer|cer|"
    "perplexity|ppl|error|size|bytes"
)
_DIRECTIONS = {"minimize": True, "minimise": True, "maximize": False, "maximise": False}


def read_goals(settings: SearchSettings, metric: str, direction: str) -> tuple[Goal, ...]:
    """The goals of a search; the first is what trials are ranked by as they train.

    Args:
        settings: Settings of the search; its metric and direction may be empty.
        metric: The skill's own metric.
        direction: Its direction.

    Raises:
        RequestInvalid: Directions that are no directions, or fit no metric.
    """
    names = _words(settings.metric) or [metric]
    given = _words(settings.direction)
    if len(given) not in {0, len(names)}:
        raise RequestInvalid(
            f"automl.direction: {settings.direction!r} has {len(given)} directions for "
            f"{len(names)} metrics ({', '.join(names)}); give one per metric, separated by "
            "commas, or none."
        )
    if len(set(names)) < len(names):
        raise RequestInvalid(f"automl.metric: {settings.metric!r} names a metric twice.")
    own = {metric: direction}
    directions = given or [own.get(name, _guess(name)) for name in names]
    return tuple(
        Goal(name, minimize=_is_minimize(word))
        for name, word in zip(names, directions, strict=True)
    )


def _guess(metric: str) -> str:
    """Direction by the metric's name, as TAO does."""
    words = re.split(r"[^a-z0-9]+", metric.lower())
    joined = any(re.search(_LOWER_IS_BETTER, word) for word in words)
    return "minimize" if joined else "maximize"


def _is_minimize(word: str) -> bool:
    if word.lower() not in _DIRECTIONS:
        raise RequestInvalid(
            f"automl.direction: {word!r} is no direction; {did_you_mean(word, _DIRECTIONS)}"
        )
    return _DIRECTIONS[word.lower()]


def _words(text: str | None) -> list[str]:
    return [word.strip() for word in (text or "").split(",") if word.strip()]
