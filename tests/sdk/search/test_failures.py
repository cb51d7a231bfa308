"""What a search does about trials that fail or diverge."""

from __future__ import annotations

import pytest

from skillbank.automl.history import Goal
from skillbank.automl.settings import SearchSettings
from skillbank.job import FailureKind
from skillbank.search.failures import DivergenceWatch, choose_remedy, explain_missing_metric

SPEC = {"dataset": {"batch_size": 16}, "train": {"num_epochs": 3}, "evaluate": {"batch_size": 1}}


def lines(*kpis: dict[str, float | None]) -> list[dict[str, object]]:
    return [{"epoch": epoch, "kpi": kpi} for epoch, kpi in enumerate(kpis)]


def watch(factor: float = 3.0) -> DivergenceWatch:
    made = DivergenceWatch(factor)
    made.learn(lines({"train_loss": 2.0, "val_loss": 4.0}, {"train_loss": 1.0, "val_loss": 2.0}))
    return made


def test_a_machine_that_failed_is_tried_again_as_it_is() -> None:
    remedy = choose_remedy(FailureKind.INFRASTRUCTURE, 0, SPEC, SearchSettings())

    assert (remedy.retries, dict(remedy.repairs)) == (True, {})


def test_out_of_memory_halves_every_batch_that_can_be_halved_and_says_so() -> None:
    remedy = choose_remedy(FailureKind.OUT_OF_MEMORY, 0, SPEC, SearchSettings())

    assert dict(remedy.repairs) == {"dataset.batch_size": 8}
    assert "dataset.batch_size 16 -> 8" in remedy.sentence


def test_out_of_memory_with_a_batch_of_one_is_recorded() -> None:
    spec = {"dataset": {"batch_size": 1}}

    assert not choose_remedy(FailureKind.OUT_OF_MEMORY, 0, spec, SearchSettings()).retries


@pytest.mark.parametrize(
    "kind", [FailureKind.BAD_CONFIGURATION, FailureKind.DIVERGED, FailureKind.UNKNOWN]
)
def test_what_would_only_happen_again_is_recorded(kind: FailureKind) -> None:
    assert not choose_remedy(kind, 0, SPEC, SearchSettings()).retries


@pytest.mark.parametrize(("max_retries", "retries"), [(0, False), (1, False), (2, True)])
def test_a_trial_is_tried_again_max_retries_times(max_retries: int, *, retries: bool) -> None:
    settings = SearchSettings(max_retries=max_retries)

    assert choose_remedy(FailureKind.INFRASTRUCTURE, 1, SPEC, settings).retries is retries


def test_a_training_loss_far_above_the_baselines_is_cut_at_once() -> None:
    reason = watch().reason(lines({"train_loss": 6.1}))

    assert reason is not None
    assert "train_loss 6.1 is more than 3 times the baseline's highest, 2" in reason


def test_a_validation_loss_that_jumps_while_the_training_loss_falls_is_left_alone() -> None:
    """As batch normalization makes it: 1437, then 2.0, in a training that does well."""
    jumps = lines(*({"train_loss": 2.0 / epoch, "val_loss": 1e3 * epoch} for epoch in (1, 2, 3)))

    assert watch().reason(jumps) is None


def test_without_a_training_loss_two_validations_too_high_and_rising_are_cut() -> None:
    low, high, higher = ({"val_loss": loss} for loss in (3.0, 12.5, 13.0))

    assert watch().reason(lines(high, low, high)) is None
    assert watch().reason(lines(higher, high)) is None
    assert watch().reason(lines(low, high, higher)) is not None


@pytest.mark.parametrize(("step", "is_cut"), [(4, False), (5, True)])
def test_within_an_epoch_a_loss_counts_from_its_middle_on(step: int, *, is_cut: bool) -> None:
    line = {"epoch": 0, "step": step, "max_step": 10, "kpi": {"train_loss": 7.0}}

    assert (watch().reason([line]) is not None) is is_cut


@pytest.mark.parametrize(("factor", "is_cut"), [(2.0, True), (5.0, False)])
def test_the_factor_says_what_is_far(factor: float, *, is_cut: bool) -> None:
    assert (watch(factor).reason(lines({"train_loss": 6.0})) is not None) is is_cut


@pytest.mark.parametrize("kpi", [{"val_acc": 100.0}, {"val_loss": None}, {"other_loss": 1e9}])
def test_only_losses_that_the_baseline_has_are_compared(kpi: dict[str, float | None]) -> None:
    assert watch().reason(lines(kpi, kpi)) is None


def test_without_a_baseline_nothing_is_cut() -> None:
    assert DivergenceWatch(3.0).reason(lines({"train_loss": 1e9})) is None


def test_a_metric_that_nothing_reports_is_explained_by_what_is_reported() -> None:
    told = explain_missing_metric(Goal("val_f1", minimize=False), {"val_acc": 1.0, "lr": 0.1})

    assert "'val_f1'" in told
    assert "lr, val_acc" in told
    assert "--automl-set metric=" in told
