"""Finds the proposal in what a model said: JSON among prose, code fences and thoughts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_LONGEST_ANSWER = 200_000
_LONGEST_REASON = 600
_VALUES = "values"


@dataclass(frozen=True)
class Proposed:
    """What a model proposes, not yet checked against any space.

    Attributes:
        values: Spec key -> value, as the model wrote them.
        reason: Why, in its own words.
        hypothesis: What the trial is to find out; empty when it gave none.
    """

    values: Mapping[str, object]
    reason: str = ""
    hypothesis: str = ""


def read_proposed(text: str) -> Proposed | str:
    """The last proposal in a text, else what is wrong with the text, in a sentence.

    The last, because models that think aloud write drafts first.
    """
    if len(text) > _LONGEST_ANSWER:
        return f"the answer has {len(text)} characters; expected one short JSON object."
    found = [content for content in _objects(text) if _VALUES in content]
    if not found:
        return f"there is no JSON object with the key {_VALUES!r} in the answer."
    values = found[-1][_VALUES]
    if not isinstance(values, dict) or not values:
        return f"{_VALUES!r} holds {one_line(repr(values))}; expected an object: key -> value."
    return Proposed(
        values={str(key): value for key, value in values.items()},
        reason=_text(found[-1].get("reason")),
        hypothesis=_text(found[-1].get("hypothesis")),
    )


def one_line(text: str, longest: int = _LONGEST_REASON) -> str:
    """A text fit for a record and a terminal: one line, printable, not too long."""
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    words = " ".join(printable.split())
    return words if len(words) <= longest else words[: longest - 3] + "..."


def _text(value: object) -> str:
    return one_line(value) if isinstance(value, str) else ""


def _objects(text: str) -> Iterator[dict[str, object]]:
    """Every JSON object that stands in a text and in no other object."""
    decoder = json.JSONDecoder()
    at = text.find("{")
    while at >= 0:
        try:
            content, end = decoder.raw_decode(text, at)
        except ValueError:  # no JSON from here
            end = at + 1
        except RecursionError:  # nested without end; the next brace would say the same
            return
        else:
            yield content
        at = text.find("{", end)
