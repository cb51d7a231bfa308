"""Where a number is searched: as its field says, else as is known of such fields."""

from __future__ import annotations

import math

import pytest
from tests.sdk.automl.spaces import parameter_of, reason_of, space_of

INF = math.inf


def unbounded(default: float, kind: str = "float", low: float = 0.0) -> dict[str, object]:
    return {"type": kind, "default": default, "minimum": low, "maximum": INF}


def only_parameter(folder, key, field, **settings):
    (parameter,) = space_of(folder, {key: field}, **settings).parameters
    return parameter


@pytest.mark.parametrize(
    ("key", "default", "low", "high"),
    [
        ("train.optim.lr", 1e-3, 1e-5, 1e-2),
        ("train.optim.lr_backbone", 2e-5, 2e-7, 2e-4),
        ("train.learning_rate", 0.1, 1e-3, 1.0),
        ("train.baseLr", 0.1, 1e-3, 1.0),
        ("train.optim.weight_decay", 1e-4, 1e-6, 1e-2),
        ("train.weightDecay", 1e-4, 1e-6, 1e-2),
        ("train.clip_grad_norm", 0.1, 0.01, 1.0),
        ("train.lr_decay", 0.1, 0.01, 1.0),
        ("train.gamma", 0.5, 0.01, 1.0),
        ("loss.gamma", 2.0, 0.02, 200.0),
        ("loss.box_weight", 5.0, 0.05, 500.0),
        ("train.lr_mult", 1.0, 0.01, 100.0),
    ],
)
def test_a_scale_is_searched_in_the_logarithm_around_its_default(tmp_path, key, default, low, high):
    found = only_parameter(tmp_path, key, unbounded(default))

    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.log
    assert not found.complement


@pytest.mark.parametrize(
    ("key", "default", "least", "most"),
    [
        ("train.momentum", 0.9, 0.5, 0.99),
        ("train.optim.beta1", 0.9, 0.5, 0.99),
        ("train.optim.beta_2", 0.999, 0.99, 0.9999),
        ("train.ema.decay", 0.9999, 0.99, 0.99999),
        ("train.ema_decay", 0.95, 0.5, 0.99),
    ],
)
def test_an_average_is_searched_by_what_is_missing_to_one(tmp_path, key, default, least, most):
    found = only_parameter(tmp_path, key, unbounded(default))

    assert (found.low, found.high) == (pytest.approx(least), pytest.approx(most))
    assert (found.log, found.complement) == (True, True)


@pytest.mark.parametrize("value", [1.0, 1.5])
def test_no_momentum_of_one_or_more_is_proposed_though_the_user_set_it(tmp_path, value):
    space = space_of(tmp_path, {"train.momentum": unbounded(0.9)}, {"train.momentum": value})

    assert space.parameters[0].high == 0.99


@pytest.mark.parametrize("name", ["dropout", "drop_path_rate", "hflip_prob", "p"])
@pytest.mark.parametrize("default", [0.0, 0.5])
def test_a_probability_is_searched_evenly_and_never_reaches_one(tmp_path, name, default):
    field = {"type": "float", "default": default, "minimum": 0.0, "maximum": 1.0}

    found = only_parameter(tmp_path, f"model.{name}", field)

    assert (found.low, found.high, found.log, found.has_off) == (0.0, 0.9, False, False)


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [
        ("train.weight_decay", 1e-6, 1e-2),
        ("train.grad_clip", 0.1, 10.0),
        ("loss.aux_weight", 1e-3, 1.0),
    ],
)
def test_a_scale_of_zero_can_stay_off(tmp_path, key, low, high):
    found = only_parameter(tmp_path, key, unbounded(0.0))

    assert (found.low, found.high, found.log) == (low, high, True)
    assert (found.has_off, found.off) == (True, 0.0)


def test_a_momentum_of_zero_can_stay_off(tmp_path):
    found = only_parameter(tmp_path, "train.momentum", unbounded(0.0))

    assert (found.low, found.high, found.has_off, found.off) == (0.5, 0.99, True, 0.0)


