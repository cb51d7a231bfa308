"""What people say, held against what it should be read as: every request of tests/requests."""

from __future__ import annotations

import statistics
from collections.abc import Iterable

import pytest

from bench import routing
from bench.routing_cases import Case, Step, read_cases
from skillbank.automl.settings import read_search_settings
from skillbank.bank import SkillBank
from skillbank.spec_keys import action_schema, dotted_keys
from skillbank.words.reader import SentenceReader

CASES = read_cases()
STEPS = [step for case in CASES for step in case.steps]


@pytest.fixture(scope="module")
def bank() -> SkillBank:
    return SkillBank()


# All of them once: more than a thousand requests at some 3 ms.
@pytest.fixture(scope="module")
def results(bank: SkillBank) -> list[routing.Result]:
    return routing.read_all(SentenceReader(bank), CASES)


def told(results: Iterable[routing.Result]) -> str:
    return "\n\n".join(["", *map(routing.describe_failure, results)])


def test_nearly_every_request_is_read_exactly_as_expected(results: list[routing.Result]) -> None:
    failures = [one for one in results if not one.is_exact]

    assert routing.score(results).exact.share >= routing.EXACT, told(failures)


def test_no_request_launches_what_it_does_not_ask_for(results: list[routing.Result]) -> None:
    launches = [one for one in results if one.is_false_launch]

    assert not launches, told(launches)


def test_every_automl_policy_is_as_it_was_said(results: list[routing.Result]) -> None:
    wrong = [one for one in results if one.case.policies and not one.is_policy_right]

    assert not wrong, told(wrong)


def test_a_request_is_read_well_within_its_time(results: list[routing.Result]) -> None:
    assert statistics.median(one.took_ms for one in results) < routing.LIMIT_MS


# A fresh process, which reads the skills' schemas: 1 s.
def test_reading_imports_nothing_heavy() -> None:
    assert routing.heavy_imports() == []


def test_the_requests_are_many_and_a_third_of_them_is_no_plan() -> None:
    negatives = [case for case in CASES if case.is_negative]

    assert len(CASES) >= 300
    assert len(negatives) >= len(CASES) / 3


def test_no_request_stands_twice() -> None:
    seen: dict[str, Case] = {}
    twice = [
        (case.file, first.file, case.request)
        for case in CASES
        if (first := seen.setdefault(case.request, case)) is not case
    ]

    assert twice == []


def test_expected_keys_are_those_of_the_skills(bank: SkillBank) -> None:
    known: dict[tuple[str, str], frozenset[str]] = {}

    def unknown(step: Step) -> list[str]:
        action = step["skill"], step["action"]
        if action not in known:
            known[action] = frozenset(
                dotted_keys(action_schema(bank[step["skill"]], step["action"]))
            )
        return sorted({*step.get("overrides", {})} - known[action])

    assert [(step["skill"], keys) for step in STEPS if (keys := unknown(step))] == []


def test_expected_settings_are_those_of_a_search() -> None:
    for step in STEPS:
        read_search_settings(step.get("automl", {}))  # raises at one that there is not
