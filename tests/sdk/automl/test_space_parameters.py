"""How one parameter is drawn, and what spec value that gives."""

from __future__ import annotations

import pytest

from skillbank.automl.activation import Activation
from skillbank.automl.domains import ChoiceDomain, FloatDomain, IntDomain
from skillbank.automl.parameter import Parameter, is_same

LR = Parameter("lr", 0.1, low=0.001, high=1.0, log=True)
MOMENTUM = Parameter("m", 0.9, low=0.5, high=0.99, log=True, complement=True)
WIDTH = Parameter("w", 32, options=(16, 32, 64, 128))
HEADS = Parameter("heads", 8, low=1, high=64, is_int=True, power_of=2)
STEPPED = Parameter("size", 224, low=32, high=250, is_int=True, step=32)
FINE = Parameter("rate", 0.3, low=0.1, high=0.75, step=0.1)
COUNT = Parameter("n", 5, low=1, high=500, is_int=True, log=True)
FLAG = Parameter("flag", default=True, options=(False, True))
WEIGHTED = Parameter("k", 2, options=(1, 2, 3), weights=(1.0, 0.0, 3.0))
LISTS = Parameter("shape", [8], options=([8], [8, 16]))
MIXED = Parameter("mix", 1, options=(1, True, "auto", None))
SINGLES = [LR, MOMENTUM, WIDTH, HEADS, STEPPED, FINE, COUNT, FLAG, WEIGHTED, LISTS, MIXED]


@pytest.mark.parametrize(
    ("parameter", "name", "domain"),
    [
        (LR, "lr", FloatDomain(0.001, 1.0, log=True)),
        (MOMENTUM, "1-m", FloatDomain(1 - 0.99, 0.5, log=True)),
        (WIDTH, "w:index", IntDomain(0, 3)),
        (HEADS, "heads:exponent", IntDomain(0, 6)),
        (STEPPED, "size", IntDomain(32, 224, step=32)),
        (FINE, "rate", FloatDomain(0.1, 0.7, step=0.1)),
        (COUNT, "n", IntDomain(1, 500, log=True)),
        (FLAG, "flag", ChoiceDomain((False, True))),
        (WEIGHTED, "k", ChoiceDomain((1, 2, 3), (1.0, 0.0, 3.0))),
        (LISTS, "shape:option", ChoiceDomain(("[8]", "[8, 16]"))),
        (MIXED, "mix:option", ChoiceDomain(("1", "true", "auto", "null"))),
    ],
)
def test_a_parameter_is_drawn_under_a_name_from_a_domain(parameter, name, domain):
    assert (parameter.drawn_name, parameter.domain()) == (name, domain)


@pytest.mark.parametrize(
    ("parameter", "kind"),
    [
        (LR, "float"),
        (COUNT, "int"),
        (HEADS, "int"),
        (FLAG, "bool"),
        (WIDTH, "ordered_int"),
        (WEIGHTED, "categorical"),
        (MIXED, "categorical"),
    ],
)
def test_a_parameter_has_one_of_taos_types(parameter, kind):
    assert parameter.type == kind


@pytest.mark.parametrize("parameter", SINGLES, ids=lambda parameter: parameter.key)
def test_the_default_is_drawn_as_itself(parameter):
    found = parameter.decode(parameter.encode(parameter.default))

    assert is_same(found, parameter.default)
    assert type(found) is type(parameter.default)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        (LR, 0.001),
        (LR, 1.0),
        (MOMENTUM, 0.5),
        (MOMENTUM, 0.99),
        (WIDTH, 128),
        (HEADS, 64),
        (HEADS, 1),
        (STEPPED, 96),
        (FINE, 0.7),
        (COUNT, 500),
        (FLAG, False),
        (LISTS, [8, 16]),
        (MIXED, True),
        (MIXED, None),
        (MIXED, "auto"),
    ],
)
def test_a_value_is_drawn_as_itself(parameter, value):
    found = parameter.decode(parameter.encode(value))

    assert found == pytest.approx(value) if isinstance(value, float) else is_same(found, value)


