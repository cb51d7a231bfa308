"""The HIERARCHY part of a BVH file."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from skillbank_runners.skeletons.importers.text_files import Lines
from skillbank_runners.skeletons.layout_entry import MAX_JOINTS

_CHANNELS = {f"{axis}{kind}" for axis in "xyz" for kind in ("position", "rotation")}
_MAX_OFFSET = 1e9


@dataclass
class Hierarchy:
    """Joints in the order of the file, parents before their children.

    Attributes:
        names: One per joint; an end site is `<parent>_end`.
        parents: Index of the parent; -1: the root.
        offsets: (x, y, z) from the parent.
        channels: Lower-case names such as `zrotation`, in the order of the motion's columns.
    """

    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[tuple[float, ...]] = field(default_factory=list)
    channels: list[tuple[str, ...]] = field(default_factory=list)

    @property
    def num_channels(self) -> int:
        """Numbers per frame."""
        return sum(map(len, self.channels))

    def add(self, name: str, parent: int) -> int:
        """Append a joint and return its index."""
        self.names.append(name)
        self.parents.append(parent)
        self.offsets.append((0.0, 0.0, 0.0))
        self.channels.append(())
        return len(self.names) - 1


def read_hierarchy(lines: Lines) -> Hierarchy:
    """Read up to the brace that closes the root.

    Raises:
        PoseFileInvalid: It is no such text.
    """
    while not (line := lines.take("HIERARCHY")):
        pass
    if line.upper() != "HIERARCHY":
        raise lines.invalid(f"found {line[:40]!r}, expected HIERARCHY")
    hierarchy = Hierarchy()
    path: list[int] = []  # from the root to the joint whose braces are open
    while True:
        words = lines.take("a joint, or the end of the hierarchy").split()
        match [word.upper() for word in words[:2]]:
            case []:
                continue
            case ["ROOT" | "JOINT" | "END", *_]:
                path.append(_add_joint(lines, hierarchy, words, path))
            case ["OFFSET", *_] if path:
                hierarchy.offsets[path[-1]] = _offset(lines, words[1:])
            case ["CHANNELS", *_] if path:
                hierarchy.channels[path[-1]] = _channels(lines, words[1:])
            case ["}"] if path:
                path.pop()
                if not path:
                    return hierarchy
            case _:
                raise lines.invalid(f"found {' '.join(words)[:40]!r} in the hierarchy")


def _add_joint(lines: Lines, hierarchy: Hierarchy, words: list[str], path: list[int]) -> int:
    kind, parent = words[0].upper(), path[-1] if path else -1
    if (kind == "ROOT") != (not path):
        raise lines.invalid(f"found {kind}, expected {'a JOINT' if path else 'ROOT'}")
    if len(hierarchy.names) >= MAX_JOINTS:
        raise lines.invalid(f"found more than {MAX_JOINTS} joints")
    is_end = kind == "END"
    name = f"{hierarchy.names[parent]}_end" if is_end else " ".join(words[1:]).rstrip("{ ")
    while is_end and name in hierarchy.names:
        name += "_"
    if not name or len(name) > 200 or name in hierarchy.names:
        raise lines.invalid(f"found the joint {name[:40]!r}, expected a name of its own")
    brace = lines.take("'{'") if not words[-1].endswith("{") else "{"
    if brace != "{":
        raise lines.invalid(f"found {brace[:40]!r}, expected '{{'")
    return hierarchy.add(name, parent)


def _offset(lines: Lines, words: list[str]) -> tuple[float, ...]:
    try:
        offset = tuple(map(float, words))
    except ValueError:
        offset = ()
    if len(offset) != 3 or not np.abs(offset).max() <= _MAX_OFFSET:
        raise lines.invalid(f"found OFFSET {' '.join(words)[:40]!r}, expected three numbers")
    return offset


def _channels(lines: Lines, words: list[str]) -> tuple[str, ...]:
    names = tuple(word.lower() for word in words[1:])
    if words[:1] != [str(len(names))] or not set(names) <= _CHANNELS or len(names) > 9:
        raise lines.invalid(
            f"found CHANNELS {' '.join(words)[:60]!r}, expected their number and then names such "
            "as Xposition and Zrotation"
        )
    return names
