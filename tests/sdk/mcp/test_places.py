"""An agent's request may name what its server allows, and nothing else, however it is written."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from tests.sdk.toy import make_plan

from skillbank.client import Client
from skillbank.errors import AccessRefused, RequestInvalid
from skillbank.mcp.places import Places, read_places
from skillbank.request import JobRequest


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders `in` and `out`, a link from one to the other, a root with a job."""
    for name in ("in/data", "in/deep", "out/data", "root/jobs/job-1/results"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "out/secret").write_text("s", encoding="utf-8")
    (tmp_path / "in/link").symlink_to(tmp_path / "out")
    (tmp_path / "in/deep/train.npy").symlink_to(tmp_path / "out/secret")
    monkeypatch.chdir(tmp_path / "in")
    return tmp_path.resolve()


@pytest.fixture
def places(world: Path) -> Places:
    return Places(world / "root", (world / "in",), ("s3://bucket/part", "env:KEY"))


def request(**asked: object) -> JobRequest:
    return JobRequest("skill", "train", **asked)  # type: ignore[arg-type]


ALLOWED = [
    {"data": {"all": "{world}/in/data"}},
    {"data": {"all": "data"}},
    {"data": {"all": "./data"}},
    {"data": {"train": "s3://bucket/part/x"}},
    {"data": {"train": "s3://bucket/part"}},
    {"base_checkpoint": "{world}/in/not/there/yet.pth"},
    {"checkpoint": "best"},
    {"checkpoint": "epoch=3"},
    {"checkpoint": "{world}/root/jobs/job-1/results/model.pth"},
    {"overrides": {"train.optim.lr": 0.1, "model.name": "resnet"}},
    {"overrides": {"encryption_key": "env:KEY"}},
    {"spec": {"train": {"files": ["{world}/in/a", "{world}/in/b"]}}},
]
REFUSED = [
    ({"data": {"all": "{world}/out"}}, "data.all"),
    ({"data": {"all": "/"}}, "data.all"),
    ({"data": {"all": "../out"}}, "data.all"),
    ({"data": {"all": "~"}}, "data.all"),
    ({"data": {"all": "link"}}, "data.all"),
    ({"data": {"all": "~nobody-has-this-name/x"}}, "data.all"),
    ({"overrides": {"inference.video": "/a\0b"}}, "overrides.inference.video"),
    ({"overrides": {"inference.poses": "/**/*.json"}}, "overrides.inference.poses"),
    ({"data": {"all": "{world}/in/link/data"}}, "data.all"),
    ({"data": {"all": "{world}/in/../out"}}, "data.all"),
    ({"data": {"all": "deep"}}, "data.all"),
    ({"data": {"all": "{world}/inside"}}, "data.all"),
    ({"data": {"train": "s3://bucket/partly"}}, "data.train"),
    ({"data": {"train": "s3://other"}}, "data.train"),
    ({"data": {"train": "s3://bucket/part/../other"}}, "data.train"),
    ({"data": {"train": "file:///etc"}}, "data.train"),
    ({"base_checkpoint": "{world}/out/secret"}, "base_checkpoint"),
    ({"base_checkpoint": "link"}, "base_checkpoint"),
    ({"checkpoint": "{world}/out/secret"}, "checkpoint"),
    ({"checkpoint": "{world}/root/jobs.db"}, "checkpoint"),
    ({"overrides": {"export.onnx_file": "{world}/out/model.onnx"}}, "overrides.export.onnx_file"),
    ({"overrides": {"export.onnx_file": "{world}/root/agents/a.jsonl"}}, "overrides."),
    ({"overrides": {"inference.video": "link/secret"}}, "overrides.inference.video"),
    ({"overrides": {"inference.poses": "link/*"}}, "overrides.inference.poses"),
    ({"overrides": {"inference.poses": "*/train.npy"}}, "overrides.inference.poses"),
    ({"overrides": {"checkpointer.dirpath": "a/../../../out"}}, "overrides.checkpointer.dirpath"),
    ({"overrides": {"encryption_key": "env:OTHER"}}, "overrides.encryption_key"),
    ({"overrides": {"encryption_key": "file:{world}/in/key"}}, "overrides.encryption_key"),
    ({"spec": {"a": [{"b": "{world}/out"}]}}, "spec.a[0].b"),
    ({"automl": {"llm_endpoint": "http://evil"}}, "automl.llm_endpoint"),
    ({"automl": {"storage": "postgresql://evil/x"}}, "automl.storage"),
    ({"automl": {"llm_api_key": "env:AWS_SECRET_ACCESS_KEY"}}, "automl.llm_api_key"),
    ({"automl": {"eval_fn": "os:system"}}, "automl.eval_fn"),
    ({"automl": {"automl_metric_extractor": "a:b"}}, "automl.automl_metric_extractor"),
]


