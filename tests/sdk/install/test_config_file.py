"""Configurations of agents, JSON and TOML, as their owners keep them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skillbank.errors import RequestInvalid
from skillbank.install.config_file import ConfigFile

ENTRY = {"command": "/opt/skillbank", "args": ["mcp"]}
KEYS = ("mcp_servers", "skillbank")
CODEX = """\
# my own settings
model = "gpt"   # the good one
numbers = [ 1,
  2 ]

[mcp_servers.other]   # keep
command = 'x'
env = { A = "1" }

[profiles.fast]
model = "small"
"""


def config(folder: Path, text: str, name: str = "config.toml") -> ConfigFile:
    path = folder / name
    path.write_bytes(text.encode())
    return ConfigFile(path)


def test_a_toml_file_keeps_its_comments_its_order_and_its_layout(tmp_path: Path) -> None:
    file = config(tmp_path, CODEX)

    file.put(KEYS, ENTRY)

    lines = file.text.splitlines()
    assert [line for line in lines if line in CODEX.splitlines()] == CODEX.splitlines()
    assert tomllib.loads(file.text)["mcp_servers"]["skillbank"] == ENTRY


@pytest.mark.parametrize(
    "text",
    [
        CODEX,
        "",
        'model = "gpt"\n',
        "[mcp_servers]\n",
        'mcp_servers = { a = { command = "x" } }\n',
        'mcp_servers.a.command = "x"\n',
        '[mcp_servers.a]\ncommand = "x"\n[other]\nk = 1\n[mcp_servers.b]\ncommand = "y"\n',
        'a = 1\r\n[mcp_servers.a]\r\ncommand = "x"\r\n',
    ],
    ids=["full", "empty", "none", "header", "inline", "dotted", "scattered", "crlf"],
)
def test_an_entry_of_toml_goes_in_and_out_and_the_settings_stay(tmp_path: Path, text: str) -> None:
    file = config(tmp_path, text)

    file.put(KEYS, ENTRY)
    inside = file.get(KEYS)
    file.drop(KEYS)

    assert inside == ENTRY
    left, before = tomllib.loads(file.text), tomllib.loads(text)
    assert {**left, "mcp_servers": left.get("mcp_servers", {})} == {
        **before,
        "mcp_servers": before.get("mcp_servers", {}),
    }


@given(text=st.text(max_size=60), suffix=st.sampled_from([".json", ".toml"]))
def test_whatever_a_file_holds_it_is_read_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, text: str, suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")

    try:
        told, held = str(path), ConfigFile(path).to_bytes()
    except RequestInvalid as refused:
        told, held = str(refused), path.read_bytes()

    assert told.startswith(str(path))
    assert held == path.read_bytes()


def test_a_byte_order_mark_stays(tmp_path: Path) -> None:
    file = config(tmp_path, '\ufeff{"a": 1}', "settings.json")

    file.put(KEYS, ENTRY)

    assert file.to_bytes().startswith('\ufeff{"a": 1, '.encode())


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", b'{\n"a": \n}', "a.json:3: this is not JSON"),
        ("a.json", b"[1]", "a.json:1: expected an object of settings, found [1]"),
        ("a.json", b'{\n"a": "\xff"}', "a.json:2: this is not UTF-8"),
        ("a.toml", b"a = 1\nb = [\n", "a.toml:3: this is not TOML"),
        ("a.toml", b"a = 1\na = 2\n", "a.toml:2: this is not TOML"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(RequestInvalid) as refused:
        ConfigFile(path)

    assert str(refused.value).startswith(f"{tmp_path}/{said}")


def test_a_key_that_holds_no_table_is_named(tmp_path: Path) -> None:
    file = config(tmp_path, '{"mcp_servers": ["x"]}', "a.json")

    with pytest.raises(RequestInvalid, match=r"a\.json: mcp_servers: expected a table of servers"):
        file.get(KEYS)
