from __future__ import annotations

from typing import Any

import pytest
from tests.fixtures.toy import TOY

from skillbank.gpu_choice import choose_gpus
from skillbank.spec import SpecDraft, build_spec

NUM, IDS = "train.num_gpus", "train.gpu_ids"


def choose(available: int, action: str = "train", **overrides: Any) -> tuple[int, SpecDraft]:
    names = {"num": f"{action}.num_gpus", "ids": f"{action}.gpu_ids", "id": f"{action}.gpu_id"}
    given = {names[name]: value for name, value in overrides.items()}
    draft = build_spec(TOY, action, overrides=given)
    return choose_gpus(draft, available), draft


@pytest.mark.parametrize(
    ("given", "num_gpus", "gpu_ids"),
    [
        ({}, 1, [0]),
        ({"num": 1}, 1, [0]),
        ({"num": 3}, 3, [0, 1, 2]),
        ({"ids": [2, 3]}, 2, [2, 3]),
        ({"ids": [1]}, 1, [1]),
        ({"num": 2, "ids": [1, 3]}, 2, [1, 3]),
        ({"num": 3, "ids": [2]}, 3, [2, 0, 1]),
        ({"num": 1, "ids": [1, 2]}, 2, [1, 2]),
    ],
)
def test_num_gpus_and_gpu_ids_are_made_to_agree(
    given: dict[str, Any], num_gpus: int, gpu_ids: list[int]
) -> None:
    held, draft = choose(4, **given)

    assert draft.problems == []
    assert (held, draft.value(NUM), draft.value(IDS)) == (num_gpus, num_gpus, gpu_ids)


def test_the_larger_number_wins_and_the_user_is_told() -> None:
    _, draft = choose(4, num=1, ids=[1, 2])

    assert draft.notes == [
        "train.num_gpus is 1 and train.gpu_ids is [1, 2]: the larger number wins, 2 GPUs."
    ]
    assert draft.origins[NUM] == "follows train.gpu_ids"


@pytest.mark.parametrize("given", [{}, {"num": 1}, {"ids": [0]}, {"num": 1, "ids": [0]}])
def test_without_a_gpu_the_default_runs_on_the_cpu_and_says_so(given: dict[str, Any]) -> None:
    held, draft = choose(0, **given)

    assert held == 0
    assert (draft.problems, draft.notes) == ([], ["no GPU is there: the job runs on the CPU."])


@pytest.mark.parametrize(
    ("available", "given", "expected"),
    [
        (0, {"num": 2}, "train.num_gpus: 2 GPUs were asked for, none are there; ask for fewer, or "
                        "choose another platform."),
        (1, {"num": 2}, "train.num_gpus: 2 GPUs were asked for, 1 is there; ask for fewer, or "
                        "choose another platform."),
        (1, {"ids": [0, 1]}, "train.gpu_ids: 2 GPUs were asked for, 1 is there; ask for fewer, or "
                             "choose another platform."),
        (2, {"ids": [3]}, "train.gpu_ids: there is no GPU 3; there are GPU 0, 1."),
        (2, {"ids": [-1]}, "train.gpu_ids: there is no GPU -1; there are GPU 0, 1."),
        (0, {"ids": [3]}, "train.gpu_ids: there is no GPU 3; there are none."),
        (4, {"ids": [1, 1]}, "train.gpu_ids: [1, 1] names a GPU twice; name each once."),
    ],
)  # fmt: skip
def test_gpus_that_are_not_there_are_a_problem(
    available: int, given: dict[str, Any], expected: str
) -> None:
    _, draft = choose(available, **given)

    assert draft.problems == [expected]


@pytest.mark.parametrize(("available", "held"), [(0, 0), (2, 1)])
def test_an_action_with_one_gpu_id_holds_that_one(available: int, held: int) -> None:
    assert choose(available, "export")[0] == held


def test_a_gpu_id_that_is_not_there_is_a_problem() -> None:
    _, draft = choose(1, "export", id=1)

    assert draft.problems == ["export.gpu_id: there is no GPU 1; there is GPU 0."]


def test_an_action_without_gpu_keys_holds_none() -> None:
    assert choose(4, "convert")[0] == 0


@pytest.mark.parametrize("given", [{"num": "many"}, {"ids": ["a"]}, {"ids": 3}])
def test_a_value_of_the_wrong_type_is_left_to_the_schema_check(given: dict[str, Any]) -> None:
    _, draft = choose(2, **given)

    assert draft.problems == []
