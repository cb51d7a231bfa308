"""An installation writes what an agent needs, knows its own files, and takes them away again."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
import skills_ref

from skillbank.bank import SkillBank, shipped
from skillbank.errors import RequestInvalid
from skillbank.install import AGENTS, Change, Installer, Outcome
from skillbank.install.changes import digest
from skillbank.skill_check import check_folder

EVERY_AGENT = pytest.mark.parametrize("agent", AGENTS)
ROUTER = ".claude/skills/skillbank/SKILL.md"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def install(project: Path, *agents: str, force: bool = False, **wanted: bool) -> list[Change]:
    installer = Installer(project, force=force)
    changes = installer.install(agents, every_skill=wanted.get("every_skill", False))
    installer.apply(changes)
    return list(changes)


def remove(project: Path, *agents: str, force: bool = False) -> list[Change]:
    installer = Installer(project, force=force)
    changes = installer.remove(agents)
    installer.apply(changes)
    return list(changes)


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@EVERY_AGENT
def test_an_agent_gets_the_skill_and_a_server_that_it_can_start(project: Path, agent: str) -> None:
    install(project, agent)

    place = AGENTS[agent].project
    folder = project / place.skills / "skillbank"
    assert skills_ref.validate(folder) == []
    assert check_folder(folder).problems == ()
    text = (project / place.config).read_text(encoding="utf-8")
    program = re.search(r'"(/[^"]*python[^"]*)"', text)
    assert program is not None
    assert os.access(program[1], os.X_OK)


@EVERY_AGENT
def test_doing_it_twice_changes_nothing(project: Path, agent: str) -> None:
    install(project, agent, every_skill=True)
    before = files(project)

    outcomes = {change.outcome for change in install(project, agent, every_skill=True)}

    assert outcomes == {Outcome.UNCHANGED}
    assert files(project) == before


@EVERY_AGENT
def test_what_was_installed_is_taken_away_whole(project: Path, agent: str) -> None:
    install(project, agent, every_skill=True)

    remove(project, agent)

    assert list(project.iterdir()) == []


def test_every_skill_is_installed_when_asked_and_each_works_by_itself(project: Path) -> None:
    install(project, "claude", every_skill=True)

    installed = sorted(path for path in (project / ".claude/skills").iterdir())
    assert [path.name for path in installed] == sorted(
        ["skillbank", *(skill.name for skill in SkillBank([shipped("skills")]))]
    )
    for folder in installed:
        assert skills_ref.validate(folder) == []
        assert check_folder(folder).problems == ()


def test_asking_for_one_skill_again_takes_the_others_away(project: Path) -> None:
    install(project, "claude", every_skill=True)

    install(project, "claude")

    assert [path.name for path in (project / ".claude/skills").iterdir()] == ["skillbank"]


def test_settings_that_are_there_stay_and_come_back_byte_for_byte(project: Path) -> None:
    settings = {
        ".mcp.json": '{"mcpServers": {"other": {"command": "x", "args": [1.50]}}}',
        ".codex/config.toml": '# mine\nmodel = "gpt"\n\n[mcp_servers.other]\ncommand = "x"\n',
        "opencode.json": '{\n\t"$schema": "https://opencode.ai/config.json" // jsonc\n}\n',
    }
    for name, text in settings.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")

    install(project, "claude", "codex", "opencode")
    inside = {name: (project / name).read_text(encoding="utf-8") for name in settings}
    remove(project, "claude", "codex", "opencode")

    assert all("skillbank" in text for text in inside.values())
    assert {name: (project / name).read_text(encoding="utf-8") for name in settings} == settings


def test_a_file_that_the_user_changed_is_refused_and_nothing_is_written(project: Path) -> None:
    install(project, "claude")
    (project / ROUTER).write_text("mine\n", encoding="utf-8")
    (project / ".mcp.json").unlink()
    before = files(project)

    with pytest.raises(RequestInvalid, match=r"(?s)SKILL\.md: it holds .*--force") as told:
        install(project, "claude")

    assert ROUTER in str(told.value).replace("\n", " ")
    assert files(project) == before


def test_force_overwrites_what_the_user_changed(project: Path) -> None:
    install(project, "claude")
    shipped_text = (project / ROUTER).read_bytes()
    (project / ROUTER).write_text("mine\n", encoding="utf-8")

    install(project, "claude", force=True)

    assert (project / ROUTER).read_bytes() == shipped_text


@pytest.mark.parametrize("name", ["../outside.txt", "{outside}"])
@pytest.mark.parametrize("force", [False, True])
def test_a_ledger_from_elsewhere_has_no_file_outside_the_project_removed(
    project: Path, name: str, *, force: bool
) -> None:
    outside = project.parent / "outside.txt"
    outside.write_bytes(b"mine")
    listed = {name.format(outside=outside): digest(b"mine")}
    ledger = project / ".skillbank/installed.json"
    ledger.parent.mkdir()
    agents = {"claude": {"files": listed, "server": None}}
    ledger.write_text(json.dumps({"version": 1, "agents": agents}), encoding="utf-8")

    with pytest.raises(RequestInvalid, match="not what 'skillbank install' writes"):
        remove(project, "claude", force=force)
    assert outside.read_bytes() == b"mine"


def test_a_file_of_an_older_version_is_updated_unasked(project: Path) -> None:
    install(project, "claude")
    ledger = project / ".skillbank/installed.json"
    (project / ROUTER).write_bytes(b"as version 0.0.9 had it\n")
    content = json.loads(ledger.read_text(encoding="utf-8"))
    content["agents"]["claude"]["files"][ROUTER] = digest(b"as version 0.0.9 had it\n")
    ledger.write_text(json.dumps(content), encoding="utf-8")

    outcomes = {change.path.name: change.outcome for change in install(project, "claude")}

    assert outcomes == {"SKILL.md": Outcome.UPDATED, ".mcp.json": Outcome.UNCHANGED}


def test_a_changed_file_survives_the_removal_and_is_told(project: Path) -> None:
    install(project, "claude")
    (project / ROUTER).write_text("mine\n", encoding="utf-8")

    changes = remove(project, "claude")

    assert (project / ROUTER).read_text(encoding="utf-8") == "mine\n"
    kept = [change for change in changes if change.outcome is Outcome.KEPT]
    assert [(change.path, change.note) for change in kept] == [
        (project / ROUTER, "you changed it"),
    ]
    assert not (project / ".mcp.json").exists()


def test_a_server_of_the_same_name_is_not_overwritten(project: Path) -> None:
    text = '{"mcpServers": {"skillbank": {"command": "mine"}}}'
    (project / ".mcp.json").write_text(text, encoding="utf-8")

    with pytest.raises(RequestInvalid, match=r"mcpServers\.skillbank: found .*mine.*--force"):
        install(project, "claude")

    assert files(project) == {".mcp.json": text.encode()}


def test_a_server_entry_that_the_user_changed_stays_when_the_rest_is_removed(project: Path) -> None:
    install(project, "claude")
    path = project / ".mcp.json"
    path.write_text(path.read_text("utf-8").replace('"mcp"\n', '"mcp", "--x"\n'), encoding="utf-8")
    before = path.read_bytes()

    changes = remove(project, "claude")

    assert path.read_bytes() == before
    assert Outcome.KEPT in {change.outcome for change in changes if change.path == path}


@pytest.mark.parametrize(
    ("agent", "name", "text", "said"),
    [
        ("claude", ".mcp.json", '{\n "mcpServers": {\n', r"\.mcp\.json:3: this is not JSON"),
        ("claude", ".mcp.json", '{"mcpServers": 3}', "mcpServers: expected a table of servers"),
        ("codex", ".codex/config.toml", "a = [\n1\n]\n]", r"config\.toml:4: this is not TOML"),
        ("copilot", ".vscode/mcp.json", "[]", "expected an object of settings"),
        ("claude", ".skillbank/installed.json", "[]", "not what 'skillbank install' writes"),
        ("claude", ".skillbank/installed.json", "{", "installed.json:1: this is not JSON"),
    ],
)
def test_a_broken_file_is_told_and_nothing_is_written(
    project: Path, agent: str, name: str, text: str, said: str
) -> None:
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text(text, encoding="utf-8")

    with pytest.raises(RequestInvalid, match=said):
        install(project, agent)

    assert files(project) == {name: text.encode()}


def test_agents_that_share_a_folder_share_its_files(project: Path) -> None:
    install(project, "codex", "cursor")

    remove(project, "codex")

    assert (project / ".agents/skills/skillbank/SKILL.md").is_file()
    assert not (project / ".codex").exists()
    remove(project, "cursor")
    assert list(project.iterdir()) == []


def test_a_folder_in_a_files_place_is_named(project: Path) -> None:
    (project / ROUTER).mkdir(parents=True)

    with pytest.raises(RequestInvalid, match=r"SKILL\.md: cannot be read: Is a directory"):
        install(project, "claude")


def test_a_configuration_that_is_a_link_stays_one_and_keeps_its_mode(
    project: Path, tmp_path: Path
) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_text("{}", encoding="utf-8")
    real.chmod(0o600)
    (project / ".mcp.json").symlink_to(real)

    install(project, "claude")

    assert (project / ".mcp.json").is_symlink()
    assert "skillbank" in real.read_text(encoding="utf-8")
    assert real.stat().st_mode & 0o777 == 0o600


def test_a_users_own_folders_are_used_without_a_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    installer = Installer()

    installer.apply(installer.install(AGENTS))

    for agent in AGENTS.values():
        assert (tmp_path / agent.user.skills / "skillbank/SKILL.md").is_file()
        assert (tmp_path / agent.user.config).is_file()


def test_an_unknown_agent_and_an_absent_folder_are_named(project: Path) -> None:
    with pytest.raises(RequestInvalid, match="'cluade'; did you mean 'claude'"):
        install(project, "cluade")
    with pytest.raises(RequestInvalid, match="gone: no such folder"):
        install(project / "gone", "claude")


def test_a_full_disk_leaves_the_old_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = '{"mcpServers": {}}'
    (project / ".mcp.json").write_text(old, encoding="utf-8")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copymode", fail)  # the last step before the draft takes over

    with pytest.raises(OSError, match="No space left"):
        install(project, "claude")

    assert files(project) == {".mcp.json": old.encode()}


def test_an_empty_table_of_servers_that_was_there_before_stays(project: Path) -> None:
    config = project / ".mcp.json"
    config.write_text('{"mcpServers": {}}', encoding="utf-8")
    install(project, "claude")

    remove(project, "claude")

    assert json.loads(config.read_text(encoding="utf-8")) == {"mcpServers": {}}
