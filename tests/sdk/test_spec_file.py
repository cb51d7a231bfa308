from __future__ import annotations

from pathlib import Path

import pytest

from skillbank.errors import RequestInvalid, SpecInvalid
from skillbank.spec_file import read_spec_file


def write(folder: Path, text: str) -> Path:
    path = folder / "spec.yaml"
    path.write_text(text)
    return path


def test_a_spec_file_is_read_with_its_sections(tmp_path: Path) -> None:
    path = write(tmp_path, "train:\n  num_epochs: 3\n  optim: {lr: 1e-3}\n")

    assert read_spec_file(path) == {"train": {"num_epochs": 3, "optim": {"lr": 0.001}}}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_sets_nothing(tmp_path: Path, text: str) -> None:
    assert read_spec_file(write(tmp_path, text)) == {}


def test_anchors_and_merges_are_read(tmp_path: Path) -> None:
    text = "base: &base {lr: 0.1}\na:\n  <<: *base\nb:\n  <<: *base\n  lr: 0.2\n"

    assert read_spec_file(write(tmp_path, text))["b"] == {"lr": 0.2}


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        ("train:\n  lr: [1, 2\n", ":3:1", "this is not YAML"),
        ("a: 1\n\tb: 2\n", ":2:1", "this is not YAML"),
        ("- 1\n- 2\n", ":1:1", "expected sections and keys such as 'train:', found a list"),
        ("just words\n", ":1:1", "found one value"),
        ("a: 1\nb: 2\na: 3\n", ":3:1", "a was already set in line 1; remove one"),
        ("t:\n  lr: 1\n  x: {y: 1, y: 2}\n", ":3:13", "t.x.y was already set in line 3"),
        ("l:\n  - {a: 1, a: 2}\n", ":2:12", "l.a was already set in line 2"),
        ("x: *nobody\n", ":1:4", "this is not YAML"),
    ],
)
def test_a_mistake_is_told_with_line_and_column(
    tmp_path: Path, text: str, where: str, said: str
) -> None:
    path = write(tmp_path, text)

    with pytest.raises(SpecInvalid) as caught:
        read_spec_file(path)

    assert f"{path}{where}: " in str(caught.value)
    assert said in str(caught.value)


def test_every_repeated_key_is_listed(tmp_path: Path) -> None:
    with pytest.raises(SpecInvalid) as caught:
        read_spec_file(write(tmp_path, "a: 1\na: 2\nb: 1\nb: 2\n"))

    assert len(caught.value.problems) == 2


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestInvalid, match=r"nope\.yaml: no such spec file"):
        read_spec_file(tmp_path / "nope.yaml")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: \x93"])
def test_a_file_that_is_no_text_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(content)

    with pytest.raises(RequestInvalid, match=r"spec\.yaml: cannot be read"):
        read_spec_file(path)


def test_a_folder_is_no_spec_file(tmp_path: Path) -> None:
    with pytest.raises(RequestInvalid, match="cannot be read"):
        read_spec_file(tmp_path)


def test_aliases_that_blow_a_file_up_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]

    with pytest.raises(SpecInvalid, match="aliases make this file larger"):
        read_spec_file(write(tmp_path, "\n".join(lines)))


def test_a_value_that_holds_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecInvalid, match="aliases"):
        read_spec_file(write(tmp_path, "a: &a\n  b: *a\n"))
