"""What words are compared by: their stems.

Stems are those of the Snowball project's English stemmer (M. F. Porter, "Snowball: A language for
stemming algorithms", 2001); words of other scripts and languages are compared as they are.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

_IRREGULAR = {
    "gpus": "gpu",
    "cpus": "cpu",
    "indices": "index",
    "boxes": "box",
    "vertices": "vertex",
}
_BRITISH = {"colour": "color", "centre": "center", "behaviour": "behavior"}
_ISE = re.compile(r"is(e|es|ed|er|ing|ation|ations)$")
_SHORTEST = 4  # shorter words have no ending to lose


@cache
def stem_of(word: str) -> str:
    """A word without its ending, so that forms of it compare equal; British as American."""
    plain = unicodedata.normalize("NFKC", word).lower().replace("\u2019", "'").removesuffix("'s")
    if not plain.isascii() or not plain.isalpha() or len(plain) < _SHORTEST:
        return plain
    spelled = _ISE.sub(r"iz\1", _IRREGULAR.get(plain, plain))
    for british, american in _BRITISH.items():
        spelled = spelled.replace(british, american)
    return str(_stemmer().stemWord(spelled))


@cache
def _stemmer() -> Any:  # noqa: ANN401 - the library is untyped
    import snowballstemmer  # type: ignore[import-untyped]

    return snowballstemmer.stemmer("english")
