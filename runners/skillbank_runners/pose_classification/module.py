"""The network that a spec describes, fresh or from a checkpoint."""

from __future__ import annotations

import logging
from pathlib import Path

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.graph import adjacency
from skillbank_runners.pose_classification.network import STGCN, load_weights
from skillbank_runners.pose_classification.serving import (
    CHECKPOINT_KEY,
    ServingFacts,
    facts_of_checkpoint,
)
from skillbank_runners.pose_classification.spec import NetworkAction
from skillbank_runners.pose_classification.streams import Streams
from skillbank_runners.skeletons.layout import Layout
from skillbank_runners.training.checkpoints import State, read_checkpoint

_GRAPH_KEYS = ("graph_layout", "graph_strategy", "input_channels", "edge_importance_weighting")

log = logging.getLogger(__name__)


def build_network(spec: NetworkAction, layout: Layout) -> STGCN:
    """Freshly initialised network of `model`, `dataset.num_classes` and the streams."""
    model, preprocessing = spec.model, spec.dataset.preprocessing
    network = STGCN(
        spec.dataset.num_classes,
        model.input_channels * len(preprocessing.streams),
        adjacency(layout, model.graph_strategy),
        edge_importance_weighting=model.edge_importance_weighting,
        dropout=model.dropout,
    )
    if preprocessing.streams != ("joint",):
        network.streams = Streams(
            preprocessing.streams, layout.parents, has_confidence=preprocessing.has_confidence
        )
    return network


def hyper_parameters(spec: NetworkAction, seed: int, facts: ServingFacts) -> dict[str, object]:
    """What a checkpoint says of the network that its weights belong to, and of its input.

    Args:
        spec: Describes the network.
        seed: What all randomness followed from.
        facts: What the clips are and how they are prepared.
    """
    model = spec.model.model_dump(exclude={"pretrained_model_path", "dropout"})
    return {
        **model,
        "num_classes": spec.dataset.num_classes,
        "class_names": list(facts.class_names),
        "window_size": facts.window_size,
        "clip_shape": list(facts.clip_shape),
        "seed": seed,
        CHECKPOINT_KEY: facts.to_values(),
    }


def load_network(spec: NetworkAction, layout: Layout, path: Path, key: str) -> STGCN:
    """Network with a checkpoint's weights, in evaluation mode.

    Args:
        spec: Describes the network.
        layout: Its skeleton.
        path: The checkpoint.
        key: Dotted key that names it, for messages.

    Raises:
        RunnerError: The checkpoint cannot be read, or was trained for another network.
    """
    state = read_checkpoint(path, key)
    check_graph(spec, state, f"{key} {str(path)!r}")
    network = build_network(spec, layout)
    fill_network(network, state, path, key)
    return network


def fill_network(network: STGCN, state: State, path: Path, key: str) -> None:
    """Give a network all weights of a checkpoint, and put it in evaluation mode.

    Raises:
        RunnerError: They are for another network.
    """
    notes = load_weights(network, state["state_dict"], source=str(path))
    if notes:
        raise RunnerError(f"{key}: {notes[0]}; set dataset.num_classes as in training")
    network.eval()


def load_pretrained(network: STGCN, spec: NetworkAction) -> None:
    """Start from the weights of `model.pretrained_model_path`, if it is set."""
    text = spec.model.pretrained_model_path
    if not text:
        return
    key = "model.pretrained_model_path"
    state = read_checkpoint(Path(text).expanduser(), key)
    check_graph(spec, state, f"{key} {text!r}")
    _compare_clips(spec, state, f"{key} {text!r}")
    log.info("starting from the weights of %s", text)
    for note in load_weights(network, state["state_dict"], source=text):
        log.warning("%s", note)


def _compare_clips(spec: NetworkAction, state: State, what: str) -> None:
    """Clips may be preprocessed otherwise than for the first training, if in the same streams."""
    facts = facts_of_checkpoint(state, what)
    if facts is None:
        return
    now, before = spec.dataset.preprocessing, facts.preprocessing
    differing = [
        f"dataset.preprocessing.{name}: trained with {getattr(before, name)!r}, the spec says "
        f"{getattr(now, name)!r}"
        for name in type(now).model_fields
        if getattr(before, name) != getattr(now, name)
    ]
    if now.streams != before.streams:
        listed = "\n".join(f"  - {one}" for one in differing)
        raise RunnerError(f"{what} is for other input:\n{listed}\nset the streams as in training")
    for one in differing:
        log.warning("%s: %s; training will have to make up for it", what, one)


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
