from __future__ import annotations

from typing import Any

import pytest
from tests.fixtures.toy import TOY

from skillbank.interpolation import resolve_references
from skillbank.spec import SpecDraft, build_spec


def resolve(**spec: Any) -> SpecDraft:
    draft = build_spec(TOY, "train", spec={k.replace("__", "."): v for k, v in spec.items()})
    resolve_references(draft)
    return draft


def test_a_reference_takes_over_value_and_type() -> None:
    draft = resolve(train__num_epochs=30, train__warmup_epochs="${train.num_epochs}")

    assert draft.value("train.warmup_epochs") == 30
    assert draft.origins["train.warmup_epochs"] == "spec file"


def test_a_reference_inside_a_text_is_written_out() -> None:
    draft = resolve(
        results_dir="/r", train__resume_path="${results_dir}/e${ train.num_epochs }.pth"
    )

    assert draft.value("train.resume_path") == "/r/e10.pth"


def test_references_are_followed_through_others() -> None:
    draft = resolve(
        dataset__train_path="${dataset.val_path}",
        dataset__val_path="${results_dir}/val.npy",
        results_dir="/r",
    )

    assert draft.value("dataset.train_path") == "/r/val.npy"


def test_a_list_can_be_referred_to() -> None:
    assert resolve(train__gpu_ids="${train.optim.steps}").value("train.gpu_ids") == [10, 60]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "${train.num_epoch}",
            "'${train.num_epoch}' names no key; did you mean 'train.num_ep",
        ),
        ("${oc.env:HOME}", "'${oc.env:HOME}' is more than the dotted key"),
        ("${.checkpoint}", "is more than the dotted key"),
        ("${train}", "names no key"),
        ("${}", "names no key"),
        ("${train.resume_path}", "leads back to itself: train.resume_path -> train.resume_path"),
    ],
)
def test_a_reference_that_leads_nowhere_is_a_problem(value: str, expected: str) -> None:
    (problem,) = resolve(train__resume_path=value).problems

    assert problem.startswith("train.resume_path: ")
    assert expected in problem
    assert problem.endswith("Write the value itself.")


def test_two_references_to_each_other_are_a_problem_of_both() -> None:
    draft = resolve(
        dataset__train_path="${dataset.val_path}", dataset__val_path="${dataset.train_path}"
    )

    assert len(draft.problems) == 2
    assert all("leads back to itself" in problem for problem in draft.problems)
