"""Lay the policy of the search, and its settings, into the trainings."""

from __future__ import annotations

from dataclasses import replace

from skillbank.errors import RequestInvalid
from skillbank.request import AutomlPolicy
from skillbank.words.draft import Draft
from skillbank.words.matcher import Said, Sentence
from skillbank.words.phrasebook import words
from skillbank.words.retractions import Retractions
from skillbank.words.tokens import Kind

POLICY_KEYS = frozenset({"automl", "automl_policy", "automl_enabled", "auto_ml", "hpo"})
"""Names that the policy is assigned by."""

_ALL = words("policies", "all")


class SearchLayer:
    """Gives policies and settings of a search to the trainings they are said of."""

    def __init__(self, draft: Draft, retractions: Retractions) -> None:
        self._draft, self._retractions = draft, retractions

    def lay(self) -> None:
        """Lay them; what excludes each other becomes a contradiction, the first one only."""
        trainings = self._draft.trainings
        explicit = self._explicit()
        for index in trainings:
            contradiction = self._lay_one(index, explicit)
            if contradiction:
                self._draft.contradictions[:] = [contradiction]
                return
        if not trainings and any(
            said.slot == "automl.algorithm" for said in self._draft.reading.search
        ):
            note = "Only train is ever searched; the settings of the search have no effect."
            self._draft.notes.append(note)

    def _explicit(self) -> list[Said]:
        """Policies that are assigned: `automl=off`."""
        found = []
        for said in self._draft.reading.explicit:
            if said.slot.replace("-", "_") not in POLICY_KEYS:
                continue
            try:
                policy = AutomlPolicy.parse(said.value)
            except RequestInvalid as error:
                self._draft.problems.append(str(error))
            else:
                found.append(replace(said, slot="automl_policy", value=policy))
        return found

    def _lay_one(self, index: int, explicit: list[Said]) -> str | None:
        """Lay the search of one training; what contradicts in it, if anything does."""
        search = [said for said in self._draft.reading.search if self._is_of(index, said)]
        for said in search:
            self._draft.put(index, said)
        spoken = [
            replace(said, slot="automl_policy")
            for said in self._draft.reading.policies
            if self._is_of(index, said) or _is_for_all(self._draft.sentence, said)
        ]
        policies = explicit or spoken
        if policies:
            values = {said.value for said in policies}
            if explicit and len(values) > 1:
                return "AutoML is given as on and as off; leave one out."
            self._draft.put(index, policies[-1])
            if len(values) > 1 and not self._is_corrected(policies[0].end, policies[-1].end):
                return "AutoML is said to be on and off; say which."
        return self._excluded(index, search, spoken if not explicit else [])

    def _excluded(self, index: int, search: list[Said], spoken: list[Said]) -> str | None:
        """What is wrong with settings of a search that is off; settings taken back are dropped."""
        step = self._draft.steps[index]
        if step.automl_policy is not AutomlPolicy.OFF or not step.automl:
            return None
        last = max((said.first for said in search), default=0)
        if spoken and last < spoken[-1].first and self._is_corrected(last, spoken[-1].end):
            step.automl = {}
            return None
        settings = ", ".join(step.automl)
        return f"AutoML is off, and settings of its search are given ({settings}); leave one out."

    def _is_of(self, index: int, said: Said) -> bool:
        """Whether words are about one of several trainings."""
        group = self._draft.groups[self._draft.steps[index].group]
        return len(self._draft.trainings) == 1 or group.first <= said.first < group.end

    def _is_corrected(self, first: int, end: int) -> bool:
        return self._retractions.is_corrected(self._draft.sentence, first, end)


def _is_for_all(sentence: Sentence, said: Said) -> bool:
    """Whether a policy is said of every training: `both without AutoML`, or in a sentence alone."""
    near = sentence.words(said.first - 3, said.first) | sentence.words(said.end, said.end + 3)
    begins = said.first == 0 or sentence.kind(said.first - 1) is Kind.STOP
    ends = sentence.kind(said.end) in {None, Kind.STOP}
    return bool(near & _ALL) or (begins and ends)
