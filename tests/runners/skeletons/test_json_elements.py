"""JSON files piece by piece: the same values as the whole, and errors that name the byte."""

import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skillbank_runners.skeletons import json_elements as module
from skillbank_runners.skeletons.json_elements import ElementReader, json_elements
from skillbank_runners.skeletons.poses import PoseFileInvalid


def write(folder, content):
    path = folder / "file.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(folder, content, opened=()):
    """(document, key, place, value) of all elements."""
    elements = json_elements(write(folder, content), opened)
    return [(e.document, e.key, e.place, e.value) for e in elements]


def test_a_list_comes_element_by_element(tmp_path):
    assert read(tmp_path, ' [1, "a",\n {"b": [2]} ] ') == [
        (0, "", 0, 1),
        (0, "", 1, "a"),
        (0, "", 2, {"b": [2]}),
    ]


def test_json_lines_come_as_documents(tmp_path):
    assert read(tmp_path, '{"a": 1}\n{"a": 2}\n') == [
        (0, "", -1, {"a": 1}),
        (1, "", -1, {"a": 2}),
    ]


def test_empty_lists_among_json_lines_count_as_documents(tmp_path):
    assert read(tmp_path, "[1]\n[]\n[2, 3]") == [(0, "", 0, 1), (2, "", 0, 2), (2, "", 1, 3)]


def test_named_lists_of_an_object_come_element_by_element_and_the_rest_whole(tmp_path):
    text = '{"info": [0], "images": [{"id": 1}, {"id": 2}], "none": [], "x": {}}'
    assert read(tmp_path, text, {"images", "none", "x"}) == [
        (0, "info", -1, [0]),
        (0, "images", 0, {"id": 1}),
        (0, "images", 1, {"id": 2}),
        (0, "x", -1, {}),
    ]


def test_an_empty_object_that_could_be_opened_gives_nothing(tmp_path):
    assert read(tmp_path, "{}", {"images"}) == []


def test_the_mark_of_windows_editors_is_no_part_of_the_text(tmp_path):
    path = write(tmp_path, b"\xef\xbb\xbf [7]")
    assert [(e.offset, e.value) for e in json_elements(path)] == [(5, 7)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(json_values),
    st.sampled_from([None, 1]),
    st.booleans(),
    st.integers(1, 40),
)
def test_elements_are_what_the_whole_file_holds_wherever_chunks_end(
    tmp_path_factory, values, indent, ascii_only, chunk_bytes
):
    text = json.dumps(values, indent=indent, ensure_ascii=ascii_only)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(values, indent=indent)
    path = write(tmp_path_factory.mktemp("json"), text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK_BYTES", chunk_bytes)
        elements = list(json_elements(path))
    assert [e.value for e in elements] == values
    assert [e.place for e in elements] == list(range(len(values)))
    with ElementReader.open(path) as reader:
        assert [reader.at(e.offset) for e in reversed(elements)] == values[::-1]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty; expected JSON"),
        (" \n ", "the file is empty; expected JSON"),
        ("[1, 2", "byte 5: the file ends; expected ',' or ']'"),
        ("[1 2]", "byte 3: found '2]'; expected ',' or ']'"),
        ("[1,, 2]", "byte 3: found ', 2]'; not JSON: expecting value"),
        ('["ä", x]', "byte 7: found 'x]'; not JSON: expecting value"),
        ('["abc', "byte 1: found '\"abc'; not JSON: unterminated string"),
        ("[1] ]", "byte 4: found ']'; not JSON: expecting value"),
        ("{'a': 1}", "byte 1: found \"'a': 1}\"; not JSON: expecting property name"),
        ("\x00\x01", "byte 0: found '\\x00\\x01'; not JSON"),
        ("[" * 100_000, "cannot be parsed"),
        ("[" + "9" * 5000 + "]", "byte 1: found '99999999999999999999'; cannot be parsed"),
    ],
)
def test_what_is_no_json_is_an_error_that_names_the_byte(tmp_path, text, told):
    with pytest.raises(PoseFileInvalid) as caught:
        read(tmp_path, text)
    assert told in str(caught.value)


def test_members_of_an_opened_object_have_quoted_keys(tmp_path):
    with pytest.raises(PoseFileInvalid, match="byte 1: found '1:2}'; expected a key"):
        read(tmp_path, "{1:2}", {"a"})


@pytest.mark.parametrize("content", [b'["a\xff"]', b'["\xc3"]', b"\xff\xfe[\x001\x00]\x00"])
def test_other_encodings_than_utf_8_are_an_error(tmp_path, content):
    with pytest.raises(PoseFileInvalid, match="not UTF-8"):
        read(tmp_path, content)


def test_the_byte_of_a_wrong_encoding_is_told_also_where_a_chunk_cut_a_character(tmp_path):
    path = write(tmp_path, b'["' + "ä".encode() * 300_000 + b'\xff"]')
    with pytest.raises(PoseFileInvalid, match="byte 600002:"):
        list(json_elements(path))


def test_one_element_without_end_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_ELEMENT_CHARACTERS", 1 << 18)
    path = write(tmp_path, '["' + "a" * (4 << 20))
    tracemalloc.start()
    with pytest.raises(PoseFileInvalid, match="larger than 262144 characters"):
        list(json_elements(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20


def test_memory_does_not_grow_with_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CHUNK_BYTES", 4096)
    path = write(tmp_path, "[" + ",".join(["[1, 2, 3, 4, 5, 6, 7]"] * 10_000) + "]")
    tracemalloc.start()
    count = sum(1 for _ in json_elements(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 10_000
    assert peak < path.stat().st_size / 2


def test_a_folder_in_place_of_a_file_is_an_error(tmp_path):
    with pytest.raises(PoseFileInvalid, match="no regular file"):
        list(json_elements(tmp_path))
