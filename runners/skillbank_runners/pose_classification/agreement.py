"""Bring a spec into agreement with the checkpoint that an action is given.

What the checkpoint records holds. A spec that leaves a key out gets the checkpoint's value, and the
log says so; one that sets it to something else is refused. A spec file that restates a whole
section, as generated ones do, sets on purpose only what differs there from the defaults.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.contract import LAYOUT_KEY, ClipSet, class_names
from skillbank_runners.pose_classification.data import Feeding, plain_feeding
from skillbank_runners.pose_classification.module import build_network, check_graph, fill_network
from skillbank_runners.pose_classification.network import STGCN
from skillbank_runners.pose_classification.serving import (
    ServingFacts,
    facts_of_checkpoint,
    facts_of_spec,
    frame_rate_of,
)
from skillbank_runners.pose_classification.spec import NetworkAction
from skillbank_runners.skeletons.layout import Layout, load_layout
from skillbank_runners.skeletons.layout_files import is_layout_path
from skillbank_runners.spec_reading import leaves_open
from skillbank_runners.training.checkpoints import State, read_checkpoint

_MODEL_KEYS = ("graph_layout", "graph_strategy", "input_channels", "edge_importance_weighting")
_ALL_FRAMES = -1

log = logging.getLogger(__name__)

S = TypeVar("S", bound=NetworkAction)


@dataclass(frozen=True)
class Opened(Generic[S]):
    """A checkpoint, and the spec as it belongs to it.

    Attributes:
        spec: The action's spec, with the checkpoint's values where it had none of its own.
        path: The checkpoint.
        key: Dotted key that names it, for messages.
        state: Its content.
        trained: What it records of its training; None in checkpoints of TAO, which are used as
            the spec says.
        layout: Skeleton of the network.
    """

    spec: S
    path: Path
    key: str
    state: State
    trained: ServingFacts | None
    layout: Layout

    def network(self) -> STGCN:
        """The trained network, in evaluation mode.

        Raises:
            RunnerError: The weights are for another network.
        """
        if self.trained is None:
            check_graph(self.spec, self.state, f"{self.key} {str(self.path)!r}")
        network = build_network(self.spec, self.layout)
        fill_network(network, self.state, self.path, self.key)
        return network

    def facts(self, clip_shape: Sequence[int]) -> ServingFacts:
        """What holds for clips: as trained, or else as the spec says for their (C, T, V, M)."""
        if self.trained is None:
            return facts_of_spec(self.spec, self.layout, clip_shape)
        return self.trained.model_copy(update={"window_size": self.spec.dataset.window_size})

    def feeding(self, clips: ClipSet, batch_size: int = -1) -> Feeding:
        """How clips are fed; batch_size -1: that of the spec's dataset section.

        Raises:
            DataInvalid: The data is said to be of another kind than what was trained on.
        """
        facts = self.facts(clips.x_NCTVM.shape[1:])
        rate = frame_rate_of(clips, facts)
        return plain_feeding(self.spec.dataset, batch_size, facts, rate)


@dataclass(frozen=True)
class _Setting:
    """One key, in the spec and in the checkpoint."""

    section: tuple[str, ...]
    name: str
    said: Any
    trained: Any
    is_silent: bool

    @property
    def key(self) -> str:
        return ".".join((*self.section, self.name))

    def __str__(self) -> str:
        return f"{self.key}: trained with {self.trained!r}, the spec says {self.said!r}"


def open_checkpoint(spec: S, path: Path, key: str, *, may_cut: bool = False) -> Opened[S]:
    """Read a checkpoint and settle what holds.

    Args:
        spec: Of the action.
        path: The checkpoint.
        key: Dotted key that names it, for messages.
        may_cut: Whether the spec may choose a window_size where training took all frames.

    Raises:
        RunnerError: The checkpoint cannot be read, or the spec contradicts it; every key with
            both values.
    """
    state = read_checkpoint(path, key)
    what = f"{key}: {str(path)!r}"
    facts = facts_of_checkpoint(state, what)
    if facts is None:
        layout = load_layout(spec.model.graph_layout, LAYOUT_KEY)
        return Opened(spec, path, key, state, None, layout)
    settings = list(_settings(spec, state["hyper_parameters"], facts))
    differing = [each for each in settings if each.said != each.trained]
    wrong = [each for each in differing if not (each.is_silent or _is_cut(each, may_cut=may_cut))]
    if wrong:
        raise RunnerError(_refusal(what, wrong))
    adopted = [each for each in differing if each.is_silent]
    if adopted:
        listed = ", ".join(f"{each.key}={_short(each.trained)}" for each in adopted)
        log.info("as the checkpoint was trained: %s", listed)
    return Opened(_with(spec, adopted), path, key, state, facts, facts.skeleton)


def check_resumed(spec: NetworkAction, state: State) -> None:
    """Compare a training with the one that it goes on from.

    Raises:
        RunnerError: Its clips would be preprocessed otherwise than before.
    """
    what = "the checkpoint to resume from"
    facts = facts_of_checkpoint(state, what)
    if facts is None:
        return
    settings = _preprocessing_settings(spec, facts)
    if wrong := [each for each in settings if each.said != each.trained]:
        raise RunnerError(_refusal(what, wrong))


def _settings(
    spec: NetworkAction, hyper_parameters: dict[str, Any], facts: ServingFacts
) -> Iterator[_Setting]:
    for name in _MODEL_KEYS:
        said = getattr(spec.model, name)
        trained = hyper_parameters.get(name, said)
        if name == "graph_layout":
            trained = _same_layout(said, str(trained), facts)
        yield _Setting(("model",), name, said, trained, leaves_open(spec.model, name))
    dataset = spec.dataset
    of_dataset: dict[str, Any] = {
        "num_classes": len(facts.class_names),
        "window_size": facts.window_size,
    }
    names = _names_to_adopt(spec, facts)
    if names is not None:
        of_dataset["label_map"] = names
    for name, trained in of_dataset.items():
        silent = leaves_open(dataset, name)
        yield _Setting(("dataset",), name, getattr(dataset, name), trained, silent)
    yield from _preprocessing_settings(spec, facts)


def _preprocessing_settings(spec: NetworkAction, facts: ServingFacts) -> Iterator[_Setting]:
    section, said_all = ("dataset", "preprocessing"), spec.dataset.preprocessing
    for name in type(facts.preprocessing).model_fields:
        said, trained = getattr(said_all, name), getattr(facts.preprocessing, name)
        yield _Setting(section, name, said, trained, leaves_open(said_all, name))


def _same_layout(said: str, trained: str, facts: ServingFacts) -> str:
    """The name of the trained layout, in the spec's words where both mean the same skeleton.

    A layout file that has moved or gone since is no matter: its content travels with the weights.
    """
    is_file = is_layout_path(said)
    if said == trained and not (is_file and Path(said).is_file()):
        return said
    if is_file and not Path(said).is_file():
        return trained
    now = replace(load_layout(said, LAYOUT_KEY), name="", entry="")
    if now == replace(facts.skeleton, name="", entry=""):
        return said
    return f"{trained} (before the file was changed)" if said == trained else trained


def _names_to_adopt(spec: NetworkAction, facts: ServingFacts) -> dict[str, int] | None:
    """The trained label map, or None where either side names its classes by number only."""
    told = not leaves_open(spec.dataset, "label_map")
    if told and (spec.dataset.label_map is None or _is_numbered(facts)):
        return None
    if _is_numbered(facts):
        return None
    names = {name: index for index, name in enumerate(facts.class_names)}
    # The same map in another order is the same map.
    return dict(spec.dataset.label_map or {}) if class_names(spec) == facts.class_names else names


def _is_numbered(facts: ServingFacts) -> bool:
    return facts.class_names == tuple(f"class_{i}" for i in range(len(facts.class_names)))


def _is_cut(setting: _Setting, *, may_cut: bool) -> bool:
    is_window = setting.key == "dataset.window_size"
    return may_cut and is_window and setting.trained == _ALL_FRAMES


def _refusal(what: str, wrong: list[_Setting]) -> str:
    listed = "\n".join(f"  - {each}; set {each.key} as in training" for each in wrong)
    is_graph = any(each.section == ("model",) for each in wrong)
    head = f"graph layout mismatch: {what} is for another network" if is_graph else what
    middle = "" if is_graph else " was trained on other input"
    return f"{head}{middle}:\n{listed}\nor leave these keys out, to use what it was trained with"


def _with(spec: S, adopted: list[_Setting]) -> S:
    """The spec with further values; they come from a spec that was checked."""
    model = {each.name: each.trained for each in adopted if each.section == ("model",)}
    dataset = {each.name: each.trained for each in adopted if each.section == ("dataset",)}
    inner = {each.name: each.trained for each in adopted if len(each.section) > 1}
    if inner:
        dataset["preprocessing"] = spec.dataset.preprocessing.model_copy(update=inner)
    changed = {
        "model": spec.model.model_copy(update=model),
        "dataset": spec.dataset.model_copy(update=dataset),
    }
    return spec.model_copy(update=changed)


def _short(value: object) -> str:
    text = repr(value) if not isinstance(value, str) else value
    return text if len(text) <= 80 else f"{text[:77]}..."
