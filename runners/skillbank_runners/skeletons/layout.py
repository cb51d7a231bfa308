"""Layouts of skeletons: by name, from a user's file, and from one to another.

Axes: V joints of the source, W joints of the target, K joints that one mean is taken of, D
coordinates; `...` any leading axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from skillbank_runners.skeletons.layout_entry import Edge, LayoutEntry
from skillbank_runners.skeletons.layout_files import (
    LayoutInvalid,
    is_layout_path,
    layout_entries,
    layout_names,
    nearest,
    read_layout_file,
)

Floats = npt.NDArray[np.float32]
Sources = tuple[tuple[int, ...] | None, ...]
"""For every joint of a target, the source joints whose mean it is; None: not available."""


@dataclass(frozen=True)
class Layout:
    """One way to number the joints of a body.

    Attributes:
        name: What `model.graph_layout` calls it: TAO's name, or the entry's own.
        entry: Name of its entry in references/layouts.yaml, which says what its joints are: TAO's
            `human3.6m` and `h36m17` link the same joints differently. Of a user's file: `name`.
        joint_names: One name per joint, such as `left_knee`.
        edges: Pairs of joints that ST-GCN links: TAO's under TAO's name, so that its weights fit.
        centre: Joint from which the spatial strategy tells nearer from further.
        parents: Next joint towards the trunk; -1 for the one joint of the tree that has none.
        root_joints: Their mean is the place of the body: its pelvis, or both hips.
        left_right_pairs: (left, right) joints that swap when a body is mirrored.
        draw_edges: Pairs of joints to draw as bones.
        num_person: M that data sets of this layout usually have.
        sequence_length: Frames that data sets of this layout usually have.
        conversions: Names of entries that it can be turned into directly, and how.
    """

    name: str
    entry: str
    joint_names: tuple[str, ...]
    edges: tuple[Edge, ...]
    centre: int
    parents: tuple[int, ...]
    root_joints: tuple[int, ...]
    left_right_pairs: tuple[Edge, ...]
    draw_edges: tuple[Edge, ...]
    num_person: int = 1
    sequence_length: int = 300
    conversions: tuple[tuple[str, Sources], ...] = ()

    @property
    def num_joints(self) -> int:
        """V."""
        return len(self.joint_names)

    @property
    def root(self) -> int:
        """The joint without a parent."""
        return self.parents.index(-1)

    @property
    def flip_index(self) -> tuple[int, ...]:
        """`mirrored = joints[..., flip_index, :]` gives left joints the place of right ones."""
        order = list(range(self.num_joints))
        for left, right in self.left_right_pairs:
            order[left], order[right] = right, left
        return tuple(order)

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain JSON values, such as a checkpoint keeps."""
        return {key: _to_lists(value) for key, value in asdict(self).items()}

    def to_yaml(self) -> str:
        """All of it as a layout file, which `load_layout` reads back."""
        content = self.to_dict()
        entry = {
            "name": content["entry"],
            "joints": content["joint_names"],
            "root": self.root,
            "virtual_root": content["root_joints"],
            "conversions": dict(content["conversions"]),
        }
        same = {key: content[key] for key in content.keys() & LayoutEntry.model_fields.keys()}
        text: str = yaml.safe_dump({**same, **entry}, sort_keys=False, width=100)
        return text

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> Layout:
        """The layout that `to_dict` wrote down.

        Raises:
            LayoutInvalid: A key is missing, or there is an unknown one.
        """
        try:
            known: dict[str, Any] = {key: _to_tuples(value) for key, value in values.items()}
            return Layout(**known)
        except TypeError as error:
            raise LayoutInvalid(f"a stored layout cannot be read ({error})") from error


def load_layout(name_or_path: str | Layout, key: str = "") -> Layout:
    """Layout of a name, or of a YAML file; a layout is returned as it is.

    Args:
        name_or_path: One of TAO's six names (TAO's edges), the name of an entry of
            references/layouts.yaml (the anatomical tree where one is known), or the path of a
            file, which ends in .yaml or .yml; docs/layouts.md says what is in it.
        key: Dotted key of the spec that names it, for messages.

    Raises:
        LayoutInvalid: Nothing has that name, or the file is wrong.
    """
    if isinstance(name_or_path, Layout):
        return name_or_path
    try:
        return _find(name_or_path)
    except LayoutInvalid as error:
        if not key:
            raise
        raise LayoutInvalid(f"{key}: {error}") from error


def _find(name_or_path: str) -> Layout:
    if is_layout_path(name_or_path):
        return _build(*read_layout_file(Path(name_or_path)))
    if name_or_path in all_layouts():
        return all_layouts()[name_or_path]
    raise LayoutInvalid(
        f"no layout {name_or_path!r};{nearest(name_or_path)} known: {', '.join(layout_names())}, "
        "or the path of a .yaml file"
    )


