"""Choose one of the checkpoints, or other artefacts, that a job left behind, and say why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from skillbank.artefacts import (
    ArtefactKind,
    Checkpoint,
    describe_contents,
    from_path,
    list_artefacts,
    list_checkpoints,
    newest_whole,
)
from skillbank.errors import CheckpointNotFound, RequestInvalid, did_you_mean

__all__ = [
    "ArtefactKind",
    "Checkpoint",
    "Resolution",
    "choose",
    "is_rule",
    "list_artefacts",
    "list_checkpoints",
    "newest_whole",
]

_NUMBERED = re.compile(r"(epoch|step)=(.*)")


@dataclass(frozen=True)
class Resolution:
    """A chosen checkpoint, why this one, and what else there was.

    Attributes:
        checkpoint: The chosen one.
        reason: Why, in a sentence that can be shown.
        candidates: All that were considered, earliest first.
    """

    checkpoint: Checkpoint
    reason: str
    candidates: tuple[Checkpoint, ...]


def choose(
    results: Path,
    selection: str | None = None,
    metric: str = "val_loss",
    direction: str = "minimize",
    kind: ArtefactKind = ArtefactKind.CHECKPOINT,
) -> Resolution:
    """Choose one artefact of a results folder.

    Args:
        results: The folder.
        selection: `best`, `latest`, `epoch=N`, `step=N`, or a path; a bare file name is looked
            for in the results folder. None: `best`, or `latest` when nothing was measured.
        metric: Metric that `best` goes by. Of equals the latest wins, which has seen most data.
        direction: `minimize` or `maximize`.
        kind: What to choose; of anything but checkpoints the newest record is taken.

    Raises:
        RequestInvalid: The selection cannot be read.
        CheckpointNotFound: Nothing fits, or the file is damaged; lists what there is.
    """
    candidates = tuple(list_artefacts(results, kind))
    if selection and not is_rule(selection):
        chosen, reason = _by_path(results, selection, candidates, kind)
    elif kind is not ArtefactKind.CHECKPOINT:
        chosen, reason = _only_one(results, candidates, kind)
    else:
        rule = selection or _default_rule(candidates, metric)
        chosen, reason = _by_rule(results, rule, candidates, (metric, direction))
        if not selection and rule == "latest" and candidates:
            reason += f" (none has a {metric})"
    chosen.verify()
    return Resolution(chosen, reason, candidates)


def is_rule(selection: str) -> bool:
    """Tell whether a selection is a rule, not a path.

    Raises:
        RequestInvalid: It is neither.
    """
    numbered = _NUMBERED.fullmatch(selection)
    if numbered and not re.fullmatch(r"\d+", numbered[2]):
        raise RequestInvalid(
            f"checkpoint: {selection!r} has no number; expected {numbered[1]}=N with N of 0 or "
            f"more, such as {numbered[1]}=9."
        )
    if numbered or selection in {"best", "latest"}:
        return True
    if Path(selection).suffix or "/" in selection or Path(selection).exists():
        return False
    known = ["best", "latest", "epoch=N", "step=N"]
    raise RequestInvalid(
        f"checkpoint: {selection!r} is neither a rule nor a file; "
        f"{did_you_mean(selection, known)} A path of a file also does."
    )


def _default_rule(candidates: Iterable[Checkpoint], metric: str) -> str:
    return "best" if any(c.value(metric) is not None for c in candidates) else "latest"


def _by_rule(
    results: Path, rule: str, candidates: Sequence[Checkpoint], measure: tuple[str, str]
) -> tuple[Checkpoint, str]:
    if not candidates:
        raise CheckpointNotFound(
            f"{results} holds no checkpoint; {describe_contents(results)} Did the training finish "
            "an epoch, and did train.checkpoint_interval save one?"
        )
    if rule == "best":
        return _best(results, candidates, *measure)
    if rule == "latest":
        return candidates[-1], f"{candidates[-1]} is the latest of {_count(candidates)}"
    name, number = rule.split("=")
    fitting = [c for c in candidates if getattr(c, name) == int(number)]
    if not fitting:
        raise CheckpointNotFound(
            f"{results} holds no checkpoint of {name} {number}; {_listing(candidates)}"
        )
    return fitting[-1], f"{fitting[-1]} is the one of {name} {number}"


def _best(
    results: Path, candidates: Sequence[Checkpoint], metric: str, direction: str
) -> tuple[Checkpoint, str]:
    sign = -1.0 if direction == "minimize" else 1.0
    values = {c.path: v for c in candidates if (v := c.value(metric)) is not None}
    measured = [c for c in candidates if c.path in values]
    if not measured:
        raise CheckpointNotFound(
            f"{results} holds no checkpoint with a {metric}; {_listing(candidates)} "
            "Choose one by 'latest', 'epoch=N' or 'step=N'."
        )
    best = max(measured, key=lambda c: (sign * values[c.path], c.age))
    word = "lowest" if direction == "minimize" else "highest"
    return best, (f"{best} has the {word} {metric} ({values[best.path]:.6g}) of {_count(measured)}")


def _by_path(
    results: Path, selection: str, candidates: Sequence[Checkpoint], kind: ArtefactKind
) -> tuple[Checkpoint, str]:
    given = Path(selection).expanduser()
    inside = results / given
    path = inside if inside.is_file() else given.absolute()
    if not path.is_file():
        listing = _listing(candidates) if candidates else describe_contents(results)
        raise CheckpointNotFound(f"{selection}: no such file, nor in {results}; {listing}")
    known = next((c for c in candidates if c.path.resolve() == path.resolve()), None)
    aside = f", which is {known}" if known and known.path.name != path.name else ""
    chosen = known or from_path(path)
    if chosen.kind is not kind:
        raise CheckpointNotFound(
            f"{selection}: this is of the kind {chosen.kind.value!r}; expected {kind.value!r}."
        )
    return chosen, f"{selection} was named{aside}"


def _only_one(
    results: Path, candidates: Sequence[Checkpoint], kind: ArtefactKind
) -> tuple[Checkpoint, str]:
    if not candidates:
        raise CheckpointNotFound(
            f"{results} holds nothing of the kind {kind.value!r}; {describe_contents(results)}"
        )
    which = "the only" if len(candidates) == 1 else "the newest"
    return candidates[-1], f"{candidates[-1]} is {which} {kind.value}"


def _listing(candidates: Sequence[Checkpoint]) -> str:
    return f"there {'is' if len(candidates) == 1 else 'are'} {', '.join(map(str, candidates))}."


def _count(candidates: Sequence[Checkpoint]) -> str:
    return "1 checkpoint" if len(candidates) == 1 else f"{len(candidates)} checkpoints"
