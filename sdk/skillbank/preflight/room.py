"""How much a job is going to write, told by what earlier jobs of its kind left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skillbank.platforms.inspection import Needs
from skillbank.preflight.subject import Subject
from skillbank.spec_keys import get_value

_LOOKED_AT = 20
_EPOCHS, _INTERVAL = "train.num_epochs", "train.checkpoint_interval"
_DEFAULT_RUNNING = 1


@dataclass(frozen=True)
class _Room:
    """Bytes that a job writes at most, those it cannot do without, and where this is known from."""

    most: int = 0
    least: int = 0
    reason: str = ""


def needs_of(subjects: list[Subject]) -> Needs:
    """What the jobs of one launch need together: the most GPUs of one, the disk space of all."""
    gpus = max((s.shape.num_gpus for s in subjects if s.shape), default=0)
    rooms = [_room_of(subject) for subject in subjects]
    reasons = dict.fromkeys(room.reason for room in rooms if room.reason)
    return Needs(
        gpus,
        sum(room.most for room in rooms),
        sum(room.least for room in rooms),
        "; ".join(reasons),
    )


def _room_of(subject: Subject) -> _Room:
    """What the newest job of its kind tells; nothing where none has run here."""
    past = next(_past_artefacts(subject), None)
    if past is None:
        return _Room()
    job, artefacts = past
    checkpoints = [one["size_bytes"] for one in artefacts if one["kind"] == "checkpoint"]
    rest = sum(one["size_bytes"] for one in artefacts) - sum(checkpoints)
    if not checkpoints:
        return _Room(rest, rest, f"as {job} wrote")
    count, running = _num_checkpoints(subject), _num_running(subject)
    reason = f"{count} checkpoints of the size that {job} wrote"
    reason += f", {running} trials at a time" if running > 1 else ""
    largest = max(checkpoints)
    return _Room((largest * count + rest) * running, largest + rest, reason)


def _num_checkpoints(subject: Subject) -> int:
    epochs, interval = (get_value(subject.spec, key) for key in (_EPOCHS, _INTERVAL))
    if type(epochs) is not int or epochs < 1:
        return 1
    every = interval if type(interval) is int and interval > 0 else 1
    return max(1, epochs // every)


def _num_running(subject: Subject) -> int:
    """Jobs whose files lie there at the same time: of a search, its running trials."""
    if subject.shape is None or not subject.is_searched or subject.platform is None:
        return _DEFAULT_RUNNING
    settings = subject.shape.search["settings"]
    if not settings.get("delete_intermediate_ckpt", True):
        return int(settings["max_recommendations"])
    places = subject.platform.capacity(subject.shape)
    return max(1, min(places, settings.get("max_concurrent") or places))


def _past_artefacts(subject: Subject) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """What the newest jobs of the same skill and action recorded, newest first."""
    name = subject.action.replace("_", "-")
    found = (subject.client.root / "jobs").glob(f"{name}-*/results/artefacts.json")
    for path in sorted(found, key=_changed_at, reverse=True)[:_LOOKED_AT]:
        plan = _read(path.parents[1] / "plan.json")
        if (plan.get("skill"), plan.get("action")) != (subject.skill.name, subject.action):
            continue
        artefacts = _read(path).get("artefacts") or []
        if artefacts:
            yield path.parents[1].name, artefacts


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _read(path: Path) -> dict[str, Any]:
    """A JSON file of a job; one that cannot be read tells nothing."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
