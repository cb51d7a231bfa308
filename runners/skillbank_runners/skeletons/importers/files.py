"""Files of a folder in the order people count in, and what names tell: the clip and the frame."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.skeletons.poses import PoseFileInvalid

MAX_FRAME = 2**63 - 1
_LAST_NUMBER = re.compile(r"^(?P<clip>.*?)[_\-. ]?(?P<frame>[0-9]+)$", re.DOTALL)


class Numbered(NamedTuple):
    """What the name of a frame's file tells: `run_12` is frame 12 of `run`; None: no number."""

    clip: str
    frame: int | None


def numbered(stem: str) -> Numbered:
    """Clip and frame of a file's name without its ending."""
    match = _LAST_NUMBER.match(stem)
    if match is None or int(match["frame"]) > MAX_FRAME:
        return Numbered(stem, None)
    return Numbered(match["clip"], int(match["frame"]))


def natural_order(path: Path) -> tuple[tuple[str, ...], list[tuple[str, int]]]:
    """Key that sorts `frame2` before `frame10`."""
    parts = re.findall(r"([^0-9]*)([0-9]*)", path.name)
    return path.parent.parts, [(text, int(number or -1)) for text, number in parts]


def find_files(path: Path, endings: Iterable[str]) -> list[Path]:
    """The file itself, or those of a folder and its folders, in natural order.

    Raises:
        PoseFileInvalid: There are none, or the folder cannot be listed.
    """
    if not path.is_dir():
        return [path]
    wanted = tuple(endings)
    try:
        found = [p for p in path.rglob("*") if p.name.endswith(wanted) and p.is_file()]
    except OSError as error:
        raise PoseFileInvalid(path, "", f"cannot be listed: {error.strerror}") from error
    found = [p for p in found if not p.name.startswith(".")]
    if not found:
        expected = " or ".join(wanted)
        raise PoseFileInvalid(path, "", f"found no file that ends in {expected} in this folder")
    return sorted(found, key=natural_order)


def joints_of(layout: str) -> int:
    """V of a layout; an unknown name raises an error that lists the known ones."""
    return load_layout(layout).num_joints
