"""Keep an answer small enough for an agent to read, and say what was left out."""

from __future__ import annotations

import json
from typing import Any

from skillbank.result_documents import write_json

MOST_BYTES = 40_000
"""Largest answer of a tool, about 10,000 tokens."""

_LEAST = 2  # nothing is cut to less


def fit(document: object, more: str, most_bytes: int = MOST_BYTES) -> Any:  # noqa: ANN401 - JSON
    """A document in JSON's own types, its longest parts shortened until it is small enough.

    Args:
        document: What a tool answers.
        more: How to get what was left out.
        most_bytes: Size to fit into, as JSON.

    Returns:
        The document. One that was shortened has a key `cut` that says where, how much of it is
        left and how to get the rest; a list becomes the key `result` of a document first.
    """
    plain = json.loads(write_json(document))
    if _size(plain) <= most_bytes:
        return plain
    whole: dict[str, Any] = plain if isinstance(plain, dict) else {"result": plain}
    cuts: dict[str, dict[str, int]] = {}
    while _size(whole) > most_bytes:
        place, key = _largest_part(whole)
        part = place[key]
        if not isinstance(part, (str, list, dict)) or len(part) <= _LEAST:
            break
        name = str(key) if place is whole else f"... {key}"
        cuts.setdefault(name, {"of": len(part)})["kept"] = len(part) // 2
        place[key] = _half(part, keep_end=key == "log")
    return {**whole, "cut": {"parts": cuts, "more": more}}


def _largest_part(whole: dict[str, Any]) -> tuple[Any, Any]:
    """Container and key of the part to shorten: where one child is most of a part, that child."""
    place: Any = whole
    key: Any = max(whole, key=lambda name: _size(whole[name]))
    while isinstance(part := place[key], (dict, list)) and part:
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        sizes = {name: _size(part[name]) for name in keys}
        largest = max(keys, key=sizes.__getitem__)
        if sizes[largest] < _size(part) / 2:
            break
        place, key = part, largest
    return place, key


def _half(part: Any, *, keep_end: bool) -> Any:  # noqa: ANN401 - text, a list or a mapping
    count = len(part) // 2
    if isinstance(part, dict):
        return dict(list(part.items())[:count])
    return part[-count:] if keep_end else part[:count]


def _size(part: object) -> int:
    return len(json.dumps(part, ensure_ascii=False).encode())
