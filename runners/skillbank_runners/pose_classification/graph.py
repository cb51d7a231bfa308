"""Skeleton layouts under TAO's names, and the adjacency matrices that ST-GCN takes from them.

Axes: K partitions of a joint's neighbourhood, V joints. `A[k, v, w]` is how much joint v gives to
joint w through partition k.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from skillbank_runners.errors import RunnerError

Edge = tuple[int, int]
Floats = npt.NDArray[np.float64]

_FILE = "references/skeleton_layouts.yaml"
_PACKAGE = Path(__file__).resolve().parents[1]


class Strategy(StrEnum):
    """How a joint's neighbourhood is split, section 3.3 of arXiv:1801.07455."""

    UNIFORM = "uniform"
    DISTANCE = "distance"
    SPATIAL = "spatial"

    @property
    def num_partitions(self) -> int:
        """K, the first axis of the adjacency."""
        return {Strategy.UNIFORM: 1, Strategy.DISTANCE: 2, Strategy.SPATIAL: 3}[self]


@dataclass(frozen=True)
class Layout:
    """One way to number the joints of a body.

    Attributes:
        name: TAO's `model.graph_layout`.
        num_joints: V.
        edges: Pairs of joints that ST-GCN links; TAO's, so that its weights fit.
        centre: Joint from which the spatial strategy tells nearer from further.
        num_person: M that data sets of this layout usually have.
        sequence_length: Frames that data sets of this layout usually have.
        left_right_pairs: (left, right) joints that swap when a body is mirrored.
        joint_names: One name per joint, such as `left_knee`.
        draw_edges: Pairs of joints to draw as bones: the anatomical tree where one is known.
    """

    name: str
    num_joints: int
    edges: tuple[Edge, ...]
    centre: int
    num_person: int
    sequence_length: int
    left_right_pairs: tuple[Edge, ...]
    joint_names: tuple[str, ...]
    draw_edges: tuple[Edge, ...]


@cache
def layouts() -> Mapping[str, Layout]:
    """TAO's six layouts by their `graph_layout` names."""
    with _layouts_path().open(encoding="utf-8") as file:
        entries: dict[str, dict[str, Any]] = yaml.safe_load(file)["layouts"]
    known = [_parse(entry) for entry in entries.values() if "tao" in entry]
    return {layout.name: layout for layout in known}


def load_layout(name: str) -> Layout:
    """Layout of one `graph_layout` name.

    Raises:
        RunnerError: Nothing has that name.
    """
    try:
        return layouts()[name]
    except KeyError:
        known = ", ".join(layouts())
        raise RunnerError(f"model.graph_layout: no layout {name!r}; known: {known}") from None


def adjacency(layout: Layout, strategy: str) -> npt.NDArray[np.float32]:
    """Column-normalised adjacency, split by strategy.

    Joints further apart than one hop count as infinitely far, from the centre too: two such joints
    are equally far from it and so share the root partition. The public ST-GCN and TAO do this, and
    weights trained with them hold only under it.

    Args:
        layout: Whose joints and edges.
        strategy: `uniform` (K = 1), `distance` (K = 2) or `spatial` (K = 3).

    Returns:
        (K, V, V); every column sums to 1 over K and its rows.

    Raises:
        RunnerError: No such strategy.
    """
    hops_VV = _hop_distances(layout)
    linked_VV = np.isfinite(hops_VV)
    weights_VV = linked_VV / linked_VV.sum(axis=0)  # each joint links to itself: no column is 0
    match _strategy(strategy):
        case Strategy.UNIFORM:
            masks = [linked_VV]
        case Strategy.DISTANCE:
            masks = [hops_VV == 0, hops_VV == 1]
        case Strategy.SPATIAL:
            from_centre_V = hops_VV[:, layout.centre]
            # Row v gives to column w: partition 2 is what w gets from joints nearer the centre.
            is_nearer_VV = from_centre_V[:, None] < from_centre_V[None, :]
            masks = [hops_VV == 0, (hops_VV == 1) & ~is_nearer_VV, (hops_VV == 1) & is_nearer_VV]
    return np.stack([weights_VV * mask for mask in masks]).astype(np.float32)


def _strategy(name: str) -> Strategy:
    try:
        return Strategy(name)
    except ValueError:
        known = ", ".join(Strategy)
        raise RunnerError(f"model.graph_strategy: no strategy {name!r}; known: {known}") from None


def _hop_distances(layout: Layout) -> Floats:
    """Hops between joints: 0 to itself, 1 along an edge, infinite beyond; (V, V)."""
    hops_VV = np.full((layout.num_joints, layout.num_joints), np.inf)
    for v, w in layout.edges:
        hops_VV[v, w] = hops_VV[w, v] = 1
    np.fill_diagonal(hops_VV, 0)
    return hops_VV


def _layouts_path() -> Path:
    """The file inside an installed package, or that of the checkout."""
    packaged = _PACKAGE / _FILE
    return packaged if packaged.is_file() else _PACKAGE.parents[1] / _FILE


def _parse(entry: dict[str, Any]) -> Layout:
    tao = entry["tao"]
    edges = _pairs(entry["edges"])
    return Layout(
        name=tao["graph_layout"],
        num_joints=entry["num_joints"],
        edges=edges,
        centre=tao["center"],
        num_person=tao["num_person"],
        sequence_length=tao["seq_length"],
        left_right_pairs=_pairs(entry["left_right_pairs"]),
        joint_names=tuple(entry["joints"]),
        draw_edges=_bones(entry) or edges,
    )


def _bones(entry: dict[str, Any]) -> tuple[Edge, ...]:
    """(child, parent) joints of the anatomical tree, or nothing where none is recorded."""
    if "edges_anatomical" in entry:
        return _pairs(entry["edges_anatomical"])
    parents = entry.get("parents", [])
    return tuple((child, parent) for child, parent in enumerate(parents) if parent >= 0)


def _pairs(lists: list[list[int]]) -> tuple[Edge, ...]:
    return tuple((int(a), int(b)) for a, b in lists)
