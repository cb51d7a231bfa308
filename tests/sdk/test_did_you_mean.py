"""Which name an error offers for one that is not there."""

from __future__ import annotations

import pytest

from skillbank.errors import did_you_mean

SKILLS = ("tao-train-centerpose", "tao-train-pose-classification", "tao-train-action-recognition")


@pytest.mark.parametrize(
    ("name", "known", "said"),
    [
        ("tao-train-pose", SKILLS, "did you mean 'tao-train-pose-classification'?"),
        ("tao-train-centrepose", SKILLS, "did you mean 'tao-train-centerpose'?"),
        ("trian", ("train", "export"), "did you mean 'train'?"),
        ("lr", ("train.optim.lr", "train.seed"), "did you mean 'train.optim.lr'?"),
        ("zebra", ("train", "export"), "known: export, train."),
        ("zebra", (), "known: none."),
    ],
)
def test_the_name_that_was_begun_goes_before_one_that_looks_alike(
    name: str, known: tuple[str, ...], said: str
) -> None:
    assert did_you_mean(name, known) == said
