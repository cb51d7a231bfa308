"""math_cond and depends_on hold for every point, without a point that is refused."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.automl.spaces import (
    ANCHOR,
    Always,
    parameter_of,
    problems_of,
    reason_of,
    skill_of,
    space_of,
)

from skillbank.automl.domains import ChoiceDomain, Domain, IntDomain, Raw
from skillbank.automl.settings import read_search_settings
from skillbank.automl.space_reading import search_space

INF = math.inf


def number(default: float, low: float = 0.0, high: float = INF, **more: Any) -> dict[str, Any]:
    kind = "int" if isinstance(default, int) else "float"
    return {"type": kind, "default": default, "minimum": low, "maximum": high, **more}


def choice(*options: Any, **more: Any) -> dict[str, Any]:
    return {"type": "categorical", "default": options[0], "enum": list(options), **more}


def assert_every_point_is_valid(folder: Path, fields: dict[str, Any], **settings: Any) -> None:
    skill = skill_of(folder, fields)
    space = search_space(skill, settings=read_search_settings(settings))
    generator = random.Random(1)

    def draw(name: str, domain: Domain) -> Raw:
        del name
        if isinstance(domain, ChoiceDomain):
            return generator.choice(domain.options)
        if isinstance(domain, IntDomain):
            return generator.randrange(domain.low, domain.high + 1, domain.step)
        ends = [domain.low, domain.high, generator.uniform(domain.low, domain.high)]
        return generator.choice(ends)

    problems = [problems_of(skill, space, space.suggest(draw)) for _ in range(40)]
    assert problems == [[]] * 40


# math_cond against numbers.


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        (number(0.5, 0.0, 1.0, math_cond="> 0.0"), 0.01, 1.0),
        (number(0.5, 0.0, 1.0, math_cond=">0"), 0.01, 1.0),
        (number(0.5, 0.0, 1.0, math_cond="> 0.0 < 1.0"), 0.01, 0.99),
        (number(0.5, 0.0, 1.0, math_cond="> 0.2 <= 0.7"), 0.205, 0.7),
        (number(0.5, 0.0, 1.0, math_cond=">= 0.25"), 0.25, 1.0),
        (number(0.5, -1.0, 1.0, math_cond="!= 0"), 0.01, 1.0),
        (number(-0.5, -2.0, 1.0, math_cond="!= 0"), -2.0, -0.02),
        (number(5, 0, 9, math_cond="> 2"), 3, 9),
        (number(5, 0, 9, math_cond="< 9"), 0, 8),
        (number(5, -3, 9, math_cond="!= 0"), 1, 9),
        (number(5, 1, 9, exclusiveMinimum=2, exclusiveMaximum=9), 3, 8),
    ],
)
def test_an_open_end_is_no_value_of_the_range(tmp_path, field, low, high):
    found = parameter_of(tmp_path, field)

    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert_every_point_is_valid(tmp_path, {"train.x": field})


def test_the_users_value_beside_an_open_end_is_in_the_range(tmp_path):
    found = parameter_of(tmp_path, number(0.5, 0.0, 1.0, math_cond="> 0.0"), 0.001)

    assert found.low == 0.001


@pytest.mark.parametrize(
    ("field", "low", "high", "step"),
    [
        (number(224, 32, 1000, math_cond="/ 32"), 32, 992, 32),
        (number(30, 1, INF, math_cond="/ 8"), 8, 120, 8),
        (number(30, 0, 100, math_cond="/ 8"), 0, 96, 8),
        (number(24, 1, 100, math_cond="/ 8 / 12"), 24, 96, 24),
        (number(24, 1, 100, multipleOf=8, math_cond="/ 0.5"), 8, 96, 8),
        (number(0.5, 0.05, 1.0, math_cond="/ 0.1"), 0.1, 1.0, 0.1),
    ],
)
def test_a_multiple_is_drawn_by_its_steps(tmp_path, field, low, high, step):
    found = parameter_of(tmp_path, field)

    assert (found.low, found.high, found.step) == (pytest.approx(low), pytest.approx(high), step)
    assert_every_point_is_valid(tmp_path, {"train.x": field})


@pytest.mark.parametrize(
    ("field", "values"),
    [
        (number(8, 1, 64, math_cond="^ 2"), [1, 2, 4, 8, 16, 32, 64]),
        (number(256, 1, INF, math_cond="^ 2"), [64, 128, 256, 512, 1024]),
        (number(9, 1, 100, math_cond="^ 3"), [1, 3, 9, 27, 81]),
        (number(16, 1, 100, math_cond="^ 2 / 8"), [8, 16, 32, 64]),
        (number(16, 1, 100, math_cond="^ 2 != 8"), [16, 32, 64]),
        (number(2.25, 1.0, 6.0, math_cond="^ 1.5"), [1, 1.5, 2.25, 3.375, 5.0625]),
    ],
)
def test_a_power_is_drawn_by_its_exponent(tmp_path, field, values):
    found = parameter_of(tmp_path, field)
    domain = found.domain()

    assert isinstance(domain, IntDomain)
    assert [found.decode(raw) for raw in range(domain.low, domain.high + 1)] == values
    assert_every_point_is_valid(tmp_path, {"train.x": field})


@pytest.mark.parametrize("condition", ["> 16", "/ 32", "^ 2", "!= 48"])
def test_options_that_break_the_condition_are_left_out(tmp_path, condition):
    field = choice(32, 16, 48, 64, type="ordered_int", math_cond=condition)

    found = parameter_of(tmp_path, field)

    assert len(found.options) < 4
    assert_every_point_is_valid(tmp_path, {"train.x": field})


# depends_on with a comparison: when a parameter has an effect.

OPTIMIZER = choice("sgd", "adam", "lamb")
MOMENTUM = number(0.9, depends_on="train.optimizer == sgd")


def test_a_parameter_is_active_while_the_searched_field_has_the_value(tmp_path):
    fields = {"train.momentum": MOMENTUM, "train.optimizer": OPTIMIZER}

    optimizer, momentum = space_of(tmp_path, fields).parameters

    assert optimizer.key == "train.optimizer"
    assert str(momentum.active) == "train.optimizer is sgd"


@pytest.mark.parametrize(
    ("depends_on", "words"),
    [
        ("optimizer != sgd", "train.optimizer is not sgd"),
        ("train.optimizer in [sgd, lamb]", "train.optimizer is sgd or lamb"),
    ],
)
def test_a_parameter_is_active_under_several_values(tmp_path, depends_on, words):
    fields = {"train.optimizer": OPTIMIZER, "train.x": number(0.5, depends_on=depends_on)}

    _, found = space_of(tmp_path, fields).parameters

    assert str(found.active) == words


def test_a_parameter_is_always_active_when_every_value_activates_it(tmp_path):
    fields = {
        "train.optimizer": OPTIMIZER,
        "train.x": number(0.5, depends_on="train.optimizer in [sgd, adam, lamb]"),
    }

    _, found = space_of(tmp_path, fields).parameters

    assert found.active is None


def test_a_parameter_that_no_value_of_the_space_activates_stays_fixed(tmp_path):
    fields = {"train.optimizer": OPTIMIZER, "train.momentum": MOMENTUM}
    ranges = {"train.optimizer": {"valid_options": ["adam", "lamb"]}}

    space = space_of(tmp_path, fields, {"train.optimizer": "adam"}, custom_param_ranges=ranges)

    assert "only when train.optimizer is sgd" in reason_of(space, "train.momentum")


@pytest.mark.parametrize(("value", "is_searched"), [("sgd", True), ("adam", False)])
def test_a_fixed_field_decides_once_for_all(tmp_path, value, is_searched):
    fields = {"train.optimizer": {**OPTIMIZER, "search": False}, "train.momentum": MOMENTUM}

    space = space_of(tmp_path, fields, {"train.optimizer": value})

    assert [p.key for p in space.parameters] == ["train.momentum"] * is_searched
    if is_searched:
        assert space.parameters[0].active is None
    else:
        told = "it has no effect while train.optimizer is 'adam'"
        assert reason_of(space, "train.momentum") == told


CHAIN = {
    "train.a": choice("x", "y"),
    "train.b": choice("x", "y", depends_on="train.a == x"),
    "train.c": choice("x", "y", depends_on="train.b == x"),
    "train.d": number(0.5, depends_on="train.c == x"),
}


def test_a_chain_of_conditions_is_active_from_its_beginning_on(tmp_path):
    space = space_of(tmp_path, dict(reversed(CHAIN.items())))

    assert [p.key for p in space.parameters] == list(CHAIN)
    idle = space.suggest(Always(**{"train.a": "y"}))
    broken = space.suggest(Always(**{"train.c": "y"}))
    assert idle == {"train.a": "y"}
    assert broken == {"train.a": "x", "train.b": "x", "train.c": "y"}


@pytest.mark.parametrize(
    ("fixed", "told"),
    [
        (["train.a"], "train.c, on which it depends, has no effect"),
        (["train.a", "train.b", "train.c"], "train.b, on which it depends, has no effect"),
    ],
)
def test_what_depends_on_an_idle_field_stays_fixed(tmp_path, fixed, told):
    fields = {key: {**field, "search": key not in fixed} for key, field in CHAIN.items()}

    space = space_of(tmp_path, fields, {"train.a": "y"})

    assert space.parameters == ()
    assert "it has no effect while train.a is 'y'" in reason_of(space, "train.d")
    assert told in reason_of(space, "train.d")


def test_a_condition_is_inherited_through_a_fixed_field(tmp_path):
    fields = {**CHAIN, "train.b": {**CHAIN["train.b"], "search": False}}

    found = {p.key: p for p in space_of(tmp_path, fields).parameters}

    assert str(found["train.c"].active) == "train.a is x"


def test_conditions_that_go_round_in_a_circle_are_told(tmp_path):
    fields = {
        "train.x": choice("a", "b", depends_on="train.y == a"),
        "train.y": choice("a", "b", depends_on="train.x == a"),
    }

    space = space_of(tmp_path, fields)

    assert "lead back to itself" in reason_of(space, "train.x")


def test_fixed_fields_in_a_circle_are_told_too(tmp_path):
    fields = {
        "train.x": number(0.5, depends_on="train.y == a"),
        "train.y": choice("a", "b", depends_on="train.z == a", search=False),
        "train.z": choice("a", "b", depends_on="train.y == a", search=False),
    }

    assert "leads back to itself" in reason_of(space_of(tmp_path, fields))


# A field that stays fixed must stay right wherever the parameters go.


def test_an_option_that_would_activate_a_broken_field_is_left_out(tmp_path):
    momentum = number(0.0, math_cond="> 0.0", depends_on="train.optimizer == sgd", search=False)
    fields = {"train.optimizer": choice("adam", "lamb", "sgd"), "train.momentum": momentum}

    (found,) = space_of(tmp_path, fields).parameters

    assert found.options == ("adam", "lamb")
    assert_every_point_is_valid(tmp_path, fields)


def test_a_number_that_would_activate_a_broken_field_stays_fixed(tmp_path):
    broken = number(0.0, math_cond="> 0.0", depends_on="train.x == 5", search=False)

    space = space_of(tmp_path, {"train.x": number(3, 1, 9), "train.y": broken})

    assert "train.y = 0.0, which breaks its own condition" in reason_of(space)


def test_a_field_whose_change_would_touch_a_broken_one_stays_fixed(tmp_path):
    broken = number(0.0, math_cond="> 0.0", depends_on="train.x", search=False)

    space = space_of(tmp_path, {"train.x": number(0.5), "train.y": broken})

    assert "once this field changes" in reason_of(space)


# math_cond against another field.


def test_a_number_must_exceed_a_searched_one(tmp_path):
    fields = {
        "train.high": number(0.5, 0.0, 1.0, math_cond="> depends_on", depends_on="low"),
        "train.low": number(0.2, 0.0, 1.0),
    }

    low, high = space_of(tmp_path, fields).parameters

    assert (low.key, high.above) == ("train.low", "train.low")
    assert low.high < high.high
    assert_every_point_is_valid(tmp_path, fields)


@pytest.mark.parametrize(
    ("condition", "is_low_searched", "is_high_searched"),
    [
        (condition, low, high)
        for condition in ("> depends_on", ">= depends_on")
        for low, high in ((True, True), (True, False), (False, True))
    ],
)
def test_a_relation_holds_whoever_is_searched(
    tmp_path, condition, is_low_searched, is_high_searched
):
    fields = {
        "train.low": number(10, 1, INF, search=is_low_searched),
        "train.high": number(
            20, 1, INF, math_cond=condition, depends_on="low", search=is_high_searched
        ),
    }

    assert_every_point_is_valid(tmp_path, fields)
    assert len(space_of(tmp_path, fields).parameters) == is_low_searched + is_high_searched


@pytest.mark.parametrize("condition", ["< depends_on", "<= depends_on"])
@pytest.mark.parametrize("is_high_searched", [True, False])
def test_a_number_below_another_is_the_same_told_from_the_other_side(
    tmp_path, condition, is_high_searched
):
    fields = {
        "train.low": number(10, 1, 500, math_cond=condition, depends_on="high"),
        "train.high": number(20, 1, 400, search=is_high_searched),
    }

    found = {p.key: p for p in space_of(tmp_path, fields).parameters}

    assert_every_point_is_valid(tmp_path, fields)
    assert found["train.low"].high <= (399 if is_high_searched else 19)


def test_a_chain_of_relations_leaves_room_for_every_link(tmp_path):
    fields = {
        "train.c": number(3, 1, 9, math_cond="> depends_on", depends_on="b"),
        "train.b": number(2, 1, 9, math_cond="> depends_on", depends_on="a"),
        "train.a": number(1, 1, 9),
    }

    a, b, c = space_of(tmp_path, fields).parameters

    assert (a.high, b.high, c.high) == (7, 8, 9)
    assert (a.low, b.low, c.low) == (1, 2, 3)
    assert_every_point_is_valid(tmp_path, fields)


@pytest.mark.parametrize(
    "upper",
    [
        number(64, 1, 512, math_cond="> depends_on ^ 2"),
        number(64, 1, 512, math_cond="> depends_on / 8"),
        number(64.0, 1.0, 512.0, math_cond="> depends_on"),
        number(0.0, 0.0, INF, math_cond=">= depends_on"),
        choice(64, 8, 16, 32, 128, type="ordered_int", math_cond="> depends_on"),
    ],
    ids=["powers", "steps", "float", "with off", "options"],
)
def test_every_kind_of_number_can_be_above_another(tmp_path, upper):
    fields = {
        "train.low": number(10, 1, 40) if upper["default"] else number(0.0, 0.0, 0.2),
        "train.high": {**upper, "depends_on": "train.low"},
    }

    assert len(space_of(tmp_path, fields).parameters) == 2
    assert_every_point_is_valid(tmp_path, fields)


@pytest.mark.parametrize(
    "lower",
    [
        number(8, 1, 512, math_cond="^ 2"),
        number(8, 1, 512, math_cond="/ 8"),
        number(0.0, 0.0, INF),
        choice(8, 16, 32, 1000, type="ordered_int"),
    ],
    ids=["powers", "steps", "with off", "options"],
)
def test_every_kind_of_number_can_be_below_another(tmp_path, lower):
    fields = {
        "train.low": lower,
        "train.high": number(100, 1, 300, math_cond="> depends_on", depends_on="low"),
    }

    assert len(space_of(tmp_path, fields).parameters) == 2
    assert_every_point_is_valid(tmp_path, fields)


def test_a_relation_to_a_number_that_is_idle_holds_for_its_own_value(tmp_path):
    fields = {
        "train.on": choice("yes", "no"),
        "train.low": number(0.2, 0.0, 1.0, depends_on="train.on == yes"),
        "train.high": number(0.9, 0.0, 1.0, math_cond="> depends_on", depends_on="low"),
    }

    assert_every_point_is_valid(tmp_path, fields)


def test_a_number_that_a_relation_leaves_no_room_stays_fixed(tmp_path):
    fields = {
        "train.low": number(8, 1, INF, search=False),
        "train.high": number(9, 1, 9, math_cond="> depends_on", depends_on="low"),
    }

    told = "it must be more than 8, which leaves no two values of 1 to 9"
    assert reason_of(space_of(tmp_path, fields), "train.high") == told


def test_a_number_cannot_exceed_two_searched_ones(tmp_path):
    fields = {
        "train.a": number(1, 1, 5),
        "train.b": number(2, 1, 5, math_cond="< depends_on", depends_on="train.c"),
        "train.c": number(9, 1, 20, math_cond="> depends_on", depends_on="train.a"),
    }

    space = space_of(tmp_path, fields)

    assert {p.key for p in space.parameters} == {"train.b", "train.c"}
    assert "train.c must exceed it and train.b" in reason_of(space, "train.a")
    assert_every_point_is_valid(tmp_path, fields)


@pytest.mark.parametrize("condition", ["== depends_on", "!= depends_on"])
def test_a_number_that_is_tied_to_another_stays_fixed(tmp_path, condition):
    fields = {
        "train.x": number(5, 1, 9, math_cond=condition, depends_on="train.y"),
        "train.y": number(5 if "==" in condition else 6, 1, 9),
    }

    space = space_of(tmp_path, fields)

    assert space.parameters == ()
    assert reason_of(space) == "its value is tied to that of train.y"


def test_words_are_compared_with_nothing(tmp_path):
    fields = {
        "train.x": number(5, 1, 9, math_cond="> depends_on", depends_on="train.y"),
        "train.y": choice("a", "b"),
    }

    assert len(space_of(tmp_path, fields).parameters) == 2
    assert_every_point_is_valid(tmp_path, fields)


def test_conditions_of_a_list_hold_for_each_element(tmp_path):
    field = {"type": "list", "default": [16, 64], "minimum": [8, 8], "maximum": [64, 512]}
    fields = {"train.x": {**field, "math_cond": "/ 8"}, **ANCHOR}

    assert_every_point_is_valid(tmp_path, fields)
