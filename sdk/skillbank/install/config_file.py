"""One entry of an agent's configuration: found, put in, taken out; the rest stays as it is."""

from __future__ import annotations

import copy
import re
import tomllib
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any

from skillbank.errors import RequestInvalid
from skillbank.install import json_text

_BOM = "\ufeff"
_LINE = re.compile(r"at line (\d+)")  # as tomllib says where a mistake is
Content = dict[str, Any]


class ConfigFile:
    """The text of one configuration file, JSON or TOML by its suffix; nothing is written here.

    Attributes:
        path: The file, which need not exist.
        text: What it holds, or will hold; empty for a file that is not there.
        content: The text, parsed.

    Raises:
        RequestInvalid: The file cannot be read or parsed; the message names its line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_toml = path.suffix == ".toml"
        text = _read(path)
        self._mark = _BOM if text.startswith(_BOM) else ""
        self.text = text.removeprefix(_BOM)
        self.content = self._parse(self.text)

    def get(self, keys: Sequence[str]) -> object:
        """The value at `keys`; None when it is not there.

        Raises:
            RequestInvalid: A key on the way holds something other than a table.
        """
        here: object = self.content
        for depth, key in enumerate(keys):
            if not isinstance(here, dict):
                place = ".".join(keys[:depth])
                raise RequestInvalid(
                    f"{self.path}: {place}: expected a table of servers, found {here!r:.60}; "
                    "nothing was written. Mend the file, then run the command again."
                )
            here = here.get(key)
            if here is None:
                return None
        return here

    def count_present(self, keys: Sequence[str]) -> int:
        """How many of the keys, from the outside in, are there already."""
        here: Any = self.content
        for depth, key in enumerate(keys):
            if not isinstance(here, dict) or key not in here:
                return depth
            here = here[key]
        return len(keys)

    def put(self, keys: Sequence[str], value: object) -> None:
        """Set the value at `keys`, making the tables on the way."""
        wanted = copy.deepcopy(self.content)
        _set(wanted, keys, value)
        new = (_put_toml if self.is_toml else json_text.put)(self.text, keys, value)
        self._accept(new, [wanted])

    def drop(self, keys: Sequence[str]) -> None:
        """Take out the value at `keys`, which is there."""
        wanted = copy.deepcopy(self.content)
        _unset(wanted, keys)
        accepted = [wanted]
        if self.is_toml and wanted[keys[0]] == {}:
            # [mcp_servers.x] made the table that it stands in, and takes it along
            accepted.append({key: table for key, table in wanted.items() if key != keys[0]})
        new = (_drop_toml if self.is_toml else json_text.drop)(self.text, keys)
        self._accept(new, accepted)

    def to_bytes(self) -> bytes:
        """What the file is to hold."""
        return (self._mark + self.text).encode()

    def _accept(self, text: str, wanted: Sequence[Content]) -> None:
        """Take a new text over if it says exactly what it should, so that no setting is lost."""
        content = self._parse(text)
        if content not in wanted:
            raise RequestInvalid(
                f"{self.path}: this file cannot be changed without touching other settings; "
                "nothing was written. Change the entry by hand: docs/agents.md shows it."
            )
        self.text, self.content = text, content

    def _parse(self, text: str) -> Content:
        content = _parse_toml(text, self.path) if self.is_toml else json_text.parse(text, self.path)
        if not isinstance(content, dict):
            raise RequestInvalid(
                f"{self.path}:1: expected an object of settings, found {content!r:.60}; "
                "nothing was written."
            )
        return content


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")  # read_text would turn CRLF into LF
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise RequestInvalid(
            f"{path}:{line}: this is not UTF-8: {error.reason}; nothing was written."
        ) from error
    except OSError as error:
        raise RequestInvalid(
            f"{path}: cannot be read: {error.strerror}; nothing was written."
        ) from error


def _parse_toml(text: str, origin: Path) -> Content:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        line = _LINE.search(str(error))
        at = line[1] if line else text.count("\n") + 1  # 'at end of document'
        raise RequestInvalid(
            f"{origin}:{at}: this is not TOML: {error}; nothing was written."
        ) from error


def _put_toml(text: str, keys: Sequence[str], value: object) -> str:
    import tomlkit  # only one of the agents has TOML

    document = tomlkit.parse(text)
    here: MutableMapping[str, Any] = document
    for key in keys[:-1]:
        if key not in here:
            here[key] = tomlkit.table(is_super_table=True)
        here = here[key]
    here[keys[-1]] = value
    return tomlkit.dumps(document)


def _drop_toml(text: str, keys: Sequence[str]) -> str:
    import tomlkit

    document = tomlkit.parse(text)
    here: MutableMapping[str, Any] = document
    for key in keys[:-1]:
        here = here[key]
    del here[keys[-1]]
    left = tomlkit.dumps(document)
    return left.rstrip("\n") + "\n" if left.strip() else ""  # with the blank line before a table


def _set(content: Content, keys: Sequence[str], value: object) -> None:
    for key in keys[:-1]:
        content = content.setdefault(key, {})
    content[keys[-1]] = value


def _unset(content: Content, keys: Sequence[str]) -> None:
    for key in keys[:-1]:
        content = content[key]
    del content[keys[-1]]
