"""What dataset_convert says of the arrays it wrote: the dataset.json that lies beside them."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, JsonValue, ValidationError

from skillbank_runners.api import SpecModel
from skillbank_runners.errors import DataInvalid
from skillbank_runners.skeletons.layout import Layout, load_layout
from skillbank_runners.skeletons.layout_files import LayoutInvalid
from skillbank_runners.spec_fields import Real

DATASET_FILE = "dataset.json"
CONFIDENCE = "confidence"
"""Name of a channel that says how sure a joint is; it is the last one."""
_PATHS = ("data", "labels", "results_dir")


class DatasetFacts(SpecModel):
    """Content of a dataset.json.

    Attributes:
        conversion: Settings of the dataset_convert.
        layout: Name of the skeleton, or path of its file.
        frame_rate: Frames per second; None: not known.
        classes: Names in the order of class ids; empty where nothing was labelled.
        channels: What the channels are, in order.
    """

    conversion: dict[str, JsonValue] | None = None
    layout: str = ""
    frame_rate: Real | None = Field(default=None, gt=0)
    classes: tuple[str, ...] = ()
    channels: tuple[str, ...] | None = None

    @property
    def has_confidence(self) -> bool:
        """Whether the last channel is a confidence."""
        return bool(self.channels and self.channels[-1] == CONFIDENCE)

    @property
    def recipe(self) -> dict[str, JsonValue] | None:
        """The conversion without the paths of this machine: what converts other data alike."""
        if self.conversion is None:
            return None
        return {key: value for key, value in self.conversion.items() if key not in _PATHS}

    def other_joints(self, layout: Layout) -> str:
        """What to say where the data's joints are not those of a layout; empty where they are."""
        try:
            recorded = load_layout(self.layout)
        except LayoutInvalid:  # not told, or a file of the user's, which may be gone
            return ""
        if recorded.joint_names == layout.joint_names:
            return ""
        return (
            f"the joints are those of layout {self.layout!r}, but the network's layout is "
            f"{layout.name!r} (model.graph_layout), whose joints are others"
        )


def read_dataset_facts(data_path: Path) -> DatasetFacts | None:
    """The dataset.json beside an array; None where there is none.

    Raises:
        DataInvalid: It is damaged.
    """
    path = data_path.parent / DATASET_FILE
    if not path.is_file():
        return None
    try:
        return DatasetFacts.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problems = [
            f"{path}: {'.'.join(map(str, one['loc'])) or '(top)'}: {one['msg']}"
            for one in error.errors()
        ]
        hint = "dataset_convert writes this file; write it again, or remove it"
        raise DataInvalid([*problems[:5], hint]) from error
    except OSError as error:
        raise DataInvalid([f"{path}: cannot be read: {error.strerror}"]) from error
