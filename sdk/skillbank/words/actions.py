"""What a sentence wants done, in order: mentions of actions, cut into groups that share details."""

from __future__ import annotations

from dataclasses import dataclass, replace

from skillbank.words.bank_words import BankWords
from skillbank.words.lexicon import BUILD, CLASSIFY, CORRECTIONS, MODEL_NOUNS, NOT_ACTION, THEN
from skillbank.words.matcher import Match, Phrases, Sentence
from skillbank.words.phrasebook import phrases, words
from skillbank.words.tokens import Kind

_PARTICIPLES = words("actions", "participles")
_SUBJECTS = words("actions", "subjects")
_WISHES = words("actions", "wishes")
_VOID = phrases("actions", "void")
_UNREAL = phrases("actions", "unreal")
_NOTHING = phrases("actions", "nothing")
_NOW = words("actions", "now")
_FAREWELL = words("actions", "farewell")
_GAPPED = (
    (frozenset({"what", "was"}), frozenset({"doing", "tut", "tun", "macht", "machen"}), "inference"),
    (frozenset({"turn", "transform", "cut", "reformat", "wandle", "verwandle"}), frozenset({"arrays", "array", "numpy", "npy", "dataset", "datasets"}), "dataset_convert"),
    (frozenset({"把", "将"}), frozenset({"转"}), "dataset_convert"),
)
_NOT_AFTER = words("actions", "not_after")
_NOUN_BEFORE = words("actions", "noun_before")
_VERB_BEFORE = words("actions", "verb_before")
_LIGHT = words("actions", "light")
_STRONG = words("actions", "strong")
_ALSO = words("actions", "also")
_FILL = words("actions", "fill")


@dataclass(frozen=True)
class Mention:
    """A place where an action is asked for."""

    action: str
    first: int
    end: int
    is_negated: bool = False


@dataclass(frozen=True)
class Group:
    """Actions said in one breath, and the tokens that speak of them."""

    actions: tuple[Mention, ...]
    first: int
    end: int


