"""Whether the secrets that a request refers to can be read; none is ever shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from skillbank.errors import RequestInvalid
from skillbank.platforms.inspection import Check, CheckState
from skillbank.preflight.subject import Subject
from skillbank.settings import SECRET_REFERENCES, read_secret

NAME = "credentials"


def check_credentials(subject: Subject) -> Iterator[Check]:
    """One check per reference to a secret, `env:NAME` or `file:PATH`."""
    references = dict(_references(subject))
    if not references:
        yield Check(NAME, CheckState.PASS, "no secret is asked for")
    for key, reference in references.items():
        try:
            read_secret(reference, key)
        except RequestInvalid as error:
            found, _, advice = str(error).partition("; ")
            yield Check(NAME, CheckState.FAIL, found, fix=advice.rstrip("."), about=key)
        else:
            yield Check(NAME, CheckState.PASS, f"{reference} can be read", about=key)


def _references(subject: Subject) -> Iterator[tuple[str, str]]:
    yield from _leaves(subject.spec)
    search = subject.shape.search if subject.shape else {}
    yield from _leaves(search.get("settings", subject.request.automl), "automl.")


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        elif isinstance(value, str) and value.startswith(SECRET_REFERENCES):
            yield f"{prefix}{name}", value
