"""The steps of an answer while they are being put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from skillbank.request import LOCAL, AutomlPolicy
from skillbank.route import SEARCHED_ACTION
from skillbank.words.actions import Group
from skillbank.words.answer import AskedStep, Origin, ParentRef
from skillbank.words.bank_words import ActionWords, BankWords
from skillbank.words.laying import takes_checkpoint, takes_data
from skillbank.words.matcher import Said, Sentence
from skillbank.words.reading import Reading
from skillbank.words.replies import origin
from skillbank.words.retractions import Retractions


@dataclass
class DraftStep:
    """One step as far as it is known; the names are AskedStep's.

    Attributes:
        words: The settings of its action.
        group: Index of the group of actions that it belongs to.
        verb: First token of the words that ask for it.
    """

    words: ActionWords
    group: int
    verb: int
    data: dict[str, str] = field(default_factory=dict)
    overrides: dict[str, Any] = field(default_factory=dict)
    automl: dict[str, Any] = field(default_factory=dict)
    parent: ParentRef | None = None
    checkpoint: str | None = None
    base_checkpoint: str | None = None
    automl_policy: AutomlPolicy = AutomlPolicy.ON
    platform: str = LOCAL
    resources: dict[str, Any] = field(default_factory=dict)
    results: str | None = None
    spec: str | None = None

    @property
    def skill(self) -> str:
        """Name of its skill."""
        return self.words.skill.name

    @property
    def action(self) -> str:
        """Name of its action."""
        return self.words.action

    @property
    def is_training(self) -> bool:
        """Tell whether it can be searched."""
        return self.action == SEARCHED_ACTION

    @property
    def parents(self) -> tuple[str, ...] | None:
        """Actions that its parent can have; None: any, empty: it has no parent."""
        return self.words.skill.info.actions[self.action].parents

    @property
    def takes_data(self) -> bool:
        """Tell whether it reads a dataset root."""
        return takes_data(self.words.skill, self.action)

    @property
    def takes_checkpoint(self) -> bool:
        """Tell whether it uses the checkpoint of another job."""
        return takes_checkpoint(self.words.skill, self.action)

    def finished(self) -> AskedStep:
        """The step as it is answered."""
        return AskedStep(
            self.skill,
            self.action,
            data=self.data,
            overrides=self.overrides,
            parent=self.parent,
            checkpoint=self.checkpoint,
            base_checkpoint=self.base_checkpoint,
            automl_policy=self.automl_policy,
            automl=self.automl,
            platform=self.platform,
            resources=self.resources,
            results=self.results,
            spec=self.spec,
        )


class Draft:
    """Steps, with the words that each of their parts came from.

    Args:
        reading: What was found in the sentence.
        groups: The actions wanted.
        skills: The skill of each group.
        words: What the bank's words mean.
    """

    def __init__(
        self, reading: Reading, groups: Sequence[Group], skills: Sequence[str], words: BankWords
    ) -> None:
        self.reading, self.groups = reading, groups
        self.steps: list[DraftStep] = []
        self.notes: list[str] = []
        self.problems: list[str] = []  # what cannot be used
        self.contradictions: list[str] = []
        self._origins: dict[str, Origin] = {}
        for index, (group, skill) in enumerate(zip(groups, skills, strict=True)):
            for mention in group.actions:
                step = DraftStep(words.action(skill, mention.action), index, mention.first)
                self.steps.append(step)
                part = f"steps[{len(self.steps) - 1}].action"
                self._tell(part, (mention.first, mention.end))
                self._tell_skill(len(self.steps) - 1, group, skill)

    def _tell_skill(self, index: int, group: Group, skill: str) -> None:
        """Note the words that named the skill: those of the step's own group before others."""
        pointing = [one for one in self.reading.pointings if skill in one.match.meaning.weights]
        own = [one for one in pointing if group.first <= one.first < group.end]
        strongest = max(own or pointing, key=lambda one: one.weight, default=None)
        if strongest is not None:
            self._tell(f"steps[{index}].skill", (strongest.first, strongest.match.end))

    @property
    def sentence(self) -> Sentence:
        """The sentence that asks for the steps."""
        return self.reading.sentence

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Where each part of the steps was said, in the order in which it was understood."""
        return tuple(self._origins.values())

    @property
    def trainings(self) -> list[int]:
        """Indices of the steps that can be searched."""
        return [index for index, step in enumerate(self.steps) if step.is_training]

    def put(self, index: int, said: Said) -> None:
        """Set a part of a step; a part that is set already is replaced."""
        section, dot, key = said.slot.partition(".")
        if dot:
            getattr(self.steps[index], section)[key] = said.value
        else:
            setattr(self.steps[index], section, said.value)
        part = f"steps[{index}].{said.slot}"
        self._origins.pop(part, None)
        self._tell(part, (said.first, said.end))

    def origin(self, index: int, slot: str) -> Origin | None:
        """Where a part of a step was said; None when it was not."""
        return self._origins.get(f"steps[{index}].{slot}")

    def is_taken_back(self, origin: Origin, said: Said, retractions: Retractions) -> bool:
        """Tell whether words between two values of a part take the first one back."""
        return retractions.is_corrected(self.sentence, self.token_after(origin), said.end)

    def token_after(self, origin: Origin) -> int:
        """The first token that ends where the words of a part do, or later."""
        tokens = self.sentence.tokens
        return next((i for i, token in enumerate(tokens) if token.end >= origin.end), 0)

    def has_own_data(self, index: int) -> bool:
        """Tell whether a dataset root was said for a step."""
        return any(self.origin(index, f"data.{role}") for role in ("all", "train", "val", "test"))

    def order(self, first: int) -> list[int]:
        """Steps in the order in which a detail at a token may belong to them.

        Those that are spoken of there, then the ones before, the nearest first, then the others.
        """
        at = next((i for i, g in enumerate(self.groups) if g.first <= first < g.end), 0)
        before = [i for i, step in enumerate(self.steps) if step.group < at]
        own = [i for i, step in enumerate(self.steps) if step.group == at]
        after = [i for i, step in enumerate(self.steps) if step.group > at]
        return [*own, *reversed(before), *after]

    def _tell(self, part: str, span: tuple[int, int]) -> None:
        if span[1] > span[0]:
            self._origins[part] = origin(self.sentence, part, span)
