"""What one sentence says, part by part; the reader that finds a part takes its words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from skillbank.request import LOCAL, AutomlPolicy
from skillbank.words.actions import Mention
from skillbank.words.answer import ParentRef
from skillbank.words.bank_words import NAME, Evidence
from skillbank.words.foreign import Foreign
from skillbank.words.jobs import Pointer
from skillbank.words.matcher import Match, Phrases, Said, Sentence
from skillbank.words.phrasebook import phrases, words
from skillbank.words.places import Place
from skillbank.words.pointings import Pointing
from skillbank.words.readers import Readers
from skillbank.words.speech import Unmeant
from skillbank.words.tokens import Kind

_OTHERS = frozenset({"people", "they", "others", "everyone", "nobody"})
_AFTER_SWITCH = words("wishes", "after_switch")

SkillOf = Callable[[ParentRef], str | None]
"""Tells the skill of a job that a sentence points to; None when it does not know."""


@dataclass
class Reading:
    """What was found in one sentence so far."""

    sentence: Sentence
    skill_of: SkillOf
    policies: list[Said] = field(default_factory=list)
    explicit: list[Said] = field(default_factory=list)
    search: list[Said] = field(default_factory=list)
    checkpoints: list[Said] = field(default_factory=list)
    jobs: list[Pointer] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    platforms: list[Said] = field(default_factory=list)
    runs: list[Said] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    pointings: list[Pointing] = field(default_factory=list)
    foreign: list[Match[tuple[Foreign, str]]] = field(default_factory=list)
    unmeant: Unmeant | None = None

    @property
    def whole(self) -> tuple[int, int]:
        """The span of the whole sentence."""
        return 0, len(self.sentence)

    def assigned(self, *names: str) -> Said | None:
        """The first assignment to one of some names: `action=train`."""
        return next((said for said in self.explicit if said.slot in names), None)


class Collector:
    """Finds everything that needs no other part to be understood first."""

    def __init__(self, readers: Readers) -> None:
        self._readers = readers
        self._here = Phrases.plain(phrases("wishes", "here"))
        self._skills = Phrases((name, name) for name in readers.words.skills)

    def collect(self, sentence: Sentence, skill_of: SkillOf) -> Reading:
        """What a sentence says, except what is to be done with which skill."""
        readers, reading = self._readers, Reading(sentence, skill_of)
        reading.explicit = _take_assignments(sentence)
        _take_list_marks(sentence)
        reading.pointings = self._skill_names(sentence)
        reading.runs = readers.runs.read(sentence)
        reading.policies = [
            said
            for said in readers.policies.read(sentence) + self._taken_back_policies(sentence)
            if not sentence.words_before(said.first, 3) & _OTHERS  # "some people turn AutoML off"
        ]
        reading.platforms = readers.platform_names.read(sentence)
        reading.jobs = readers.jobs.read(sentence)
        names = readers.words.file_names
        reading.places = [one for one in readers.places.read(sentence) if one.path not in names]
        reading.checkpoints = readers.jobs.read_checkpoints(sentence)
        reading.search = readers.search.read(sentence)
        reading.platforms += self._here_and_now(sentence)
        return reading

    def _skill_names(self, sentence: Sentence) -> list[Pointing]:
        """Whole names of skills, before the words in them are taken for something else."""
        found = []
        for match in self._skills.find(sentence):
            evidence = Evidence({match.meaning: 2 * NAME})
            found.append(Pointing(Match(match.first, match.end, evidence)))
            sentence.take(match.first, match.end, "skill")
        return found

    def _taken_back_policies(self, sentence: Sentence) -> list[Said]:
        """`AutoML off - wait, on`: a policy taken back without its name."""
        found = []
        for match in self._readers.retractions.corrections(sentence):
            for index in range(match.end, match.end + 4):
                if sentence.is_taken(index) or not _is_lone_switch(sentence, index):
                    continue
                policy = AutomlPolicy(sentence.word(index))
                found.append(Said("policy", policy, index, index + 1))
                sentence.take(index, index + 1, "policy")
        return found

    def _here_and_now(self, sentence: Sentence) -> list[Said]:
        """`On this machine`."""
        found = []
        for match in self._here.find(sentence):
            found.append(Said("platform", LOCAL, match.first, match.end))
            sentence.take(match.first, match.end, "platform")
        return found


def _take_assignments(sentence: Sentence) -> list[Said]:
    """`key=value`, and options as the command line takes them."""
    found = []
    for index, token in enumerate(sentence.tokens):
        if token.kind is Kind.ASSIGNMENT:
            found.append(Said(token.key, token.value, index, index + 1))
            sentence.take(index, index + 1, "explicit")
    return found


def _take_list_marks(sentence: Sentence) -> None:
    """Numbers that only count the parts of a list: `step 1:`, `2)`."""
    for index, token in enumerate(sentence.tokens[:-1]):
        if token.kind is not Kind.NUMBER or not token.text.isdigit():
            continue
        is_named = sentence.word(index - 1) in {"step", "schritt", "part"}
        first = index - 1 if is_named else index
        is_head = first == 0 or sentence.tokens[first - 1].is_boundary
        is_head = is_head or sentence.word(first - 1) in {"-", "("}
        if is_head and sentence.word(index + 1) in {":", ")", "."}:
            sentence.take(first, index + 2, "list")


def _is_lone_switch(sentence: Sentence, index: int) -> bool:
    """Whether `on` or `off` stands alone: nothing follows that it could belong to."""
    if sentence.word(index) not in {"on", "off"}:
        return False
    is_end = sentence.kind(index + 1) in {None, Kind.COMMA, Kind.STOP}
    return is_end or sentence.word(index + 1) in _AFTER_SWITCH
