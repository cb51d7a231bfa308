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
NUM_EPOCHS = 6


def build(**changes):
    settings = dataclasses.replace(SETTINGS, **changes)
    optimizer = build_optimizer([torch.nn.Parameter(torch.ones(3))], settings)
    return optimizer, build_schedule(optimizer, settings, NUM_EPOCHS)


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


def test_cosine_falls_along_half_a_cosine_to_the_last_epoch():
    rates = run(*build(lr_scheduler="Cosine"), [1.0] * 6)
    assert rates == pytest.approx([0.1, 0.0933, 0.075, 0.05, 0.025, 0.0067], abs=1e-4)


def test_cosine_rises_before_it_falls():
    rates = run(*build(lr_scheduler="Cosine", warmup_epochs=2), [1.0] * 6)
    assert rates == pytest.approx([0.0333, 0.0667, 0.1, 0.0854, 0.05, 0.0146], abs=1e-4)


def test_cosine_is_a_function_of_the_epoch():
    assert run(*build(lr_scheduler="Cosine"), [1.0], first=3) == pytest.approx([0.05])


def test_a_rise_must_end_before_the_training_does():
    with pytest.raises(RunnerError, match="warmup_epochs: found 6, expected fewer than the 6"):
        build(lr_scheduler="Cosine", warmup_epochs=6)


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
    assert (group["momentum"], group["weight_decay"], group["lr"]) == (0.8, 0.2, 0.1)


def test_a_changed_rate_keeps_the_reductions_so_far():
    old, schedule = build(lr=0.1)
    run(old, schedule, [1.0] * 4)  # reduced once, by 10
    new, _ = build(lr=0.3)
    restore_optimizer(new, old.state_dict())
    assert rate(new) == pytest.approx(0.03)
    newer, _ = build(lr=0.6)
    restore_optimizer(newer, new.state_dict())
    assert rate(newer) == pytest.approx(0.06)


def test_an_unchanged_rate_comes_back_bit_for_bit():
    old, schedule = build(lr=0.1, lr_decay=0.3)
    run(old, schedule, [1.0] * 7)
    new, _ = build(lr=0.1, lr_decay=0.3)
    restore_optimizer(new, old.state_dict())
    assert rate(new) == rate(old) != 0.1


def test_the_rate_of_a_foreign_checkpoint_is_taken_as_it_is():
    old, _ = build(lr=0.03)
    state = old.state_dict()
    del state["param_groups"][0]["initial_lr"]
    new, _ = build(lr=0.1)
    restore_optimizer(new, state)
    assert rate(new) == 0.03


KINDS = ["SGD", "Adam", "Adamax", "AdamW"]


# Whose memory has the same names can go on with it: one is the other but for the weight decay.
SIMILAR = {"Adam", "AdamW"}


def step(optimizer):
    (weight,) = optimizer.param_groups[0]["params"]
    weight.grad = torch.ones(3)
    optimizer.step()
    return weight.detach().clone()


@pytest.mark.parametrize("after", KINDS)
@pytest.mark.parametrize("before", KINDS)
def test_only_the_same_optimizer_remembers(before, after):
    old, _ = build(optimizer_type=f"torch.optim.{before}")
    step(old)
    new, _ = build(optimizer_type=f"torch.optim.{after}")
    fresh, _ = build(optimizer_type=f"torch.optim.{after}")
    restore_optimizer(new, old.state_dict())
    remembered = bool(new.state)
    can_remember = before == after or {before, after} <= SIMILAR
    assert remembered is can_remember
    # Adam's kinds take the same step from the same gradient, but for rounding.
    is_same = torch.allclose(step(new), step(fresh), atol=1e-6)
    assert is_same is (not can_remember or before != "SGD")


@pytest.mark.parametrize("kind", KINDS)
def test_every_optimizer_has_its_rate_and_weight_decay(kind):
    optimizer, _ = build(optimizer_type=f"torch.optim.{kind}")
    assert type(optimizer) is getattr(torch.optim, kind)
    assert optimizer.param_groups[0]["weight_decay"] == 1e-4
    assert rate(optimizer) == 0.1


def test_adamw_shrinks_weights_whatever_their_gradients_are():
    for gradient in (0.001, 1000.0):
        optimizer, _ = build(optimizer_type="torch.optim.AdamW", lr=0.1, weight_decay=0.5)
        (weight,) = optimizer.param_groups[0]["params"]
        weight.grad = torch.full((3,), gradient)
        optimizer.step()
        assert torch.allclose(weight, torch.full((3,), 1 - 0.1 * 0.5 - 0.1), atol=1e-3)


@pytest.mark.parametrize("change", [{"optimizer_type": "x"}, {"lr_scheduler": "x"}])
def test_an_unknown_kind_is_named(change):
    with pytest.raises(RunnerError, match="found 'x', expected"):
        build(**change)


def test_auto_reduce_refuses_a_factor_that_does_not_reduce():
    with pytest.raises(RunnerError, match=r"found 1\.0, expected a factor below 1"):
        build(lr_decay=1.0)
