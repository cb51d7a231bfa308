"""Wrong requests about searches; see wrong_requests.py."""

from __future__ import annotations

from wrong_request import WrongRequest as W
from wrong_world import SKILL, TRAIN


def search(settings: str) -> str:
    """Command line of a search with some settings."""
    return f"skillbank plan {SKILL} train --data data --automl-set {settings}"


AUTOML = (
    W("unknown setting of a search", search("max_recommendation=5"), ("'max_recommendations'",)),
    W("unknown algorithm", search("algorithm=bayes"), ("'bayes'", "'bayesian'")),
    W("setting out of range", search("max_concurrent=0"), ("automl.max_concurrent", "0")),
    W("setting that is no pair", search("asha"), ("'asha'", "KEY=VALUE")),
    W(
        "setting given twice",
        search("seed=1 --automl-set automl_seed=2"),
        ("automl.seed", "given twice"),
    ),
    W("direction that is none", search("direction=up"), ("automl.direction", "'up'")),
    W(
        "fewer directions than metrics",
        search("metric=val_loss,val_acc --automl-set direction=minimize"),
        ("automl.direction", "one per metric"),
    ),
    W(
        "parameter that the spec has not",
        search("parameters=train.optim.learning_rate"),
        ("train.optim.learning_rate", "learning_rate"),
    ),
    W(
        "parameter that cannot be searched",
        search("parameters=dataset.window_size"),
        ("dataset.window_size", "single value"),
    ),
    W(
        "range beyond the schema",
        search("custom_param_ranges='{model.dropout: {valid_min: 0.1, valid_max: 2}}'"),
        ("model.dropout", "2", "1"),
    ),
    W(
        "range of what the spec has not",
        search("custom_param_ranges='{x: {valid_min: 1}}'"),
        ("custom_param_ranges", "x"),
    ),
    W("model without an endpoint", search("algorithm=llm"), ("llm_endpoint", "llm_model")),
    W(
        "key of a model in plain text",
        search(
            "algorithm=llm --automl-set llm_endpoint=http://localhost:9/v1 "
            "--automl-set llm_model=m --automl-set llm_api_key=sk-123"
        ),
        ("llm_api_key", "env:NAME"),
    ),
    W(
        "password of a database in plain text",
        search("storage=postgresql://me:secret@host/db"),
        ("automl.storage", "env:NAME"),
    ),
    W("cost budget without a price", search("cost_budget=5"), ("automl.cost_per_hour",)),
    W(
        "callback that is no reference",
        search("eval_fn=my_function"),
        ("automl.eval_fn", "my_function"),
    ),
    W(
        "review of what is no search",
        f"skillbank automl review {SKILL} --data data --automl off",
        ("no search", "AutoML is off"),
    ),
    W(
        "space of a skill that trains nothing",
        "skillbank automl space tao-run-automl",
        ("tao-run-automl", "skillbank skills"),
    ),
    W("result of what is no search", f"skillbank automl result {TRAIN}", ("search.json",)),
)
