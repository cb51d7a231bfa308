"""Take the structural settings of a job from its parent: classes, labels, layout, network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from skillbank.spec import SpecDraft
from skillbank.spec_keys import (
    dotted_keys,
    field_at,
    find_path,
    get_value,
    is_empty,
    is_section,
)


def carry_forward(draft: SpecDraft, parent_id: str, parent_spec: Mapping[str, Any]) -> None:
    """Set the skill's `carry_forward` keys as the parent has them; of a section, every key in it.

    A checkpoint only fits the network it was trained as, so a value of the caller's own that
    differs becomes a problem that names both.
    """
    for key in _keys(draft):
        value = get_value(parent_spec, find_path(draft.schema, key) or key)
        if is_empty(value) or value == {}:
            continue
        touched = [given for given in draft.given if f"{given}.".startswith(f"{key}.")]
        if not touched:
            draft.set(key, value, f"carried forward from job {parent_id}")
        elif draft.value(key) != value:
            origin = draft.given[touched[0]]
            draft.problems.append(
                f"{key}: {draft.value(key)!r} was given ({origin}), but the parent job {parent_id} "
                f"was run with {value!r}; leave the key out to use the parent's value, or choose "
                "another parent."
            )


def _keys(draft: SpecDraft) -> Iterator[str]:
    """The `carry_forward` keys that the action has, with those of a section one by one."""
    for key in draft.skill.info.carry_forward:
        path = find_path(draft.schema, key)
        node = field_at(draft.schema, path) if path else {}
        if is_section(node):
            yield from dotted_keys(node, f"{key}.")
        elif path:
            yield key
