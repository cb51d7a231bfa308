"""Every network of the runners keeps the same contract; a new one is tested by being there."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import pytest

from skillbank_runners.api import Run, SpecModel
from skillbank_runners.launch import main, networks
from skillbank_runners.schema import build_schema

NETWORKS = networks()
ACTIONS = [
    pytest.param(network, action, id=f"{network}-{action}")
    for network in NETWORKS
    for action in import_module(f"skillbank_runners.{network}").SPECS
]


def is_built(network: str, action: str) -> bool:
    return find_spec(f"skillbank_runners.{network}.{action}") is not None


BUILT = [case for case in ACTIONS if is_built(*case.values)]
NOT_BUILT = [case for case in ACTIONS if not is_built(*case.values)]


def spec_class(network: str, action: str) -> type[SpecModel]:
    found: type[SpecModel] = import_module(f"skillbank_runners.{network}").SPECS[action]
    return found


def test_there_are_networks_to_test() -> None:
    assert "pose_classification" in NETWORKS
    assert BUILT


@pytest.mark.parametrize(("network", "action"), BUILT)
def test_an_action_is_a_module_whose_main_takes_the_spec_and_the_run(
    network: str, action: str
) -> None:
    main = import_module(f"skillbank_runners.{network}.{action}").main

    spec, run = inspect.signature(main, eval_str=True).parameters.values()
    assert issubclass(spec_class(network, action), spec.annotation)
    assert issubclass(run.annotation, Run)


@pytest.mark.parametrize(("network", "action"), NOT_BUILT)
def test_an_action_that_is_not_built_is_refused_when_its_spec_was_checked(
    network: str, action: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "spec.yaml").write_text("{}\n")

    results = tmp_path / "results"
    status = main([network, action, "-e", str(tmp_path / "spec.yaml"), "--results", str(results)])

    assert status == 2
    assert f"{action} of {network} is not built yet" in capsys.readouterr().err
    assert not results.exists()


@pytest.mark.parametrize(("network", "action"), ACTIONS)
def test_the_defaults_of_an_action_fit_its_schema(network: str, action: str) -> None:
    schema = build_schema(spec_class(network, action))

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["default"] == spec_class(network, action)().model_dump(mode="json")
    jsonschema.validate(schema["default"], schema, cls=jsonschema.Draft202012Validator)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_spec_file_of_all_actions_is_described(network: str) -> None:
    experiment = import_module(f"skillbank_runners.{network}").EXPERIMENT

    sections = {
        name
        for action in import_module(f"skillbank_runners.{network}").SPECS.values()
        for name in action.model_fields
    }
    assert sections <= set(experiment.model_fields)


@pytest.mark.parametrize("network", NETWORKS)
def test_describing_a_network_loads_no_training_library(network: str) -> None:
    code = (
        f"import sys, skillbank_runners.{network} as n; n.SPECS; n.EXPERIMENT; "
        "print({'torch', 'numpy', 'pytorch_lightning'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
