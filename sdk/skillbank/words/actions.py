"""What a sentence wants done, in order: mentions of actions, cut into groups that share details."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from skillbank.words.bank_words import BankWords
from skillbank.words.lexicon import BUILD, CLASSIFY, MODEL_NOUNS, THEN
from skillbank.words.matcher import Match, Phrases, Sentence
from skillbank.words.phrasebook import words
from skillbank.words.retractions import Retractions
from skillbank.words.tokens import Kind

_PARTICIPLES = words("actions", "participles")
_SUBJECTS = words("actions", "subjects")
_WISHES = words("actions", "wishes")
_NOT_AFTER = words("actions", "not_after")
_NOUN_BEFORE = words("actions", "noun_before")
_VERB_BEFORE = words("actions", "verb_before")
_FIT_BEFORE = words("actions", "fit_before")
_LIGHT = words("actions", "light")
_NOUNS = words("actions", "nouns")
_AND = words("actions", "and")
_THEN = words("actions", "then")
_SURE_VERBS = frozenset({"retrain", "trainiere", "evaluate", "predict"})
_LAST_RESORTS = frozenset({"train", "evaluate", "test"})
_REACH = 12  # words between the parts of one phrase: `I need ... a classifier`
_GAPPED = (
    (
        frozenset({"what", "was"}),
        frozenset({"doing", "tut", "tun", "macht", "machen"}),
        "inference",
    ),
    (
        frozenset({"turn", "transform", "cut", "reformat", "wandle", "verwandle"}),
        frozenset({"arrays", "array", "numpy", "npy", "dataset", "datasets"}),
        "dataset_convert",
    ),
    (frozenset({"把", "将"}), frozenset({"转"}), "dataset_convert"),
)
"""Phrases with other words between: first words, last words, action."""


@dataclass(frozen=True)
class Mention:
    """A place where an action is asked for.

    Attributes:
        action: Its name.
        first: First token of the words.
        end: One past the last; `first` where only details imply the action.
        is_negated: Whether it is asked not to be done.
        is_implied: Whether no word names it.
    """

    action: str
    first: int
    end: int
    is_negated: bool = False
    is_implied: bool = False


@dataclass(frozen=True)
class Group:
    """Actions said in one breath, and the tokens that speak of them."""

    actions: tuple[Mention, ...]
    first: int
    end: int


class ActionReader:
    """Finds what is to be done."""

    def __init__(self, words: BankWords, retractions: Retractions) -> None:
        self._words, self._retractions = words, retractions
        self._then = Phrases.plain(THEN)
        self._classify = Phrases.plain(CLASSIFY)
        self._build = Phrases.plain(BUILD)
        self._nouns = Phrases.plain(MODEL_NOUNS)
        self.words = self._then.words | self._classify.words | self._build.words | self._nouns.words

    def mentions(self, sentence: Sentence) -> list[Mention]:
        """Actions asked for, or asked not to be done, in order; their words are taken."""
        every = list(self._words.action_phrases.find(sentence))
        matches = [match for match in every if not _leads_to_export(sentence, match, every)]
        asked = [self._mention(sentence, one) for one in matches if _is_asked(sentence, one)]
        mentions = _without_artefacts(sentence, asked)
        mentions += self._with_gaps(sentence, mentions)
        if not mentions:  # `train data /x`: the only word that asks for anything
            last = (one for one in matches if sentence.word(one.first) in _LAST_RESORTS)
            mentions = [self._mention(sentence, one) for one in last][:1]
        mentions.sort(key=lambda one: one.first)
        mentions = _spread_negation(sentence, _without_nouns(sentence, mentions))
        for one in mentions:
            sentence.take(one.first, one.end, one.action)
        return mentions

    def classify(self, sentence: Sentence) -> Match[bool] | None:
        """A verb such as `classify`, which may ask for a training or for predictions."""
        nouns = ("er", "ers", "or", "器")  # a classifier is no verb
        found = self._classify.find(sentence)
        return next((one for one in found if not sentence.word(one.first).endswith(nouns)), None)

    def builds(self, sentence: Sentence) -> Match[bool] | None:
        """A wish for a model: `I need a classifier`."""
        for match in self._build.find(sentence):
            for index in range(match.end, match.end + _REACH):
                noun = self._nouns.at(sentence, index)
                if noun:
                    return Match(match.first, noun.end, True)
                if sentence.is_stop(index):
                    break
        return None

    def groups(self, sentence: Sentence, mentions: Sequence[Mention]) -> list[Group]:
        """Mentions in groups; each group owns the tokens up to the next one's beginning."""
        gathered: list[list[Mention]] = []
        for mention in mentions:
            if gathered and _is_light(sentence, gathered[-1][-1].end, mention.first):
                gathered[-1].append(mention)
            else:
                gathered.append([mention])
        starts = [0]
        for before, after in pairwise(gathered):
            starts.append(self._start(sentence, before[-1].end, after[0].first))
        ends = [*starts[1:], len(sentence)]
        return [
            Group(tuple(actions), start, end)
            for actions, start, end in zip(gathered, starts, ends, strict=True)
        ]

    def _mention(self, sentence: Sentence, match: Match[str]) -> Mention:
        is_negated = self._retractions.is_negated(sentence, match.first)
        return Mention(match.meaning, match.first, match.end, is_negated)

    def _with_gaps(self, sentence: Sentence, mentions: Sequence[Mention]) -> list[Mention]:
        """Phrases with words inside: `what are they doing in FILE`, `turn X into arrays`."""
        found = []
        covered = {index for one in mentions for index in range(one.first, one.end)}
        known = self._words.all_actions
        phrases = [one for one in (*_GAPPED, *self._words.gapped_phrases) if one[2] in known]
        for first in range(len(sentence)):
            forms = {sentence.word(first), sentence.stem(first)}
            for heads, tails, action in phrases:
                is_head = bool(forms & heads) and not sentence.word(first).endswith("ed")
                end = _tail(sentence, first + 1, tails) if is_head else None
                if end and covered.isdisjoint(range(first, end)):
                    found.append(self._mention(sentence, Match(first, first + 1, action)))
                    covered.update(range(first, end))
        return found

    def _start(self, sentence: Sentence, low: int, high: int) -> int:
        """Where the words about the action at `high` begin."""
        then = next(self._then.find(sentence, low, high), None)
        if then is not None:
            return then.first
        stops = [index + 1 for index in range(low, high) if sentence.is_stop(index)]
        if stops:
            return stops[-1]
        for index in range(high - 1, low - 1, -1):
            if sentence.kind(index) is Kind.COMMA or sentence.word(index) in _AND:
                return index
        return high


