"""The skills of the platforms name settings that there are, and tell what every state means."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.contracts.pages import SKILL_FOLDERS, shown_commands

from skillbank.config import read_config
from skillbank.job import JobState
from skillbank.platforms.docker.settings import DockerSettings
from skillbank.platforms.kubernetes.settings import KubernetesSettings
from skillbank.platforms.local_settings import LocalSettings
from skillbank.platforms.slurm.settings import ONLY_IN_CONFIG, SlurmSettings
from skillbank.run_settings import RunSettings, read_run_settings

SETTINGS: dict[str, type[RunSettings]] = {
    "local": LocalSettings,
    "slurm": SlurmSettings,
    "docker": DockerSettings,
    "kubernetes": KubernetesSettings,
}
every_kind = pytest.mark.parametrize("kind", SETTINGS)


def folder_of(kind: str) -> Path:
    return next(one for one in SKILL_FOLDERS if one.name == f"tao-run-on-{kind}")


def page(kind: str) -> str:
    return (folder_of(kind) / "SKILL.md").read_text(encoding="utf-8")


def configurations(kind: str) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```", page(kind), re.DOTALL | re.MULTILINE)


@every_kind
def test_a_configuration_that_a_page_shows_can_be_used(kind: str, tmp_path: Path) -> None:
    shown = configurations(kind)

    assert shown
    for text in shown:
        (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
        config = read_config(tmp_path)
        assert config.platforms[kind].kind == kind
        for name, entry in config.platforms.items():
            read_run_settings(SETTINGS[entry.kind], entry.settings, name)


@every_kind
def test_resources_that_a_page_asks_for_are_settings_of_its_platform(kind: str) -> None:
    given: dict[str, Any] = {}
    for shown in shown_commands(folder_of(kind)):
        for option, word in zip(shown.words, shown.words[1:], strict=False):
            if option == "--resource":
                key, _, value = word.partition("=")
                given[key] = yaml.safe_load(value)
    for key, value in re.findall(r"`(?:--resource )?([a-z_]+)=([\w.-]+)`", page(kind)):
        given[key] = yaml.safe_load(value)

    assert given.keys() - set(ONLY_IN_CONFIG) == given.keys()
    read_run_settings(SETTINGS[kind], given, kind)


@every_kind
def test_a_page_tells_what_every_state_that_stays_means(kind: str) -> None:
    told = {
        state.strip()
        for states in re.findall(r"^\| ([A-Z]{4,}(?:, [A-Z]{4,})*) \|", page(kind), re.MULTILINE)
        for state in states.split(",")
    }

    assert {s.value for s in JobState if s.is_final} | {"QUEUED"} <= told
    assert told <= {s.value for s in JobState}


@pytest.mark.parametrize("kind", ["slurm", "docker", "kubernetes"])
def test_a_page_looks_before_it_submits(kind: str) -> None:
    blocks = [shown for shown in shown_commands(folder_of(kind)) if shown.is_block]

    assert ("skillbank", "platforms", kind) in [shown.words for shown in blocks[:2]]
    submitting = [shown for shown in blocks if shown.words[1] in {"plan", "run"}]
    assert all(("--platform", kind) in zip(s.words, s.words[1:], strict=False) for s in submitting)
    assert {shown.words[1] for shown in submitting} == {"plan", "run"}


def test_keys_that_only_the_configuration_may_hold_are_told_so_for_slurm() -> None:
    told = re.search(r"on the nodes \((.*?)\) stand in", page("slurm"), re.DOTALL)

    assert told
    assert set(re.findall(r"`(\w+)`", told[1])) <= set(ONLY_IN_CONFIG)
