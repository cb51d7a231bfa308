"""Whether the words want a search over hyperparameters: turn off AutoML, no HPO, plain training.

A topic (`AutoML`, `tuning`) is read with the words around it: each that says off, or not, turns its
meaning around, so that `don't turn off AutoML` wants the search.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto

from skillbank.request import AutomlPolicy
from skillbank.words.matcher import Match, Phrases, Said, Sentence
from skillbank.words.phrasebook import phrases, words
from skillbank.words.tokens import Kind

_WEAK = words("policies", "weak")
"""Topics of one word that are about a search only when a word beside them says so."""

_SAYS_ON = words("policies", "says_on")
_SMALL = words("policies", "small")
_JOINS = words("policies", "joins")
_ANSWERS_NO = words("policies", "answers_no")
_NOT_FOLLOWING = words("policies", "not_following")
_BEFORE_IMPERATIVE = words("policies", "before_imperative")
_AFTER_PRONOUN = words("policies", "after_pronoun")
_PLAIN_ADJECTIVES = words("policies", "plain_adjectives")
_ONES = frozenset({"one", "usual", "一"})  # `one training run` is only a count of them
_LONGEST = 4  # words in the longest modifier


class _Manner(Enum):
    """How a policy is said."""

    TOLD = auto()
    MENTIONED = auto()  # AutoML is spoken of, neither on nor off
    PLAIN = auto()  # `a plain training`
    REFERRED = auto()  # `skip it`


@dataclass(frozen=True)
class _Statement:
    """One statement about the search, and the tokens that make it."""

    policy: AutomlPolicy
    first: int
    end: int
    manner: _Manner = _Manner.TOLD


@dataclass(frozen=True)
class _Surroundings:
    """The words to one side of a topic.

    Attributes:
        reach: Token up to which they turn its meaning around.
        turns: How many of them do.
        says_on: Whether one of them says `on`.
    """

    reach: int
    turns: int
    says_on: bool


class PolicyWords:
    """Reads what a sentence says about AutoML.

    Args:
        names: Stems of the words that skills are called by, which may stand inside `a plain ...
            training`.
    """

    def __init__(self, names: Collection[str] = ()) -> None:
        self._names = frozenset(names)
        self._topics = Phrases.plain(phrases("policies", "topics"))
        self._modifiers = Phrases[int]()  # -1 turns the meaning around, 1 does not
        for section, sign in (("not", -1), ("off", -1), ("on", 1), ("filler", 1)):
            for phrase in phrases("policies", section):
                self._modifiers.add(phrase, sign)
        self._training = Phrases.plain(phrases("policies", "training"))
        self._plain = Phrases.plain(phrases("policies", "plain"))
        self._once = Phrases.plain(phrases("policies", "once"))
        self._wanted = Phrases.plain(phrases("policies", "wanted"))
        self._pronouns = Phrases(
            (phrase, policy)
            for section, policy in (("it_off", AutomlPolicy.OFF), ("it_on", AutomlPolicy.ON))
            for phrase in phrases("policies", section)
        )
        self._plain_words = self._plain.words | self._training.words
        self.words = self._plain_words | self._topics.words | self._modifiers.words
        self.words |= self._wanted.words

    def read(self, sentence: Sentence) -> list[Said]:
        """Every statement about AutoML, in order; its words are taken.

        Where AutoML is switched, what only mentions it counts for nothing; where `it` is, what
        stands before does.
        """
        topics = list(self._topics.find(sentence))
        found = self._about_topics(sentence, topics)
        found += self._flat_phrases(sentence) + self._plain_trainings(sentence)
        found += self._by_pronoun(sentence, topics)
        found.sort(key=lambda one: one.first)
        for one in found:
            self._take(sentence, one)
        referred = [one.first for one in found if one.manner is _Manner.REFERRED]
        if referred:
            found = [one for one in found if one.first >= referred[-1]]
        told = [one for one in found if one.manner is not _Manner.MENTIONED]
        return [Said("policy", one.policy, one.first, one.end) for one in told or found]

    def _take(self, sentence: Sentence, one: _Statement) -> None:
        """Take the words of a statement; in a plain training others may say which skill."""
        for index in range(one.first, one.end):
            if one.manner is not _Manner.PLAIN or sentence.stem(index) in self._plain_words:
                sentence.take(index, index + 1, "policy")

    def _about_topics(self, sentence: Sentence, topics: list[Match[bool]]) -> list[_Statement]:
        """What is said of each topic."""
        by_end: dict[int, _Statement] = {}
        for topic in topics:
            statement = self._about(sentence, topic, by_end)
            if statement is not None:
                by_end[topic.end] = statement
        return list(by_end.values())

    def _about(
        self, sentence: Sentence, topic: Match[bool], before: dict[int, _Statement]
    ) -> _Statement | None:
        """What is said of a topic, given the topics before it by where they end."""
        left = self._to_the_left(sentence, topic.first)
        right = self._to_the_right(sentence, topic.end)
        turns = left.turns + right.turns
        if not turns and (joined := self._joined(sentence, topic, before)):
            return joined
        if topic.end - topic.first == 1 and sentence.stem(topic.first) in _WEAK:
            word, preceding = sentence.word(topic.first), sentence.word(topic.first - 1)
            if word.endswith("ed") or preceding == "fine":  # "I tuned it by hand", "fine tune"
                return None
            if not turns and left.says_on and preceding == "the":  # "do the search"
                return _Statement(AutomlPolicy.ON, left.reach, right.reach)
            if not turns:
                return self._imperative(sentence, topic.first)
        policy = AutomlPolicy.OFF if turns % 2 else AutomlPolicy.ON
        is_told = turns or left.says_on or right.says_on
        manner = _Manner.TOLD if is_told else _Manner.MENTIONED
        return _Statement(policy, left.reach, right.reach, manner)

    def _to_the_left(self, sentence: Sentence, start: int) -> _Surroundings:
        """The modifiers before a topic, with one adjective between: `no silly search`."""
        turns, reach, at, says_on, may_skip = 0, start, start, False, True
        while True:
            match = self._modifier_before(sentence, at)
            if match is None and may_skip and self._is_adjective(sentence, at - 1):
                may_skip, at = False, at - 1
                continue
            if match is None:
                return _Surroundings(reach, turns, says_on)
            at = match.first
            says_on = says_on or _says_on(sentence, at)
            if match.meaning < 0:
                turns, reach = turns + 1, at

    def _to_the_right(self, sentence: Sentence, start: int) -> _Surroundings:
        """The modifiers after a topic: `AutoML should be off`, `AutoML? no thanks`."""
        turns, reach, at, says_on = 0, start, start, False
        if sentence.word(at) in {":", "=", "?", "->"}:
            at += 1
            if sentence.word(at) in _ANSWERS_NO or sentence.word(at + 1) == "thanks":
                return _Surroundings(at + 1, 1, says_on=False)
        while _may_follow(sentence, at) and (match := self._modifiers.at(sentence, at)):
            says_on = says_on or _says_on(sentence, match.first)
            at = match.end
            if match.meaning < 0:
                turns, reach = turns + 1, at
        return _Surroundings(reach, turns, says_on)

    def _modifier_before(self, sentence: Sentence, at: int) -> Match[int] | None:
        """The longest modifier that ends here."""
        for first in range(max(at - _LONGEST, 0), at):
            match = self._modifiers.at(sentence, first)
            if match and match.end == at:
                return match
        return None

    def _is_adjective(self, sentence: Sentence, at: int) -> bool:
        """Whether a word that nothing explains stands between a modifier and what it modifies."""
        if sentence.kind(at) is not Kind.WORD or sentence.is_taken(at):
            return False
        if sentence.stem(at) in _JOINS or sentence.stem(at) in _SMALL:
            return False
        return self._modifier_before(sentence, at) is not None

    def _imperative(self, sentence: Sentence, at: int) -> _Statement | None:
        """`Tune the pose classifier`: a verb that asks for a search."""
        is_verb = sentence.word(at) in {"tune", "sweep", "autotune"}
        if not is_verb or sentence.kind(at + 1) is not Kind.WORD:
            return None
        is_head = at == 0 or sentence.kind(at - 1) is not Kind.WORD
        if is_head or sentence.word(at - 1) in _BEFORE_IMPERATIVE:
            return _Statement(AutomlPolicy.ON, at, at + 1)
        return None

    def _joined(
        self, sentence: Sentence, topic: Match[bool], before: dict[int, _Statement]
    ) -> _Statement | None:
        """A topic that hangs on an earlier one: `no AutoML or HPO`."""
        at = topic.first - 1
        if sentence.word(at) not in _JOINS | {"/", ",", "&"}:
            return None
        if sentence.word(at) in _JOINS:
            for back in (1, 2):  # "turn off wandb and AutoML"
                match = self._modifier_before(sentence, at - back)
                if match and match.meaning < 0:
                    return _Statement(AutomlPolicy.OFF, topic.first, topic.end)
        said = before.get(at)
        return None if said is None else _Statement(said.policy, topic.first, topic.end)

    def _flat_phrases(self, sentence: Sentence) -> list[_Statement]:
        """Phrases with a meaning of their own: `find the best settings`, `train it once`."""
        return [
            self._flat(sentence, (match.first, match.end), policy)
            for table, policy in ((self._wanted, AutomlPolicy.ON), (self._once, AutomlPolicy.OFF))
            for match in table.find(sentence)
            if sentence.word(match.first - 1) != "fine" and sentence.word(match.first) != "tuned"
        ]

    def _flat(self, sentence: Sentence, span: tuple[int, int], policy: AutomlPolicy) -> _Statement:
        """A phrase that has a meaning of its own, turned around by a `not` before it."""
        left = self._to_the_left(sentence, span[0])
        if left.turns % 2:
            policy = AutomlPolicy.ON if policy is AutomlPolicy.OFF else AutomlPolicy.OFF
        return _Statement(policy, left.reach, span[1])

    def _by_pronoun(self, sentence: Sentence, topics: list[Match[bool]]) -> list[_Statement]:
        """`The search took forever, so skip it`: what `it` stands for was said before."""
        found = []
        for match in self._pronouns.find(sentence):
            is_end = sentence.kind(match.end) is not Kind.WORD  # not `keep it simple`
            is_end = is_end or sentence.word(match.end) in _AFTER_PRONOUN
            if is_end and topics and topics[0].end <= match.first:
                flat = self._flat(sentence, (match.first, match.end), match.meaning)
                found.append(_Statement(flat.policy, flat.first, flat.end, _Manner.REFERRED))
        return found

    def _plain_trainings(self, sentence: Sentence) -> list[_Statement]:
        """`A plain training`, `one single, simple pose training`."""
        found = []
        for match in self._plain.find(sentence):
            at = self._after_adjectives(sentence, match.end)
            training = self._training.at(sentence, at)
            if training is None or _is_count(sentence, match, training):
                continue
            flat = self._flat(sentence, (match.first, training.end), AutomlPolicy.OFF)
            found.append(_Statement(flat.policy, flat.first, flat.end, _Manner.PLAIN))
        return found

    def _after_adjectives(self, sentence: Sentence, at: int) -> int:
        """Where the training begins that further adjectives, and a skill's name, stand before."""
        if sentence.kind(at) is Kind.COMMA and sentence.word(at + 1) in _PLAIN_ADJECTIVES:
            at += 2
        while sentence.word(at) in _PLAIN_ADJECTIVES or sentence.stem(at) in self._names:
            if self._training.at(sentence, at):
                break
            at += 1
        return at


def _says_on(sentence: Sentence, index: int) -> bool:
    return not _SAYS_ON.isdisjoint({sentence.word(index), sentence.stem(index)})


def _may_follow(sentence: Sentence, at: int) -> bool:
    """Whether a word after a topic can belong to it: not `AutoML with 20 trials`."""
    if sentence.word(at) == "to":
        return sentence.word(at + 1) in {"be", "stay", "remain"}
    return sentence.word(at) not in _NOT_FOLLOWING


def _is_count(sentence: Sentence, plain: Match[bool], training: Match[bool]) -> bool:
    """Whether `one run` only counts."""
    if sentence.word(plain.first) not in _ONES or training.first != plain.end:
        return False
    is_noun = sentence.word(training.first) in {"training", "fit"}
    return training.end - training.first == 1 and not is_noun
