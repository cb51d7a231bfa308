"""Layouts of motion capture rigs, made from the names and parents of their joints.

Rigs name a joint after the bone that begins there: `LeftArm` (MotionBuilder, CMU, Mixamo) and
`lShldr` (Poser) are the left shoulder, `LeftLeg` and `lShin` the left knee. Biovision's own files
name the joint itself: `LeftShoulder`, `LeftKnee`. Where a name means one thing in one dialect and
another in the next, the first of the list that the rig has decides.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import chain

from skillbank_runners.skeletons.layout import Layout, Sources

_PARTS = {
    "shoulder": ("arm", "uparm", "upperarm", "shldr", "shoulder"),
    "elbow": ("forearm", "lowarm", "lowerarm", "elbow"),
    "wrist": ("hand", "wrist"),
    "hip": ("upleg", "upperleg", "thigh", "hip"),
    "knee": ("leg", "lowleg", "lowerleg", "shin", "calf", "knee"),
    "ankle": ("foot", "ankle"),
}
_TOES = ("toebase", "toe", "toes")
_MIDDLE: dict[str, tuple[str, ...]] = {
    "pelvis": ("hips", "hip", "pelvis"),
    "neck": ("neck",),
    "head": ("head",),
}
_H36M17 = """
    pelvis right_hip right_knee right_ankle left_hip left_knee left_ankle torso neck head top
    left_shoulder left_elbow left_wrist right_shoulder right_elbow right_wrist
"""
_NVIDIA34 = """
    pelvis left_hip right_hip torso left_knee right_knee neck left_ankle right_ankle left_toe
    right_toe left_toe right_toe left_ankle right_ankle top top top top top left_shoulder
    right_shoulder left_elbow right_elbow left_wrist right_wrist left_wrist right_wrist left_wrist
    right_wrist left_wrist right_wrist left_wrist right_wrist
"""
_TARGETS = {"h36m17": tuple(_H36M17.split()), "nvidia34": tuple(_NVIDIA34.split())}
_SIDES = (("left", "right"), ("Left", "Right"), ("LEFT", "RIGHT"))


def rig_layout(names: Sequence[str], parents: Sequence[int]) -> Layout:
    """Layout of a rig, with conversions to h36m17 and nvidia34 where its names are known.

    Args:
        names: One per joint, each once.
        parents: Index of the parent; -1 for the root.
    """
    bones = tuple((child, parent) for child, parent in enumerate(parents) if parent >= 0)
    root = tuple(parents).index(-1)
    mark = zlib.crc32(repr((names, parents)).encode())  # rigs of as many joints differ
    name = f"bvh{len(names)}_{mark:08x}"
    return Layout(
        name=name,
        entry=name,
        joint_names=tuple(names),
        edges=bones,
        centre=root,
        parents=tuple(parents),
        root_joints=(root,),
        left_right_pairs=_pairs(names),
        draw_edges=bones,
        conversions=_conversions(names, parents),
    )


def _pairs(names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Joints whose names differ by left and right only."""
    pairs = []
    for left, name in enumerate(names):
        twins = [twin for twin in _twins(name) if twin in names]
        if twins:
            pairs.append((left, names.index(twins[0])))
    seen: set[int] = set()
    unique = []
    for pair in pairs:
        if pair[0] != pair[1] and not seen & set(pair):
            unique.append(pair)
            seen |= set(pair)
    return tuple(unique)


def _twins(name: str) -> list[str]:
    """Names that the right one of a pair can have whose left one is `name`."""
    twins = [name.replace(left, right) for left, right in _SIDES if left in name]
    twins += [
        re.sub(r"^([Ll])(?=[A-Z_])", _to_right, name),
        re.sub(r"(?<=[._])([Ll])$", _to_right, name),
    ]
    return [twin for twin in twins if twin != name]


def _to_right(match: re.Match[str]) -> str:
    return {"l": "r", "L": "R"}[match[1]]


def _conversions(names: Sequence[str], parents: Sequence[int]) -> tuple[tuple[str, Sources], ...]:
    roles = _roles(names, parents)
    needed = {
        role for wanted in _TARGETS.values() for role in wanted if not role.endswith(("toe", "top"))
    }
    if not needed <= roles.keys():
        return ()
    for side in ("left", "right"):
        roles.setdefault(f"{side}_toe", roles[f"{side}_ankle"])
    roles.setdefault("top", roles["head"])
    return tuple(
        (target, tuple((roles[role],) for role in wanted)) for target, wanted in _TARGETS.items()
    )


def _roles(names: Sequence[str], parents: Sequence[int]) -> dict[str, int]:
    """Joints of the rig by what they are on a body, as far as their names tell."""
    plain = [re.sub(r"[^a-z0-9]", "", name.lower().rpartition(":")[2]) for name in names]
    wanted = dict(_MIDDLE)
    for side in ("left", "right"):
        for part, words in (*_PARTS.items(), ("toe", _TOES)):
            forms = [(f"{side}{word}", f"{side[0]}{word}") for word in words]
            wanted[f"{side}_{part}"] = tuple(chain.from_iterable(forms))
    roles = {}
    for role, words in wanted.items():
        found = [word for word in words if word in plain]
        if found:
            roles[role] = plain.index(found[0])
    if {"neck", "pelvis"} <= roles.keys() and (middle := _between(roles, parents)) is not None:
        roles["torso"] = middle
    ends = {parents[i]: i for i, name in enumerate(names) if name.lower().endswith(("end", "end_"))}
    if "head" in roles and roles["head"] in ends:
        roles["top"] = ends[roles["head"]]
    return roles


def _between(roles: dict[str, int], parents: Sequence[int]) -> int | None:
    """The joint halfway along the spine."""
    spine, at = [], parents[roles["neck"]]
    while at not in (-1, roles["pelvis"]):
        spine.append(at)
        at = parents[at]
    return spine[len(spine) // 2] if spine and at == roles["pelvis"] else None
