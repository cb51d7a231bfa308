"""Values as coordinates from 0 to 1, and back."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from skillbank.automl.domains import ChoiceDomain, Domain, FloatDomain, IntDomain, Raw
from skillbank.automl.proposers.unit_cube import (
    CubeDraw,
    from_unit,
    random_coordinate,
    to_cube,
    to_unit,
)

DOMAINS: dict[str, Domain] = {
    "float": FloatDomain(-2.0, 6.0),
    "log": FloatDomain(1e-5, 1e-1, log=True),
    "float steps": FloatDomain(0.1, 0.7, step=0.2),
    "int": IntDomain(-3, 4),
    "int log": IntDomain(1, 512, log=True),
    "int steps": IntDomain(10, 100, step=30),
    "choice": ChoiceDomain(("a", "b", "c")),
    "weights": ChoiceDomain(("a", "b", "c"), (1.0, 0.0, 3.0)),
    "one value": FloatDomain(0.5, 0.5),
    "one log": FloatDomain(0.5, 0.5, log=True),
    "one int": IntDomain(7, 7, log=True),
    "types": ChoiceDomain((True, 1, "1", None, 2.0)),
}


@pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS)
def test_a_value_comes_back_from_its_coordinate(domain: Domain) -> None:
    for unit in (0.0, 0.02, 0.31, 0.5, 0.77, 0.999, 1.0):
        raw = from_unit(domain, unit)
        back = from_unit(domain, to_unit(domain, raw))

        assert type(back) is type(raw)
        assert back == (pytest.approx(raw) if isinstance(raw, float) else raw)


@pytest.mark.parametrize(
    ("name", "unit", "raw"),
    [
        ("float", 0.0, -2.0),
        ("float", 0.25, 0.0),
        ("float", 1.0, 6.0),
        ("log", 0.5, 1e-3),
        ("float steps", 0.26, 0.3),
        ("int", 0.99, 4),
        ("int steps", 0.3, 40),
        ("choice", 0.34, "b"),
        ("weights", 0.24, "a"),
        ("weights", 0.26, "c"),
        ("weights", 1.0, "c"),
        ("float", -0.5, -2.0),
        ("int", 7.0, 4),
    ],
)
def test_a_coordinate_stands_for_a_value(name: str, unit: float, raw: Raw) -> None:
    found = from_unit(DOMAINS[name], unit)

    assert found == (pytest.approx(raw) if isinstance(raw, float) else raw)


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1e-30), (1e-5, 0.1), (0.1, 0.3), (-1e9, 1e9), (3e-7, 3e-7)]
)
@pytest.mark.parametrize("log", [False, True])
def test_rounding_never_leaves_the_range(low: float, high: float, log: bool) -> None:
    domain = FloatDomain(low, high, log=log and low > 0)

    assert all(low <= float(from_unit(domain, at / 999)) <= high for at in range(1000))  # type: ignore[arg-type]


def test_every_step_of_a_range_is_equally_long() -> None:
    counts = Counter(from_unit(IntDomain(1, 5), (at + 0.5) / 1000) for at in range(1000))

    assert counts == dict.fromkeys(range(1, 6), 200)


def test_on_a_log_scale_a_doubling_is_as_long_everywhere() -> None:
    domain = IntDomain(1, 1024, log=True)

    gaps = [to_unit(domain, 2**k) - to_unit(domain, 2 ** (k - 1)) for k in range(1, 10)]

    assert max(gaps) - min(gaps) < 1e-9


def test_options_that_look_alike_have_coordinates_of_their_own() -> None:
    domain = DOMAINS["types"]
    assert isinstance(domain, ChoiceDomain)

    found = [to_unit(domain, option) for option in domain.options]

    assert found == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])


def test_weights_of_nothing_are_no_weights() -> None:
    domain = ChoiceDomain(("a", "b"), (0.0, 0.0))

    assert [from_unit(domain, unit) for unit in (0.2, 0.8)] == ["a", "b"]


def test_a_coordinate_depends_on_its_key_and_name_alone() -> None:
    one, other = random_coordinate("1/7/0"), random_coordinate("1/7/0")
    one("y")

    assert one("x") == other("x")
    assert one("x") != one("y")
    assert one("x") != random_coordinate("1/8/0")("x")


def test_random_coordinates_are_even() -> None:
    values = [random_coordinate(f"1/{number}/0")("x") for number in range(2000)]

    assert sum(values) / 2000 == pytest.approx(0.5, abs=0.03)
    assert math.sqrt(sum((v - 0.5) ** 2 for v in values) / 2000) == pytest.approx(0.289, abs=0.01)


def test_a_point_becomes_coordinates_of_what_it_has() -> None:
    domains = {"rate": DOMAINS["float"], "kind": DOMAINS["choice"]}

    assert to_cube({"rate": 2.0, "gone": 1}, domains) == {"rate": 0.5}
    assert CubeDraw({"kind": 0.9}.__getitem__)("kind", domains["kind"]) == "c"
