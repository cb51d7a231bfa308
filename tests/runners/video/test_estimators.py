"""The plug of pose estimators: chosen by name, or a user's own; what it gives is looked at."""

import pytest
from tests.runners.video import plugs

from skillbank_runners.errors import RunnerError
from skillbank_runners.video.estimators import EstimatorSettings, check_person, make_estimator

PLUGS = "tests.runners.video.plugs"


def test_a_users_own_factory_is_called_with_the_settings():
    settings = EstimatorSettings(max_people=3)

    estimator = make_estimator(f"{PLUGS}:bright", settings)

    assert isinstance(estimator, plugs.Bright)
    assert estimator.settings is settings


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("openpose", r"found 'openpose', expected one of: blazepose; or package\.module:factory"),
        ("", "found ''"),
        (":", "found ':'"),
        ("a.module:", "found 'a.module:'"),
        (":factory", "found ':factory'"),
        ("no.such.module:make", r"cannot import 'no\.such\.module': No module named 'no'"),
        (f"{PLUGS}:nothing", f"found no function 'nothing' in '{PLUGS}'"),
        (f"{PLUGS}:NO_FUNCTION", "found no function 'NO_FUNCTION'"),
    ],
)
def test_a_name_that_leads_nowhere_is_an_error_that_says_what_is_expected(name, said):
    with pytest.raises(RunnerError, match=said) as caught:
        make_estimator(name, EstimatorSettings())
    assert str(caught.value).startswith("pose.estimator: ")


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        ("with_nan", "found joints_V2 with NaN or infinity, expected numbers"),
        ("too_few_joints", r"found joints_V2 of shape \(9, 2\), expected \(17, 2\)"),
        ("too_sure", r"found confidence_V from 1\.5 to 1\.5, expected \[0, 1\]"),
    ],
)
def test_what_an_estimator_gives_wrongly_is_named_with_its_frame(factory, said):
    (person,) = make_estimator(f"{PLUGS}:{factory}", EstimatorSettings()).estimate(None, 0.0)

    with pytest.raises(RunnerError, match=f"pose.estimator: frame 7: {said}"):
        check_person(person, 17, "frame 7")


@pytest.mark.parametrize("world", [True, False])
def test_a_right_person_passes(world):
    check_person(plugs.person_at(1.0, 2.0, world=world), 17, "frame 0")
