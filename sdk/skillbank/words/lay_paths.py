"""Lay the paths of a sentence into the steps that read or write them."""

from __future__ import annotations

from dataclasses import replace

from skillbank.words.draft import Draft
from skillbank.words.laying import lay
from skillbank.words.matcher import Said, Sentence
from skillbank.words.places import Place, Use
from skillbank.words.retractions import Retractions


def lay_paths(draft: Draft, retractions: Retractions) -> None:
    """Give each path to the nearest step that has a use for it."""
    for place in draft.reading.places:
        if not _is_dropped(draft.sentence, place) and not _lay(draft, place, retractions):
            draft.problems.append(f"{place.path}: what it is for is not clear.")
    for step in draft.steps:
        _settle_roles(step.data)


def _lay(draft: Draft, place: Place, retractions: Retractions) -> bool:
    """Lay one path; False when no step has a use for it."""
    order = draft.order(place.end - 1)
    if place.ending == "onnx":
        order.sort(key=lambda index: not _writes_onnx(draft, index))
    for index in order:
        words = draft.steps[index].words
        found = lay(place, words)
        if found is None and not place.ending:
            found = lay(replace(place, use=Use.PLAIN), words)
        if found is not None:
            slot, path = found
            is_root = slot.startswith("data.")
            said = Said(slot, path, place.first, place.end)
            for target in _targets(draft, index, order, slot):
                if is_root and not _replaces(draft, target, said, retractions):
                    draft.contradictions.append(_two_roots(draft, target, said))
                draft.put(target, said)
            return True
    return False


def _replaces(draft: Draft, index: int, said: Said, retractions: Retractions) -> bool:
    """Whether a root takes the place of none, or of one that was taken back."""
    origin = draft.origin(index, said.slot)
    known = draft.steps[index].data.get(said.slot.partition(".")[2])
    if origin is None or known == said.value:
        return True
    return draft.is_taken_back(origin, said, retractions)


def _two_roots(draft: Draft, index: int, said: Said) -> str:
    known = draft.steps[index].data[said.slot.partition(".")[2]]
    return (
        f"both {known} and {said.value} are given as data of {draft.steps[index].action}; say "
        "which, or what each is for (training, validation, test)."
    )


def _readers_of_data(draft: Draft, order: list[int]) -> list[int]:
    """Steps of the nearest group that read a dataset root."""
    taking = [index for index in order if draft.steps[index].takes_data]
    nearest = draft.steps[taking[0]].group
    return [index for index in taking if draft.steps[index].group == nearest]


def _targets(draft: Draft, index: int, order: list[int], slot: str) -> list[int]:
    """Steps that a path is for: all leave their results where one does."""
    if slot == "results":
        return order
    return _readers_of_data(draft, order) if slot.startswith("data.") else [index]


def _writes_onnx(draft: Draft, index: int) -> bool:
    return any(key.endswith(".onnx_file") for key in draft.steps[index].words.fields)


def _is_dropped(sentence: Sentence, place: Place) -> bool:
    """Whether a path is one that is not wanted: `not on /a`, `instead of /a`."""
    before, earlier = sentence.word(place.end - 2), sentence.word(place.end - 3)
    if before in {"not", "than", "statt", "nicht"}:
        return True
    if earlier == "not" and before in {"on", "from", "in", "with"}:
        return True
    return before == "of" and earlier == "instead"


def _settle_roles(data: dict[str, str]) -> None:
    """A root for everything is that for training where another is for validation."""
    if "val" in data and "all" in data and "train" not in data:
        data["train"] = data.pop("all")
    if "train" in data and "val" not in data:
        data["all"] = data.pop("train")
