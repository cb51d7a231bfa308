"""What a sentence was read as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from skillbank.request import LOCAL, AutomlPolicy


class Outcome(StrEnum):
    """What can be done with a sentence."""

    PLAN = "plan"  # every step is complete: it can be run
    COMMAND = "command"  # one call that is no plan: resume a job, show its log, list skills
    AMBIGUOUS = "ambiguous"  # more than one thing fits: `candidates`
    INCOMPLETE = "incomplete"  # steps are clear, inputs are not there: `missing`
    UNSUPPORTED = "unsupported"  # nothing here does this
    CONTRADICTORY = "contradictory"  # two of its parts exclude each other
    NOTHING = "nothing"  # asks for nothing, or for not doing it

    @property
    def can_run(self) -> bool:
        """Tell whether `--run` does something."""
        return self in {Outcome.PLAN, Outcome.COMMAND}


@dataclass(frozen=True)
class ParentRef:
    """Where a step's parent comes from; exactly one is set.

    Attributes:
        step: Index of an earlier step of the same plan.
        job: Id of a job, or its beginning.
        last: Action whose newest completed job is meant, such as `train`.
    """

    step: int | None = None
    job: str | None = None
    last: str | None = None


@dataclass(frozen=True)
class AskedStep:
    """One job that was asked for; the names are JobRequest's."""

    skill: str
    action: str
    data: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    parent: ParentRef | None = None
    checkpoint: str | None = None
    base_checkpoint: str | None = None
    automl_policy: AutomlPolicy = AutomlPolicy.ON
    automl: Mapping[str, Any] = field(default_factory=dict)
    platform: str = LOCAL
    resources: Mapping[str, Any] = field(default_factory=dict)
    results: str | None = None
    spec: str | None = None


@dataclass(frozen=True)
class Command:
    """One call of the client that is no plan.

    Attributes:
        name: Command of the command line, such as `resume`, `logs` or `capabilities`.
        arguments: What follows it; a job may be `last` or `last:train`.
    """

    name: str
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Missing:
    """An input that a step needs and that was not said.

    Attributes:
        step: Index of the step.
        key: Spec key that takes it, or `parent`.
        what: What it is, and how to give it.
    """

    step: int
    key: str
    what: str


@dataclass(frozen=True)
class Origin:
    """The words that a part of the answer came from; `text[start:end]` is `words`."""

    part: str
    words: str
    start: int
    end: int


@dataclass(frozen=True)
class Answer:
    """What a sentence was read as.

    Attributes:
        text: The sentence.
        outcome: What can be done with it.
        steps: The jobs, as far as they were understood; complete only when `outcome` is PLAN.
        command: The call, when `outcome` is COMMAND.
        message: One or two sentences for the reader: what was understood, or why not, and what
            to say instead.
        candidates: What the sentence may have meant, when AMBIGUOUS; what there is, when
            UNSUPPORTED.
        missing: What INCOMPLETE lacks.
        origins: Part of the answer (`steps[0].overrides.train.num_epochs`) -> words.
        notes: What the reader should know besides.
        workflow: The steps of a PLAN as `plan_workflow` takes them, the jobs that are meant by
            their ids.
    """

    text: str
    outcome: Outcome
    steps: tuple[AskedStep, ...] = ()
    command: Command | None = None
    message: str = ""
    candidates: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    origins: tuple[Origin, ...] = ()
    notes: tuple[str, ...] = ()
    workflow: Mapping[str, Any] = field(default_factory=dict)
