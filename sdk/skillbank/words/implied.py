"""The action of a sentence that names none: `I need a gesture classifier`."""

from __future__ import annotations

from skillbank.request import AutomlPolicy
from skillbank.route import SEARCHED_ACTION
from skillbank.words.actions import Mention
from skillbank.words.phrasebook import words
from skillbank.words.places import Use
from skillbank.words.readers import Readers
from skillbank.words.reading import Reading

_USES = words("wishes", "uses")
_EPOCHS = frozenset({"epoch", "epochen", "轮"})


class ImpliedActions:
    """Tells what is wanted of a model where no verb of an action says it."""

    def __init__(self, readers: Readers) -> None:
        self._actions, self._controls = readers.actions, readers.controls
        self._retractions = readers.retractions

    def actions(self, reading: Reading) -> list[Mention]:
        """One action, or none."""
        sentence = reading.sentence
        if self._controls.informal(sentence) or self._retractions.tells(sentence):
            return []
        classify = self._actions.classify(sentence)
        has_model = _has_model(reading)
        if classify and (has_model or _has_subject(reading)):
            return [Mention("inference", classify.first, classify.end)]
        if has_model or _is_run_on_subject(reading):
            return _use_of_model(reading)
        if built := self._actions.builds(sentence) or classify:
            return [Mention(SEARCHED_ACTION, built.first, built.end)]
        return _training_by_details(reading)


def _has_model(reading: Reading) -> bool:
    """Whether a trained model is spoken of."""
    weights = any(place.is_weights for place in reading.places)
    return weights or bool(reading.jobs or reading.checkpoints)


def _has_subject(reading: Reading) -> bool:
    """Whether a single recording is named, as a model is used on."""
    return any(place.is_video or place.ending == "json" for place in reading.places)


def _is_run_on_subject(reading: Reading) -> bool:
    """`Run the pose classifier on clip.mp4`."""
    sentence = reading.sentence
    runs = any(sentence.word(index) in {"run", "apply"} for index in sentence.free())
    return runs and bool(reading.pointings) and _has_subject(reading)


def _use_of_model(reading: Reading) -> list[Mention]:
    """A model and something to use it on, without a verb: `use job 81c0 on /data/new`."""
    sentence = reading.sentence
    uses = [index for index in sentence.free() if sentence.word(index) in _USES]
    if not reading.places or not (uses or any(place.is_video for place in reading.places)):
        return []
    first = uses[0] if uses else reading.places[0].first
    return [Mention("inference", first, first + bool(uses))]


def _training_by_details(reading: Reading) -> list[Mention]:
    """A training that only its details speak of: `pose classifier on /data, 30 epochs`."""
    sentence = reading.sentence
    policies = [
        said for said in reading.policies if said.value is AutomlPolicy.ON or reading.pointings
    ]
    details = policies or reading.search
    if details and (reading.pointings or reading.places):
        return [Mention(SEARCHED_ACTION, details[0].first, details[0].end)]
    if not reading.pointings or not reading.places:
        return []
    firsts = [index for index in sentence.free() if sentence.stem(index) in _EPOCHS]
    firsts += [place.first for place in reading.places if place.use is Use.TRAIN]
    return [Mention(SEARCHED_ACTION, firsts[0], firsts[0])] if firsts else []