class ActionReader:
    """Finds what is to be done."""

    def __init__(self, words: BankWords) -> None:
        self._words = words
        self._not = Phrases.plain(NOT_ACTION)
        self._then = Phrases.plain(THEN)
        self._corrections = Phrases((p, p) for p in CORRECTIONS)
        self._classify = Phrases.plain(CLASSIFY)
        self._build = Phrases.plain(BUILD)
        self._nouns = Phrases.plain(MODEL_NOUNS)
        self._void = Phrases.plain(_VOID)
        self._nothing = Phrases.plain(_NOTHING)
        self._unreal = Phrases.plain(_UNREAL)
        self.words = self._then.words | self._classify.words | self._build.words | self._nouns.words

    def mentions(self, sentence: Sentence) -> list[Mention]:
        """Actions asked for, or asked not to be done, in order; their words are taken."""
        matches = list(self._words.action_phrases.find(sentence))
        matches = [match for match in matches if not self._leads_to_export(sentence, match, matches)]
        found = [self._mention(sentence, match) for match in matches]
        mentions = self._without_artefacts(sentence, [one for one in found if one is not None])
        mentions += self._with_gaps(sentence, mentions)
        if not mentions:  # `train data /x`: the only word that asks for anything
            mentions = [Mention(m.meaning, m.first, m.end, self.is_negated(sentence, m.first)) for m in matches if sentence.word(m.first) in {"train", "evaluate", "test"}][:1]
        mentions.sort(key=lambda one: one.first)
        mentions = self._without_nouns(sentence, mentions)
        mentions = self._spread_negation(sentence, mentions)
        for one in mentions:
            sentence.take(one.first, one.end, one.action)
        return mentions

    def classify(self, sentence: Sentence) -> Match[bool] | None:
        """A verb such as `classify`, which may ask for a training or for predictions."""
        verbs = (m for m in self._classify.find(sentence) if not sentence.word(m.first).endswith(("er", "ers", "or", "器")))
        return next(verbs, None)

    def builds(self, sentence: Sentence) -> Match[bool] | None:
        """A wish for a model: `I need a classifier`."""
        for match in self._build.find(sentence):
            for index in range(match.end, min(match.end + 12, len(sentence.tokens))):
                noun = self._nouns.at(sentence, index)
                if noun:
                    return Match(match.first, noun.end, True)
                if sentence.kind(index) is Kind.STOP:
                    break
        return None

    def corrections(self, sentence: Sentence) -> list[Match[str]]:
        """Words that take something back."""
        found = list(self._corrections.find(sentence))
        for index in range(len(sentence.tokens) - 1):
            if sentence.word(index) in {"no", "nein", "不"} and sentence.kind(index + 1) is Kind.COMMA and not sentence.is_taken(index):
                found.append(Match(index, index + 1, "no"))
        return sorted(found, key=lambda match: match.first)

    def groups(self, sentence: Sentence, mentions: list[Mention]) -> list[Group]:
        """Mentions in groups; each group owns the tokens up to the next one's beginning."""
        gathered: list[list[Mention]] = []
        for mention in mentions:
            if gathered and self._is_light(sentence, gathered[-1][-1].end, mention.first):
                gathered[-1].append(mention)
            else:
                gathered.append([mention])
        starts = [0]
        for before, after in zip(gathered, gathered[1:], strict=False):
            starts.append(self._start(sentence, before[-1].end, after[0].first))
        ends = [*starts[1:], len(sentence.tokens)]
        return [Group(tuple(ms), s, e) for ms, s, e in zip(gathered, starts, ends, strict=True)]

    def _mention(self, sentence: Sentence, match: Match[str]) -> Mention | None:
        first, end, action = match.first, match.end, match.meaning
        word, after = sentence.word(first), sentence.word(end)
        single = end - first == 1
        if single and word in _PARTICIPLES and not self._is_wished(sentence, first):
            return None
        if single and after in _NOT_AFTER and action in {"train", "evaluate", "inference"} and word not in {"retrain", "trainiere", "evaluate", "predict"}:
            return None
        if single and word == "fit" and (sentence.word(first - 1) not in {"to", "", "please", "and", ","} and first > 0):
            return None
        before = sentence.word(first - 1)
        if word == "test" and single and sentence.kind(first - 1) is Kind.WORD and before not in _VERB_BEFORE:
            return None
        if word == "train" and sentence.word(first - 1) == "to" and sentence.word(first - 2) in {"dataset", "data", "set"}:
            return None
        return Mention(action, first, end, self.is_negated(sentence, first))

    def _is_wished(self, sentence: Sentence, first: int) -> bool:
        """`I want a model trained`, not `I trained a model`."""
        if sentence.word(first - 1) in _SUBJECTS:
            return False
        for at in range(first - 1, max(first - 12, -1), -1):
            if sentence.kind(at) is Kind.STOP:
                return False
            if sentence.word(at) in _WISHES:
                return True
        return False

    def _leads_to_export(self, sentence: Sentence, match: Match[str], matches: list[Match[str]]) -> bool:
        """`convert it to ONNX` is an export."""
        if match.meaning != "dataset_convert" or sentence.stem(match.first) != "convert":
            return False
        later = [m for m in matches if m.first >= match.end and m.meaning in {"export", "gen_trt_engine"}]
        return bool(later) and later[0].first - match.end <= 14 and not any(
            sentence.word(i) in {"then", "afterwards"} or (sentence.kind(i) is Kind.STOP) for i in range(match.end, later[0].first)
        ) and not any(m.meaning == "train" and match.end <= m.first < later[0].first for m in matches)

    def _without_artefacts(self, sentence: Sentence, mentions: list[Mention]) -> list[Mention]:
        """Leave out an ONNX file that is only what an engine is built from."""
        if not any(one.action == "gen_trt_engine" for one in mentions):
            return mentions
        return [
            one
            for one in mentions
            if one.action != "export" or sentence.word(one.first) != "onnx" or sentence.word(one.first - 1) in {"to", "as", "into"}
        ]

    def _with_gaps(self, sentence: Sentence, mentions: list[Mention]) -> list[Mention]:
        """Phrases with other words inside: `what are the people in FILE doing`, `turn X into arrays`."""
        found = []
        spans = [(one.first, one.end) for one in mentions]
        for first in range(len(sentence.tokens)):
            for heads, tails, action in (*_GAPPED, *self._words.gapped_phrases):
                if not {sentence.word(first), sentence.stem(first)} & heads or action not in self._words.all_actions:
                    continue
                end = self._tail(sentence, first + 1, tails)
                if end and not any(s < end and first < e for s, e in spans):
                    found.append(Mention(action, first, first + 1, self.is_negated(sentence, first)))
                    spans.append((first, end))
        return found

    def _tail(self, sentence: Sentence, start: int, tails: frozenset[str]) -> int | None:
        for index in range(start, min(start + 14, len(sentence.tokens))):
            if sentence.kind(index) is Kind.STOP or sentence.meaning(index) == "policy":
                return None
            if sentence.kind(index) is Kind.PATH and sentence.word(index).endswith(".npy") and "npy" in tails:
                return index
            if {sentence.word(index), sentence.stem(index)} & tails and not sentence.is_taken(index):
                return index + 1
        return None

    def voids(self, sentence: Sentence, mention: Mention) -> bool:
        """Tell whether the words before an action say that it is only thought or told of."""
        start = next((i + 1 for i in range(mention.first - 1, -1, -1) if sentence.kind(i) is Kind.STOP), 0)
        return any(
            start <= m.first and m.end <= mention.first and not self._turns(sentence, m.end, mention.first)
            for m in self._unreal.find(sentence)
        )

    def _turns(self, sentence: Sentence, first: int, end: int) -> bool:
        """Whether the sentence comes to the present: `last time ..., so now`."""
        return any(sentence.word(index) in _NOW for index in range(first, end))

    def takes_back(self, sentence: Sentence) -> Match[bool] | None:
        """The last words that take everything back: `forget it`, `better not`."""
        voids = list(self._void.find(sentence))
        for match in voids:
            rest = set(range(match.end, len(sentence.tokens)))
            rest -= {i for other in voids for i in range(other.first, other.end)}
            if all(sentence.kind(i) is not Kind.WORD or sentence.word(i) in _FAREWELL for i in rest) and not any(
                sentence.kind(i) in {Kind.NUMBER, Kind.PATH} for i in rest
            ):
                return match
        return None

    def forbids(self, sentence: Sentence) -> bool:
        """Tell whether nothing at all is to be run: `stop, don't run anything`."""
        return any(True for _ in self._nothing.find(sentence))

    def tells(self, sentence: Sentence) -> bool:
        """Tell whether the sentence speaks of what was, or might be: `yesterday I trained`."""
        if any(True for _ in self._unreal.find(sentence)):
            return True
        return any(
            sentence.word(i) in _PARTICIPLES and sentence.word(i - 1) in _SUBJECTS
            for i in range(1, len(sentence.tokens))
        )

    def is_negated(self, sentence: Sentence, first: int) -> bool:
        at = first
        while at > 0 and sentence.word(at - 1) in _FILL and first - at < 4:
            at -= 1
        for length in (4, 3, 2, 1):
            for end in dict.fromkeys((at, first)):
                start = end - length
                match = self._not.at(sentence, start) if start >= 0 else None
                if match and match.end == end:
                    return sentence.word(end) != "only" and sentence.word(start) not in {"before", "stop"}
        return sentence.word(first + 1) in {"nothing", "nichts", "nobody"}

    def _without_nouns(self, sentence: Sentence, mentions: list[Mention]) -> list[Mention]:
        """Leave out `the training` where another word asks for the training."""
        def is_noun(one: Mention) -> bool:
            words = {sentence.word(one.end - 1), sentence.word(one.first)}
            return bool(words & {"training", "evaluation", "prediction", "predictions", "inference", "export", "run", "trainings", "训"}) and (
                sentence.word(one.first - 1) in _NOUN_BEFORE or sentence.word(one.first - 2) in {"of", "from"}
            )

        sure = {one.action for one in mentions if not is_noun(one)}
        return [m for m in mentions if m.is_negated or not is_noun(m) or m.action not in sure]

    def _spread_negation(self, sentence: Sentence, mentions: list[Mention]) -> list[Mention]:
        """`don't evaluate or export` negates both."""
        spread: list[Mention] = []
        for one in mentions:
            joins = {sentence.word(one.first - 1), sentence.word(one.first - 2)}
            near = spread and one.first - spread[-1].end <= 2
            if near and spread[-1].is_negated and joins & {"or", "nor", "and", "oder", "/"}:
                one = replace(one, is_negated=True)
            spread.append(one)
        return spread

    def _is_light(self, sentence: Sentence, first: int, end: int) -> bool:
        for index in range(first, end):
            if sentence.word(index) in {"then", "dann", "然", "afterwards", "finally"}:
                continue
            if sentence.word(index) not in _LIGHT:
                return False
        return True

    def _start(self, sentence: Sentence, low: int, high: int) -> int:
        """Where the words about the action at `high` begin."""
        then = [m.first for m in self._then.find(sentence) if low <= m.first < high]
        stops = [i + 1 for i in range(low, high) if sentence.kind(i) is Kind.STOP]
        if then or stops:
            return then[0] if then else stops[-1]
        for index in range(high - 1, low - 1, -1):
            if sentence.kind(index) is Kind.COMMA or sentence.word(index) in {"and", "und", "并", "&", "but"}:
                return index
        return high