@cache
def all_layouts() -> Mapping[str, Layout]:
    """Every layout that has a name: TAO's six, and each entry of references/layouts.yaml."""
    return {
        name: _build(entry_name, layout_entries()[entry_name], as_tao=name != entry_name)
        for name, entry_name in layout_names().items()
    }


def convert_joints(
    joints: Floats, confidence: Floats, source: Layout, target: Layout
) -> tuple[Floats, Floats]:
    """Poses of one layout as poses of another.

    A joint of the target is the mean of the source joints that stand for it, of those that are
    there (confidence above 0); its confidence is the least of theirs. One that nothing stands for
    becomes zeros of confidence 0. Layouts without a conversion of their own go by way of one
    third layout, the one that keeps most: a mean of means, which flips and moves as bodies do.

    Args:
        joints: (..., V, D) coordinates.
        confidence: (..., V) in [0, 1].
        source: Layout of the poses.
        target: Layout that is wanted.

    Returns:
        Coordinates (..., W, D) and confidence (..., W), float32.

    Raises:
        LayoutInvalid: There is no way from one to the other; the message lists what there is.
    """
    for sources in conversion_steps(source, target):
        joints, confidence = _average(joints, confidence, sources)
    return joints.astype(np.float32), confidence.astype(np.float32)


def conversion_steps(source: Layout, target: Layout) -> tuple[Sources, ...]:
    """What `convert_joints` does one after another: nothing, one step or two.

    Raises:
        LayoutInvalid: There is no way.
    """
    if source.entry == target.entry and source.joint_names == target.joint_names:
        return ()
    direct = dict(source.conversions)
    if target.entry in direct:
        return (direct[target.entry],)
    ways = [
        (first, dict(all_layouts()[middle].conversions)[target.entry])
        for middle, first in source.conversions
        if target.entry in dict(all_layouts()[middle].conversions)
    ]
    if ways:
        return max(ways, key=_kept)
    towards = [one.name for one in all_layouts().values() if target.entry in dict(one.conversions)]
    raise LayoutInvalid(
        f"no conversion from layout {source.name!r} to {target.name!r}; {source.name} can become "
        f"{', '.join(direct) or 'no other'}; {target.name} can be made of "
        f"{', '.join(towards) or 'no other'}"
    )


def _kept(way: tuple[Sources, Sources]) -> tuple[int, int]:
    """How many target joints a way of two steps fills, and of how many source joints."""
    first, second = way
    made = [{v for u in one or () for v in first[u] or ()} for one in second]
    return sum(map(bool, made)), len(set().union(*made))


def _average(joints: Floats, confidence: Floats, sources: Sources) -> tuple[Floats, Floats]:
    """(..., W, D) means and (..., W) least confidences; see `convert_joints`."""
    num_sources = max(len(one or ()) for one in sources)
    index_WK = np.zeros((len(sources), max(num_sources, 1)), np.intp)
    is_listed_WK = np.zeros(index_WK.shape, bool)
    for row, one in enumerate(sources):
        index_WK[row, : len(one or ())] = one or ()
        is_listed_WK[row, : len(one or ())] = True
    confidence_WK = confidence[..., index_WK]
    is_there_WK = is_listed_WK & (confidence_WK > 0)
    count_W = is_there_WK.sum(axis=-1)
    sum_WD = np.where(is_there_WK[..., None], joints[..., index_WK, :], 0).sum(axis=-2)
    least_W = np.where(is_there_WK, confidence_WK, np.inf).min(axis=-1)
    mean_WD = sum_WD / np.maximum(count_W, 1)[..., None]
    return mean_WD, np.where(count_W > 0, least_W, 0)


def _build(name: str, entry: LayoutEntry, *, as_tao: bool = False) -> Layout:
    edges = entry.numbers((*entry.edges, *entry.extra_edges))
    parents = entry.tree()
    bones = tuple((child, parent) for child, parent in enumerate(parents) if parent >= 0)
    root = entry.number(entry.root)
    tao = entry.tao
    centre = tao.center if tao else root
    return Layout(
        name=tao.graph_layout if tao and as_tao else name,
        entry=name,
        joint_names=entry.joints,
        edges=bones if tao and entry.parents and not as_tao else edges,
        centre=centre if entry.centre is None else entry.number(entry.centre),
        parents=parents,
        root_joints=entry.joint_numbers(entry.virtual_root) or (root,),
        left_right_pairs=entry.numbers(entry.left_right_pairs),
        draw_edges=entry.numbers(entry.draw_edges) or (bones if entry.parents else edges),
        num_person=tao.num_person if tao else entry.num_person,
        sequence_length=tao.seq_length if tao else entry.sequence_length,
        conversions=tuple(
            (
                layout_names()[target],
                tuple(None if one is None else entry.joint_numbers(one) for one in how),
            )
            for target, how in entry.conversions.items()
        ),
    )


def _to_lists(value: object) -> object:
    return [_to_lists(one) for one in value] if isinstance(value, (tuple, list)) else value


def _to_tuples(value: object) -> object:
    return tuple(map(_to_tuples, value)) if isinstance(value, (tuple, list)) else value
