"""What a language model is told before it proposes a point; a pure function of the search.

The order follows what a person would want to know: the task, the goal, what can be set and what
each setting means, what was tried and how it went, and in which form to answer.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from skillbank.automl.fitting import describe_range, rounded
from skillbank.automl.history import Goal, History, Start, Trial, TrialState
from skillbank.automl.llm.client import Message
from skillbank.automl.llm.task import Task
from skillbank.automl.parameter import Parameter
from skillbank.automl.space import SearchSpace

_BEST_SHOWN, _NEWEST_SHOWN = 30, 30
_CURVE_POINTS = 6
_TUNER = (
    "You tune the hyperparameters of a training. You get the task, the goal, the parameters with "
    "their meanings and ranges, and all trials so far. You propose the values of the next trial, "
    "as likely as possible to beat the best so far, or to teach most about where to look. You "
    "answer with one JSON object and nothing else."
)
_RESEARCHER = (
    "You are a researcher who improves a training by experiments. For each experiment you state a "
    "hypothesis: which effect on the goal you expect, and by which mechanism. You choose the "
    "values that test it, changing little besides. You read how your earlier hypotheses ended, "
    "drop those that were refuted, and build on those that held. You answer with one JSON object "
    "and nothing else."
)


@dataclass(frozen=True)
class Search:
    """What a model needs to know of a search, besides its history.

    Attributes:
        space: What can be set.
        goals: What is optimized; several for a Pareto set.
        task: What is trained.
        num_recommendations: How many points are tried, besides the baseline.
        is_research: Whether each proposal tests a hypothesis.
    """

    space: SearchSpace
    goals: Sequence[Goal]
    task: Task
    num_recommendations: int
    is_research: bool = False


def build_prompt(search: Search, number: int, start: Start, history: History) -> list[Message]:
    """The conversation that asks for the point of trial `number`."""
    sections = {
        "Task": _task(search.task),
        "Goal": _goal(search.goals),
        "Parameters": "\n".join(_parameter(p, search) for p in search.space.parameters),
        "Trials so far": "\n".join(_trials(search, history)) or "None yet.",
        "Your answer": _answer(search, number, start),
    }
    text = "\n\n".join(f"## {title}\n{content}" for title, content in sections.items())
    return [
        Message("system", _RESEARCHER if search.is_research else _TUNER),
        Message("user", text),
    ]


def build_complaint(problems: Sequence[str]) -> Message:
    """Asks again, after an answer that could not be used."""
    listed = "\n".join(f"- {problem}" for problem in problems)
    return Message(
        "user",
        f"This proposal cannot be used:\n{listed}\nAnswer again, in the same form: one JSON "
        "object and nothing else.",
    )


def _task(task: Task) -> str:
    named = f"Skill: {task.skill}" if task.skill else "A training."
    return f"{named}\n{task.description}".strip()


def _goal(goals: Sequence[Goal]) -> str:
    lines = [f"{'Minimize' if g.minimize else 'Maximize'} {g.metric}." for g in goals]
    if len(lines) > 1:
        lines.append("Wanted are trials that no other beats in every goal at once (Pareto set).")
    return "\n".join(lines)


def _parameter(parameter: Parameter, search: Search) -> str:
    text = f"- {parameter.name}: {describe_range(parameter)}; default {parameter.default!r}."
    if parameter.active is not None:
        text += f" Only has an effect when {parameter.active}."
    meaning = search.task.meanings.get(parameter.key, "")
    return f"{text} {meaning}".rstrip()


def _trials(search: Search, history: History) -> Iterator[str]:
    """One line of JSON per trial; of many, the best and the newest."""
    shown = _choose(search.goals[0], history)
    if len(shown) < len(history):
        yield f"(the best and the newest of {len(history)} trials)"
    for trial in shown:
        yield json.dumps(_describe(search, trial, history), ensure_ascii=False)


def _choose(goal: Goal, history: History) -> list[Trial]:
    if len(history) <= _BEST_SHOWN + _NEWEST_SHOWN:
        return list(history)
    ranked = sorted(history, key=lambda trial: (_loss(goal, trial), trial.number))
    kept = {trial.number for trial in [*ranked[:_BEST_SHOWN], *history[-_NEWEST_SHOWN:]]}
    return [trial for trial in history if trial.number in kept]


def _describe(search: Search, trial: Trial, history: History) -> dict[str, object]:
    goal, values = search.goals[0], rounded(search.space.values(trial.params))
    best = None if trial.state is TrialState.FAILED else goal.best(trial)
    told: dict[str, object] = {"trial": trial.number, "state": trial.state.value, "values": values}
    told[f"best {goal.metric}"] = _short(best)
    told["epochs trained"] = trial.trained_epochs
    optional = {
        f"{goal.metric} after epochs": _curve(trial),
        "results": rounded(trial.objectives),
        "adjustments": list(trial.adjustments),
        "failure": trial.failure,
        "proposed by": trial.origin,
        "reason": trial.reason,
        "outcome": _outcome(goal, trial, history) if search.is_research else "",
    }
    return told | {name: content for name, content in optional.items() if content}


def _curve(trial: Trial) -> dict[str, object]:
    """A few points of a learning curve, the last among them."""
    epochs = sorted(trial.values)
    stride = max(1, math.ceil(len(epochs) / _CURVE_POINTS))
    return {str(at): _short(trial.values[at]) for at in reversed(epochs[::-stride])}


def _outcome(goal: Goal, trial: Trial, history: History) -> str:
    """How an experiment ended, against the best that was known before it."""
    if trial.state is TrialState.FAILED:
        return "the trial failed, so the hypothesis is not tested"
    before = [_loss(goal, other) for other in history if other.number < trial.number]
    known, reached = min(before, default=math.inf), _loss(goal, trial)
    if not trial.state.is_final or math.isinf(known) or math.isinf(reached):
        return ""
    verdict = "better" if reached < known else "not better"
    best = known if goal.minimize else -known
    return f"{verdict} than the best before it, {_short(best)}"


def _loss(goal: Goal, trial: Trial) -> float:
    best = None if trial.state is TrialState.FAILED else goal.best(trial)
    return math.inf if best is None else goal.loss(best)


def _answer(search: Search, number: int, start: Start) -> str:
    example: dict[str, object] = {
        "values": {p.name: p.default for p in search.space.parameters},
        "reason": "one or two sentences",
    }
    if search.is_research:
        example = {"hypothesis": "what you expect to see, and why", **example}
    return (
        f"Propose trial {number} of {search.num_recommendations}. It first trains to "
        f"{start.epochs} epochs. Do not repeat a point that was tried. Keys that you leave out "
        "keep their default. Answer in this form, with your own values:\n"
        + json.dumps(example, ensure_ascii=False, default=str)
    )


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
