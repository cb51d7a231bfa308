"""The platforms that a sentence names: by their names, by what they are, or as "the cluster"."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from skillbank.request import LOCAL
from skillbank.words.matcher import Match, Phrases, Said, Sentence
from skillbank.words.phrasebook import phrases, words
from skillbank.words.tokens import stems

_KINDS = {"slurm": "slurm", "kubernetes": "kubernetes", "k8s": "kubernetes"}
_CONTAINERS = {"docker": "docker", "podman": "podman"}
_CLUSTERS = frozenset(phrases("runs", "clusters"))
_BEFORE = phrases("runs", "platform_before")
_NOT, _ENDS_NOT = words("runs", "not"), words("runs", "ends_not")
_RUNS_IT = words("runs", "runs_it")
_REACH = 6  # words between a "not" and what is not wanted


@dataclass(frozen=True)
class Several:
    """More than one platform fits; somebody has to say which."""

    names: tuple[str, ...]


class PlatformNames:
    """What platforms are called.

    Args:
        names: Those that jobs can run on.
    """

    def __init__(self, names: Collection[str]) -> None:
        self._names = tuple(names)
        own = [name for name in names if name not in {LOCAL, *_KINDS, *_CONTAINERS}]
        self._own = Phrases((f"{before} {name}", name) for name in own for before in _BEFORE)
        for name in own:
            self._own.add(f"{name} platform", name)
        self.words = {stem for name in own for stem in stems(name)}

    def read(self, sentence: Sentence) -> list[Said]:
        """Platforms that are named as config.yaml names them; their words are taken."""
        found = []
        for match in self._own.find(sentence):
            sentence.take(match.first, match.end, "platform")
            if not is_declined(sentence, match.first):
                found.append(Said("platform", match.meaning, match.first, match.end))
        return found

    def resolve(self, phrase: str) -> str | Several | None:
        """The platform that a phrase means: `slurm`, `k8s`, `the cluster`; None: there is none."""
        last = _last(phrase)
        if phrase in _CLUSTERS:
            clusters = [name for name in self._names if name not in {LOCAL, *_CONTAINERS}]
            return Several(tuple(clusters)) if len(clusters) > 1 else next(iter(clusters), None)
        meant = [last, _KINDS.get(last), "docker" if last == "podman" else None]
        return next((name for name in meant if name in self._names), None)


def kind_of(phrase: str) -> str | None:
    """The kind of platform that a phrase names, wherever it is set up; None: of none that is here.

    `podman` is reached as Docker is.
    """
    last = _last(phrase)
    return _KINDS.get(last) or ("docker" if last in _CONTAINERS else None)


def _last(phrase: str) -> str:
    return phrase.rpartition(" ")[2]


def is_cluster(phrase: str) -> bool:
    """Tell whether a phrase says only that a platform is a cluster."""
    return phrase in _CLUSTERS


def is_declined(sentence: Sentence, first: int) -> bool:
    """Tell whether what begins at a token is not wanted: `do not run it on slurm`."""
    for index in range(first - 1, max(first - 1 - _REACH, -1), -1):
        word = sentence.word(index)
        if word in _NOT:
            return True
        is_other = sentence.is_taken(index) and word not in _RUNS_IT  # `without HPO on slurm`
        if is_other or sentence.tokens[index].is_boundary or word in _ENDS_NOT:
            return False
    return False


def asks_about(sentence: Sentence, match: Match[Any]) -> bool:
    """Tell whether a sentence asks about the platform that it names: `is slurm supported?`."""
    start, end = sentence.utterance(match.first)
    if sentence.word(start) not in words("runs", "asks_of_platforms"):
        return False
    return bool(sentence.words(start + 1, end) & words("runs", "asked_of_platforms"))
