"""Adjacency matrices that ST-GCN takes from the layout of a skeleton.

Axes: K partitions of a joint's neighbourhood, V joints. `A[k, v, w]` is how much joint v gives to
joint w through partition k.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt

from skillbank_runners.errors import RunnerError
from skillbank_runners.skeletons.layout import Layout

Floats = npt.NDArray[np.float64]


class Strategy(StrEnum):
    """How a joint's neighbourhood is split, section 3.3 of arXiv:1801.07455."""

    UNIFORM = "uniform"
    DISTANCE = "distance"
    SPATIAL = "spatial"

    @property
    def num_partitions(self) -> int:
        """K, the first axis of the adjacency."""
        return {Strategy.UNIFORM: 1, Strategy.DISTANCE: 2, Strategy.SPATIAL: 3}[self]


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
