"""The words of a bank: what points to each skill, its actions, its settings and their values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from skillbank.bank import SkillBank
from skillbank.skill import Skill
from skillbank.spec_keys import Schema, dotted_keys, field_at, types_of
from skillbank.words.lexicon import ACTIONS, COMMON, FIELD_NAMES
from skillbank.words.matcher import Phrases
from skillbank.words.phrasebook import phrases
from skillbank.words.stemming import stem_of
from skillbank.words.tokens import stems

GAP = "..."  # in a phrase: other words may stand here; each side lists words of which one is said
NAME, HINT, TRACE = 6.0, 2.0, 1.0  # how much a phrase says about the skill that is meant

_LIST = re.compile(r"[,;]|\bor\b|\band\b|\(|\)|\.\s")
_COMMON = frozenset(map(stem_of, COMMON))
_COMMON_VALUES = _COMMON | set(map(stem_of, phrases("shared", "common_values")))


@dataclass(frozen=True)
class Evidence:
    """What a phrase says: skill -> weight."""

    weights: Mapping[str, float]


@dataclass(frozen=True)
class Field:
    """A setting of an action that words can name.

    Attributes:
        key: Dotted spec key.
        node: Its schema.
    """

    key: str
    node: Schema

    @property
    def types(self) -> frozenset[str]:
        """JSON types that it takes."""
        return types_of(self.node)

    @property
    def is_number(self) -> bool:
        """Tell whether it takes a number."""
        return bool({"integer", "number"} & self.types)

    @property
    def is_switch(self) -> bool:
        """Tell whether it is on or off."""
        return "boolean" in self.types

    @property
    def choices(self) -> tuple[str, ...]:
        """Names that it takes; with those that are only examples."""
        enum = self.node.get("enum") or ()
        named = (*(enum if len(enum) > 1 else ()), *(self.node.get("examples") or ()))
        return tuple(str(choice) for choice in named if isinstance(choice, str))

    @property
    def counts(self) -> bool:
        """Tell whether its name follows its number: `30 epochs`, but `learning rate 0.1`."""
        leaf = self.key.rpartition(".")[2]
        return leaf.startswith(("num_", "max_")) or leaf in {
            "workers",
            "warmup_epochs",
            "window_size",
        }

    def problem(self, value: Any) -> str | None:  # noqa: ANN401 - whatever was said
        """What is wrong with a value; None when it can be used."""
        if not self.is_number or isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if "integer" in self.types and "number" not in self.types and value != int(value):
            return f"{self.key}: found {value}, expected a whole number."
        low, high = self.node.get("minimum"), self.node.get("maximum")
        if (low is not None and value < low) or (high is not None and value > high):
            least = "" if low is None else f" from {low}"
            most = "" if high is None else f" up to {high}"
            return f"{self.key}: found {value}, expected a number{least}{most}."
        return None


class ActionWords:
    """The settings of one action of a skill, by what people call them."""

    def __init__(self, skill: Skill, action: str) -> None:
        self.skill, self.action = skill, action
        schema = skill.schema(action) if skill.has_schema(action) else {}
        others = skill.info.actions.keys() - {action}
        self.fields = {
            key: Field(key, field_at(schema, tuple(key.split("."))))
            for key in dotted_keys(schema)
            if key.partition(".")[0] not in others
            and (not key.startswith("wandb.") or key == "wandb.enable")
        }
        self.all_keys = frozenset(dotted_keys(schema))

    @cached_property
    def names(self) -> Phrases[list[Field]]:
        """What people call a setting -> the settings it may mean, the likeliest first."""
        gathered: dict[tuple[str, ...], tuple[str, list[Field]]] = {}
        for rank in (0, 1, 2):
            for field in sorted(self.fields.values(), key=self._distance):
                for phrase in self._phrases(field, rank):
                    _, fields = gathered.setdefault(stems(phrase), (phrase, []))
                    if field not in fields:
                        fields.append(field)
        for _, fields in gathered.values():
            fields.sort(key=self._distance)
        return Phrases(gathered.values())

    @cached_property
    def values(self) -> Phrases[list[tuple[Field, str]]]:
        """What people call a value of a setting -> setting and value."""
        gathered: dict[tuple[str, ...], tuple[str, list[tuple[Field, str]]]] = {}
        for field in sorted(
            self.fields.values(), key=lambda one: (self._distance(one), len(one.key))
        ):
            told = self.skill.info.vocabulary.values.get(field.key, {})
            spoken = [(name, value) for value, names in told.items() for name in names]
            spoken += [(name, value) for value in field.choices for name in _spoken_forms(value)]
            for phrase, value in spoken:
                _, meanings = gathered.setdefault(stems(phrase), (phrase, []))
                if (field, value) not in meanings:
                    meanings.append((field, value))
        return Phrases(gathered.values())

    def find(self, name: str) -> Field | None:
        """The setting of a dotted key, shorthand or last part of a key."""
        key = self.skill.info.spec_shorthand_keys.get(name, name)
        if key in self.fields:
            return self.fields[key]
        if key in self.all_keys:
            return None
        spoken = self.names.of(name.replace(".", " "))
        return spoken[0] if spoken else None

    def is_telling(self, phrase_stems: tuple[str, ...]) -> bool:
        """Tell whether the words of a value say by themselves which setting is meant."""
        if phrase_stems in self._spoken_values:
            return True
        return any(len(word) > 1 and word not in _COMMON_VALUES for word in phrase_stems)

    def is_spoken_name(self, field: Field, phrase_stems: tuple[str, ...]) -> bool:
        """Tell whether words are what the skill itself says that users call a setting."""
        spoken = self.skill.info.vocabulary.keys.get(field.key, ())
        return any(stems(name) == phrase_stems for name in spoken)

    @cached_property
    def _spoken_values(self) -> frozenset[tuple[str, ...]]:
        """What the skill itself says that users call a value."""
        told = self.skill.info.vocabulary.values.values()
        return frozenset(
            stems(name) for values in told for names in values.values() for name in names
        )

    def _distance(self, field: Field) -> int:
        """The action's own settings come first, then those that have a short name."""
        if field.key.startswith(f"{self.action}."):
            return 0
        return 1 if field.key in self.skill.info.spec_shorthand_keys.values() else 2

    def _phrases(self, field: Field, rank: int) -> Iterator[str]:
        leaf = field.key.rpartition(".")[2]
        if rank == 0:
            yield from self.skill.info.vocabulary.keys.get(field.key, ())
            yield field.key.replace(".", " ")
            for short, key in self.skill.info.spec_shorthand_keys.items():
                if key == field.key:
                    yield short.replace("_", " ")
        elif rank == 1:
            yield from FIELD_NAMES.get(leaf, ())
        else:
            spoken = leaf.replace("_", " ")
            if len(stems(spoken)) > 1 or stem_of(spoken) not in _COMMON:
                yield spoken


