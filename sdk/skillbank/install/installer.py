"""Decide what an installation changes, all of it before anything is written, then write it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from skillbank.bank import SkillBank, shipped
from skillbank.errors import RequestInvalid, did_you_mean
from skillbank.install.agents import AGENTS, SERVER, Place
from skillbank.install.changes import Change, Outcome, digest
from skillbank.install.config_file import ConfigFile
from skillbank.install.ledger import Ledger, Server


class Installer:
    """Installs for agents in one project, or for one user.

    Args:
        base: The project's folder; None for the user's home.
        force: Also overwrite, and remove, what the user changed.

    Raises:
        RequestInvalid: There is no such folder, or its ledger cannot be read.
    """

    def __init__(self, base: Path | None = None, *, force: bool = False) -> None:
        self.base = (Path.home() if base is None else base).resolve()
        self._is_user = base is None
        self._force = force
        if not self.base.is_dir():
            raise RequestInvalid(
                f"{base}: no such folder; expected the folder of a project. Make it first, or give "
                "another with --project."
            )
        self._ledger = Ledger(self.base)
        self._configs: dict[Path, ConfigFile] = {}

    def install(
        self, agents: Iterable[str], *, every_skill: bool = False, command: Sequence[str] = ()
    ) -> tuple[Change, ...]:
        """Decide what is written for some agents; `apply` writes it.

        Args:
            agents: Names of AGENTS.
            every_skill: All skills of the bank, not only the one that finds the others.
            command: How the agent starts the program; empty for this very installation.

        Raises:
            RequestInvalid: An agent is not known, a configuration cannot be read, or a file was
                changed by the user; every such file is named.
        """
        skills = _read_skills(every_skill=every_skill)
        changes: dict[Path, Change] = {}
        for agent in agents:
            place = self._place(agent)
            files = {f"{place.skills}/{name}": content for name, content in skills.items()}
            before = self._ledger.of(agent)
            changes |= self._remove_files(sorted(before.files.keys() - files.keys()), agent)
            wanted = {self.base / name: self._put_file(name, files[name]) for name in files}
            _refuse([change for change in wanted.values() if change.outcome is Outcome.KEPT])
            changes |= wanted
            server = self._put_server(place, [*(command or own_command()), "mcp"], before.server)
            self._ledger.note(agent, files, server)
        return self._with_configs(changes)

    def remove(self, agents: Iterable[str]) -> tuple[Change, ...]:
        """Decide what is taken away again; what the user changed is kept, and told."""
        changes: dict[Path, Change] = {}
        for agent in agents:
            place = self._place(agent)
            before = self._ledger.of(agent)
            changes |= self._remove_files(before.files, agent)
            if before.server is not None:
                changes |= self._drop_server(place, before.server)
            self._ledger.agents.pop(agent, None)
        return self._with_configs(changes)

    def apply(self, changes: Sequence[Change]) -> None:
        """Do what was decided, and note it in the ledger.

        Raises:
            OSError: A file cannot be written; those before it are.
        """
        for change in changes:
            change.apply()
        for change in changes:
            if change.outcome is Outcome.REMOVED:
                self._remove_empty_folders(change.path.parent)
        if self._ledger.agents:
            Change(self._ledger.path, Outcome.WRITTEN, self._ledger.to_bytes()).apply()
        else:
            self._ledger.path.unlink(missing_ok=True)
            self._remove_empty_folders(self._ledger.path.parent)

    def _place(self, agent: str) -> Place:
        if agent not in AGENTS:
            raise RequestInvalid(f"no agent is named {agent!r}; {did_you_mean(agent, AGENTS)}")
        return AGENTS[agent].user if self._is_user else AGENTS[agent].project

    def _put_file(self, name: str, content: bytes) -> Change:
        """What becomes of a file that is to hold `content`; KEPT for one that is the user's."""
        path = self.base / name
        found = _read_found(path)
        if found is None:
            return Change(path, Outcome.WRITTEN, content)
        if found == content:
            return Change(path, Outcome.UNCHANGED)
        if self._force or digest(found) == self._ledger.digest_of(name):
            return Change(path, Outcome.UPDATED, content)
        return Change(path, Outcome.KEPT, note="it holds something else than was installed")

    def _remove_files(self, names: Iterable[str], agent: str) -> dict[Path, Change]:
        found = (self._remove_file(name, agent) for name in names)
        return {change.path: change for change in found if change is not None}

    def _remove_file(self, name: str, agent: str) -> Change | None:
        """What becomes of a file that is no longer wanted; None for one that is gone."""
        path = self.base / name
        found = _read_found(path)
        if found is None:
            return None
        if self._ledger.is_shared(name, agent):
            return Change(path, Outcome.UNCHANGED, note="another agent reads it")
        if self._force or digest(found) == self._ledger.of(agent).files[name]:
            return Change(path, Outcome.REMOVED)
        return Change(path, Outcome.KEPT, note="you changed it")

    def _put_server(self, place: Place, command: Sequence[str], before: Server | None) -> Server:
        config = self._config(place)
        keys = (place.servers, SERVER)
        entry, found = place.entry(command), config.get(keys)
        keys_before, created = config.count_present(keys), not config.path.is_file()
        if before is not None and before.config == place.config:
            keys_before, created = before.keys_before, before.created
        if found is not None and found != entry:
            ours = before is not None and found == before.entry
            if not (ours or self._force):
                raise RequestInvalid(
                    f"{config.path}: {'.'.join(keys)}: found {json.dumps(found)}, which was not "
                    f"installed; expected {json.dumps(entry)}. Nothing was written. Remove the "
                    "entry, or give --force to overwrite it."
                )
        if found != entry:
            config.put(keys, entry)
        return Server(place.config, entry, keys_before, created)

    def _drop_server(self, place: Place, before: Server) -> dict[Path, Change]:
        """Take our entry out, and what was made for it; the file if the entry stays."""
        config = self._config(place)
        keys = (place.servers, SERVER)
        found = config.get(keys)
        if found is not None and found != before.entry and not self._force:
            note = f"you changed the entry of {SERVER}"
            return {config.path: Change(config.path, Outcome.KEPT, note=note)}
        if found is not None:
            config.drop(keys)
        if before.keys_before == 0 and config.get(keys[:1]) == {}:
            config.drop(keys[:1])
        if before.created and not config.content:
            config.text = ""
        return {}

    def _config(self, place: Place) -> ConfigFile:
        path = self.base / place.config
        if path not in self._configs:
            self._configs[path] = ConfigFile(path)
        return self._configs[path]

    def _with_configs(self, changes: Mapping[Path, Change]) -> tuple[Change, ...]:
        """All changes, with those of the configurations that were looked at."""
        configs = {
            config.path: change
            for config in self._configs.values()
            if (change := _config_change(config.path, config.to_bytes())) is not None
        }
        return tuple({**configs, **changes}.values())

    def _remove_empty_folders(self, folder: Path) -> None:
        while folder != self.base and self.base in folder.parents:
            if not folder.is_dir() or any(folder.iterdir()):
                return
            folder.rmdir()
            folder = folder.parent


