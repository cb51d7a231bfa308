"""Train ST-GCN. The data is checked before PyTorch is loaded: what is wrong is said at once."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from skillbank_runners.api import Run
from skillbank_runners.errors import DataInvalid
from skillbank_runners.pose_classification.augmentation import augment
from skillbank_runners.pose_classification.contract import (
    LAYOUT_KEY,
    ClipSet,
    Files,
    check_data,
    class_names,
)
from skillbank_runners.pose_classification.dataset_facts import (
    DATASET_FILE,
    DatasetFacts,
    read_dataset_facts,
)
from skillbank_runners.pose_classification.serving import ServingFacts, facts_of_spec, prepare
from skillbank_runners.pose_classification.spec import TrainAction
from skillbank_runners.skeletons.layout import Layout, load_layout
from skillbank_runners.spec_reading import SpecInvalid

log = logging.getLogger(__name__)


def main(spec: TrainAction, run: Run) -> None:
    """Train as the spec says, going on from what is in the results folder."""
    wanted = [
        Files("dataset.train_dataset", spec.dataset.train_dataset),
        Files("dataset.val_dataset", spec.dataset.val_dataset),
    ]
    _check_sampling(spec)
    spec = _with_names(spec)
    layout = load_layout(spec.model.graph_layout, LAYOUT_KEY)
    sets = check_data(spec, wanted, layout)
    for clips in sets:
        log.info("%s", clips)
    if spec.dataset.label_map is None:
        count = spec.dataset.num_classes
        log.info("classes: %s, without names (dataset.label_map is empty)", count)
    else:
        log.info("classes: %s", ", ".join(class_names(spec)))
    facts = _facts(spec, layout, sets[0])
    from skillbank_runners.pose_classification.training import train

    train_clips, val_clips = sets
    train(spec, run, train_clips, val_clips, facts)


def _check_sampling(spec: TrainAction) -> None:
    """Later actions take window_size from the checkpoint, so only a training needs it said."""
    section, problems = spec.dataset, []
    is_uniform = section.preprocessing.sampling == "uniform"
    if is_uniform and section.window_size < 1:
        problems.append(
            f"dataset.preprocessing.sampling: found 'uniform' with dataset.window_size "
            f"{section.window_size}, expected a window_size of at least 1 frame to sample"
        )
    if is_uniform and section.random_choose:
        problems.append(
            "dataset.random_choose: found true with dataset.preprocessing.sampling 'uniform', "
            "which takes frames from the whole sequence; set one of them back"
        )
    if problems:
        raise SpecInvalid(problems)


def _with_names(spec: TrainAction) -> TrainAction:
    """The spec with the class names that its data say, where it has none of its own."""
    section = spec.dataset
    path = Path(section.train_dataset.data_path).expanduser()
    if section.label_map is not None or not path.is_file():
        return spec
    dataset = read_dataset_facts(path)
    if dataset is None or len(dataset.classes) != section.num_classes:
        return spec
    names = {name: index for index, name in enumerate(dataset.classes)}
    named = section.model_copy(update={"label_map": names})
    return spec.model_copy(update={"dataset": named})


def _facts(spec: TrainAction, layout: Layout, clips: ClipSet) -> ServingFacts:
    """What the checkpoints will say of their input; the first clip shows whether it can be done."""
    dataset = read_dataset_facts(clips.data_path)
    if dataset is not None:
        problems = _disagreements(spec, dataset, layout)
        if problems:
            where = clips.data_path.parent / DATASET_FILE
            raise DataInvalid([f"{where}: {problem}" for problem in problems])
    facts = facts_of_spec(spec, layout, clips.x_NCTVM.shape[1:], dataset)
    prepared = prepare(np.asarray(clips.x_NCTVM[0], np.float32), facts)
    confidence = spec.dataset.preprocessing.has_confidence
    some = np.random.default_rng(0)
    augment(prepared, spec.dataset.augmentation, layout, some, has_confidence=confidence)
    return facts


def _disagreements(spec: TrainAction, dataset: DatasetFacts, layout: Layout) -> list[str]:
    problems = []
    says = spec.dataset.preprocessing.has_confidence
    if dataset.channels is not None and dataset.has_confidence != says:
        problems.append(
            f"the channels are {', '.join(dataset.channels)}, but "
            f"dataset.preprocessing.has_confidence is {str(says).lower()}; set it to "
            f"{str(dataset.has_confidence).lower()}"
        )
    if joints := dataset.other_joints(layout):
        problems.append(f"{joints}; set model.graph_layout to {dataset.layout!r}")
    names = class_names(spec)
    if set(names) == set(dataset.classes) and names != dataset.classes:
        problems.append(
            f"the classes are, in order, {', '.join(dataset.classes)}, but dataset.label_map has "
            f"them as {', '.join(names)}; number them as here"
        )
    return problems
