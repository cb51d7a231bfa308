"""One layout as a YAML file describes it, checked: every breach is told at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, model_validator

MAX_JOINTS = 1000
"""More joints than any body has; a file that claims more is damaged."""

JointNumber = int
Edge = tuple[JointNumber, JointNumber]


def _joint(value: object) -> int | str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise ValueError("expected the number or the name of a joint")
    return value


Joint = Annotated[int | str, PlainValidator(_joint)]
Pair = tuple[Joint, Joint]


class TaoPart(BaseModel):
    """What TAO's `model.graph_layout` of one name stands for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    graph_layout: str
    center: int
    num_person: int
    seq_length: int


class LayoutEntry(BaseModel):
    """A layout of references/layouts.yaml or of a user's file; docs/layouts.md explains the keys.

    Joints are given by number (from 0) or by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    joints: tuple[str, ...] = Field(min_length=1, max_length=MAX_JOINTS)
    edges: tuple[Pair, ...]
    left_right_pairs: tuple[Pair, ...] = ()
    root: Joint = 0
    virtual_root: tuple[Joint, ...] = ()
    parents: tuple[Joint, ...] = ()
    extra_edges: tuple[Pair, ...] = ()
    draw_edges: tuple[Pair, ...] = ()
    conversions: dict[str, tuple[tuple[Joint, ...] | None, ...]] = {}
    centre: Joint | None = None
    num_person: int = Field(default=1, ge=1)
    sequence_length: int = Field(default=300, ge=1)
    tao: TaoPart | None = None
    name: str = ""
    num_joints: int | None = None
    flip_index: tuple[int, ...] | None = None
    aliases: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    channels: str = ""

    @model_validator(mode="after")
    def _check_sense(self) -> Self:
        # Later rules rely on joints that exist, so those come first.
        problems = [*self._wrong_names()] or [*self._unknown_joints()] or [*self._wrong_graph()]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def number(self, joint: int | str) -> JointNumber:
        """Number of a joint that is given by number or name."""
        return self.joints.index(joint) if isinstance(joint, str) else joint

    def joint_numbers(self, joints: Sequence[int | str]) -> tuple[JointNumber, ...]:
        """Numbers of several joints."""
        return tuple(map(self.number, joints))

    def numbers(self, pairs: Sequence[Pair]) -> tuple[Edge, ...]:
        """Pairs of joints by number."""
        return tuple((self.number(a), self.number(b)) for a, b in pairs)

    def tree(self) -> tuple[JointNumber, ...]:
        """Parent of every joint, -1 for the one that has none.

        As the entry lists them, or else the nearest joint on the way to the root along the edges.
        """
        if self.parents:
            return tuple(-1 if parent == -1 else self.number(parent) for parent in self.parents)
        return self._walk_from_root()

    def flip(self) -> tuple[JointNumber, ...]:
        """For every joint, the one that takes its place when the body is mirrored."""
        order = list(range(len(self.joints)))
        for left, right in self.numbers(self.left_right_pairs):
            order[left], order[right] = right, left
        return tuple(order)

    def _walk_from_root(self) -> tuple[JointNumber, ...]:
        """Parents along the shortest way to the root; -2 where there is none."""
        beside: list[list[int]] = [[] for _ in self.joints]
        for a, b in self.numbers((*self.edges, *self.extra_edges)):
            beside[a].append(b)
            beside[b].append(a)
        parents = [-2] * len(self.joints)
        queue = [self.number(self.root)]
        parents[queue[0]] = -1
        for joint in queue:
            fresh = [other for other in dict.fromkeys(beside[joint]) if parents[other] == -2]
            queue += fresh
            for other in fresh:
                parents[other] = joint
        return tuple(parents)

    def _wrong_names(self) -> Iterator[str]:
        found = len(self.joints)
        if self.num_joints not in (None, found):
            yield f"joints: found {found} names, expected num_joints = {self.num_joints}"
        repeated = sorted({name for name in self.joints if self.joints.count(name) > 1})
        if repeated:
            yield f"joints: found {', '.join(map(repr, repeated))} more than once"
        if "" in self.joints:
            yield f"joints: found no name for joint {self.joints.index('')}"
        if self.parents and len(self.parents) != found:
            yield f"parents: found {len(self.parents)} entries, expected {found}, one per joint"

    def _unknown_joints(self) -> Iterator[str]:
        keys = ("edges", "left_right_pairs", "extra_edges", "draw_edges")
        places = [
            (f"{key}[{i}]", pair) for key in keys for i, pair in enumerate(getattr(self, key))
        ]
        for target, joints in self.conversions.items():
            places += [(f"conversions.{target}[{i}]", one or ()) for i, one in enumerate(joints)]
        places += [(f"parents[{i}]", (p,)) for i, p in enumerate(self.parents) if p != -1]
        places += [("root", (self.root,)), ("virtual_root", self.virtual_root)]
        places += [("centre", (self.centre,))] if self.centre is not None else []
        for place, joints in places:
            for joint in joints:
                is_known = joint in self.joints if isinstance(joint, str) else self._has(joint)
                if not is_known:
                    yield f"{place}: found joint {joint!r}, expected {self._known()}"

    def _has(self, number: int) -> bool:
        return 0 <= number < len(self.joints)

    def _known(self) -> str:
        return f"a number from 0 to {len(self.joints) - 1} or a name of `joints`"

    def _wrong_graph(self) -> Iterator[str]:
        for key in ("edges", "left_right_pairs"):
            for i, (a, b) in enumerate(self.numbers(getattr(self, key))):
                if a == b:
                    yield f"{key}[{i}]: found joint {a} twice, expected two joints"
        paired = list(chain.from_iterable(self.numbers(self.left_right_pairs)))
        twice = sorted({joint for joint in paired if paired.count(joint) > 1})
        if twice:
            yield f"left_right_pairs: found joint {twice[0]} in two pairs, expected one at most"
        elif self.flip_index not in (None, self.flip()):
            yield "flip_index: differs from what left_right_pairs swap; leave it out"
        apart = [self.joints[i] for i, p in enumerate(self._walk_from_root()) if p == -2]
        if apart:
            root = self.joints[self.number(self.root)]
            some = f"{', '.join(map(repr, apart[:5]))}{' and more' if apart[5:] else ''}"
            yield (
                f"edges: no way from the root {root!r} to {some}; add edges, or extra_edges, which "
                "are not drawn"
            )
        yield from self._wrong_parents()

    def _wrong_parents(self) -> Iterator[str]:
        if not self.parents:
            return
        tree = self.tree()
        if tree.count(-1) != 1:
            yield f"parents: found {tree.count(-1)} joints without a parent (-1), expected one"
            return
        for joint in range(len(tree)):
            steps, at = 0, joint
            while at != -1 and steps <= len(tree):
                steps, at = steps + 1, tree[at]
            if at != -1:
                yield f"parents: joint {joint} is its own ancestor, expected a tree"
                return