def own_command() -> tuple[str, ...]:
    """The command that starts this very installation, whatever PATH the agent has."""
    return (sys.executable, "-m", "skillbank.cli")


def _read_skills(*, every_skill: bool) -> dict[str, bytes]:
    """Path below a folder of skills -> content, of the skills that are installed."""
    folders = sorted((shipped("plugin") / "skills").iterdir())
    if every_skill:
        folders += [skill.folder for skill in SkillBank([shipped("skills")])]
    return {
        f"{folder.name}/{path.relative_to(folder).as_posix()}": path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _read_found(path: Path) -> bytes | None:
    """What a file holds; None when there is none.

    Raises:
        RequestInvalid: Something else is in its place.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RequestInvalid(
            f"{path}: cannot be read: {error.strerror}; expected a file, or nothing. Nothing was "
            "written."
        ) from error


def _config_change(path: Path, content: bytes) -> Change | None:
    found = _read_found(path)
    if not content:
        return Change(path, Outcome.REMOVED) if found is not None else None
    if found is None:
        return Change(path, Outcome.WRITTEN, content)
    if found == content:
        return Change(path, Outcome.UNCHANGED)
    return Change(path, Outcome.UPDATED, content)


def _refuse(kept: Sequence[Change]) -> None:
    if kept:
        lines = "\n".join(f"  - {change.path}: {change.note}." for change in kept)
        raise RequestInvalid(
            f"these files are not as they were installed; nothing was written:\n{lines}\n"
            "Move them away, or give --force to overwrite them."
        )
