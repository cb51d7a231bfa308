"""What of a search one setting changes, looked at without running it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.sdk.automl.llm.fake_endpoint import proposes, serve

from skillbank.automl.goals import read_goals
from skillbank.automl.history import Goal, Promote, Proposer, Start, Trial, TrialState
from skillbank.automl.llm import make_llm_proposer
from skillbank.automl.proposers import make_proposer
from skillbank.automl.schedulers import make_scheduler
from skillbank.automl.settings import SearchSettings
from skillbank.automl.space import SearchSpace
from skillbank.automl.space_reading import read_space
from skillbank.bank import SkillBank
from skillbank.job import FailureKind
from skillbank.search.callbacks import Callbacks
from skillbank.search.failures import DivergenceWatch, choose_remedy
from skillbank.search.journal import open_storage

SKILL = SkillBank()["tao-train-pose-classification"]
GOAL = Goal("val_loss", minimize=True)
KEY_NAME = "EVERY_OPTION_KEY"
Observe = Callable[[SearchSettings, Path], object]


@dataclass(frozen=True)
class Effect:
    """A setting and where its effect shows.

    Attributes:
        value: Another value than the default, or than the one in `others`.
        observe: What is looked at.
        others: Settings under which it has an effect, such as its algorithm.
    """

    value: Any
    observe: Observe
    others: Mapping[str, Any] = field(default_factory=dict)


def space_of(settings: SearchSettings) -> SearchSpace:
    return read_space(SKILL, SKILL.template("train"), settings)


def space(settings: SearchSettings, folder: Path) -> object:
    """Parameters with their domains."""
    del folder
    return [(p.name, p.domain()) for p in space_of(settings).parameters]


def goals(settings: SearchSettings, folder: Path) -> object:
    """Metrics with their directions."""
    del folder
    return read_goals(settings, "val_loss", "minimize")


def moves(settings: SearchSettings, folder: Path) -> object:
    """All that one worker is asked to do, trial n reaching a value of its own."""
    del folder
    scheduler = make_scheduler(settings, GOAL, 27)
    trials: list[Trial] = []
    told: list[object] = []
    while (move := scheduler.next_move(trials)) is not None:
        told.append(move)
        if isinstance(move, Promote):
            number, before = move.number, trials[move.number].values
        else:
            number, before = len(trials), {}
            trials.append(Trial(number, {}, TrialState.RUNNING))
        values = {**before, move.epochs: 1 / (1 + number * 7 % 11)}
        trial = Trial(number, {}, TrialState.COMPLETE, values, move.epochs)
        is_over = number == 0 or scheduler.is_last(trial)
        parent = move.parent if isinstance(move, Start) else trials[number].parent
        generation = move.generation if isinstance(move, Start) else trials[number].generation
        trials[number] = Trial(
            number,
            {},
            TrialState.COMPLETE if is_over else TrialState.PAUSED,
            values,
            move.epochs,
            bracket=move.bracket if isinstance(move, Start) else trials[number].bracket,
            parent=parent,
            generation=generation,
        )
    return told


def curve_stops(settings: SearchSettings, folder: Path) -> object:
    """After how many validations a curve that ends a fifth behind the best is given up."""
    del folder
    scheduler = make_scheduler(settings, GOAL, 27)
    best = Trial(1, {}, TrialState.COMPLETE, _power_curve(0.5, 27), 27)
    stops = (
        epochs
        for epochs in range(1, 27)
        if scheduler.stop_reason(
            Trial(2, {}, TrialState.RUNNING, _power_curve(0.6, epochs), 27), [best]
        )
    )
    return next(stops, None)


def _power_curve(end: float, epochs: int) -> dict[int, float]:
    return {epoch: end + 1 / epoch for epoch in range(1, epochs + 1)}


def proposals(settings: SearchSettings, folder: Path) -> object:
    """The points of the next trials, after a dozen that were measured."""
    del folder
    found = space_of(settings)
    proposer = make_proposer(settings, found, (GOAL,))
    history = _measured(found, proposer)
    return [proposer.propose(len(history) + more, Start(27), history).params for more in range(3)]


def _measured(found: SearchSpace, proposer: Proposer) -> list[Trial]:
    history = [Trial(0, found.defaults(), TrialState.COMPLETE, {27: 0.7}, 27, origin="baseline")]
    for number in range(1, 13):
        point = proposer.propose(number, Start(27), history)
        value = 0.5 + abs(float(found.values(point.params)["train.optim.lr"]) - 0.02)
        done = Trial(number, point.params, TrialState.COMPLETE, {27: value}, 27)
        history.append(done)
    return history


def copy_of_a_parent(settings: SearchSettings, folder: Path) -> object:
    """The point of a copy, as PBT varies its parent's."""
    del folder
    found = space_of(settings)
    proposer = make_proposer(settings, found, (GOAL,))
    parent = Trial(1, found.defaults(), TrialState.PAUSED, {9: 0.5}, 9)
    history = [Trial(0, found.defaults(), TrialState.COMPLETE, {27: 0.7}, 27), parent]
    return [
        proposer.propose(number, Start(18, parent=1, generation=1), history).params
        for number in range(2, 8)
    ]


class _Nobody:
    """Stands where another proposer would take over; it is not to be asked."""

    def propose(self, number: int, start: Start, history: object) -> Any:
        raise AssertionError(f"the model failed at trial {number}: {start} {history}")


def question(settings: SearchSettings, folder: Path) -> object:
    """What a language model's service is asked, and how."""
    del folder
    found = space_of(settings)
    with serve() as fake:
        fake.script = [proposes(values={"train.optim.lr": 0.02})]
        path = "/other/v1" if settings.llm_endpoint == "other" else "/v1"
        asked = settings.model_copy(update={"llm_endpoint": fake.url.replace("/v1", path)})
        proposer = make_llm_proposer(asked, found, (GOAL,), _Nobody())
        proposer.propose(1, Start(27), [Trial(0, found.defaults(), TrialState.RUNNING)])
        sent = {k: v for k, v in fake.requests[0].items() if k != "messages"}
        return fake.paths[0], sent, fake.headers[0].get("Authorization")


def retries(settings: SearchSettings, folder: Path) -> object:
    """How often a trial is tried again on machines that fail."""
    del folder
    kind = FailureKind.INFRASTRUCTURE
    return sum(choose_remedy(kind, tried, {}, settings).retries for tried in range(9))


def divergence(settings: SearchSettings, folder: Path) -> object:
    """Which losses are too far above the baseline's highest, which is 1."""
    del folder
    watch = DivergenceWatch(settings.divergence_factor)
    watch.learn([{"epoch": 0, "kpi": {"train_loss": 1.0}}])
    lines = [{"epoch": 0, "kpi": {"train_loss": float(loss)}} for loss in range(1, 9)]
    return [watch.reason([line]) is None for line in lines]


def storage(settings: SearchSettings, folder: Path) -> object:
    """Which kind of storage holds the study."""
    return type(open_storage(folder, settings.storage)).__name__


def callbacks(settings: SearchSettings, folder: Path) -> object:
    """What is measured of a validation and of the best trial, and by whom."""
    (folder / "mine.py").write_text(
        "def read(logs, name): return logs[-1]['kpi'][name] + 1\n"
        "def measure(trial, job_id): return 0.5\n"
        "def measure_best(best, job_id): return best['epochs']\n"
    )
    made = Callbacks(settings, folder)
    best = made.evaluate_best({"epochs": 9}, "j") if made.evaluates_best else None
    return made.extract([{"kpi": {"val_loss": 1.0}}], "val_loss"), made.evaluates, best
