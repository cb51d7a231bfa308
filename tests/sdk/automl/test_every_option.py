"""Every option that the skill and the docs name is taken, and does what it is there for.

A setting is in one of two tables. `EFFECTS`: what another value of it changes is looked at here,
without a search. `SEARCHED`: its effect shows only while trials train; the test that runs such a
search is named, and must exist and set it. A setting in neither table fails the first test.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from tests.sdk.automl import effects
from tests.sdk.automl.effects import KEY_NAME, Effect
from tests.sdk.automl.llm.fake_endpoint import proposes, serve

from skillbank.automl.history import Start, Trial, TrialState
from skillbank.automl.proposers import make_proposer
from skillbank.automl.search_plan import plan_search
from skillbank.automl.settings import Algorithm, SearchSettings, read_search_settings
from skillbank.bank import SkillBank
from skillbank.cli import main
from skillbank.errors import SpecInvalid
from skillbank.spec_keys import set_value

ROOT = Path(__file__).resolve().parents[3]
SKILL = SkillBank()["tao-run-automl"]
PAGES = [SKILL.folder / "SKILL.md", *sorted((SKILL.folder / "references").glob("*.md"))]
MODEL = {"llm_endpoint": "http://localhost:1/v1", "llm_model": "m"}
RATE = {"train.optim.lr": {"valid_min": 0.01, "valid_max": 0.1}}

EFFECTS: dict[str, Effect] = {
    "algorithm": Effect("pbt", effects.moves, {"algorithm": "asha"}),
    "max_recommendations": Effect(7, effects.moves, {"algorithm": "random"}),
    "metric": Effect("val_acc", effects.goals),
    "direction": Effect("maximize", effects.goals),
    "max_epochs": Effect(81, effects.moves, {"algorithm": "hyperband"}),
    "reduction_factor": Effect(4, effects.moves, {"algorithm": "asha"}),
    "epoch_multiplier": Effect(3, effects.moves, {"algorithm": "hyperband"}),
    "max_trials": Effect(9, effects.moves, {"algorithm": "asha"}),
    "min_top_configs": Effect(9, effects.moves, {"algorithm": "asha"}),
    "early_stop_threshold": Effect(
        0.5, effects.curve_stops, {"algorithm": "hyperband_es", "max_epochs": 27}
    ),
    "min_early_stop_epochs": Effect(
        9, effects.curve_stops, {"algorithm": "hyperband_es", "max_epochs": 27}
    ),
    "kde_samples": Effect(2, effects.proposals, {"algorithm": "bohb", "min_points_in_model": 3}),
    "top_n_percent": Effect(
        60.0, effects.proposals, {"algorithm": "bohb", "min_points_in_model": 3}
    ),
    "min_points_in_model": Effect(3, effects.proposals, {"algorithm": "bohb"}),
    "mutation_factor": Effect(1.5, effects.proposals, {"algorithm": "dehb"}),
    "crossover_prob": Effect(1.0, effects.proposals, {"algorithm": "dehb"}),
    "population_size": Effect(5, effects.moves, {"algorithm": "pbt"}),
    "max_generations": Effect(2, effects.moves, {"algorithm": "pbt"}),
    "eval_interval": Effect(3, effects.moves, {"algorithm": "pbt"}),
    "perturbation_factor": Effect(2.0, effects.copy_of_a_parent, {"algorithm": "pbt"}),
    "max_experiments": Effect(9, effects.moves, {"algorithm": "autoresearch"}),
    "llm_endpoint": Effect("other", effects.question, {"algorithm": "llm", **MODEL}),
    "llm_model": Effect("n", effects.question, {"algorithm": "llm", **MODEL}),
    "llm_api_key": Effect(f"env:{KEY_NAME}", effects.question, {"algorithm": "llm", **MODEL}),
    "llm_temperature": Effect(0.1, effects.question, {"algorithm": "llm", **MODEL}),
    "llm_max_tokens": Effect(99, effects.question, {"algorithm": "llm", **MODEL}),
    "parameters": Effect(("train.optim.lr",), effects.space),
    "custom_param_ranges": Effect(RATE, effects.space),
    "train_sample_count": Effect(12, effects.space, {"parameters": ("dataset.batch_size",)}),
    "seed": Effect(7, effects.proposals, {"algorithm": "random"}),
    "max_retries": Effect(5, effects.retries),
    "divergence_factor": Effect(6.0, effects.divergence),
    "storage": Effect("sqlite://", effects.storage),
    "metric_extractor": Effect("mine:read", effects.callbacks),
    "eval_fn": Effect("mine:measure", effects.callbacks),
    "final_eval_fn": Effect("mine:measure_best", effects.callbacks),
}
_RUNNING = "tests/sdk/search/test_options_of_running_searches.py::test_"
SEARCHED = {
    "max_concurrent": _RUNNING + "max_concurrent_says_how_many_train_at_once",
    "delete_intermediate_ckpt": _RUNNING
    + "delete_intermediate_ckpt_keeps_only_the_best_and_the_baseline",
    "final_evaluation": _RUNNING + "final_evaluation_can_be_left_out",
    "warm_start": _RUNNING + "warm_start_tries_the_best_points_of_an_earlier_search_first",
    "time_budget_s": _RUNNING + "time_budget_s_ends_a_search_with_what_it_has",
    "cost_budget": _RUNNING + "cost_budget_ends_a_search_by_its_cost_per_hour",
    "cost_per_hour": _RUNNING + "cost_budget_ends_a_search_by_its_cost_per_hour",
}


def settings(**given: Any) -> SearchSettings:
    """Settings as the command line gives them."""
    return read_search_settings(given)


def function_of(reference: str) -> str:
    """The text of a test, with its decorators.

    Raises:
        AssertionError: There is no such test.
    """
    name, _, function = reference.partition("::")
    text = (ROOT / name).read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
    raise AssertionError(f"{reference}: no such test")


def assignments() -> Iterator[tuple[str, str]]:
    """Every `KEY=VALUE` that the skill's pages give for --automl-set, with its page."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for quoted, plain in re.findall(r"--automl-set (?:'([^']+)'|([^\s`]+))", text):
            yield quoted or plain, page.name
    asked = (SKILL.folder / "SKILL.md").read_text("utf-8").partition("What users ask for")[2]
    for cell in re.findall(r"^\| \".*?\" *\| (.+) \|$", asked.partition("\n## ")[0], re.M):
        for words in re.findall(r"`([^`]+)`", cell):
            for word in [words.strip("'")] if "'" in words else words.split():
                if "=" in word:
                    yield word, "SKILL.md"


NAMED = sorted(set(assignments()) - {("KEY=VALUE", page.name) for page in PAGES})
EVALS = json.loads((SKILL.folder / "evals" / "evals.json").read_text(encoding="utf-8"))["tasks"]


def test_every_setting_is_in_one_of_the_two_tables() -> None:
    assert sorted([*EFFECTS, *SEARCHED]) == sorted(SearchSettings.model_fields)


@pytest.mark.parametrize("name", EFFECTS)
def test_another_value_of_a_setting_changes_what_the_search_does(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Those of Gaussian processes, callbacks and databases take a second each: they start processes.
    monkeypatch.setenv(KEY_NAME, "secret")
    effect = EFFECTS[name]

    usual = [effect.observe(settings(**effect.others), tmp_path) for _ in range(2)]
    changed = effect.observe(settings(**{**effect.others, name: effect.value}), tmp_path)

    assert usual[0] == usual[1]  # else a difference would prove nothing
    assert changed != usual[0]


@pytest.mark.parametrize(("name", "reference"), SEARCHED.items())
def test_a_setting_that_only_a_search_shows_is_set_in_a_test_that_runs_one(
    name: str, reference: str
) -> None:
    assert re.search(rf"\b{name}=", function_of(reference))


@pytest.mark.parametrize("algorithm", Algorithm, ids=str)
def test_every_algorithm_can_be_planned_and_proposes_what_the_schema_allows(
    algorithm: Algorithm,
) -> None:
    spec = effects.SKILL.template("train")
    with serve() as fake:
        fake.script = [proposes(values={"train.optim.lr": 0.02}, hypothesis="a lower rate")]
        model = {"llm_endpoint": fake.url, "llm_model": "m"} if algorithm.needs_endpoint else {}
        plan, space = plan_search(effects.SKILL, spec, {"algorithm": algorithm.value, **model})
        proposer = make_proposer(plan.settings, space, plan.goals)
        history = [Trial(0, space.defaults(), TrialState.COMPLETE, {9: 0.7}, 9)]
        proposal = proposer.propose(1, Start(9), history)
    for key, value in space.values(proposal.params).items():
        set_value(spec, tuple(key.split(".")), value)

    assert (plan.asked_algorithm, bool(plan.algorithm_reason)) == (algorithm, True)
    assert (proposal.origin == "llm") == algorithm.needs_endpoint
    Draft202012Validator(effects.SKILL.schema("train")).validate(spec)


@pytest.mark.parametrize(("assignment", "page"), NAMED)
def test_a_setting_that_a_page_gives_is_taken(assignment: str, page: str) -> None:
    key, _, value = assignment.partition("=")

    read = settings(**{key: yaml.safe_load(value)})

    assert page
    assert getattr(read, key.removeprefix("automl_")) is not None


def test_the_pages_give_settings_in_commands_and_in_the_table_of_wishes() -> None:
    assert {"algorithm=asha", "max_concurrent=2", "cost_per_hour=2", "seed=1234"} <= {
        assignment for assignment, _ in NAMED
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_tables_of_a_page_name_settings_and_algorithms_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for table, known in (("settings", SearchSettings.model_fields), ("algorithms", [*Algorithm])):
        for block in re.findall(rf"<!-- generated: {table} -->\n(.*?)<!--", text, re.DOTALL):
            first_cells = re.findall(r"^\| `(\w+)`", block, re.M)
            assert first_cells == [*known]


@pytest.mark.parametrize(
    "task", [t for t in EVALS if t.get("expect", {}).get("automl")], ids=lambda t: t["request"]
)
def test_settings_that_a_routing_task_expects_are_taken(task: dict[str, Any]) -> None:
    assert settings(**task["expect"]["automl"]) != SearchSettings()


@pytest.mark.parametrize("name", ["max_recommendation", "automl_alghorithm", "lr"])
def test_a_setting_that_does_not_exist_is_refused(name: str) -> None:
    with pytest.raises(SpecInvalid, match=rf"automl\.{name}: no such setting"):
        settings(**{name: 1})


def test_the_policy_can_be_given_as_on_off_and_auto(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for sources in effects.SKILL.info.data_sources.values():
        for source in sources.values():
            (tmp_path / source.file).touch()
    words = ["plan", effects.SKILL.name, "train", "--data", str(tmp_path), "--json"]
    routes = {}
    for policy in ("on", "off", "auto"):
        main([*words, "--automl", policy, "--root", str(tmp_path / "jobs")])
        routes[policy] = json.loads(capsys.readouterr().out)["route"]

    assert routes == {"on": "automl", "off": "direct", "auto": "automl"}
