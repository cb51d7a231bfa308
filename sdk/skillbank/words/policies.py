"""Whether the words want a search over hyperparameters: turn off AutoML, no HPO, plain training."""

from __future__ import annotations

from dataclasses import replace

from skillbank.request import AutomlPolicy
from skillbank.words.matcher import Match, Phrases, Said, Sentence
from skillbank.words.phrasebook import phrases, words
from skillbank.words.tokens import Kind

_TOPICS = phrases("policies", "topics")
_WEAK = words("policies", "weak")
"""Topics of one word that are about a search only when a word beside them says so."""

_OFF = phrases("policies", "off")
_NOT = phrases("policies", "not")
_ON = phrases("policies", "on")
_SAYS_ON = words("policies", "says_on")
_SMALL = words("policies", "small")
_FILLER = phrases("policies", "filler")
_PLAIN = phrases("policies", "plain")
_TRAINING = phrases("policies", "training")
_ONCE = phrases("policies", "once")
_WANTED = phrases("policies", "wanted")

_IT_OFF = phrases("policies", "it_off")
_IT_ON = phrases("policies", "it_on")


class PolicyWords:
    """Reads what a sentence says about AutoML."""

    def __init__(self) -> None:
        self._topics = Phrases.plain(_TOPICS)
        self._modifiers = Phrases[int]()  # -1 turns the meaning around, 1 does not
        for table, sign in ((_NOT, -1), (_OFF, -1), (_ON, 1), (_FILLER, 1)):
            for phrase in table:
                self._modifiers.add(phrase, sign)
        self._joins = frozenset({"or", "and", "nor", "oder", "und", "noch", "和", "或"})
        self._training = Phrases.plain(_TRAINING)
        self._plain = Phrases.plain(_PLAIN)
        self._once = Phrases.plain(_ONCE)
        self._wanted = Phrases.plain(_WANTED)
        self._pronouns = Phrases(
            [(p, AutomlPolicy.OFF) for p in _IT_OFF] + [(p, AutomlPolicy.ON) for p in _IT_ON]
        )
        self.words = {
            word
            for phrases in (
                self._topics,
                self._modifiers,
                self._training,
                self._plain,
                self._wanted,
            )
            for word in phrases.words
        }

    def read(self, sentence: Sentence) -> list[Said]:
        """Every statement about AutoML, in order; its words are taken."""
        found = [self._policy(sentence, match) for match in self._topics.find(sentence)]
        said = [one for one in found if one is not None]
        for table, policy in ((self._wanted, AutomlPolicy.ON), (self._once, AutomlPolicy.OFF)):
            said += [
                self._flat(sentence, match, policy)
                for match in table.find(sentence)
                if sentence.word(match.first - 1) != "fine"
                and sentence.word(match.first) != "tuned"
            ]
        said += self._plain_trainings(sentence)
        said += self._by_pronoun(sentence)
        said.sort(key=lambda one: one.first)
        for one in said:
            for index in range(one.first, one.end):
                if (
                    one.slot != "plain"
                    or sentence.stem(index) in self._plain.words | self._training.words
                ):
                    sentence.take(index, index + 1, "policy")
        if referring := [one for one in said if one.slot == "pronoun"]:
            said = [one for one in said if one.first >= referring[-1].first]
        told = [replace(one, slot="policy") for one in said if one.slot != "mention"]
        return told or [replace(one, slot="policy") for one in said]

    def _policy(self, sentence: Sentence, topic: Match[bool]) -> Said | None:
        """What stands around a topic: each word for off or not turns its meaning around."""
        first, left, on_left = self._modified(sentence, topic.first, -1)
        end, right, on_right = self._modified(sentence, topic.end, 1)
        is_told = left + right > 0 or on_left or on_right
        if left + right == 0 and (joined := self._joined(sentence, topic)):
            return joined
        is_weak = topic.end - topic.first == 1 and sentence.stem(topic.first) in _WEAK
        if is_weak and sentence.word(topic.first).endswith("ed"):
            return None  # "I tuned it by hand"
        if is_weak and sentence.word(topic.first - 1) == "fine":
            return None
        if is_weak and left + right == 0 and on_left and sentence.word(topic.first - 1) == "the":
            return Said("policy", AutomlPolicy.ON, first, end)  # "do the search"
        if is_weak and left + right == 0:
            return self._imperative(sentence, topic)
        policy = AutomlPolicy.OFF if (left + right) % 2 else AutomlPolicy.ON
        return Said("policy" if is_told else "mention", policy, first, end)

    def _modified(self, sentence: Sentence, start: int, way: int) -> tuple[int, int, bool]:
        """How far the words that modify a topic reach to one side, how many turn it around.

        The last value tells whether one of them says `on`.
        """
        turns, reach, at, says_on = 0, start, start, False
        if way > 0 and sentence.word(at) in {":", "=", "?", "->"}:
            at += 1
            if (
                sentence.word(at) in {"no", "nope", "none", "off", "nein"}
                or sentence.word(at + 1) == "thanks"
            ):
                return at + 1, 1, False
        skipped = False
        while True:
            match = self._modifier(sentence, at, way)
            if match is None and way < 0 and not skipped and self._is_adjective(sentence, at - 1):
                skipped, at = True, at - 1  # "no silly search"
                continue
            if match is None:
                break
            at = match.first if way < 0 else match.end
            says_on = says_on or bool(
                {sentence.word(match.first), sentence.stem(match.first)} & _SAYS_ON
            )
            if match.meaning < 0:
                turns, reach = turns + 1, at
        return reach, turns, says_on

    def _is_adjective(self, sentence: Sentence, at: int) -> bool:
        """Whether a word that nothing explains stands between a modifier and what it modifies."""
        if (
            sentence.kind(at) is not Kind.WORD
            or sentence.is_taken(at)
            or sentence.stem(at) in self._joins | _SMALL
        ):
            return False
        return self._modifier(sentence, at, -1) is not None

    def _modifier(self, sentence: Sentence, at: int, way: int) -> Match[int] | None:
        """The longest modifier that ends, or begins, here."""
        if way > 0:
            return self._modifiers.at(sentence, at) if self._may_follow(sentence, at) else None
        for length in (4, 3, 2, 1):
            match = self._modifiers.at(sentence, at - length) if at >= length else None
            if match and match.end == at:
                return match
        return None

    def _may_follow(self, sentence: Sentence, at: int) -> bool:
        """Words after a topic belong to it only when they can: not `AutoML with 20 trials`."""
        if sentence.word(at) == "to":
            return sentence.word(at + 1) in {"be", "stay", "remain"}
        return sentence.word(at) not in {
            "with",
            "for",
            "in",
            "at",
            "to",
            "run",
            "mit",
            "no",
            "without",
            "ohne",
            "用",
            "do",
            "make",
            "keine",
            "kein",
        }

    def _imperative(self, sentence: Sentence, topic: Match[bool]) -> Said | None:
        """`Tune the pose classifier`: a verb that asks for a search."""
        at = topic.first
        is_head = (
            at == 0
            or sentence.kind(at - 1) is not Kind.WORD
            or sentence.word(at - 1) in {"please", "and", "then", "to", "now", "bitte"}
        )
        if (
            sentence.word(at) in {"tune", "sweep", "autotune"}
            and is_head
            and sentence.kind(at + 1) is Kind.WORD
        ):
            return Said("policy", AutomlPolicy.ON, at, at + 1)
        return None

    def _joined(self, sentence: Sentence, topic: Match[bool]) -> Said | None:
        """A topic that hangs on an earlier one: `no AutoML or HPO`."""
        at = topic.first - 1
        if sentence.word(at) not in {*self._joins, "/", ",", "&"}:
            return None
        for back in (2, 3):  # "turn off wandb and AutoML"
            match = self._modifier(sentence, at - back + 1, -1)
            if match and match.meaning < 0 and sentence.word(at) in self._joins:
                return Said("policy", AutomlPolicy.OFF, topic.first, topic.end)
        before = next((m for m in self._topics.find(sentence) if m.end == at), None)
        said = self._policy(sentence, before) if before else None
        return None if said is None else Said("policy", said.value, topic.first, topic.end)

    def _flat(self, sentence: Sentence, match: Match[bool], policy: AutomlPolicy) -> Said:
        """A phrase that has a meaning of its own, turned around by a `not` before it."""
        first, turns, _ = self._modified(sentence, match.first, -1)
        if turns % 2:
            policy = AutomlPolicy.ON if policy is AutomlPolicy.OFF else AutomlPolicy.OFF
        return Said("policy", policy, first if turns else match.first, match.end)

    def _by_pronoun(self, sentence: Sentence) -> list[Said]:
        """`The search took forever, so skip it`: what `it` stands for was said before."""
        topics = [match.end for match in self._topics.find(sentence)]
        return [
            replace(self._flat(sentence, match, match.meaning), slot="pronoun")
            for match in self._pronouns.find(sentence)
            if any(end <= match.first for end in topics) and self._closes(sentence, match.end)
        ]

    def _closes(self, sentence: Sentence, at: int) -> bool:
        """Whether a phrase with a pronoun ends here: not `keep it simple`."""
        after = {
            "on",
            "in",
            "off",
            "please",
            "too",
            "then",
            "and",
            "but",
            "enabled",
            "this",
            "here",
            "again",
            "for",
            "with",
            "bitte",
            "train",
        }
        return sentence.kind(at) is not Kind.WORD or sentence.word(at) in after

    def _plain_trainings(self, sentence: Sentence) -> list[Said]:
        found = []
        for match in self._plain.find(sentence):
            at = match.end
            if sentence.kind(at) is Kind.COMMA and sentence.word(at + 1) in {
                "single",
                "plain",
                "direct",
                "simple",
            }:
                at += 2
            while sentence.word(at) in {
                "old",
                "and",
                "simple",
                "single",
                "plain",
                "direct",
                "的",
                "地",
                "pose",
                "ordinary",
                "quick",
                "normal",
                "straightforward",
                "stgcn",
                "st",
                "gcn",
                "centerpose",
                "model",
            }:
                at += 1
            training = self._training.at(sentence, at)
            if training is None or (
                sentence.word(match.first) in {"one", "usual", "一"}
                and at == match.end
                and training.end - training.first == 1
                and sentence.word(at) not in {"training", "fit"}
            ):
                continue
            flat = self._flat(sentence, Match(match.first, training.end, True), AutomlPolicy.OFF)
            found.append(replace(flat, slot="plain"))
        return found
