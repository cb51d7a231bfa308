"""Schedules and optimizers, apart from any network."""

import dataclasses

import pytest
import torch

from skillbank_runners.errors import RunnerError
from skillbank_runners.training.optim import (
    OptimSettings,
    build_optimizer,
    build_schedule,
    restore_optimizer,
)

SETTINGS = OptimSettings(
    optimizer_type="torch.optim.SGD",
    lr=0.1,
    momentum=0.9,
    nesterov=True,
    weight_decay=1e-4,
    lr_scheduler="AutoReduce",
    lr_monitor="val_loss",
    patience=1,
    min_lr=0.001,
    lr_steps=(2, 4),
    lr_decay=0.1,
)


def build(**changes):
    settings = dataclasses.replace(SETTINGS, **changes)
    optimizer = build_optimizer([torch.nn.Parameter(torch.ones(3))], settings)
    return optimizer, build_schedule(optimizer, settings)


def rate(optimizer):
    return optimizer.param_groups[0]["lr"]


def run(optimizer, schedule, losses, first=0):
    rates = []
    for epoch, loss in enumerate(losses, start=first):
        schedule.start_epoch(epoch)
        rates.append(rate(optimizer))
        schedule.end_epoch({} if loss is None else {"val_loss": loss})
    return rates


def test_multi_step_is_a_function_of_the_epoch():
    rates = run(*build(lr_scheduler="MultiStep"), [1.0] * 6)
    assert rates == pytest.approx([0.1, 0.1, 0.01, 0.01, 0.001, 0.001])


def test_multi_step_takes_its_steps_in_any_order():
    rates = run(*build(lr_scheduler="MultiStep", lr_steps=(3, 1)), [1.0] * 4)
    assert rates == pytest.approx([0.1, 0.01, 0.01, 0.001])


def test_auto_reduce_waits_for_its_patience_and_stops_at_its_limit():
    rates = run(*build(), [1.0] * 8)
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.001])


def test_auto_reduce_keeps_the_rate_while_the_loss_falls():
    assert run(*build(), [1.0, 0.8, 0.6, 0.4]) == [0.1] * 4


def test_auto_reduce_counts_only_epochs_that_were_measured():
    rates = run(*build(), [1.0, None, 1.0, None, 1.0, None])
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.1, 0.01])


@pytest.mark.parametrize("cut", range(1, 6))
def test_auto_reduce_goes_on_from_its_state(cut):
    losses = [1.0, 0.9, 0.95, 0.95, 0.95, 0.8, 0.85]
    whole = run(*build(), losses)
    optimizer, schedule = build()
    first = run(optimizer, schedule, losses[:cut])
    resumed, again = build()
    restore_optimizer(resumed, optimizer.state_dict())
    again.restore(schedule.state())
    assert first + run(resumed, again, losses[cut:], cut) == whole


def test_options_of_the_spec_outlive_a_resume():
    old, _ = build(momentum=0.5, weight_decay=0.1, lr=0.03)
    new, _ = build(momentum=0.8, weight_decay=0.2)
    restore_optimizer(new, old.state_dict())
    group = new.param_groups[0]
    assert (group["momentum"], group["weight_decay"], group["lr"]) == (0.8, 0.2, 0.03)


@pytest.mark.parametrize("kind", ["SGD", "Adam", "Adamax"])
def test_every_optimizer_has_its_rate_and_weight_decay(kind):
    optimizer, _ = build(optimizer_type=f"torch.optim.{kind}")
    assert type(optimizer) is getattr(torch.optim, kind)
    assert optimizer.param_groups[0]["weight_decay"] == 1e-4
    assert rate(optimizer) == 0.1


@pytest.mark.parametrize("change", [{"optimizer_type": "x"}, {"lr_scheduler": "x"}])
def test_an_unknown_kind_is_named(change):
    with pytest.raises(RunnerError, match="found 'x', expected"):
        build(**change)


def test_auto_reduce_refuses_a_factor_that_does_not_reduce():
    with pytest.raises(RunnerError, match=r"found 1\.0, expected a factor below 1"):
        build(lr_decay=1.0)