def fill(value: object, world: Path) -> object:
    if isinstance(value, dict):
        return {key: fill(child, world) for key, child in value.items()}
    if isinstance(value, list):
        return [fill(child, world) for child in value]
    return value.replace("{world}", str(world)) if isinstance(value, str) else value


@pytest.mark.parametrize("asked", ALLOWED, ids=str)
def test_what_lies_within_is_allowed(places: Places, world: Path, asked: object) -> None:
    places.check_request(request(**fill(asked, world)))  # type: ignore[arg-type]


@pytest.mark.parametrize(("asked", "key"), REFUSED, ids=str)
def test_what_lies_elsewhere_is_refused_by_name(
    places: Places, world: Path, asked: object, key: str
) -> None:
    with pytest.raises(AccessRefused) as caught:
        places.check_request(request(**fill(asked, world)))  # type: ignore[arg-type]

    assert str(caught.value).startswith(key)


@pytest.mark.parametrize(
    ("overrides", "is_allowed"),
    [
        ({"export.onnx_file": "new.onnx"}, False),
        ({"checkpointer.dirpath": "new"}, False),
        ({"inference.videos_dir": ""}, True),
        ({"train.optim.optimizer_type": "torch.optim.SGD"}, True),
    ],
)
def test_a_bare_name_to_write_to_is_a_file_of_the_current_folder(
    places: Places,
    world: Path,
    monkeypatch: pytest.MonkeyPatch,
    overrides: dict[str, str],
    is_allowed: bool,
) -> None:
    places.check_request(request(overrides=overrides))
    monkeypatch.chdir(world / "out")

    with nullcontext() if is_allowed else pytest.raises(AccessRefused, match="really"):
        places.check_request(request(overrides=overrides))


def test_a_refusal_names_the_folders_that_may_be_used_and_the_option(
    places: Places, world: Path
) -> None:
    with pytest.raises(AccessRefused) as caught:
        places.check_request(request(data={"all": "link"}))

    assert str(caught.value) == (
        f"data.all: 'link' (really {world}/out) is outside the folders that this server lets "
        f"agents use: {world}/in, {world}/root/jobs. Use a file there, or let the server's owner "
        f"restart it with '--allow {world}/out'."
    )


def test_everything_refused_is_told_at_once(places: Places) -> None:
    with pytest.raises(AccessRefused) as caught:
        places.check_request(request(data={"all": "/a", "val": "/b"}, base_checkpoint="/c"))

    heads = [line.partition(":")[0] for line in str(caught.value).splitlines()]
    assert heads == ["data.all", "data.val", "base_checkpoint"]


def test_of_a_folder_that_is_refused_nothing_is_told(places: Places, world: Path) -> None:
    (world / "out/data/hidden-name").symlink_to("/etc")

    with pytest.raises(AccessRefused) as caught:
        places.check_request(request(data={"all": str(world / "out/data")}))

    assert "hidden-name" not in str(caught.value)


def test_a_plan_that_came_to_use_a_file_elsewhere_is_refused(places: Places, world: Path) -> None:
    plan = make_plan(world / "root", "job-2")
    plan = replace(
        plan,
        spec={"train": {"data": str(world / "in/deep/train.npy"), "epochs": 3}},
        origins={"train.data": "data source train", "train.epochs": "override"},
    )

    with pytest.raises(AccessRefused, match=r"train\.data: .*out/secret"):
        places.check_plan(plan)


def test_what_only_the_template_says_is_no_request_of_the_agent(
    places: Places, world: Path
) -> None:
    plan = make_plan(world / "root", "job-2")

    places.check_plan(replace(plan, spec={"link": "/usr/share/x"}, origins={}))


def test_the_key_that_the_owners_environment_names_is_no_wish_of_the_agent(
    places: Places, world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKILLBANK_ENCRYPTION_KEY", "the owner's")
    skill = "tao-train-pose-classification"
    wanted = JobRequest(
        skill, "export", overrides={"export.checkpoint": str(world / "in/model.pth")}
    )
    (world / "in/model.pth").write_bytes(b"")

    plan = Client(world / "root").plan_job(wanted)

    assert plan.spec["encryption_key"] == "env:SKILLBANK_ENCRYPTION_KEY"
    places.check_plan(plan)


def test_the_current_folder_is_allowed_unless_others_are_named(world: Path) -> None:
    assert read_places(world / "root", []).folders == (world / "in",)
    assert read_places(world / "root", [str(world / "out")]).folders == (world / "out",)


def test_a_whole_home_is_not_allowed_by_itself(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(world / "in/data"))

    assert read_places(world / "root", []).folders == ()
    monkeypatch.chdir("/")
    assert read_places(world / "root", ["s3://bucket"]) == Places(
        world / "root", (), ("s3://bucket",)
    )


def test_a_folder_that_is_not_there_cannot_be_allowed(world: Path) -> None:
    with pytest.raises(RequestInvalid, match="--allow nowhere: there is no such folder"):
        read_places(world / "root", [str(os.path.relpath("nowhere"))])
