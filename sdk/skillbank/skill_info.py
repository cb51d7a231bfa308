"""What references/skill_info.yaml holds, as frozen values; `schemas/skill_info.schema.json`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Scalar = bool | int | float | str | None
Role = str  # of a dataset root: train, val, test; `all` stands for every role


class InfoModel(BaseModel):
    """Base of every part of a skill_info.yaml: frozen, and unknown keys are told."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class InputType(StrEnum):
    """What an action's input is."""

    FILE = "file"
    FOLDER = "folder"
    CHECKPOINT = "checkpoint"
    ONNX = "onnx"
    ENGINE = "engine"


class OutputKind(StrEnum):
    """What a file is that an action leaves in its results folder."""

    CHECKPOINT = "checkpoint"
    ONNX = "onnx"
    ENGINE = "engine"
    PREDICTIONS = "predictions"
    METRICS = "metrics"
    REPORT = "report"
    DATASET = "dataset"


class Direction(StrEnum):
    """Which values of a metric are better."""

    MINIMIZE = "minimize"
    MAXIMIZE = "maximize"


class Metric(InfoModel):
    """The metric that the best checkpoint, and the best AutoML trial, are chosen by."""

    name: str = Field(default="val_loss", description="Key of the status lines' kpi.")
    direction: Direction = Field(default=Direction.MINIMIZE, description="Which way is better.")


class Input(InfoModel):
    """One file or folder that an action reads."""

    type: InputType = Field(description="What must be there.")
    optional: bool = Field(default=False, description="Whether the action runs without it.")
    unless: tuple[str, ...] = Field(
        default=(), description="Keys of other inputs; the action needs this one unless one is set."
    )
    listed_by: str = Field(
        default="",
        description="Key of the file that lists what is used of this folder: from a bucket, only "
        "that is brought.",
    )


class Output(InfoModel):
    """One file, or set of files, that an action leaves in its results folder."""

    file: str = Field(description="Glob pattern relative to the results folder.")
    kind: OutputKind = Field(description="What the file is.")


class Action(InfoModel):
    """One thing that the skill can do."""

    built: bool = Field(
        default=True, description="Whether a runner exists; false: schema and template only."
    )
    description: str = Field(default="", description="What the action does, one sentence.")
    inputs: Mapping[str, Input] = Field(default={}, description="Dotted spec key -> input.")
    outputs: Mapping[str, Output] = Field(default={}, description="Name -> output.")
    parents: tuple[str, ...] | None = Field(
        default=None,
        description="Actions whose job may be the parent; absent: any, empty: none.",
    )
    upload_excludes: tuple[str, ...] = Field(
        default=(),
        description="Patterns of files below `results/` that never go to a results URI.",
    )


class DataSource(InfoModel):
    """Which file or folder of a dataset root is the value of a spec key.

    Paths are relative to the root; `.` is the root itself.
    """

    role: Role = Field(description="Role of the root that holds the file: train, val or test.")
    file: str = Field(description="Path of the file inside that root.")
    under_role: str = Field(
        default="",
        description="Path inside a root that was given under `role` by name; empty: as `file`.",
    )
    other_roles: Mapping[Role, str] = Field(
        default={},
        description="Further role -> file: when a root is given under that role, it goes first.",
    )

    def locate(self, roots: Mapping[Role, str]) -> tuple[Role, str] | None:
        """Role and path, or URL, of the file under the caller's roots; None when no root fits.

        A root under one of `other_roles` goes first, then one under `role`, then `all`.
        """
        files = {**self.other_roles, self.role: self.under_role or self.file, "all": self.file}
        for role, file in files.items():
            if role in roots:
                root = roots[role].rstrip("/")
                return role, f"{root}/{file}" if file != "." else root or "/"
        return None


class Link(InfoModel):
    """A file that is fetched before the job starts; the key's value is its local path."""

    link: str = Field(description="URL of the file.")
    destination_path: str = Field(description="Where it goes.")


class Const(InfoModel):
    """A literal value."""

    const: Scalar = Field(description="The value.")


class Hardware(BaseModel):
    """What the skill needs; keys other than `min_gpus` are free and for the reader."""

    model_config = ConfigDict(frozen=True, extra="allow")

    min_gpus: int = Field(default=0, ge=0, description="0: runs on the CPU too.")


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"expected a regular expression: {error}") from error
    return pattern


class ErrorPattern(InfoModel):
    """Advice for a failure that is recognised by its message."""

    pattern: Annotated[str, AfterValidator(_compiles)] = Field(
        description="Regular expression, searched in the failure's message and the log's end."
    )
    advice: str = Field(description="What to do about it, in a sentence or two.")


class Vocabulary(InfoModel):
    """How users say what the skill is for, beside what its page, schemas and titles say anyway.

    Phrases are in lower case; singular and plural, -ing and -ed forms count as the same word.
    """

    names: tuple[str, ...] = Field(
        default=(),
        description="Phrases that name the skill's network or task, each enough by itself.",
    )
    hints: tuple[str, ...] = Field(
        default=(),
        description="Phrases that point to the skill, as several skills may share them.",
    )
    actions: Mapping[str, tuple[str, ...]] = Field(
        default={}, description="Action -> phrases that ask for it, beside the usual verbs."
    )
    keys: Mapping[str, tuple[str, ...]] = Field(
        default={}, description="Dotted spec key -> what users call it; true when it is a switch."
    )
    values: Mapping[str, Mapping[str, tuple[str, ...]]] = Field(
        default={}, description="Dotted spec key -> value -> what users call the value."
    )


SpecParam = str | Link | Const


class SkillInfo(InfoModel):
    """What a skill is and does: references/skill_info.yaml."""

    name: str = Field(description="Name of the skill, which is also its folder's.")
    network_arch: str = Field(description="Package under skillbank_runners that does the work.")
    description: str = Field(default="", description="What the skill is for, one sentence.")
    version: str = Field(default="0.0.0", description="Version of the skill folder.")
    automl_enabled: bool = Field(default=False, description="Whether train may be searched.")
    metric: Metric = Field(default=Metric(), description="Chooses the best checkpoint.")
    latest_checkpoint: str = Field(
        default="", description="Name of the link to the newest checkpoint in a results folder."
    )
    carry_forward: tuple[str, ...] = Field(
        default=(), description="Structural spec keys that a child job takes from its parent."
    )
    actions: Mapping[str, Action] = Field(description="What the skill can do.")
    data_sources: Mapping[str, Mapping[str, DataSource]] = Field(
        default={}, description="Action -> dotted spec key -> file of a dataset root."
    )
    spec_params: Mapping[str, Mapping[str, SpecParam]] = Field(
        default={},
        description="Action -> dotted spec key -> inference function that fills it when empty.",
    )
    spec_shorthand_keys: Mapping[str, str] = Field(
        default={}, description="Short name -> dotted spec key."
    )
    vocabulary: Vocabulary = Field(
        default=Vocabulary(), description="How users say what the skill is for."
    )
    hardware: Hardware = Field(default=Hardware(), description="What the skill needs.")
    error_patterns: tuple[ErrorPattern, ...] = Field(
        default=(), description="Advice for known failures; each that matches is shown."
    )
