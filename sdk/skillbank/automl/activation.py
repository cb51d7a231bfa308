"""When a parameter has an effect: under which values of another field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Activation:
    """When a parameter has an effect: the field `key` holds one of `values`, or none of them."""

    key: str
    values: tuple[Any, ...]
    negated: bool = False

    def holds(self, value: object) -> bool:
        """Tell whether the parameter has an effect when the field holds `value`."""
        return (value in self.values) is not self.negated

    def __str__(self) -> str:
        options = " or ".join(map(str, self.values))
        return f"{self.key} is {'not ' if self.negated else ''}{options}"
