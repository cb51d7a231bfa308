"""The dataset section of the CenterPose specs: pictures with boxes in space, and augmentation.

A split is a folder, with folders in it or not, that holds pictures and beside each a JSON file of
the same name with the camera and the objects' boxes.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from skillbank_runners.api import SpecModel
from skillbank_runners.spec_fields import Real, SearchRange, Text, extras

CATEGORIES = (
    "bike",
    "book",
    "bottle",
    "camera",
    "cereal_box",
    "chair",
    "cup",
    "laptop",
    "shoe",
)
"""Objectron's; other names are taken too."""

NUM_CORNERS = 8

Channels = tuple[Real, Real, Real]
Corner = Annotated[int, Field(ge=1, le=NUM_CORNERS)]


class TargetsSpec(SpecModel):
    """What the network learns to predict, in the names of TAO's dataset section."""

    mse_loss: bool = Field(
        default=False,
        title="MSE Loss",
        description="Make heat maps for a mean squared error, with peaks of one width, instead of "
        "for the focal loss. Belongs with train.loss_config.mse_loss.",
    )
    center_3D: bool = Field(
        default=False,
        title="3D Center",
        description="Take the box's projected centre for the object's, and leave objects out whose "
        "centre is outside the picture; false: the middle of the 2D box around its corners.",
    )
    obj_scale: bool = Field(
        default=True,
        title="Object Scale",
        description="Learn the box's proportions: width, height and depth by its height. Belongs "
        "with train.loss_config.obj_scale.",
    )
    use_absolute_scale: bool = Field(
        default=False,
        description="Learn the box's size in the unit of the annotations instead of its "
        "proportions; for objects that all have the same size.",
    )
    obj_scale_uncertainty: bool = Field(
        default=False,
        title="Object Scale Uncertainty",
        description="Learn how sure the proportions are as well. Belongs with "
        "train.loss_config.obj_scale_uncertainty.",
    )
    dense_hp: bool = Field(
        default=False,
        title="Dense Corners",
        description="Learn where the corners are from every pixel near an object's centre, not "
        "only from the centre. Belongs with train.loss_config.dense_hp.",
    )
    hps_uncertainty: bool = Field(
        default=False,
        title="Corner Uncertainty",
        description="Learn how sure the corners are as well. Belongs with "
        "train.loss_config.hps_uncertainty.",
    )
    reg_bbox: bool = Field(
        default=True,
        title="Bounding Box Regression",
        description="Learn the width and height of the 2D box around an object. Belongs with "
        "train.loss_config.reg_bbox.",
    )
    reg_offset: bool = Field(
        default=True,
        title="Centre Offset Regression",
        description="Learn where in its cell of the heat map a centre lies. Belongs with "
        "train.loss_config.reg_offset.",
    )
    hm_hp: bool = Field(
        default=True,
        title="Corner Heat Maps",
        description="Learn a heat map for each of the eight corners. Belongs with "
        "train.loss_config.hm_hp.",
    )
    reg_hp_offset: bool = Field(
        default=True,
        title="Corner Offset Regression",
        description="Learn where in its cell of the heat map a corner lies. Belongs with "
        "train.loss_config.reg_hp_offset.",
    )


