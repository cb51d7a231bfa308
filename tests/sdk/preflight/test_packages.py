"""Packages by extra: what is needed, what is there, and the line that installs the rest."""

from __future__ import annotations

from importlib.metadata import packages_distributions

import pytest
from packaging.utils import canonicalize_name

from skillbank.bank import SkillBank
from skillbank.preflight.imports import imported_packages
from skillbank.preflight.packages import (
    Package,
    extra_names,
    install_command,
    names_needed,
    names_of_action,
    packages_of,
    packages_of_extra,
)

ACTIONS = [
    pytest.param(skill.info.network_arch, name, id=f"{skill.info.network_arch}-{name}")
    for skill in SkillBank()
    if skill.has_info
    for name, action in skill.info.actions.items()
    if action.built
]
# They come with others: protobuf with onnx, MarkupSafe with Jinja2.
BROUGHT_ALONG = {"google", "markupsafe"}


def package(name: str, found: str | None, *extras: str, wanted: str = "") -> Package:
    return Package(name, wanted, found, extras)


@pytest.mark.parametrize(("arch", "action"), ACTIONS)
def test_every_import_of_a_runner_is_known_by_its_distribution(arch, action) -> None:
    modules = imported_packages(arch, action).keys() - BROUGHT_ALONG
    distributions = packages_distributions()
    expected = {canonicalize_name(distributions[module][0]) for module in modules}

    assert expected == names_needed(arch, action).keys() - BROUGHT_ALONG


@pytest.mark.parametrize(("arch", "action"), ACTIONS)
def test_every_action_that_is_built_needs_some_package_that_is_here(arch, action) -> None:
    names = names_needed(arch, action)

    assert names
    assert not all(names.values())


def test_training_needs_torch_and_inference_needs_a_video_reader_for_some_settings_only() -> None:
    train = names_needed("pose_classification", "train")
    inference = names_needed("pose_classification", "inference")

    assert (train["torch"], inference["torch"], inference["av"]) == (False, False, True)


def test_what_an_action_lives_on_is_needed_however_late_it_is_imported() -> None:
    assert names_needed("pose_classification", "pose")["av"] is False


def test_a_search_needs_its_own_packages_too() -> None:
    searched = names_of_action("pose_classification", "train", is_searched=True)
    direct = names_of_action("pose_classification", "train", is_searched=False)

    assert searched["optuna"] is False
    assert "optuna" not in direct
    assert "optuna" not in names_of_action("pose_classification", "export", is_searched=True)


@pytest.mark.parametrize(
    ("found", "is_missing"),
    [("2.4", False), ("2.13.0+cpu", False), ("2.3.1", True), (None, True), ("2.5.0rc1", False)],
)
def test_a_version_outside_the_range_is_as_good_as_none(found, is_missing) -> None:
    assert package("torch", found, "train", wanted=">=2.4").is_missing is is_missing


def test_a_package_is_shown_with_what_is_wrong_about_it() -> None:
    assert str(package("torch", "2.3", "train", wanted=">=2.4")) == "torch 2.3 (expected >=2.4)"
    assert str(package("torch", None, "train")) == "torch (not installed)"
    assert str(package("markupsafe", "3.0")) == "markupsafe 3.0"


@pytest.mark.parametrize(
    ("packages", "line"),
    [
        ([package("torch", "2.9", "train")], ""),
        ([package("torch", None, "train")], "pip install 'skillbank[train]'"),
        (
            [package("numpy", None, "train", "video"), package("av", None, "video")],
            "pip install 'skillbank[video]'",
        ),
        (
            [package("torch", None, "train"), package("av", None, "video")],
            "pip install 'skillbank[train,video]'",
        ),
        ([package("own", None)], "pip install 'own'"),
        ([package("pydantic", "1.0", wanted=">=2.7")], "pip install 'pydantic>=2.7'"),
    ],
)
def test_the_line_that_installs_asks_for_as_few_extras_as_do(packages, line) -> None:
    assert install_command(packages) == line


def test_the_extras_are_those_of_the_project_less_its_developers_own() -> None:
    assert {"train", "automl", "video", "wandb"} <= set(extra_names())
    assert "dev" not in extra_names()
    assert packages_of_extra("dev", {}) == ()


def test_an_extra_lists_what_it_brings() -> None:
    found = packages_of_extra("video", {"av": "14.0", "numpy": "2.0"})

    assert {p.name: p.is_missing for p in found} == {
        "ai-edge-litert": True,
        "av": False,
        "numpy": False,
        "pillow": True,
    }


def test_a_module_that_no_requirement_names_stands_for_itself() -> None:
    (found,) = packages_of({"markupsafe": True}, {})

    assert (found.extras, found.wanted, found.is_missing) == ((), "", True)
