"""Whatever is proposed, for whichever skill, is a spec that the skill's schema accepts.

Walks every train schema of our bank and of a foreign one in TAO's dialect.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.foreign_bank import networks, skill_name, write_foreign_bank
from tests.sdk.automl.llm.fake_endpoint import Reply, proposes, serve
from tests.sdk.automl.spaces import problems_of

from skillbank.automl.domains import ChoiceDomain, Domain, FloatDomain, Raw
from skillbank.automl.history import Goal, Start, Trial, TrialState
from skillbank.automl.proposers import make_proposer
from skillbank.automl.settings import Algorithm, SearchSettings
from skillbank.automl.space import SearchSpace
from skillbank.automl.space_reading import search_space
from skillbank.bank import SkillBank
from skillbank.errors import SpecInvalid
from skillbank.skill import Skill
from skillbank.spec_keys import dotted_keys, set_value

NUM_POINTS = 20
REFUSED = re.compile(r"automl\.parameters: (\S+) cannot be searched: .*\.")


class RandomDraw:
    """Draws evenly, now and then from the very ends of a domain, which is where rounding bites."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def __call__(self, name: str, domain: Domain) -> Raw:
        del name
        if isinstance(domain, ChoiceDomain):
            weights = domain.weights or None
            return self._random.choices(domain.options, weights)[0]
        end = self._random.choice(["low", "high", "between", "between", "between"])
        if end != "between":
            return getattr(domain, end)
        if isinstance(domain, FloatDomain):
            return self._random.uniform(domain.low, domain.high)
        return self._random.randrange(domain.low, domain.high + 1, domain.step)


class Spaces:
    """The skills of both banks, and their spaces, each read once."""

    def __init__(self, folder: Path) -> None:
        banks = [SkillBank(), SkillBank([write_foreign_bank(folder)])]
        self.skills = {skill.name: skill for bank in banks for skill in bank}
        self._usual: dict[str, SearchSpace] = {}
        self._largest: dict[str, SearchSpace] = {}

    def usual(self, name: str) -> SearchSpace:
        """The space that the skill recommends."""
        if name not in self._usual:
            self._usual[name] = search_space(self.skills[name])
        return self._usual[name]

    def largest(self, name: str) -> SearchSpace:
        """The space of every field of a schema that can be searched at all."""
        if name not in self._largest:
            self._largest[name] = self._read_largest(self.skills[name])
        return self._largest[name]

    @staticmethod
    def _read_largest(skill: Skill) -> SearchSpace:
        keys = list(dotted_keys(skill.schema("train")))
        while True:
            try:
                return search_space(skill, settings=SearchSettings(parameters=tuple(keys)))
            except SpecInvalid as error:
                refused = {REFUSED.fullmatch(problem)[1] for problem in error.problems}
                keys = [key for key in keys if key not in refused]


@pytest.fixture(scope="module")
def spaces(tmp_path_factory):
    return Spaces(tmp_path_factory.mktemp("foreign_bank"))


NAMES = [
    *(skill.name for skill in SkillBank() if skill.has_info and skill.can_automl()),
    *(skill_name(arch) for arch in networks()),
]
every_skill = pytest.mark.parametrize("name", NAMES)


def rounded(value: Any) -> Any:
    """The value with its numbers to six digits, which is what scales and shares keep of them."""
    if isinstance(value, Mapping):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


@every_skill
def test_a_random_point_of_a_skills_own_space_is_a_valid_spec(name, spaces):
    skill, space = spaces.skills[name], spaces.usual(name)
    draw = RandomDraw(seed=len(name))

    points = [space.suggest(draw) for _ in range(NUM_POINTS)]

    assert [problems_of(skill, space, point) for point in points] == [[]] * NUM_POINTS


@every_skill
def test_a_random_point_of_the_space_of_all_that_can_be_searched_is_a_valid_spec(name, spaces):
    skill, space = spaces.skills[name], spaces.largest(name)
    draw = RandomDraw(seed=len(name) + 1)

    points = [space.suggest(draw) for _ in range(NUM_POINTS)]

    assert [problems_of(skill, space, point) for point in points] == [[]] * NUM_POINTS


@every_skill
def test_a_point_is_found_again_from_its_values(name, spaces):
    space = spaces.largest(name)
    point = space.suggest(RandomDraw(seed=7))

    again = space.encode(space.values(point))

    assert again.keys() == point.keys()
    assert rounded(space.values(again)) == rounded(space.values(point))


@every_skill
def test_the_baseline_is_a_point_of_the_space_that_changes_nothing(name, spaces):
    skill, space = spaces.skills[name], spaces.usual(name)

    values = space.values(space.defaults())

    template = skill.template("train")
    for key, value in values.items():
        set_value(template, key, value)
    assert template == skill.template("train")


