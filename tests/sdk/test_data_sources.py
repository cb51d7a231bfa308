from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures.toy import TOY, dataset

from skillbank.spec import SpecDraft, build_spec


def build(action: str = "train", **data: str) -> SpecDraft:
    return build_spec(TOY, action, data=data)


def test_a_root_for_all_roles_becomes_the_files_of_each(tmp_path: Path) -> None:
    draft = build(all=str(dataset(tmp_path)))

    assert draft.spec["dataset"]["train_path"] == f"{tmp_path}/train.npy"
    assert draft.spec["dataset"]["val_path"] == f"{tmp_path}/val.npy"


def test_a_role_of_its_own_wins_over_all(tmp_path: Path) -> None:
    everything, own = dataset(tmp_path / "a"), dataset(tmp_path / "b")

    draft = build(all=str(everything), val=str(own))

    assert draft.spec["dataset"]["train_path"] == f"{everything}/train.npy"
    assert draft.spec["dataset"]["val_path"] == f"{own}/val.npy"
    assert draft.origins["dataset.val_path"] == "data source val"


@pytest.mark.parametrize("root", ["s3://bucket/prefix", "s3://bucket/prefix/"])
def test_a_remote_root_is_only_joined(root: str) -> None:
    draft = build(train=root)

    assert draft.spec["dataset"]["train_path"] == "s3://bucket/prefix/train.npy"


def test_a_relative_root_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset(tmp_path / "data")
    monkeypatch.chdir(tmp_path)

    assert build(all="data").spec["dataset"]["train_path"] == f"{tmp_path}/data/train.npy"


def test_a_root_under_another_role_gives_that_roles_file(tmp_path: Path) -> None:
    draft = build("evaluate", test=str(dataset(tmp_path)))

    assert draft.spec["evaluate"]["test_path"] == f"{tmp_path}/test.npy"
    assert draft.origins == {"evaluate.test_path": "data source test"}


def test_a_missing_file_is_told_with_what_is_there(tmp_path: Path) -> None:
    dataset(tmp_path, "train_data.npy", "val.npy")
    (tmp_path / "videos").mkdir()

    draft = build(train=str(tmp_path))

    assert draft.problems == [
        f"dataset.train_path: {tmp_path} holds no 'train.npy'; "
        "it holds train_data.npy, val.npy, videos/."
    ]


def test_a_long_listing_is_cut(tmp_path: Path) -> None:
    dataset(tmp_path, *(f"{n:02}.npy" for n in range(20)))

    (problem,) = build(train=str(tmp_path)).problems

    assert problem.endswith("11.npy and 8 more.")


def test_an_empty_root_says_so(tmp_path: Path) -> None:
    (problem,) = build(train=str(tmp_path)).problems

    assert problem.endswith("it is empty.")


def test_an_optional_file_may_be_missing(tmp_path: Path) -> None:
    draft = build(all=str(dataset(tmp_path, "train.npy")))

    assert draft.problems == []
    assert draft.spec["dataset"]["val_path"] == ""


def test_an_unknown_role_is_told_with_the_known_ones(tmp_path: Path) -> None:
    (problem,) = build(trian=str(tmp_path)).problems

    assert problem == (
        "--data trian=...: 'trian' is no role of train's data; known: all, train, val."
    )


def test_a_root_for_an_action_without_data_is_told(tmp_path: Path) -> None:
    (problem,) = build("export", train=str(tmp_path)).problems

    assert problem == "--data train=...: export reads no dataset; leave it out."


def test_a_root_that_is_not_there_is_told(tmp_path: Path) -> None:
    (problem,) = build(train=f"{tmp_path}/nope").problems

    assert problem == (
        f"--data train={tmp_path}/nope: there is no such folder; expected a dataset root, or the "
        ".tar.gz of one."
    )