def test_no_training_is_proposed_without_a_learning_rate(tmp_path):
    found = only_parameter(tmp_path, "train.lr", unbounded(0.0))

    assert not found.has_off
    assert found.low > 0


@pytest.mark.parametrize(
    ("default", "low", "high", "expected"),
    [
        (0.5, 0.0, 1.0, (0.0, 1.0, False)),
        (0.4, 0.0, 2.0, (0.0, 2.0, False)),
        (0.01, 0.0, 1.0, (0.0001, 1.0, True)),
        (0.4, 0.0, 10.0, (0.004, 10.0, True)),
        (3.0, 1.0, 10.0, (1.0, 10.0, False)),
        (0.5, 0.01, 1.0, (0.01, 1.0, True)),
        (0.0, -1.0, 1.0, (-1.0, 1.0, False)),
        (2.0, 1.0, INF, (1.0, 200.0, True)),
        (-0.5, -INF, INF, (-2.0, -0.125, False)),
        (-0.5, -INF, 0.0, (-2.0, -0.125, False)),
        (0.0, 0.0, 1.0, (0.0, 1.0, False)),
    ],
)
def test_any_other_number_is_searched_by_its_bounds_and_its_default(
    tmp_path, default, low, high, expected
):
    field = {"type": "float", "default": default, "minimum": low, "maximum": high}

    found = parameter_of(tmp_path, field)

    assert (found.low, found.high, found.log) == expected
    assert not found.has_off


def test_a_bounded_scale_of_zero_is_switched_on_in_the_logarithm(tmp_path):
    found = parameter_of(tmp_path, {"type": "float", "default": 0.0, "minimum": 0, "maximum": 50})

    assert (found.low, found.high, found.log, found.off) == (0.05, 50.0, True, 0.0)


@pytest.mark.parametrize(
    ("default", "low", "high", "expected"),
    [
        (16, 1, INF, (4, 64, False)),
        (1, 1, INF, (1, 5, False)),
        (0, 0, INF, (0, 4, False)),
        (300, 1, INF, (75, 1200, False)),
        (5, 1, 8, (1, 8, False)),
        (5, 1, 1000, (1, 1000, True)),
        (5, 0, 1000, (1, 1000, True)),
        (500, 0, 1000, (0, 1000, False)),
        (-8, -INF, INF, (-32, -2, False)),
    ],
)
def test_a_whole_number_is_searched_a_few_times_up_and_down(tmp_path, default, low, high, expected):
    field = {"type": "int", "default": default, "minimum": low, "maximum": high}

    found = parameter_of(tmp_path, field)

    assert (found.low, found.high, found.log) == expected
    assert (found.type, type(found.low)) == ("int", int)


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        (unbounded(-1, "int", low=-1), "-1 is no number here but a mark"),
        (unbounded(-1, "int", low=-INF), "-1 is no number here but a mark"),
        (unbounded(-1.0, low=-1.0), "-1 is no number here but a mark"),
        (unbounded(0.0, low=-INF), "its default is 0 and it has no bounds"),
        ({"type": "float", "default": 1.0, "minimum": 1, "maximum": 1}, "no two values"),
        ({"type": "int", "default": 4, "minimum": 4, "maximum": 4}, "no two values"),
        ({"type": "string", "default": "a"}, "it holds text without a list of options"),
        ({"type": "dict", "default": {}}, "it holds a mapping"),
        ({"type": "tensor", "default": 1}, "the schema does not say what type"),
        ({"type": "categorical", "default": "a"}, "the schema does not say what type"),
        ({"type": "categorical", "default": "a", "enum": ["a"]}, "only 'a' is left"),
        ({"type": "list", "default": ["a"]}, "a list that is not one of numbers: ['a']"),
        ({"type": "list", "default": []}, "a list that is not one of numbers: []"),
        ({"type": "list", "default": [3, 5]}, "nothing bounds its elements"),
        ({"type": "subset_list", "default": ["a"], "enum": ["a", "b"]}, "only ['a'] is left"),
        ({"type": "int", "default": "???"}, "its value '???' is no number to search around"),
        ({"type": "int", "default": None}, "neither a value to search around nor two bounds"),
        (
            {"type": "list", "default": [3, 5], "minimum": 1, "uniqueItems": True},
            "elements must differ",
        ),
        (
            {"type": "int", "default": 4, "minimum": 1, "maximum": 9, "math_cond": "/ 16"},
            "no two values to choose between; allowed: a whole number, at least 1, at most 9",
        ),
        (
            {"type": "int", "default": 4, "minimum": 3, "maximum": 7, "math_cond": "^ 2"},
            "a power of 2",
        ),
        (
            {"type": "int", "default": 4, "minimum": 1, "maximum": 9, "math_cond": "^ 2 ^ 3"},
            "a power of 2 and of 3",
        ),
        (
            {**unbounded(-1, "int", low=-1), "search_range": {"low": -1, "high": -1}},
            "its search range holds a single value, -1",
        ),
    ],
)
def test_a_field_that_cannot_be_searched_is_told_with_the_reason(tmp_path, field, reason):
    space = space_of(tmp_path, {"train.x": field})

    assert space.parameters == ()
    assert reason in reason_of(space)
    assert space.fixed[0].was_asked_for