@pytest.mark.parametrize(
    ("parameter", "raw", "value"),
    [
        (LR, 1.0000000000000002, 1.0),
        (LR, 0.00099999999999, 0.001),
        (MOMENTUM, 0.0, 0.99),
        (MOMENTUM, 1 - 0.99, 0.99),
        (COUNT, 500.4, 500),
        (STEPPED, 100, 96),
        (STEPPED, 1000, 224),
        (FINE, 0.30000000000000004, 0.3),
        (FINE, 0.74, 0.7),
        (HEADS, 6, 64),
    ],
)
def test_no_rounding_leads_out_of_the_range_or_off_the_grid(parameter, raw, value):
    assert parameter.decode(raw) == value


@pytest.mark.parametrize(
    ("parameter", "value", "nearest"),
    [
        (LR, 50.0, 1.0),
        (LR, -1.0, 0.001),
        (LR, None, 0.001),
        (LR, float("nan"), 0.001),
        (MOMENTUM, 0.0, 0.5),
        (MOMENTUM, 1.0, 0.99),
        (WIDTH, 60, 64),
        (WIDTH, 1000, 128),
        (WIDTH, "wide", 32),
        (HEADS, 100, 64),
        (HEADS, 0, 1),
        (HEADS, 11, 8),
        (STEPPED, 30, 32),
        (STEPPED, 250, 224),
        (FLAG, 1, True),
        (LISTS, [9], [8]),
        (MIXED, "car", 1),
    ],
)
def test_a_value_outside_goes_to_the_nearest_there_is(parameter, value, nearest):
    assert parameter.decode(parameter.encode(value)) == pytest.approx(nearest)


@pytest.mark.parametrize("parameter", [HEADS, STEPPED, COUNT])
def test_whole_numbers_stay_whole(parameter):
    domain = parameter.domain()

    assert isinstance(parameter.decode(domain.low), int)
    assert isinstance(parameter.decode(domain.high), int)


def test_a_float_field_with_whole_ends_gives_floats():
    found = Parameter("scale", 2, low=1, high=10).decode(3)

    assert isinstance(found, float)


def test_true_is_not_drawn_where_one_is_wanted():
    assert MIXED.decode("1") == 1
    assert MIXED.decode("1") is not True
    assert MIXED.decode("true") is True


@pytest.mark.parametrize(
    "parameter",
    [
        Parameter("x", 1.0, low=0.0, high=2.0, log=True),
        Parameter("x", 1, low=0, high=2, is_int=True, log=True),
        Parameter("x", 0.5, low=0.1, high=0.9, log=True, step=0.1),
        Parameter("x", 0.5, low=0.1, high=1.0, log=True, complement=True),
    ],
)
def test_no_logarithm_is_drawn_where_there_is_none(parameter):
    assert not parameter.domain().log


def test_an_element_is_named_by_its_number():
    assert Parameter("sizes", 8, low=1, high=9, index=1).drawn_name == "sizes[1]"


def test_options_have_no_range():
    with pytest.raises(ValueError, match="w has options, no range"):
        _ = WIDTH.range


@pytest.mark.parametrize(
    ("activation", "value", "holds"),
    [
        (Activation("optim", ("sgd",)), "sgd", True),
        (Activation("optim", ("sgd",)), "adam", False),
        (Activation("optim", ("sgd",), negated=True), "adam", True),
        (Activation("optim", ("sgd", "adam"), negated=True), "adam", False),
    ],
)
def test_an_activation_holds_for_its_values_or_for_all_others(activation, value, holds):
    assert activation.holds(value) is holds


@pytest.mark.parametrize(
    ("activation", "words"),
    [
        (Activation("optim", ("sgd", "adam")), "optim is sgd or adam"),
        (Activation("optim", ("sgd",), negated=True), "optim is not sgd"),
    ],
)
def test_an_activation_reads_as_a_sentence(activation, words):
    assert str(activation) == words
