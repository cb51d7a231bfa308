"""Choose what is kept for validation: whole subjects, cameras or files, never single sequences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from skillbank_runners.errors import DataInvalid
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec
from skillbank_runners.skeletons.poses import UNLISTED

_TRAIN, _VAL, _TEST = "train", "val", "test"
_KINDS = ("subject", "file", "camera")


class Origin(NamedTuple):
    """Where a sequence comes from; sequences of one origin never part.

    Attributes:
        file: Name of the recording.
        camera: Camera within it.
        subject: Who it is; None: unknown.
        given: Side that the recording states; None: none.
    """

    file: str
    camera: int
    subject: str | None
    given: str | None

    def value(self, kind: str) -> str | None:
        """What it is by one way to split."""
        return {
            "subject": self.subject,
            "camera": str(self.camera),
            "file": self.file,
            "given": self.given,
        }[kind]


class Split(NamedTuple):
    """A choice.

    Attributes:
        kind: What was kept together.
        val_names: Those for validation, sorted.
        is_val: Of each origin.
        is_left_out: Of each origin: on neither side.
    """

    kind: str
    val_names: tuple[str, ...]
    is_val: npt.NDArray[np.bool_]
    is_left_out: npt.NDArray[np.bool_]


def choose_split(origins: Sequence[Origin], settings: DatasetConvertSpec) -> Split:
    """Side of each origin.

    What a file keeps for tests is validated on where it names nothing for validation, else left
    out; so is what none of its lists names. Only who asks for another split trains on them.

    Raises:
        DataInvalid: The recordings do not tell what the split asks for, or there is only one.
    """
    kind = _kind(origins, settings)
    if kind == "none":
        return Split(kind, (), *np.zeros((2, len(origins)), bool))
    values = [origin.value(kind) for origin in origins]
    left_out: tuple[str, ...] = ()
    if kind == "given":
        val_names: tuple[str, ...] = (_VAL,) if _VAL in values else (_TEST,)
        left_out = (_TEST, UNLISTED) if _VAL in values else (UNLISTED,)
    else:
        names = sorted({value for value in values if value is not None})
        val_names = _chosen(names, kind, settings)
    is_val = np.array([value in val_names for value in values], bool)
    is_left_out = np.array([value in left_out for value in values], bool)
    if (is_val | is_left_out).all():
        raise DataInvalid(
            [
                "dataset_convert.split: nothing is left to train on: no labelled sequence is of a "
                f"recording that its file lists for {_TRAIN!r}; set dataset_convert.split=file"
            ]
        )
    return Split(kind, val_names, is_val, is_left_out)


def _kind(origins: Sequence[Origin], settings: DatasetConvertSpec) -> str:
    wanted = settings.split
    if wanted == "none":
        return wanted
    counts = {kind: len({origin.value(kind) for origin in origins}) for kind in (*_KINDS, "given")}
    unknown = {kind: any(origin.value(kind) is None for origin in origins) for kind in counts}
    if wanted == "auto":
        sides = {origin.given for origin in origins}
        is_given = _TRAIN in sides and sides & {_VAL, _TEST} and not unknown["given"]
        if is_given and not settings.val_names:
            return "given"
        fitting = [k for k in _KINDS if counts[k] > 1 and not unknown[k]]
        if not fitting:
            raise DataInvalid(
                [
                    "dataset_convert.split: all labelled sequences come from one file, camera and "
                    "subject; name subjects in the label file (column subject), add recordings, "
                    "or set dataset_convert.split=none and give validation data of its own"
                ]
            )
        return fitting[0]
    if unknown[wanted]:
        nameless = next(origin.file for origin in origins if origin.value(wanted) is None)
        hint = {
            "subject": "name subjects in the label file (column subject), or split by file",
            "given": "choose another split",
        }[wanted]
        what = {"subject": "who is in it", "given": "which side it belongs to"}[wanted]
        problem = f"dataset_convert.split: {wanted!r}, but {nameless!r} does not tell {what}"
        raise DataInvalid([f"{problem}; {hint}"])
    return wanted


def _chosen(names: Sequence[str], kind: str, settings: DatasetConvertSpec) -> tuple[str, ...]:
    missing = sorted(set(settings.val_names) - set(names))
    if missing:
        raise DataInvalid(
            [
                f"dataset_convert.val_names: no {kind} {', '.join(map(repr, missing))} among the "
                f"labelled sequences; there are: {', '.join(names[:20])}"
            ]
        )
    if len(names) < 2 or len(set(settings.val_names)) == len(names):
        raise DataInvalid(
            [
                f"dataset_convert.split: nothing is left to train on: the labelled sequences have "
                f"{len(names)} {kind}(s): {', '.join(names[:20])}"
            ]
        )
    if settings.val_names:
        return tuple(sorted(set(settings.val_names)))
    count = min(len(names) - 1, max(1, math.floor(settings.val_fraction * len(names) + 0.5)))
    random = np.random.default_rng(settings.split_seed)
    return tuple(sorted(names[i] for i in random.permutation(len(names))[:count]))