def test_a_value_that_may_be_missing_is_switched_off_by_that(tmp_path):
    field = {"type": "float", "default": None, "minimum": 0.0, "maximum": 1.0}

    found = parameter_of(tmp_path, field)

    assert (found.low, found.high, found.has_off, found.off) == (0.0, 1.0, True, None)


# Ranges that a field declares.


def declared(default: float, low: float, high: float, **more: object) -> dict[str, object]:
    return {**unbounded(default), "search_range": {"low": low, "high": high, **more}}


def test_a_declared_range_is_taken_as_it_is(tmp_path):
    field = declared(0.9, 0.5, 0.99, log=True, complement=True, off=0.0)

    found = parameter_of(tmp_path, field)

    assert (found.low, found.high, found.log, found.complement) == (0.5, 0.99, True, True)
    assert (found.has_off, found.off) == (True, 0.0)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [(1e-5, 1e-5, 0.1), (5.0, 1e-3, 5.0), (0.05, 1e-3, 0.1)],
)
def test_a_range_reaches_to_the_users_own_value(tmp_path, value, low, high):
    found = parameter_of(tmp_path, declared(0.01, 1e-3, 0.1, log=True), value)

    assert (found.low, found.high) == (low, high)
    assert found.default == value


def test_a_users_zero_outside_a_logarithm_becomes_the_way_to_switch_off(tmp_path):
    found = parameter_of(tmp_path, declared(0.01, 1e-3, 0.1, log=True), 0.0)

    assert (found.has_off, found.off, found.low) == (True, 0.0, 1e-3)


def test_a_users_mark_outside_a_range_becomes_the_way_to_switch_off(tmp_path):
    field = {"type": "int", "default": 30, "minimum": -1, "maximum": INF}
    field["search_range"] = {"low": 10, "high": 100}

    found = parameter_of(tmp_path, field, -1)

    assert (found.has_off, found.off, found.low, found.high) == (True, -1, 10, 100)


def test_a_value_that_switches_off_is_left_out_where_the_schema_forbids_it(tmp_path):
    field = {**declared(0.5, 0.1, 1.0, log=True, off=0.0), "math_cond": "> 0.0"}

    assert not parameter_of(tmp_path, field).has_off


def test_a_declared_range_is_cut_to_what_the_schema_allows(tmp_path):
    field = {**declared(2.0, 0.5, 100.0), "minimum": 1.0, "maximum": 8.0}

    found = parameter_of(tmp_path, field)

    assert (found.low, found.high) == (1.0, 8.0)


