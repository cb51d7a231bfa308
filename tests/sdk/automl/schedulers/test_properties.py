"""Whatever ends when, and however: every search ends, and only the best go on."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sdk.automl.schedulers.playing import LOSS, Play, scheduler_of

from skillbank.automl.history import Promote, Trial, TrialState
from skillbank.automl.schedulers.learning_curve import losses_until, prospect

MULTI_FIDELITY = ["hyperband", "hyperband_es", "bohb", "dehb", "asha", "auto", "pbt"]

shapes = st.fixed_dictionaries(
    {
        "max_epochs": st.integers(1, 30),
        "reduction_factor": st.integers(2, 4),
        "epoch_multiplier": st.integers(1, 4),
        "max_recommendations": st.integers(1, 40),
        "min_top_configs": st.integers(1, 8),
        "population_size": st.integers(2, 12),
        "eval_interval": st.integers(1, 12),
        "max_generations": st.integers(1, 6),
    }
)


@dataclass
class RandomPlay:
    """A search with some workers in which trials end in any order, in any way."""

    play: Play
    num_workers: int
    data: st.DataObject
    left_for_good: set[int] = field(default_factory=set)

    def run(self) -> Play:
        for _ in range(2000):
            while len(self.play.active) < self.num_workers and self._move():
                pass
            if not self.play.active:
                return self.play
            self._end(self.data.draw(st.sampled_from(self.play.active)))
        raise AssertionError("the search does not end")

    def _move(self) -> bool:
        gone = self.play.scheduler.never_again(self.play.history)
        paused = self.play.in_state(TrialState.PAUSED)
        assert self.left_for_good & set(paused) <= set(gone) <= set(paused)
        self.left_for_good |= set(gone)
        if gone and self.data.draw(st.booleans()):  # a driver gives them up, sooner or later
            self.play.prune(gone[0])
        move = self.play.move()
        assert not isinstance(move, Promote) or move.number not in self.left_for_good
        return move is not None

    def _end(self, number: int) -> None:
        how = self.data.draw(st.integers(0, 9))
        if how == 0:
            self.play.fail(number)
        elif how == 1:
            self.play.prune(number)
        else:
            self.play.end(number, self.data.draw(st.integers(0, 30)) / 30)


@pytest.mark.parametrize("algorithm", MULTI_FIDELITY)
@settings(max_examples=30, deadline=None)
@given(shape=shapes, num_workers=st.integers(1, 5), data=st.data())
def test_every_search_ends_within_its_cap_and_trains_nobody_too_long(
    algorithm: str, shape: dict[str, int], num_workers: int, data: st.DataObject
) -> None:
    play = Play(scheduler_of(algorithm, **shape))  # type: ignore[arg-type]

    RandomPlay(play, num_workers, data).run()

    if algorithm != "pbt":  # its copies also replace members that failed
        assert len(play.starts) == play.scheduler.max_starts == shape["max_recommendations"]
    assert all(t.epochs <= play.scheduler.full_epochs for t in play.history[1:])
    alive = [t for t in play.history[1:] if t.state in {TrialState.PAUSED, TrialState.COMPLETE}]
    lost = {TrialState.FAILED, TrialState.PRUNED}
    if alive and not any(t.state in lost for t in play.history[1:]) and algorithm != "pbt":
        assert any(t.epochs == play.scheduler.full_epochs for t in alive)


@pytest.mark.parametrize("algorithm", ["hyperband", "bohb", "asha"])
@settings(max_examples=30, deadline=None)
@given(shape=shapes, num_workers=st.integers(1, 5), data=st.data())
def test_only_the_best_that_wait_in_a_rung_are_promoted(
    algorithm: str, shape: dict[str, int], num_workers: int, data: st.DataObject
) -> None:
    play = WatchedPlay(scheduler_of(algorithm, **shape))  # type: ignore[arg-type]

    RandomPlay(play, num_workers, data).run()

    for number, rivals in play.rivals:
        assert rivals[number] == min(rivals.values())


@dataclass
class WatchedPlay(Play):
    """Remembers, at each promotion, the losses of all that waited in the rung and bracket."""

    rivals: list[tuple[int, dict[int, float]]] = field(default_factory=list)

    def move(self) -> object:  # type: ignore[override]  # a test that looks over the shoulder
        waiting = {t.number: t for t in self.history if t.state is TrialState.PAUSED}
        move = super().move()
        if isinstance(move, Promote):
            own = waiting[move.number]
            rung = [
                t for t in waiting.values() if (t.epochs, t.bracket) == (own.epochs, own.bracket)
            ]
            self.rivals.append((own.number, {t.number: self._prospect(t) for t in rung}))
        return move

    def _prospect(self, trial: Trial) -> float:
        return prospect(losses_until(LOSS, trial, trial.epochs), self.scheduler.full_epochs)


@settings(max_examples=40, deadline=None)
@given(num_workers=st.integers(1, 8), data=st.data())
def test_asha_gives_every_free_worker_something_to_do_until_its_cap_is_reached(
    num_workers: int, data: st.DataObject
) -> None:
    play = Play(scheduler_of("asha", max_epochs=27, max_recommendations=30))
    search = RandomPlay(play, num_workers, data)

    while len(play.starts) < 30:
        while len(play.active) < num_workers and len(play.starts) < 30:
            assert play.move() is not None
        search._end(data.draw(st.sampled_from(play.active)))

    assert play.scheduler.next_move(play.history) is None or len(play.starts) == 30
