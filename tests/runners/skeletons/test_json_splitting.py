"""Files are cut into their top-level objects wherever blocks of reading end."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skillbank_runners.skeletons import json_splitting
from skillbank_runners.skeletons.json_splitting import read_chunks, read_pieces
from skillbank_runners.skeletons.poses import PoseFileInvalid

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab"\\[]{},:é\n_Yy'),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(alphabet='ab"\\]}'), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=3), max_size=5)
STYLES = ({}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False})


def pieces(path, block_bytes):
    chunks = read_chunks(path, block_bytes)
    return [piece for chunk in chunks for piece in chunk.pieces()]


def lists(path, block_bytes):
    return [one for chunk in read_chunks(path, block_bytes) for one in json.loads(chunk.as_list())]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(OBJECTS, st.integers(1, 40), st.sampled_from(STYLES), st.booleans(), st.booleans())
def test_any_objects_come_back_from_any_form_in_blocks_of_any_size(
    tmp_path, objects, block_bytes, style, as_lines, has_mark
):
    path = tmp_path / "file.json"
    text = json.dumps(objects, **style)
    if as_lines:
        text = "\n".join(json.dumps(one, **style) for one in objects)
    content = b"\xef\xbb\xbf" * has_mark + text.encode()
    path.write_bytes(content)
    if as_lines and not objects:
        return

    found = pieces(path, block_bytes)

    assert [json.loads(piece.content) for piece in found] == objects
    assert lists(path, block_bytes) == objects
    for piece in found:
        assert content[piece.offset : piece.offset + len(piece.content)] == piece.content


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(alphabet='[]{},:"\\ a1\n_', max_size=40), st.integers(1, 9))
def test_what_is_no_list_of_objects_is_refused_or_left_to_the_decoder(tmp_path, text, block_bytes):
    path = tmp_path / "file.json"
    path.write_text(text)

    try:
        found = pieces(path, block_bytes)
    except PoseFileInvalid:
        return

    joined = b"".join(piece.content for piece in found)
    outside = text.encode()
    for piece in found:
        outside = outside.replace(piece.content, b"", 1)
    assert set(outside) <= set(b"[], \n")
    assert len(joined) + len(outside) == len(text)


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("", "", "the file is empty"),
        (" \n ", "", "the file is empty"),
        ("nonsense", "byte 0", "found 'nonsense', expected JSON"),
        ('  "a"', "byte 2", "expected JSON"),
        ('[{"a": 1}', "byte 9", "ends inside the list"),
        ('[{"a": 1}, {"b', "byte 14", "ends inside the object that begins at byte 11"),
        ('{"a": [1, 2', "byte 11", "ends inside the object that begins at byte 0"),
        ("[{}, 5]", "byte 3", "found ', 5' before the end of the list"),
        ("[{},]", "byte 3", "found ',' before the end of the list"),
        ("[{}] x", "byte 5", "found 'x' after the end of the list"),
        ("[{}] {}", "byte 5", "follows the end of the list"),
        ("[{}][{}]", "byte 4", "follows the end of the list"),
        ("[7]", "byte 1", "found '7' before the end of the list"),
        ("{} 5 {}", "byte 2", "between two objects, expected white space"),
        ("{}, {}", "byte 2", "between two objects, expected white space"),
        ("[{} {}]", "byte 3", "between two objects, expected a comma"),
        ("{}]", "byte 2", "closes what nothing opened"),
        ("[" * 70, "byte 64", "more than 64 brackets"),
    ],
)
def test_what_is_wrong_is_told_with_its_byte(tmp_path, text, where, problem):
    path = tmp_path / "file.json"
    path.write_text(text)

    with pytest.raises(PoseFileInvalid) as caught:
        list(read_pieces(path))

    assert problem in str(caught.value)
    assert where in str(caught.value)


def test_text_in_another_encoding_is_named_as_such(tmp_path):
    path = tmp_path / "file.json"
    path.write_text("[{}]", encoding="utf-16")

    with pytest.raises(PoseFileInvalid, match="UTF-8"):
        list(read_pieces(path))


@pytest.mark.parametrize("start", [b'[{"a": "', b'[{"a": [', b"[    "])
def test_an_object_that_never_ends_is_refused_before_memory_is(tmp_path, monkeypatch, start):
    monkeypatch.setattr(json_splitting, "MAX_PIECE_BYTES", 4000)
    path = tmp_path / "file.json"
    path.write_bytes(start + b" " * 50_000)

    with pytest.raises(PoseFileInvalid, match="larger than"):
        list(read_chunks(path, 1000))


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(PoseFileInvalid, match="cannot be read"):
        list(read_pieces(tmp_path / "gone.json"))


def test_backslashes_at_the_end_of_a_block_escape_into_the_next(tmp_path):
    path = tmp_path / "file.json"
    content = [{"a": '\\"]}\\\\"'}, {"b": "\\"}]
    path.write_text(json.dumps(content))

    for block_bytes in range(1, 12):
        assert lists(path, block_bytes) == content
