"""Bring a job's inputs to the disk of the machine that runs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from skillbank.files.cache import Cache
from skillbank.skill import Spec
from skillbank.skill_info import Input

References = Callable[[str], Input | None]
"""From a dotted spec key to what the skill says of it: `info.actions[action].inputs.get`."""


@dataclass(frozen=True)
class InputRecord:
    """Where an input came from, and what it was.

    Attributes:
        key: Dotted spec key.
        uri: What the spec named.
        version: Of the object; empty for a folder.
        sha256: Digest of the file; of a folder, that of its names and digests.
        size_bytes: Of all its files.
        num_files: How many they are.
        path: Where it lies now.
    """

    key: str
    uri: str
    version: str
    sha256: str
    size_bytes: int
    num_files: int
    path: str


class Inputs:
    """Localises specs.

    Args:
        cache: Where files are kept.
        tell: Told lines for humans.
    """

    def __init__(self, cache: Cache, tell: Callable[[str], None] | None = None) -> None:
        self._cache = cache
        self._tell = tell

    def localise(
        self, spec: Mapping[str, object], references: References | None = None
    ) -> tuple[Spec, list[InputRecord]]:
        """The spec with local paths where it had URIs, and what was brought."""
        raise NotImplementedError
