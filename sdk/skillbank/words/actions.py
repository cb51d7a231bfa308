"""What a sentence wants done, in order: mentions of actions, cut into groups that share details."""

from __future__ import annotations

from dataclasses import dataclass, replace

from skillbank.words.bank_words import BankWords
from skillbank.words.lexicon import BUILD, CLASSIFY, CORRECTIONS, MODEL_NOUNS, NOT_ACTION, THEN, phrases
from skillbank.words.matcher import Match, Phrases, Sentence
from skillbank.words.tokens import Kind

_PARTICIPLES = frozenset({"trained", "evaluated", "exported", "predicted", "tested", "fitted", "pruned", "trainiertes", "trainierte", "trainierten"})
_BECOMES = frozenset({"be", "get", "gets", "getting", "being", "want", "need", "have", "like", "it", "them", "this"})
_NOT_AFTER = frozenset(
    "set sets data split folder images clips files file logs log loss losses report curve curves time examples "
    "samples epochs epoch epochen labels videos results subjects speed settings parameters params script code pipeline accuracy".split()
)
_NOUN_BEFORE = frozenset("the my our your that this of last previous a another one any next".split())
_LIGHT = frozenset(
    "and , then & + it them that the a an model also / und dann 并 和 再 然后 , both first this afterwards finally to or "
    "its result results checkpoint best please just do run an the 它 并且 es".split()
)
_STRONG = frozenset(
    "sorry nope oops instead wait scratch forget never correction mean meant nevermind strike nein 不对 不是 no thought".split()
)
_ALSO = frozenset({"also", "too", "additionally", "plus", "auch", "也", "再", "then", "and"})
_FILL = frozenset("to any the a an another do it run you be me please even just need ever start have perform i 要 进行 做 need bother".split())


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
        self._not = Phrases((p, True) for p in phrases(NOT_ACTION))
        self._then = Phrases((p, True) for p in phrases(THEN))
        self._corrections = Phrases((p, p) for p in phrases(CORRECTIONS))
        self._classify = Phrases((p, True) for p in phrases(CLASSIFY))
        self._build = Phrases((p, True) for p in phrases(BUILD))
        self._nouns = Phrases((p, True) for p in phrases(MODEL_NOUNS))
        self.words = self._then.words | self._classify.words | self._build.words | self._nouns.words

    def mentions(self, sentence: Sentence) -> list[Mention]:
        """Actions asked for, or asked not to be done, in order; their words are taken."""
        found = [self._mention(sentence, match) for match in self._words.action_phrases.find(sentence)]
        mentions = [one for one in found if one is not None]
        mentions = self._without_nouns(sentence, mentions)
        mentions = self._spread_negation(sentence, mentions)
        for one in mentions:
            sentence.take(one.first, one.end, one.action)
        return mentions

    def classify(self, sentence: Sentence) -> Match[bool] | None:
        """A verb such as `classify`, which may ask for a training or for predictions."""
        return next(iter(self._classify.find(sentence)), None)

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
        return list(self._corrections.find(sentence))

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
        if single and word in _PARTICIPLES:
            if not {sentence.word(first - 1), sentence.word(first - 2), sentence.word(first - 3)} & _BECOMES:
                return None
            if sentence.word(first - 1) in {"just", "was", "were"}:
                return None
        if single and after in _NOT_AFTER and action in {"train", "evaluate", "inference"} and word not in {"retrain", "trainiere", "evaluate", "predict"}:
            return None
        if single and word == "fit" and (sentence.word(first - 1) not in {"to", "", "please", "and", ","} and first > 0):
            return None
        if word == "learning" or (word == "test" and single and sentence.word(first - 1) in _NOUN_BEFORE | {"held", "out"}):
            return None
        return Mention(action, first, end, self._is_negated(sentence, first))

    def _is_negated(self, sentence: Sentence, first: int) -> bool:
        at = first
        while at > 0 and sentence.word(at - 1) in _FILL and first - at < 4:
            at -= 1
        for length in (4, 3, 2, 1):
            for end in dict.fromkeys((at, first)):
                start = end - length
                match = self._not.at(sentence, start) if start >= 0 else None
                if match and match.end == end:
                    return sentence.word(end) != "only" and sentence.word(start) not in {"before", "stop"}
        return False

    def _without_nouns(self, sentence: Sentence, mentions: list[Mention]) -> list[Mention]:
        """Leave out `the training` where another word asks for the training."""
        def is_noun(one: Mention) -> bool:
            words = {sentence.word(one.end - 1), sentence.word(one.first)}
            return bool(words & {"training", "evaluation", "prediction", "predictions", "inference", "export", "run", "trainings", "训"}) and (
                sentence.word(one.first - 1) in _NOUN_BEFORE or sentence.word(one.first - 2) in {"of", "from"}
            )

        sure = {one.action for one in mentions if not is_noun(one)}
        return [one for one in mentions if not is_noun(one) or one.action not in sure]

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