def _is_asked(sentence: Sentence, match: Match[str]) -> bool:
    """Whether the words for an action ask for it, and do not describe something else."""
    first, word = match.first, sentence.word(match.first)
    before = sentence.word(first - 1)
    if (
        word == "train"
        and before == "to"
        and sentence.word(first - 2) in {"dataset", "data", "set"}
    ):
        return False
    if match.end - first > 1:
        return True
    if word in _PARTICIPLES and not _is_wished(sentence, first):
        return False
    is_common = match.meaning in {"train", "evaluate", "inference"} and word not in _SURE_VERBS
    if is_common and sentence.word(match.end) in _NOT_AFTER:
        return False
    if word == "fit" and first > 0 and before and before not in _FIT_BEFORE:
        return False
    return word != "test" or sentence.kind(first - 1) is not Kind.WORD or before in _VERB_BEFORE


def _is_wished(sentence: Sentence, first: int) -> bool:
    """`I want a model trained`, not `I trained a model`."""
    if sentence.word(first - 1) in _SUBJECTS:
        return False
    for at in range(first - 1, max(first - _REACH, -1), -1):
        if sentence.is_stop(at):
            return False
        if sentence.word(at) in _WISHES:
            return True
    return False


def _leads_to_export(sentence: Sentence, match: Match[str], every: Sequence[Match[str]]) -> bool:
    """`Convert it to ONNX` is an export."""
    if match.meaning != "dataset_convert" or sentence.stem(match.first) != "convert":
        return False
    exports = {"export", "gen_trt_engine"}
    later = (one for one in every if one.first >= match.end and one.meaning in exports)
    export = next(later, None)
    if export is None or export.first - match.end > 14:
        return False
    between = range(match.end, export.first)
    if any(sentence.is_stop(i) or sentence.word(i) in {"then", "afterwards"} for i in between):
        return False
    return not any(one.meaning == "train" and one.first in between for one in every)


def _without_artefacts(sentence: Sentence, mentions: Sequence[Mention]) -> list[Mention]:
    """Leave out an ONNX file that is only what an engine is built from."""
    if not any(one.action == "gen_trt_engine" for one in mentions):
        return list(mentions)
    return [
        one
        for one in mentions
        if one.action != "export"
        or sentence.word(one.first) != "onnx"
        or sentence.word(one.first - 1) in {"to", "as", "into"}
    ]


def _tail(sentence: Sentence, start: int, tails: frozenset[str]) -> int | None:
    """Where a phrase with words inside ends, when its last word follows soon."""
    for index in range(start, min(start + _REACH + 2, len(sentence))):
        word = sentence.word(index)
        if sentence.is_stop(index) or sentence.meaning(index) == "policy":
            return None
        if sentence.kind(index) is Kind.PATH and word.endswith(".npy") and "npy" in tails:
            return index
        if {word, sentence.stem(index)} & tails and not sentence.is_taken(index):
            return index + 1
    return None


def _without_nouns(sentence: Sentence, mentions: Sequence[Mention]) -> list[Mention]:
    """Leave out `the training` where another word asks for the training."""
    sure = {one.action for one in mentions if not _is_noun(sentence, one)}
    return [
        one
        for one in mentions
        if one.is_negated or one.action not in sure or not _is_noun(sentence, one)
    ]


def _is_noun(sentence: Sentence, one: Mention) -> bool:
    """Whether a mention names a job: `the training`, `the result of training`."""
    if not {sentence.word(one.end - 1), sentence.word(one.first)} & _NOUNS:
        return False
    if sentence.word(one.first - 1) in _NOUN_BEFORE:
        return True
    return sentence.word(one.first - 2) in {"of", "from"}


def _spread_negation(sentence: Sentence, mentions: Sequence[Mention]) -> list[Mention]:
    """`Don't evaluate or export` negates both."""
    spread: list[Mention] = []
    for one in mentions:
        joins = sentence.words_before(one.first) & {"or", "nor", "and", "oder", "/"}
        before = spread[-1] if spread else None
        is_joined = before and before.is_negated and one.first - before.end <= 2 and joins
        spread.append(replace(one, is_negated=True) if is_joined else one)
    return spread


def _is_light(sentence: Sentence, first: int, end: int) -> bool:
    """Whether nothing between two actions belongs to one of them."""
    return sentence.words(first, end) <= _LIGHT | _THEN
