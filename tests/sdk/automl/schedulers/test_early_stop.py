from __future__ import annotations

from dataclasses import replace

import pytest
from tests.sdk.automl.schedulers.playing import ACCURACY, LOSS, scheduler_of

from skillbank.automl.history import Goal, Trial, TrialState


def trial(number: int, values: list[float], state: TrialState = TrialState.RUNNING) -> Trial:
    return Trial(number, {}, state, dict(enumerate(values, start=1)), epochs=9)


def curve(end: float, num: int, height: float = 1.0, exponent: float = 1.0) -> list[float]:
    return [end + height * at**-exponent for at in range(1, num + 1)]


BEST = trial(1, [0.9, 0.6, 0.45, 0.4], TrialState.PAUSED)


def stop_reason(values: list[float], goal: Goal = LOSS, **settings: object) -> str | None:
    sign = 1 if goal.minimize else -1
    best = replace(BEST, values={at: sign * v for at, v in BEST.values.items()})
    scheduler = scheduler_of("hyperband_es", goal=goal, max_epochs=27, **settings)  # type: ignore[arg-type]
    running = trial(2, [sign * v for v in values])
    return scheduler.stop_reason(running, [trial(0, []), best, running])


def test_a_trial_that_would_end_far_behind_is_stopped_and_told_why() -> None:
    reason = stop_reason(curve(0.8, 5))

    assert reason is not None
    assert reason.startswith("its val_loss would reach 0.8")
    assert reason.endswith("after 27 epochs, more than 10% behind the best, 0.4")


def test_a_trial_that_would_end_in_front_is_not_stopped_however_late_it_is() -> None:
    assert stop_reason(curve(0.1, 5, height=4.0)) is None


def test_the_threshold_says_how_far_behind_a_trial_may_end() -> None:
    values = curve(0.8, 5)

    assert stop_reason(values, early_stop_threshold=2.0) is None
    assert stop_reason(values, early_stop_threshold=0.5) is not None


def test_no_curve_is_fitted_before_so_many_validations() -> None:
    assert stop_reason(curve(0.8, 3), min_early_stop_epochs=3) is not None
    assert stop_reason(curve(0.8, 3), min_early_stop_epochs=4) is None
    assert stop_reason(curve(0.8, 2), min_early_stop_epochs=1) is None


def test_a_metric_to_maximize_is_read_the_other_way_round() -> None:
    reason = stop_reason([v - 2 for v in curve(0.8, 5)], goal=ACCURACY)
    assert reason is None

    reason = stop_reason(curve(0.8, 5), goal=ACCURACY)
    assert reason is not None
    assert "would reach -0.8" in reason


def test_a_failed_trial_is_no_competitor_and_the_baseline_is_never_stopped() -> None:
    scheduler = scheduler_of("hyperband_es", max_epochs=27)
    slow = trial(2, curve(0.8, 5))
    failed = replace(BEST, state=TrialState.FAILED)

    assert scheduler.stop_reason(slow, [failed, slow]) is None
    assert scheduler.stop_reason(replace(slow, number=0), [slow, BEST]) is None


@pytest.mark.parametrize("algorithm", ["hyperband", "asha", "bohb", "dehb", "pbt", "bayesian"])
def test_the_other_algorithms_stop_nothing_between_rungs(algorithm: str) -> None:
    slow = trial(2, curve(0.8, 5))

    assert scheduler_of(algorithm).stop_reason(slow, [BEST, slow]) is None
