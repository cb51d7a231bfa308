"""Everything that reads a part of a sentence, made once for a bank."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from skillbank.bank import SkillBank
from skillbank.words.actions import ActionReader
from skillbank.words.bank_words import BankWords
from skillbank.words.controls import ControlWords
from skillbank.words.foreign import ForeignWords
from skillbank.words.jobs import JobWords
from skillbank.words.lexicon import COMMON, FIELD_NAMES
from skillbank.words.places import PlaceWords
from skillbank.words.platforms_said import PlatformNames
from skillbank.words.policies import PolicyWords
from skillbank.words.retractions import Retractions
from skillbank.words.run_words import RunWords
from skillbank.words.searches import SearchWords
from skillbank.words.speech import Speech
from skillbank.words.spelling import Spelling
from skillbank.words.stemming import stem_of
from skillbank.words.tokens import stems


@dataclass(frozen=True)
class Readers:
    """The readers of a bank's sentences.

    Attributes:
        words: What the bank's own words mean.
        platforms: Names of the platforms that jobs can run on.
    """

    words: BankWords
    platforms: tuple[str, ...]
    platform_names: PlatformNames
    runs: RunWords
    retractions: Retractions
    actions: ActionReader
    policies: PolicyWords
    search: SearchWords
    jobs: JobWords
    places: PlaceWords
    controls: ControlWords
    foreign: ForeignWords
    speech: Speech
    spelling: Spelling

    @classmethod
    def of(cls, bank: SkillBank, platforms: Collection[str]) -> Readers:
        """The readers of one bank."""
        words, search = BankWords(bank), SearchWords()
        policies = PolicyWords(words.evidence.words)
        jobs, places, controls = JobWords(), PlaceWords(), ControlWords()
        retractions, foreign, speech = Retractions(), ForeignWords(), Speech()
        actions = ActionReader(words, retractions)
        names, runs = PlatformNames(platforms), RunWords()
        known = words.evidence.words | words.action_phrases.words | policies.words | search.words
        known |= {stem for table in FIELD_NAMES.values() for name in table for stem in stems(name)}
        good = {stem_of(word) for word in COMMON}.union(
            controls.words,
            jobs.words,
            places.words,
            actions.words,
            foreign.words,
            speech.words,
            names.words,
            runs.words,
        )
        spelling = Spelling(known, good, lambda: words.key_words)
        return cls(
            words,
            tuple(platforms),
            names,
            runs,
            retractions,
            actions,
            policies,
            search,
            jobs,
            places,
            controls,
            foreign,
            speech,
            spelling,
        )
