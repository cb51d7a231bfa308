"""Platforms in plain words: which names are known, and what is said of those that are not."""

from __future__ import annotations

import pytest

from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.words.answer import Outcome
from skillbank.words.reader import SentenceReader

TRAIN = "train st-gcn on /data/gym without AutoML"


@pytest.fixture(scope="module")
def two_clusters() -> SentenceReader:
    return SentenceReader(SkillBank(), ("local", "lab-a100", "slurm", "docker"))


def test_a_platform_that_is_not_set_up_is_refused_with_the_command_that_says_why(ask) -> None:
    answer = ask(f"{TRAIN} on slurm")

    assert answer.outcome is Outcome.UNSUPPORTED
    assert "the platforms are: local" in answer.message
    assert "'skillbank platforms slurm'" in answer.message


def test_a_cloud_that_no_platform_is_made_for_has_no_such_command(ask) -> None:
    answer = ask(f"{TRAIN} on sagemaker")

    assert answer.outcome is Outcome.UNSUPPORTED
    assert "skillbank platforms" not in answer.message


def test_of_two_clusters_one_has_to_be_named(two_clusters: SentenceReader) -> None:
    answer = two_clusters.read(f"{TRAIN} on the cluster")

    assert answer.outcome is Outcome.AMBIGUOUS
    assert answer.candidates == ("lab-a100", "slurm")


@pytest.mark.parametrize(
    ("words", "part", "value"),
    [
        ("on lab-a100", "platform", "lab-a100"),
        ("with a 90 minute time limit", "resources.time_limit", "90m"),
        ("with 1.5 days time limit", "resources.time_limit", "1.5d"),
        ("retrying it up to 3 times", "resources.retries", 3),
        ("with 16G RAM", "resources.memory", "16G"),
        ("in the gpu-long partition", "resources.partition", "gpu-long"),
        ("with results in s3://lab/runs", "results", "s3://lab/runs"),
    ],
)
def test_each_part_knows_the_words_that_it_came_from(
    two_clusters: SentenceReader, words: str, part: str, value: object
) -> None:
    answer = two_clusters.read(f"{TRAIN}, {words}")

    (step,) = answer.steps
    section, _, key = part.partition(".")
    found = getattr(step, section)
    assert (found[key] if key else found) == value
    (origin,) = (one for one in answer.origins if one.part == f"steps[0].{part}")
    assert origin.words in words


@pytest.mark.parametrize(
    "words",
    [
        "with a time limit",  # how long is not said
        "on all cores",
        "with high priority",
        "and partition the data well",
        "and retry when you like",
    ],
)
def test_words_without_a_value_set_nothing(two_clusters: SentenceReader, words: str) -> None:
    answer = two_clusters.read(f"{TRAIN}, {words}")

    assert all(dict(step.resources) == {} for step in answer.steps)


def test_a_client_knows_the_platforms_that_are_set_up(tmp_path) -> None:
    (tmp_path / "config.yaml").write_text(
        "platforms:\n  lab-a100: {kind: slurm, partition: a100}\n", encoding="utf-8"
    )

    answer = Client(tmp_path).ask(f"{TRAIN} on lab-a100, retry twice, results in s3://lab/runs")

    (step,) = answer.workflow["steps"]
    assert (step["platform"], step["resources"]) == ("lab-a100", {"retries": 2})
    assert step["results"] == "s3://lab/runs"
