"""Convert pose files into data sets; announced, not built yet."""

from __future__ import annotations

from skillbank_runners.api import Run
from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.spec import DatasetConvertAction


def main(spec: DatasetConvertAction, run: Run) -> None:
    """Say what to do instead.

    Raises:
        RunnerError: Always.
    """
    del run
    raise RunnerError(
        f"dataset_convert: not built yet, so {spec.dataset_convert.data!r} was not converted; "
        "write the clips as a .npy array of (sequences, channels, frames, joints, people) and the "
        "labels as a pickle of [[names], [class ids]]"
    )
