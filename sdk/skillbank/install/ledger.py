"""What was installed, so that a later run knows its own files from the user's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from skillbank.documents import read_json
from skillbank.errors import RequestInvalid
from skillbank.install.changes import digest

LEDGER = Path(".skillbank", "installed.json")
"""Where the ledger lies in a project or a home."""


@dataclass(frozen=True)
class Server:
    """The MCP server's entry in a configuration.

    Attributes:
        config: The file, relative to the project or home.
        entry: What was put in.
        keys_before: How many keys of the way to the entry were there before it.
        created: Whether the file itself was not.
    """

    config: str
    entry: object
    keys_before: int
    created: bool


@dataclass
class Installed:
    """What one agent got.

    Attributes:
        files: Path relative to the project or home -> digest of what was written there.
        server: The entry of its configuration; None before there is one.
    """

    files: dict[str, str] = field(default_factory=dict)
    server: Server | None = None


class Ledger:
    """The agents of one project or home, and what each got.

    Raises:
        RequestInvalid: The file is there and cannot be read.
    """

    def __init__(self, base: Path) -> None:
        self.path = base / LEDGER
        self.agents: dict[str, Installed] = {}
        if self.path.is_file():
            self.agents = _read(self.path)

    def of(self, agent: str) -> Installed:
        """What an agent got; empty when it got nothing."""
        return self.agents.get(agent, Installed())

    def digest_of(self, name: str) -> str | None:
        """Digest under which a file was last written, for whichever agent."""
        return next((one.files[name] for one in self.agents.values() if name in one.files), None)

    def note(self, agent: str, files: Mapping[str, bytes], server: Server) -> None:
        """Note what an agent gets; those that read the same files get the same."""
        written = {name: digest(content) for name, content in files.items()}
        for other in self.agents.values():
            other.files |= {name: new for name, new in written.items() if name in other.files}
        self.agents[agent] = Installed(written, server)

    def is_shared(self, name: str, agent: str) -> bool:
        """Tell whether another agent reads the same file."""
        return any(name in one.files for other, one in self.agents.items() if other != agent)

    def to_bytes(self) -> bytes:
        """The content of the file."""
        agents = {name: asdict(one) for name, one in sorted(self.agents.items())}
        return (json.dumps({"version": 1, "agents": agents}, indent=2) + "\n").encode()


def _read(path: Path) -> dict[str, Installed]:
    content = read_json(path, error=RequestInvalid)
    try:
        return {name: _installed(one) for name, one in content["agents"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RequestInvalid(
            f"{path}: this is not what 'skillbank install' writes; remove the file, and files that "
            "were installed before count as yours."
        ) from error


def _installed(one: dict[str, Any]) -> Installed:
    server, files = one["server"], dict(one["files"])
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in files):
        raise ValueError  # a project from elsewhere must not have files removed outside it
    return Installed(files, Server(**server) if server else None)
