"""What a request is, said once for the command line and once for Python and agents."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from skillbank.client import Client

Given = Mapping[str, Any]
POSE, TOY, BOWL = "tao-train-pose-classification", "toy-train", "bowl-train"


@dataclass(frozen=True)
class Case:
    """One request; `$NAME` stands for something of the world (`world.py`).

    Attributes:
        words: What follows the command.
        given: What Python and the tool take.
        wrong: Type of the error that it gets, or what its row says is wrong with the answer;
            empty for a good request.
        status: Exit status of the command; None: 0, or 2 where something is wrong.
        is_new: Every door makes something of its own, so that ids and times differ.
        has_tool: Whether an agent can ask so.
    """

    words: str = ""
    given: Given = field(default_factory=dict)
    wrong: str = ""
    status: int | None = None
    is_new: bool = False
    has_tool: bool = True


def _nothing(*_: object) -> None:
    return None


@dataclass(frozen=True)
class Row:
    """How one method of the client is asked.

    Attributes:
        method: Its name.
        command: The words that call it.
        tools: The tools that call it: one, or one that plans and one that takes its hash.
        cases: Requests.
        document: What the command and the tool show of what the method returns.
        ask: Asks Python; None: the method takes what is given.
        left: What the call left in the records, which has to be the same too.
        fault: What is wrong with an answer that is no error; empty when nothing is.
        names: Parameter of the method -> the field of the command's options that stands for it,
            where it has another name.
        apart: Parameters that the command, or the tool, has no option for, and why.
    """

    method: str
    command: str
    tools: tuple[str, ...]
    cases: tuple[Case, ...]
    document: Callable[[Client, Given, Any], object] = lambda _, __, found: found
    ask: Callable[[Client, Given], Any] | None = None
    left: Callable[[Client, Mapping[str, Any]], object] = _nothing
    fault: Callable[[Mapping[str, Any]], str] = lambda _: ""
    names: Mapping[str, str] = field(default_factory=dict)
    apart: Mapping[str, str] = field(default_factory=dict)