def test_a_logarithm_that_cannot_be_is_none(tmp_path):
    assert not parameter_of(tmp_path, declared(1.0, 0.0, 2.0, log=True)).log


def test_a_declared_range_may_differ_by_element(tmp_path):
    field = {"type": "list", "default": [8, 0.5]}
    field["search_range"] = {"low": [4, 0.1], "high": [16, 0.9]}

    first, second = space_of(tmp_path, {"train.x": field}).parameters

    assert (first.name, first.low, first.high) == ("train.x[0]", 4, 16)
    assert (second.name, second.low, second.high) == ("train.x[1]", 0.1, 0.9)


# Lists.


def test_each_element_of_a_list_has_bounds_of_its_own(tmp_path):
    field = {"type": "list", "default": [8, 64], "minimum": [4, 16], "maximum": [16, INF]}

    first, second = space_of(tmp_path, {"train.x": field}).parameters

    assert (first.low, first.high, first.type, first.index) == (4, 16, "int", 0)
    assert (second.low, second.high, second.type, second.index) == (16, 256, "int", 1)


def test_betas_are_searched_though_nothing_bounds_them(tmp_path):
    field = {"type": "list", "default": [0.9, 0.999]}

    first, second = space_of(tmp_path, {"train.betas": field}).parameters

    assert (first.low, first.high) == (0.5, 0.99)
    assert (second.low, second.high) == (pytest.approx(0.99), pytest.approx(0.9999))


def test_an_element_that_cannot_be_searched_stays(tmp_path):
    field = {"type": "list", "default": [-1, 64], "minimum": [-1, 1]}

    (second,) = space_of(tmp_path, {"train.x": field}).parameters

    assert second.index == 1


def test_the_ends_of_an_interval_keep_their_order(tmp_path):
    field = {"type": "list", "default": [0.5, 1.5], "minimum": 0.1, "maximum": 2.0}

    first, second = space_of(tmp_path, {"train.crop_range": field}).parameters

    assert second.above == first.name
    assert first.high < second.high


def test_numbers_of_a_standard_schemas_list_are_bounded_by_its_items(tmp_path):
    field = {"type": "list", "default": [1.0, 2.0], "items": {"type": "number", "minimum": 0.5}}

    first, _ = space_of(tmp_path, {"train.x": field}).parameters

    assert (first.low, first.type) == (0.5, "float")


# Batch sizes.


@pytest.mark.parametrize(
    ("key", "most"),
    [
        ("dataset.batch_size", 20),
        ("dataset.batch_size_per_gpu", 20),
        ("dataset.batchSize", 20),
        ("train.bs", 20),
        ("dataset.val_batch_size", 64),
        ("evaluate.batch_size", 64),
        ("dataset.batches", 64),
    ],
)
def test_a_batch_never_exceeds_the_training_samples(tmp_path, key, most):
    found = only_parameter(tmp_path, key, unbounded(16, "int", low=1), train_sample_count=20)

    assert found.high == most


def test_every_gpu_gets_its_share_of_the_samples(tmp_path):
    fields = {
        "dataset.batch_size": unbounded(16, "int", low=1),
        "train.num_gpus": {"type": "int", "default": 4, "minimum": 1, "search": False},
    }

    (found,) = space_of(tmp_path, fields, train_sample_count=64).parameters

    assert found.high == 16


def test_options_of_a_batch_that_are_too_many_are_left_out(tmp_path):
    field = {"type": "ordered_int", "default": 64, "enum": [8, 16, 32, 64]}

    found = only_parameter(tmp_path, "dataset.batch_size", field, train_sample_count=40)

    assert found.options == (8, 16, 32)


def test_no_batch_fits_a_single_sample(tmp_path):
    space = space_of(
        tmp_path, {"dataset.batch_size": unbounded(16, "int", low=1)}, train_sample_count=1
    )

    assert "no two values" in reason_of(space, "dataset.batch_size")
