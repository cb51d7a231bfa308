"""The network that a spec describes, fresh or from a checkpoint."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.contract import class_names
from skillbank_runners.pose_classification.graph import adjacency
from skillbank_runners.pose_classification.network import STGCN, load_weights
from skillbank_runners.pose_classification.spec import NetworkAction
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.training.checkpoints import State, read_checkpoint

_GRAPH_KEYS = ("graph_layout", "graph_strategy", "input_channels", "edge_importance_weighting")

log = logging.getLogger(__name__)


def build_network(spec: NetworkAction) -> STGCN:
    """Freshly initialised network of `model` and `dataset.num_classes`."""
    model = spec.model
    return STGCN(
        spec.dataset.num_classes,
        model.input_channels,
        adjacency(load_layout(model.graph_layout), model.graph_strategy),
        edge_importance_weighting=model.edge_importance_weighting,
        dropout=model.dropout,
    )


def hyper_parameters(
    spec: NetworkAction, seed: int, clip_shape: Sequence[int]
) -> dict[str, object]:
    """What a checkpoint says of the network that its weights belong to.

    Args:
        spec: Describes the network.
        seed: What all randomness followed from.
        clip_shape: (C, T, V, M) of the clips in the training file, before they are cut.
    """
    model = spec.model.model_dump(exclude={"pretrained_model_path", "dropout"})
    return {
        **model,
        "num_classes": spec.dataset.num_classes,
        "class_names": list(class_names(spec)),
        "window_size": spec.dataset.window_size,
        "clip_shape": [int(size) for size in clip_shape],
        "seed": seed,
    }


def load_network(spec: NetworkAction, path: Path, key: str) -> STGCN:
    """Network with a checkpoint's weights, in evaluation mode.

    Args:
        spec: Describes the network.
        path: The checkpoint.
        key: Dotted key that names it, for messages.

    Raises:
        RunnerError: The checkpoint cannot be read, or was trained for another network.
    """
    state = read_checkpoint(path, key)
    check_graph(spec, state, f"{key} {str(path)!r}")
    network = build_network(spec)
    notes = load_weights(network, state["state_dict"], source=str(path))
    if notes:
        raise RunnerError(f"{key}: {notes[0]}; set dataset.num_classes as in training")
    network.eval()
    return network


def trained_clip_shape(path: Path, key: str) -> tuple[int, int, int, int] | None:
    """(C, T, V, M) that a checkpoint was trained on; None where it does not say, as TAO's."""
    facts = read_checkpoint(path, key).get("hyper_parameters", {})
    if "clip_shape" not in facts:
        return None
    C, T, V, M = (int(size) for size in facts["clip_shape"])
    return C, facts["window_size"] if facts["window_size"] > 0 else T, V, M


def load_pretrained(network: STGCN, spec: NetworkAction) -> None:
    """Start from the weights of `model.pretrained_model_path`, if it is set."""
    text = spec.model.pretrained_model_path
    if not text:
        return
    key = "model.pretrained_model_path"
    state = read_checkpoint(Path(text).expanduser(), key)
    check_graph(spec, state, f"{key} {text!r}")
    log.info("starting from the weights of %s", text)
    for note in load_weights(network, state["state_dict"], source=text):
        log.warning("%s", note)


def check_graph(spec: NetworkAction, state: State, what: str) -> None:
    """Compare what a checkpoint says of its network with the spec.

    Checkpoints that say nothing, such as TAO's, are judged by their weights when they are loaded.

    Raises:
        RunnerError: They differ; every key with both values.
    """
    facts = state.get("hyper_parameters", {})
    problems = [
        f"  - model.{key}: trained with {facts[key]!r}, the spec says {getattr(spec.model, key)!r}"
        for key in _GRAPH_KEYS
        if key in facts and facts[key] != getattr(spec.model, key)
    ]
    if problems:
        listed = "\n".join(problems)
        raise RunnerError(
            f"graph layout mismatch: {what} is for another network:\n{listed}\n"
            "set these keys as they were in training"
        )