class BankWords:
    """Everything that the words of a sentence can mean in one bank."""

    def __init__(self, bank: SkillBank) -> None:
        self.skills = {skill.name: skill for skill in bank if skill.has_info}
        self._actions: dict[tuple[str, str], ActionWords] = {}

    def action(self, skill: str, action: str) -> ActionWords:
        """The settings of an action."""
        if (skill, action) not in self._actions:
            self._actions[skill, action] = ActionWords(self.skills[skill], action)
        return self._actions[skill, action]

    @cached_property
    def action_phrases(self) -> Phrases[str]:
        """What asks for an action -> the action."""
        found = Phrases[str]()
        for skill in self.skills.values():
            for action, spoken in skill.info.vocabulary.actions.items():
                for phrase in spoken:
                    if GAP not in phrase:
                        found.add(phrase, action)
        for action in (*ACTIONS, *sorted(self.all_actions)):
            for phrase in ACTIONS.get(action, ()):
                found.add(phrase, action)
            if action in self.all_actions and action not in self.nouns:
                found.add(action.replace("_", " "), action)
        return found

    @cached_property
    def gapped_phrases(self) -> tuple[tuple[frozenset[str], frozenset[str], str], ...]:
        """Phrases with other words between: first words, last words, action."""
        return tuple(
            (
                frozenset(stems(phrase.partition(GAP)[0])),
                frozenset(stems(phrase.partition(GAP)[2])),
                action,
            )
            for skill in self.skills.values()
            for action, spoken in skill.info.vocabulary.actions.items()
            for phrase in spoken
            if GAP in phrase
        )

    @cached_property
    def all_actions(self) -> frozenset[str]:
        """Actions of any skill."""
        return frozenset(name for skill in self.skills.values() for name in skill.info.actions)

    @cached_property
    def key_words(self) -> frozenset[str]:
        """Every word of every spec key: none of them is a misspelling of another word."""
        parts = {
            part
            for skill in self.skills.values()
            for action in skill.info.actions
            if skill.has_schema(action)
            for key in dotted_keys(skill.schema(action))
            for part in re.split(r"[._]", key)
        }
        return frozenset(stem_of(part) for part in parts if part.isalpha())

    @cached_property
    def file_names(self) -> frozenset[str]:
        """Files that dataset roots hold; alone, such a name is no place."""
        return frozenset(
            source.file
            for skill in self.skills.values()
            for sources in skill.info.data_sources.values()
            for source in sources.values()
        )

    @property
    def nouns(self) -> frozenset[str]:
        """Actions whose name is a word for something else, too: `pose`."""
        return frozenset(a for a in self.all_actions if "_" not in a and a not in ACTIONS)

    def skills_with(self, action: str) -> list[str]:
        """Names of the skills that have an action."""
        return [name for name, skill in self.skills.items() if action in skill.info.actions]

    @cached_property
    def evidence(self) -> Phrases[Evidence]:
        """Phrases that point to skills."""
        weights: dict[tuple[str, ...], tuple[str, dict[str, float]]] = {}
        for name, skill in self.skills.items():
            for phrase, weight in _pointers(skill):
                key = stems(phrase)
                if not key or (len(key) == 1 and key[0] in _COMMON and weight < NAME):
                    continue
                _, told = weights.setdefault(key, (phrase, {}))
                told[name] = max(weight, told.get(name, 0))
        return Phrases((phrase, Evidence(_shared(told))) for phrase, told in weights.values())


