"""Secrets given in plain text, and what a job leaves behind."""

import pytest

from skillbank_runners.launch import pose_classification
from skillbank_runners.training.hidden import HIDDEN, hide_in_command, hide_in_spec, is_secret


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("encryption_key", True),
        ("wandb.api_key", True),
        ("--key", True),
        ("keyboard", False),
        ("dataset.monkey", False),
    ],
)
def test_a_secret_is_told_by_the_last_word_of_its_key(key, expected):
    assert is_secret(key) is expected


def test_only_secrets_in_plain_text_leave_the_settings():
    settings = {"encryption_key": "geheim", "wandb": {"api_key": "env:WANDB", "name": "geheim"}}

    assert hide_in_spec(settings) == {
        "encryption_key": HIDDEN,
        "wandb": {"api_key": "env:WANDB", "name": "geheim"},
    }


@pytest.mark.parametrize("empty", ["", None])
def test_a_key_that_is_not_set_stays_so(empty):
    assert hide_in_spec({"encryption_key": empty}) == {"encryption_key": empty}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["train", "-k", "geheim", "a=1"], ["train", "-k", HIDDEN, "a=1"]),
        (["--key", "geheim"], ["--key", HIDDEN]),
        (["--key=geheim"], [f"--key={HIDDEN}"]),
        (["-kgeheim"], [f"-k{HIDDEN}"]),
        (["encryption_key=geheim", "lr=1"], [f"encryption_key={HIDDEN}", "lr=1"]),
        (["-e", "spec.yaml"], ["-e", "spec.yaml"]),
    ],
)
def test_every_way_to_pass_a_key_is_hidden(words, expected):
    assert hide_in_command(words) == expected


def test_no_file_of_a_job_repeats_the_key_of_a_tao_spec(job, monkeypatch):
    """Trains for an epoch, because it is the job's files that count."""
    job.change(encryption_key="tlt_encode", train={"num_epochs": 1})
    words = ["train", "-e", str(job.spec), "-r", str(job.folder / "out")]
    monkeypatch.setattr("sys.argv", ["pose_classification", *words, "-k", "geheim"])

    assert pose_classification(words) == 0

    left = [path for path in (job.folder / "out").rglob("*") if path.is_file()]
    assert {"run_info.json", "report.html"} <= {path.name for path in left}
    for secret in (b"tlt_encode", b"geheim"):
        assert [path.name for path in left if secret in path.read_bytes()] == []
