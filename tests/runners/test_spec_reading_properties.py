"""Whatever a spec file holds, it is read or refused with a list of problems."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from skillbank_runners.pose_classification import EXPERIMENT, SPECS
from skillbank_runners.spec_reading import SpecInvalid, read_spec

# The same examples every time; no limit per example, since a loaded machine would break it.
bounded = settings(max_examples=60, deadline=None, derandomize=True)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
NAMES = st.sampled_from(
    ["train", "dataset", "model", "optim", "lr", "label_map", "num_classes", "gpu_ids", "oops", 0]
)
TREES = st.recursive(
    SCALARS | st.just("???"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)


def problems(action: str, content: dict[Any, Any]) -> tuple[str, ...]:
    try:
        read_spec(action, content, SPECS, EXPERIMENT)
    except SpecInvalid as error:
        return error.problems
    return ()


@bounded
@given(st.dictionaries(NAMES, TREES, max_size=4), st.sampled_from([*SPECS]))
def test_any_content_is_read_or_refused(content: dict[Any, Any], action: str) -> None:
    for problem in problems(action, content):
        key, colon, said = problem.partition(": ")
        assert key, problem
        assert colon, problem
        assert said, problem


@bounded
@given(
    lr=st.floats(min_value=0, max_value=1e6),
    momentum=st.floats(min_value=1e-6, max_value=0.99),
    num_classes=st.integers(min_value=1, max_value=50),
)
def test_what_was_read_and_written_reads_the_same(
    lr: float, momentum: float, num_classes: int
) -> None:
    content = {
        "train": {"optim": {"lr": lr, "momentum": momentum}},
        "dataset": {
            "num_classes": num_classes,
            "label_map": {f"class_{i}": i for i in range(num_classes)},
        },
    }

    spec, _ = read_spec("train", content, SPECS, EXPERIMENT)

    assert read_spec("train", spec.model_dump(mode="json"), SPECS, EXPERIMENT)[0] == spec