def _shared(told: dict[str, float]) -> dict[str, float]:
    """A phrase of several skills says little about each."""
    return {name: weight if len(told) == 1 else weight / 2 for name, weight in told.items()}


def _pointers(skill: Skill) -> Iterator[tuple[str, float]]:
    """Phrases that point to a skill, with how much they say."""
    info = skill.info
    short = skill.name.removeprefix("tao-").removeprefix("train-")
    for phrase in (skill.name, short, info.network_arch, *info.vocabulary.names):
        yield phrase.replace("-", " ").replace("_", " "), NAME
        if len(stems(phrase)) > 1 and "-" in phrase:
            yield phrase.replace("-", ""), NAME
    for phrase in info.vocabulary.hints:
        yield phrase, HINT
    for phrase in _uses(str(skill.front_matter.get("description", ""))):
        yield phrase, TRACE
    for sources in info.data_sources.values():
        for source in sources.values():
            yield source.file, HINT
    for choices in info.vocabulary.values.values():
        for names in choices.values():
            for name in names:
                yield name, TRACE


def _uses(description: str) -> Iterator[str]:
    """What a page says that the skill is for: the phrases after `Use for`, up to four words."""
    told = description.partition("Use for")[2].partition("Not for")[0]
    for part in _LIST.split(" ".join(told.split())):
        words = part.strip().strip('".')
        if 1 < len(words.split()) <= 4:
            yield words


def _spoken_forms(value: str) -> Iterator[str]:
    """How people say the name of a choice: torch.optim.AdamW is adamw."""
    yield value
    if "." in value and value.rpartition(".")[2].isalpha():
        yield value.rpartition(".")[2]
    if "_" in value or "-" in value:
        yield re.sub(r"[-_]", "", value)
