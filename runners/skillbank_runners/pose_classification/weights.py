"""Checkpoint weights into a network: what does not fit is named, with the shapes and the reason.

Axes: K graph partitions, V joints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.graph import Strategy, adjacency
from skillbank_runners.skeletons.layout import all_layouts

_TAO_PREFIX = "model."
_HEAD = ("fcn.weight", "fcn.bias")
_COUNTER = ".num_batches_tracked"
_SHOWN = 5  # keys of one sort that a message lists


def load_weights(module: nn.Module, state_dict: Mapping[str, Tensor], *, source: str) -> list[str]:
    """Copy a checkpoint's weights into a freshly initialised network.

    A head of another number of classes is left as initialised; nothing else may differ.

    Args:
        module: An `STGCN`, changed in place only if everything fits.
        state_dict: Its weights, with or without TAO's `model.` prefix.
        source: Where they come from, for messages.

    Returns:
        What the user should know, one sentence each; nothing if all was loaded.

    Raises:
        RunnerError: Weights that do not fit; every key with both shapes.
    """
    given = {key.removeprefix(_TAO_PREFIX): value for key, value in state_dict.items()}
    own: dict[str, Tensor] = module.state_dict()
    notes = []
    if _is_other_head(given, own):
        notes.append(
            f"{source} was trained for {len(given[_HEAD[0]])} classes and this network has "
            f"{len(own[_HEAD[0]])}: its head (fcn) was not loaded and starts from scratch"
        )
        given |= {key: own[key] for key in _HEAD}
    given |= {key: own[key] for key in own if key.endswith(_COUNTER) and key not in given}
    problems = _problems(given, own)
    if problems:
        listed = "\n".join(f"  - {problem}" for problem in problems)
        raise RunnerError(f"{source} does not fit this network:\n{listed}")
    module.load_state_dict(given)
    return notes


def _is_other_head(given: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> bool:
    """Whether only the number of classes differs."""
    weights = [state.get(_HEAD[0]) for state in (given, own)]
    if any(weight is None for weight in weights) or _HEAD[1] not in given:
        return False
    shapes = [tuple(weight.shape) for weight in weights if weight is not None]
    return shapes[0][1:] == shapes[1][1:] and shapes[0] != shapes[1]


def _problems(given: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """Every reason why `given` is not a state dict of the network, the causes first."""
    problems = _graph_problems(given, own)
    for key, expected in own.items():
        if key in given and given[key].shape != expected.shape:
            shapes = f"{tuple(given[key].shape)}, this network needs {tuple(expected.shape)}"
            problems.append(f"{key}: has shape {shapes}")
    missing = [key for key in own if key not in given]
    unknown = [key for key in given if key not in own]
    return [*problems, *_name(missing, "missing"), *_name(unknown, "unknown key")]


def _name(keys: Sequence[str], what: str) -> list[str]:
    """What is wrong with each key; of many the first few, which tell the network."""
    problems = [f"{key}: {what}" + _key_hint(key) for key in keys[:_SHOWN]]
    more = len(keys) - _SHOWN
    return [*problems, f"{what}: {more} more"] if more > 0 else problems


def _key_hint(key: str) -> str:
    if key.startswith("edge_importance."):
        return "; set model.edge_importance_weighting as it was when the weights were trained"
    return ""


def _graph_problems(given: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """What to set if the weights belong to another graph; equal joint counts may hide it."""
    if "A" not in given or given["A"].ndim != 3:
        return []
    theirs, ours = given["A"].float(), own["A"]
    if theirs.shape == ours.shape and torch.allclose(theirs, ours, atol=1e-4):
        return []
    (K, V, _), (own_K, own_V, _) = theirs.shape, ours.shape
    reason = f"A: the weights are for a graph of {V} joints in {K} partitions"
    if theirs.shape == ours.shape:
        reason += " whose edges differ from this network's"
    else:
        reason += f", this network's has {own_V} joints in {own_K} partitions"
    return [f"{reason}; {_graph_hint(theirs)}"]


def _graph_hint(theirs_KVV: Tensor) -> str:
    """Settings that give the checkpoint's graph, or else the layouts with its joint count."""
    K, V, _ = theirs_KVV.shape
    fitting = [layout for layout in all_layouts().values() if layout.num_joints == V]
    for layout in fitting:
        for strategy in Strategy:
            A = torch.from_numpy(adjacency(layout, strategy))
            if A.shape == theirs_KVV.shape and torch.allclose(A, theirs_KVV, atol=1e-4):
                return f"set model.graph_layout={layout.name} model.graph_strategy={strategy}"
    names = ", ".join(layout.name for layout in fitting) or "none"
    strategies = ", ".join(s for s in Strategy if s.num_partitions == K) or "none"
    return f"layouts of {V} joints: {names}; strategies of {K} partitions: {strategies}"
