"""What a tool is: a function's signature and docstring, how safe it is, what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any

from skillbank.client import Client
from skillbank.errors import SkillbankError
from skillbank.mcp.bounds import fit
from skillbank.mcp.desk import Desk
from skillbank.mcp.signatures import Arguments, Bound, describe_function
from skillbank.result_documents import describe_error

Given = Mapping[str, Any]


class Safety(Enum):
    """What a tool does to the world."""

    READS = "reads"  # changes nothing
    STARTS = "starts"  # starts work, within the agent's limits
    STOPS = "stops"  # stops work that may not be the agent's own

    @property
    def is_read_only(self) -> bool:
        """Tell whether a read-only server offers the tool."""
        return self is Safety.READS


def _same(_: Desk, __: Given, found: object) -> object:
    return found


@dataclass(frozen=True)
class Tool:
    """One tool.

    Attributes:
        name: What agents call it: the command's word where there is one.
        function: Its signature is what the tool takes, its docstring what it is told to do.
        safety: What it does to the world.
        does: Carries it out; by default the client's method of the function's name.
        answers: Makes the document of what was found.
        told_by: Whose docstring tells what it does, where that is not the function's.
        documented_by: Whose docstrings describe arguments that the function's own does not.
        bounds: Numbers that are bounded more tightly than the client bounds them.
        shapes: Argument -> JSON Schema, where a mapping has one.
        note: What is particular to this door.
        more: How to get what did not fit into an answer.
    """

    name: str
    function: Callable[..., object]
    safety: Safety = Safety.READS
    does: Callable[..., object] | None = None
    answers: Callable[[Desk, Given, Any], object] = _same
    told_by: object = None
    documented_by: tuple[object, ...] = ()
    bounds: Mapping[str, Bound] = field(default_factory=dict)
    shapes: Mapping[str, Callable[[], Mapping[str, Any]]] = field(default_factory=dict)
    note: str = ""
    more: str = "the same command of 'skillbank' with --json prints it whole"

    @property
    def description(self) -> str:
        """What an agent is told about it."""
        return f"{describe_function(self.told_by or self.function)} {self.note}".strip()

    @property
    def waits(self) -> bool:
        """Tell whether it does nothing but wait, for a time that it is given."""
        return "timeout_s" in self.bounds

    @cached_property
    def arguments(self) -> Arguments:
        """What it takes."""
        return Arguments(self.function, self.documented_by, self.bounds, self.shapes)

    def call(self, desk: Desk, given: Given) -> tuple[Any, bool]:
        """Carry it out.

        Args:
            desk: The agent's.
            given: Arguments as they arrived.

        Returns:
            The answer, or the error as a document, in JSON's own types, and whether it is an error.
        """
        try:
            arguments = self.arguments.read(given, self.name)
            desk.check_job(arguments.get("job_id"))
            does = self.does or getattr(Client, self.function.__name__)
            found = does(desk if self.does else desk.client, **arguments)
            return fit(self.answers(desk, arguments, found), self.more), False
        except (SkillbankError, OSError) as error:
            return fit(describe_error(error), self.more), True
