"""Lets a language model propose points: `llm`, `hybrid` and `autoresearch`.

A model is no pure function: the same question may be answered differently. Whoever runs a search
writes each proposal to its journal before it acts on it, and so never asks twice for one trial.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

from skillbank.automl.domains import Raw
from skillbank.automl.fitting import Fitted, fit_values, rounded
from skillbank.automl.history import Goal, History, Proposal, Proposer, Start
from skillbank.automl.llm.answer import Proposed, one_line, read_proposed
from skillbank.automl.llm.client import Answer, ChatClient, Message, Patience
from skillbank.automl.llm.endpoint import EndpointFailed, endpoint_of
from skillbank.automl.llm.prompt import Search, build_complaint, build_prompt
from skillbank.automl.llm.task import Task
from skillbank.automl.settings import Algorithm, SearchSettings
from skillbank.automl.space import SearchSpace
from skillbank.errors import RequestInvalid, SkillbankError

ORIGIN = "llm"
NUM_ANSWERS = 3
"""Answers that a model may give for one trial before another proposer takes over."""
EVERY_KTH = 2
"""In `hybrid`, after the first batch, the model proposes one trial in so many."""


class Asked(Protocol):
    """Answers conversations: `ChatClient`, or something that stands in for a model."""

    def ask(self, messages: list[Message], seed: int) -> Answer:
        """The answer to a conversation."""


class _NoUsableAnswer(SkillbankError):
    """The model answered, but never with a point that can be tried."""


@dataclass(frozen=True)
class Turns:
    """Which trials the model proposes.

    Attributes:
        first_batch: Trials 1 to this number, all by the model.
        every: After them, one in so many.
    """

    first_batch: int = 0
    every: int = 1

    def is_models(self, number: int) -> bool:
        """Tell whether it is the model's turn to propose trial `number`."""
        return number <= self.first_batch or (number - self.first_batch) % self.every == 0


class LlmProposer:
    """Asks a model; another proposer takes over, and says so, when no proposal comes of it.

    Args:
        asked: The model.
        search: What it is told about the search.
        fallback: Proposes when the model fails, and when it is not its turn.
        turns: When it is its turn.
        seed: Seed of the search.
    """

    def __init__(
        self, asked: Asked, search: Search, fallback: Proposer, turns: Turns, seed: int
    ) -> None:
        self._asked = asked
        self._search = search
        self._fallback = fallback
        self._turns = turns
        self._seed = seed

    def propose(self, number: int, start: Start, history: History) -> Proposal:
        """A point of the space for trial `number`.

        Raises:
            RequestInvalid: The service refuses, and no proposal of the model has come yet: the
                settings are wrong, and a search without the model is not what was asked for.
        """
        if not self._turns.is_models(number):
            return self._fallback.propose(number, start, history)
        try:
            return self._ask(number, start, history)
        except EndpointFailed as failure:
            why = f"the model's endpoint failed: {failure}"
        except RequestInvalid as refusal:
            if not any(trial.origin == ORIGIN for trial in history):
                raise
            why = f"the model's endpoint failed: {refusal}"
        except _NoUsableAnswer as failure:
            why = f"the model gave no usable proposal in {NUM_ANSWERS} answers: {failure}"
        proposal = self._fallback.propose(number, start, history)
        return replace(proposal, reason=one_line(f"{why} {proposal.reason}"))

    def _ask(self, number: int, start: Start, history: History) -> Proposal:
        messages = build_prompt(self._search, number, start, history)
        problems: list[str] = []
        for _ in range(NUM_ANSWERS):
            answer = self._asked.ask(messages, self._seed + number)
            read = read_proposed(answer.text)
            if isinstance(read, Proposed):
                fitted = fit_values(read.values, self._search.space)
                problems = self._problems(read, fitted, history)
                if not problems:
                    return _proposal(read, fitted)
            else:
                problems = [read, *_if_cut(answer)]
            messages += [Message("assistant", answer.text), build_complaint(problems)]
        raise _NoUsableAnswer(" ".join(problems))

    def _problems(self, read: Proposed, fitted: Fitted, history: History) -> list[str]:
        problems = list(fitted.problems)
        if not set(read.values) & self._known_keys():
            problems.append("no key of 'values' is one that is searched.")
        if self._search.is_research and not read.hypothesis:
            problems.append("the key 'hypothesis' is missing; say what this trial is to test.")
        twin = None if problems else self._twin(fitted.params, history)
        if twin is not None:
            problems.append(
                f"these values are those of trial {twin}; propose a point that was not tried."
            )
        return problems

    def _known_keys(self) -> set[str]:
        parameters = self._search.space.parameters
        return {p.name for p in parameters} | {p.key for p in parameters}

    def _twin(self, params: dict[str, Raw], history: History) -> int | None:
        """Number of a trial of the same point."""
        values = rounded(self._search.space.values(params))
        same = (t for t in history if rounded(self._search.space.values(t.params)) == values)
        return next((trial.number for trial in same), None)


def make_llm_proposer(
    settings: SearchSettings,
    space: SearchSpace,
    goals: tuple[Goal, ...],
    fallback: Proposer,
    task: Task | None = None,
) -> Proposer:
    """The proposer of `llm`, `hybrid` and `autoresearch`.

    Args:
        settings: Of the search.
        space: What is searched.
        goals: What is optimized.
        fallback: Proposes where the model does not.
        task: What is trained, for the model to know.

    Raises:
        RequestInvalid: The model that the settings name cannot be asked.
    """
    is_research = settings.algorithm is Algorithm.AUTORESEARCH
    number = settings.max_experiments if is_research else settings.max_recommendations
    search = Search(space, goals, task or Task(), number, is_research)
    is_hybrid = settings.algorithm is Algorithm.HYBRID
    turns = Turns(settings.max_concurrent, EVERY_KTH) if is_hybrid else Turns()
    client = ChatClient(endpoint_of(settings))
    return LlmProposer(client, search, fallback, turns, settings.seed)


def check_endpoint(settings: SearchSettings, patience: Patience | None = None) -> None:
    """Ask the model for one word, so that a wrong key, URL or name shows before a search starts.

    A search of an algorithm that asks no model passes.

    Raises:
        RequestInvalid: It does not answer, or refuses.
    """
    if not settings.algorithm.needs_endpoint:
        return
    endpoint = endpoint_of(settings)
    question = [Message("user", "Answer with the one word: ready")]
    try:
        ChatClient(endpoint, patience).ask(question, settings.seed)
    except EndpointFailed as failure:
        raise RequestInvalid(
            f"automl.llm_endpoint: {failure}. Algorithm {settings.algorithm.value!r} needs it: "
            "start the service, check its address, or let another algorithm search, with "
            "--automl-set algorithm=bayesian."
        ) from None


def _proposal(read: Proposed, fitted: Fitted) -> Proposal:
    """The point with the model's reason, and what was changed of what it proposed."""
    said = f"Hypothesis: {read.hypothesis} {read.reason}" if read.hypothesis else read.reason
    told = said.strip() or "the model gave no reason"
    if fitted.notes:
        told += f" [adjusted: {' '.join(fitted.notes)}]"
    return Proposal(fitted.params, ORIGIN, one_line(told, longest=2000))


def _if_cut(answer: Answer) -> list[str]:
    """Why there is no proposal, where the answer was cut."""
    told = "the answer was cut at automl.llm_max_tokens; answer shorter, or raise that setting."
    return [told] if answer.is_cut else []
