"""Put in the values that a spec file refers to: `${train.num_epochs}`, as OmegaConf writes it."""

from __future__ import annotations

import re
from typing import Any

from skillbank.coercion import coerce
from skillbank.errors import did_you_mean
from skillbank.spec import SpecDraft
from skillbank.spec_keys import dotted_keys, field_at, find_path

_REFERENCE = re.compile(r"\$\{([^${}]*)\}")


def resolve_references(draft: SpecDraft) -> None:
    """Replace every reference in the caller's values by the value of the key it names.

    A value that is nothing but a reference takes over the type as well; inside a longer text the
    other value is written out. A reference that leads nowhere becomes a problem.
    """
    for key, origin in list(draft.given.items()):
        value = draft.value(key)
        if isinstance(value, str) and "${" in value:
            found = _resolve(draft, value, (key,))
            node = field_at(draft.schema, find_path(draft.schema, key) or ())
            draft.set(key, coerce(found, node), origin)


def _resolve(draft: SpecDraft, text: str, chain: tuple[str, ...]) -> Any:  # noqa: ANN401 - any value
    """`text` with its references replaced; `chain` is how they led here."""
    whole = _REFERENCE.fullmatch(text)
    if whole:
        return _target(draft, whole[1].strip(), chain)
    return _REFERENCE.sub(lambda match: str(_target(draft, match[1].strip(), chain)), text)


def _target(draft: SpecDraft, name: str, chain: tuple[str, ...]) -> Any:  # noqa: ANN401
    problem = ""
    known = list(dotted_keys(draft.schema))
    if name in chain:
        problem = f"leads back to itself: {' -> '.join([*chain, name])}"
    elif ":" in name or name.startswith("."):
        problem = "is more than the dotted key of this spec, which is all that can be put in here"
    elif name not in known:
        problem = f"names no key; {did_you_mean(name, known).rstrip('.')}"
    if problem:
        draft.problems.append(f"{chain[0]}: '${{{name}}}' {problem}. Write the value itself.")
        return f"${{{name}}}"
    value = draft.value(name)
    return _resolve(draft, value, (*chain, name)) if isinstance(value, str) else value
