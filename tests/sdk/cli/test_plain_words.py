"""docs/plain-words.md shows what really comes out."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from tests.sdk.cli.conftest import CommandLine

from skillbank.bank import SkillBank
from skillbank.job import Job
from skillbank.skill_info import Vocabulary
from skillbank.words.answer import Answer, Outcome
from skillbank.words.reader import SentenceReader

REPOSITORY = Path(__file__).resolve().parents[3]
PAGE = (REPOSITORY / "docs" / "plain-words.md").read_text(encoding="utf-8")
CONSOLE: list[str] = re.findall(r"```console\n\$ skillbank (.*?)```", PAGE, re.DOTALL)
SHOWN: list[str] = re.findall(r"^    skillbank (.+)$", PAGE, re.MULTILINE)
SAID = [
    (words, part)
    for cell, part in re.findall(r'^\| (".+") \| `(\w+.*)` \|$', PAGE, re.MULTILINE)
    for words in re.findall(r'"([^"]+)"', cell)
]
BEFORE = "train a pose classifier on /data/gym,"


@pytest.fixture(scope="module")
def reader() -> SentenceReader:
    return SentenceReader(SkillBank())


@pytest.fixture(autouse=True)
def _in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)


@pytest.mark.parametrize("block", CONSOLE, ids=lambda block: block.splitlines()[0])
def test_the_page_shows_what_is_printed(cli: CommandLine, root: Path, block: str) -> None:
    line, _, output = block.partition("\n")

    done = cli(*shlex.split(line))

    assert (done.out + done.err).replace(str(root), "ROOT") == output


def test_a_command_of_the_page_runs(cli: CommandLine, complete_job: Job) -> None:
    for line in SHOWN:
        done = cli(*shlex.split(line))
        assert (done.status, done.document["outcome"]) == (0, "plan"), done
        assert done.document["workflow"]["steps"][0]["parent_job_id"] == complete_job.id
    assert SHOWN


def test_the_program_of_the_page_runs(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SKILLBANK_HOME", str(root))
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

    exec(compile(program, "plain-words.md", "exec"), {})

    assert capsys.readouterr().out.startswith("plan {'steps': [{'skill': 'tao-train-pose-")


@pytest.mark.parametrize(("words", "part"), SAID)
def test_words_of_the_table_become_what_it_says(
    reader: SentenceReader, words: str, part: str
) -> None:
    answer = reader.read(f"{BEFORE} {words}")

    name, _, value = part.partition(": ")
    (step,) = answer.steps
    found = getattr(step, name) if hasattr(step, name) else step.overrides[name]
    assert answer.outcome is Outcome.PLAN
    assert json.dumps(found, sort_keys=True) == value


@pytest.mark.parametrize(
    ("words", "epochs"),
    [
        ("train.num_epochs=30, for 40 epochs", 30),
        ("40 epochs, train.num_epochs=30", 30),
        ("30 epochs, actually no, 40", 40),
    ],
)
def test_a_key_beats_words_and_a_correction_what_it_corrects(
    reader: SentenceReader, words: str, epochs: int
) -> None:
    answer = reader.read(f"{BEFORE} {words}")

    assert answer.steps[0].overrides == {"train.num_epochs": epochs}


def test_two_values_without_a_correction_contradict_each_other(reader: SentenceReader) -> None:
    answer: Answer = reader.read(f"{BEFORE} 30 epochs and 40 epochs")

    assert answer.outcome is Outcome.CONTRADICTORY


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_its_row(outcome: Outcome) -> None:
    assert re.search(rf"^\| `{outcome}` \| .+ \| .+ \|$", PAGE, re.MULTILINE)


def test_the_vocabulary_of_the_page_is_one() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)

    vocabulary = Vocabulary.model_validate(yaml.safe_load(block)["vocabulary"])

    assert vocabulary.keys == {"model.dropout": ("drop rate",)}