@every_skill
def test_what_is_drawn_lies_in_the_domain_that_was_announced(name, spaces):
    space = spaces.largest(name)
    domains = space.domains()
    draws = dict[str, Domain]()

    def draw(name: str, domain: Domain) -> Raw:
        draws[name] = domain
        return RandomDraw(seed=3)(name, domain)

    space.suggest(draw)

    assert draws.items() <= domains.items()


# Every algorithm, after a history in which trials failed, paused, were pruned or still run.

STATES = [
    TrialState.COMPLETE,
    TrialState.COMPLETE,
    TrialState.FAILED,
    TrialState.PAUSED,
    TrialState.PRUNED,
    TrialState.RUNNING,
    TrialState.COMPLETE,
    TrialState.WAITING,
]
NUM_PAST = 17  # enough that models have replaced the first, spread-out points
MODELS = {Algorithm.AUTO, Algorithm.BAYESIAN, Algorithm.BFBO, Algorithm.ASHA}
GOAL = Goal("val_loss", minimize=True)
SECOND = Goal("latency_ms", minimize=True)


def num_proposals(algorithm: Algorithm) -> int:
    """A model of forty parameters takes 0.04 s to propose, a talk with a language model more."""
    return 1 if algorithm.needs_endpoint or algorithm in MODELS else 4


def made_up_trial(number: int, params: Mapping[str, Raw]) -> Trial:
    """A trial as a search may leave it; the loss follows from its number, up and down."""
    state = TrialState.COMPLETE if number == 0 else STATES[number % len(STATES)]
    loss = 1 + 0.5 * math.sin(3 * number)
    curves = {
        TrialState.COMPLETE: {3: loss + 0.1, 9: loss},
        TrialState.PAUSED: {3: loss},
        TrialState.PRUNED: {1: 9.9},
        TrialState.RUNNING: {1: loss + 1},
    }
    return Trial(
        number=number,
        params=params,
        state=state,
        values=curves.get(state, {}),
        epochs=9,
        bracket=number % 2,
        objectives={GOAL.metric: loss, SECOND.metric: 5 / loss} if state is STATES[0] else {},
    )


def made_up_history(space: SearchSpace) -> list[Trial]:
    draw = RandomDraw(seed=11)
    points = [space.defaults(), *(space.suggest(draw) for _ in range(NUM_PAST - 1))]
    return [made_up_trial(number, point) for number, point in enumerate(points)]


def wild_answer(space: SearchSpace) -> Reply:
    """What a language model may say: values far outside, of wrong types, for unknown keys."""
    wild = itertools.cycle([1e12, -1, "large", None, True, [3], float("nan")])
    values = dict(zip((parameter.name for parameter in space.parameters), wild, strict=False))
    return proposes("for a change", values={**values, "train.no_such_key": 1})


@pytest.fixture(scope="module")
def endpoint():
    with pytest.MonkeyPatch.context() as patch, serve() as fake:
        patch.setenv("NO_PROXY", "127.0.0.1")
        yield fake


@pytest.mark.parametrize("algorithm", list(Algorithm))
@every_skill
def test_an_algorithm_proposes_only_valid_specs(name, algorithm, spaces, endpoint):
    skill, space = spaces.skills[name], spaces.usual(name)
    endpoint.script = [wild_answer(space)]
    settings = SearchSettings(algorithm=algorithm, llm_endpoint=endpoint.url, llm_model="wild")
    goals = [GOAL, SECOND] if algorithm is Algorithm.NSGA2 else [GOAL]
    proposer = make_proposer(settings, space, goals)
    history = made_up_history(space)

    for number in range(NUM_PAST, NUM_PAST + num_proposals(algorithm)):
        start = Start(epochs=3, bracket=number % 2, parent=number % 3, generation=number // 5)
        point = proposer.propose(number, start, history).params
        assert problems_of(skill, space, point) == []
        assert point == space.suggest(lambda drawn, _, point=point: point[drawn])
        history.append(made_up_trial(number, point))


def test_the_foreign_bank_holds_all_that_taos_schemas_hold():
    searched = [
        field for fields in networks().values() for field in fields.values() if field.get("search")
    ]

    assert len(searched) >= 338
    assert sum(field["type"] == "float" for field in searched) >= 225
    assert sum(field["type"] == "bool" for field in searched) >= 28
    assert sum("math_cond" in field for field in searched) >= 94
    assert sum("depends_on" in field for field in searched) >= 10
    assert sum(field.get("maximum") == float("inf") for field in searched) >= 34