class DatasetSpec(TargetsSpec):
    """The data and how it is fed to the network."""

    train_data: Text = Field(
        default="",
        title="Training Data",
        description="Folder of pictures to learn from, beside each its JSON file.",
    )
    val_data: Text = Field(
        default="",
        title="Validation Data",
        description="Folder of pictures that measures every epoch.",
    )
    test_data: Text = Field(
        default="", description="Folder of pictures to evaluate on, beside each its JSON file."
    )
    inference_data: Text = Field(
        default="", description="Folder of pictures to find objects in; JSON files are not needed."
    )
    batch_size: int = Field(default=4, ge=1, description="Pictures per optimizer step and GPU.")
    workers: int = Field(
        default=8, ge=1, description="Processes that load data beside the training."
    )
    pin_memory: bool = Field(
        default=True, description="Hold batches in memory that a GPU copies faster from."
    )
    category: Text = Field(
        default="cereal_box",
        min_length=1,
        examples=list(CATEGORIES),
        description="What kind of object the pictures show. chair and bottle bring Objectron's "
        "symmetry with them; for every other name num_symmetry tells it.",
    )
    num_classes: int = Field(
        default=1,
        ge=1,
        title="Number of Classes",
        description="Heat maps of centres; a CenterPose network knows one category, so 1.",
    )
    num_symmetry: int = Field(
        default=1,
        ge=1,
        title="Number of Symmetries",
        description="Turns about its upright axis after which the object looks the same: 1 for "
        "none, 2 for a plain box, 12 or more for something round. The nearest one is learned.",
    )
    num_joints: int = Field(
        default=NUM_CORNERS,
        ge=NUM_CORNERS,
        le=NUM_CORNERS,
        title="Number of Corners",
        description="Corners of the box in space: 8.",
    )
    max_objs: int = Field(
        default=10,
        ge=1,
        title="Most Objects",
        description="Objects that are learned from one picture; further ones are left out.",
    )
    mean: Channels = Field(
        default=(0.40789654, 0.44719302, 0.47026115),
        description="Subtracted from the colours blue, green and red, which reach from 0 to 1.",
    )
    std: Channels = Field(
        default=(0.28863828, 0.27408164, 0.27809835),
        description="Divides the colours after mean was subtracted.",
    )
    input_res: int = Field(
        default=512,
        ge=512,
        le=512,
        title="Input Resolution",
        description="Pixels of the network's input, down and across: 512.",
    )
    output_res: int = Field(
        default=128,
        ge=128,
        le=128,
        title="Output Resolution",
        description="Cells of the network's heat maps, down and across: 128.",
    )
    flip: Real = Field(
        default=0.5,
        ge=0.1,
        le=1.0,
        title="Flip Probability",
        description="Chance that a training picture is mirrored.",
        json_schema_extra=extras(search=SearchRange(0.1, 0.5), is_recommended=False),
    )
    flip_idx: tuple[tuple[Corner, Corner], ...] = Field(
        default=((1, 5), (3, 7), (2, 6), (4, 8)),
        title="Flipped Corners",
        description="Pairs of corners, counted from 1, that change places in a mirrored picture.",
    )
    aug_rot: int = Field(
        default=0,
        ge=0,
        title="Rotation Angle",
        description="Largest angle in degrees by which a training picture is turned either way. "
        "0: none is.",
        json_schema_extra=extras(search=SearchRange(0, 30), is_recommended=False),
    )
    not_rand_crop: bool = Field(
        default=False,
        title="No Random Cropping",
        description="Train on whole pictures; false: on random parts, 0.6 to 1.3 times as large.",
    )
    no_color_aug: bool = Field(
        default=False,
        title="No Colour Augmentation",
        description="Leave the colours of training pictures as they are; false: brightness, "
        "contrast, saturation and lighting vary.",
    )
    eig_val: Channels = Field(
        default=(0.2141788, 0.01817699, 0.00341571),
        alias="_eig_val",
        title="Lighting Eigenvalues",
        description="How much colours vary along each axis of _eig_vec when lighting does.",
    )
    eig_vec: tuple[Channels, Channels, Channels] = Field(
        default=(
            (-0.58752847, -0.69563484, 0.41340352),
            (-0.5832747, 0.00994535, -0.81221408),
            (-0.56089297, 0.71832671, 0.41158938),
        ),
        alias="_eig_vec",
        title="Lighting Eigenvectors",
        description="Axes along which colours vary when lighting does, one column each.",
    )

    @model_validator(mode="after")
    def _check_sense(self) -> Self:
        problems = []
        if any(value <= 0 for value in self.std):
            problems.append(f"dataset.std: found {list(self.std)}, expected values above 0")
        swapped = [corner for pair in self.flip_idx for corner in pair]
        if len(set(swapped)) != len(swapped):
            problems.append(
                f"dataset.flip_idx: found {list(map(list, self.flip_idx))}, expected each corner "
                "in one pair at most"
            )
        if problems:
            raise ValueError("\n".join(problems))
        return self
