"""`preflight`: the verdict as exit status, as text, as JSON."""

from __future__ import annotations

import pytest
import yaml
from tests.sdk.cli.conftest import SKILL


@pytest.fixture
def whole(dataset):
    """The data set with something in its files."""
    for path in dataset.iterdir():
        path.write_bytes(b"labels")
    for name in ("train", "val"):
        header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}".ljust(117) + b"\n"
        content = b"\x93NUMPY\x01\x00v\x00" + header + bytes(24)
        (dataset / f"{name}_data.npy").write_bytes(content)
    return dataset


def test_a_launch_that_may_go_exits_with_0(cli, whole, root):
    done = cli("preflight", SKILL, "train", "--data", whole, "--automl", "off")

    assert done.status == 0
    assert "GO: " in done.out
    assert "NO GO" not in done.out
    assert "next: the same line with 'run' for 'preflight'" in done.out
    assert not root.exists()


def test_a_launch_that_may_not_go_exits_with_2_and_says_how_to_mend_it(cli, dataset):
    done = cli("preflight", SKILL, "train", "--data", dataset, "--set", "train.num_gpus=64")

    assert done.status == 2
    assert "NO GO: " in done.out
    assert "fail     data: dataset.train_dataset.data_path: " in done.out
    assert "         fix: --set train.num_gpus=" in done.out
    assert "next:" not in done.out
    assert done.err == ""


def test_json_holds_the_verdict_and_every_check(cli, dataset):
    done = cli("preflight", SKILL, "train", "--data", dataset, "--json")

    assert done.status == 2
    assert done.document["go"] is False
    assert [section["about"] for section in done.document["sections"]] == [
        "platform local",
        f"{SKILL} train",
    ]
    checks = [check for section in done.document["sections"] for check in section["checks"]]
    assert len(checks) == sum(done.document["counts"].values())
    assert checks[0].keys() == {"name", "state", "found", "expected", "fix", "about"}


def test_a_platform_alone_is_looked_at_without_a_job(cli):
    done = cli("preflight", "--platform", "local")

    assert done.status == 0
    assert done.out.startswith("platform local\npass     root: ")


def test_an_unknown_platform_is_no_go(cli):
    done = cli("preflight", "--platform", "locale")

    assert done.status == 2
    assert "did you mean 'local'?" in done.out


def test_a_workflow_file_is_checked_step_by_step(cli, whole, tmp_path):
    steps = [
        {"skill": SKILL, "action": "train", "data": {"all": str(whole)}, "automl_policy": "off"},
        {"skill": SKILL, "action": "export", "parent": "train"},
    ]
    file = tmp_path / "steps.yaml"
    file.write_text(yaml.safe_dump({"steps": steps}))

    done = cli("preflight", "--workflow", file)

    assert done.status == 0, done.out
    assert f"steps[1]: {SKILL} export\n" in done.out
    assert "skipped  plan: " in done.out
    assert done.out.endswith(f"next: skillbank workflow run {file}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "num_epochs=3"], "described without SKILL and ACTION"),
        ([SKILL], "described without SKILL and ACTION"),
        (["--workflow", "steps.yaml", SKILL], "leave out the rest"),
        (["--workflow", "no-such-file.yaml"], "no such workflow file"),
    ],
)
def test_a_line_that_cannot_be_meant_is_refused(cli, arguments, message):
    done = cli("preflight", *arguments)

    assert done.status == 2
    assert message in done.err
