"""Over every train schema that is here, what a model says wildly still gives a spec that holds."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillbank.automl.fitting import fit_values
from skillbank.automl.space import SearchSpace
from skillbank.automl.space_reading import search_space
from skillbank.bank import SkillBank
from skillbank.skill import Skill
from skillbank.spec_check import value_problems
from skillbank.spec_keys import set_value

FOREIGN = Path(__file__).resolve().parents[3] / "fixtures/tao_dialect_skill"
SKILLS = [
    *(s for s in SkillBank() if s.has_schema("train")),
    Skill(FOREIGN / "tao-train-shape-sorter"),
]
SPACES = [(skill, search_space(skill)) for skill in SKILLS]
WILD = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([0, -1, 1, 1e-12, 1e12, "0.5", "1e-3", "big"])
)


@pytest.mark.parametrize(("skill", "space"), SPACES, ids=[skill.name for skill in SKILLS])
@settings(max_examples=40)
@given(data=st.data())
def test_wild_values_give_a_spec_that_the_schema_accepts(
    skill: Skill, space: SearchSpace, data: st.DataObject
) -> None:
    options = [option for p in space.parameters for option in (*p.options, p.low, p.high, p.off)]
    names = st.sampled_from([parameter.name for parameter in space.parameters])
    values = data.draw(st.dictionaries(names, WILD | st.sampled_from(options), max_size=12))

    fitted = fit_values(values, space)

    spec = copy.deepcopy(dict(space.base))
    for key, value in space.values(fitted.params).items():
        set_value(spec, key, value)
    assert value_problems(skill, "train", spec) == []
    assert space.suggest(lambda name, _: fitted.params[name]) == fitted.params
