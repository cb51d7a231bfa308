"""Train ST-GCN. The data is checked before PyTorch is loaded: what is wrong is said at once."""

from __future__ import annotations

import logging

from skillbank_runners.api import Run
from skillbank_runners.pose_classification.contract import Files, check_data, class_names
from skillbank_runners.pose_classification.spec import TrainAction

log = logging.getLogger(__name__)


def main(spec: TrainAction, run: Run) -> None:
    """Train as the spec says, going on from what is in the results folder."""
    wanted = [
        Files("dataset.train_dataset", spec.dataset.train_dataset),
        Files("dataset.val_dataset", spec.dataset.val_dataset),
    ]
    sets = check_data(spec, wanted)
    for clips in sets:
        log.info("%s", clips)
    if spec.dataset.label_map is None:
        count = spec.dataset.num_classes
        log.info("classes: %s, without names (dataset.label_map is empty)", count)
    else:
        log.info("classes: %s", ", ".join(class_names(spec)))
    from skillbank_runners.pose_classification.training import train

    train(spec, run, *sets)
