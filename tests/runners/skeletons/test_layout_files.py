"""Layouts of users' own, from YAML files."""

import textwrap
import time
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skillbank_runners.pose_classification.graph import adjacency
from skillbank_runners.skeletons.layout import (
    LayoutInvalid,
    all_layouts,
    convert_joints,
    load_layout,
)
from skillbank_runners.skeletons.layout_files import layouts_path

ARM = """
    joints: [chest, left_shoulder, left_hand, right_shoulder, right_hand]
    edges: [[chest, left_shoulder], [1, 2], [chest, right_shoulder], [3, 4]]
    left_right_pairs: [[left_shoulder, right_shoulder], [2, 4]]
"""


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="arms.yaml"):
        path = tmp_path / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return str(path)

    return write_file


def problems(path):
    with pytest.raises(LayoutInvalid) as caught:
        load_layout(path)
    head, *found = str(caught.value).splitlines()
    assert head == f"layout file {path!r} cannot be used:"
    return [line.removeprefix("  - ") for line in found]


def test_a_file_needs_joints_and_edges_by_number_or_name(write):
    layout = load_layout(write(ARM))
    assert (layout.name, layout.num_joints, layout.centre) == ("arms", 5, 0)
    assert layout.edges == ((0, 1), (1, 2), (0, 3), (3, 4))
    assert layout.parents == (-1, 0, 1, 0, 3)
    assert layout.flip_index == (0, 3, 4, 1, 2)
    assert layout.draw_edges == layout.edges
    assert layout.root_joints == (0,)
    np.testing.assert_allclose(adjacency(layout, "spatial").sum(axis=(0, 1)), 1, rtol=1e-6)


def test_a_file_can_say_more(write):
    more = """
    name: upper_body
    root: chest
    virtual_root: [left_shoulder, right_shoulder]
    parents: [-1, chest, 1, chest, right_shoulder]
    extra_edges: [[2, 4]]
    draw_edges: [[1, 2], [3, 4]]
    centre: left_hand
    num_person: 2
    sequence_length: 64
    conversions:
      hand21: [[left_hand, right_hand], NULLS]
    """.replace("NULLS", ", ".join(["null"] * 20))
    layout = load_layout(write(ARM + more, "arms.yml"))
    assert (layout.name, layout.centre, layout.num_person) == ("upper_body", 2, 2)
    assert layout.sequence_length == 64
    assert layout.edges[-1] == (2, 4)
    assert layout.draw_edges == ((1, 2), (3, 4))
    assert layout.root_joints == (1, 3)
    joints, confidence = convert_joints(
        np.arange(10, dtype=np.float32).reshape(5, 2),
        np.array([1, 1, 0.5, 1, 0.8], np.float32),
        layout,
        load_layout("hand21"),
    )
    assert joints[0].tolist() == [6, 7]
    assert confidence.tolist() == [0.5] + [0] * 20


@pytest.mark.parametrize("name", all_layouts())
def test_every_layout_can_be_written_to_a_file_and_read_back(tmp_path, name):
    layout = replace(load_layout(name), name="mine", entry="mine")
    path = tmp_path / "any.yaml"
    path.write_text(layout.to_yaml(), encoding="utf-8")
    assert load_layout(str(path)) == layout


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("joints: [a]\n", ["edges: field required"]),
        ("- a\n", ["(top): found list, expected a mapping with `joints`, `edges`"]),
        ("", ["(top): found nothing, expected a mapping with `joints`, `edges`"]),
        ("joints: [a, b, a]\nedges: []\n", ["joints: found 'a' more than once"]),
        ("joints: [a, '']\nedges: []\n", ["joints: found no name for joint 1"]),
        (ARM + "    num_joints: 6\n", ["joints: found 5 names, expected num_joints = 6"]),
        (ARM + "    edgs: []\n", ["edgs: no such key; did you mean 'edges'?"]),
        (
            ARM + "    parents: [-1, 0]\n    extra_edges: [[0, 9]]\n",
            ["parents: found 2 entries, expected 5, one per joint"],
        ),
        (
            ARM + "    extra_edges: [[0, 9], [-1, chets]]\n    root: 5\n",
            [
                "extra_edges[0]: found joint 9, expected a number from 0 to 4 or a name of "
                "`joints`",
                "extra_edges[1]: found joint -1, expected a number from 0 to 4 or a name of "
                "`joints`",
                "extra_edges[1]: found joint 'chets', expected a number from 0 to 4 or a name of "
                "`joints`",
                "root: found joint 5, expected a number from 0 to 4 or a name of `joints`",
            ],
        ),
        (
            "joints: [a, b, c, d]\nedges: [[a, b], [c, d], [c, c]]\n",
            [
                "edges[2]: found joint 2 twice, expected two joints",
                "edges: no way from the root 'a' to 'c', 'd'; add edges, or extra_edges, which are "
                "not drawn",
            ],
        ),
        (
            "joints: [a, b, c]\nedges: [[a, b], [b, c]]\nleft_right_pairs: [[a, b], [b, c]]\n",
            ["left_right_pairs: found joint 1 in two pairs, expected one at most"],
        ),
        (ARM + "    flip_index: [0, 1, 2, 3, 4]\n", ["flip_index: differs from what left_right_"]),
        (ARM + "    parents: [-1, -1, 1, 0, 3]\n", ["parents: found 2 joints without a parent"]),
        (ARM + "    parents: [-1, 2, 1, 0, 3]\n", ["parents: joint 1 is its own ancestor, expec"]),
        (
            ARM + "    conversions: {coco71: [[0]], coco17: [[0]]}\n",
            [
                "conversions.coco71: no such layout; did you mean 'coco17'? known: nvidia, ",
                "conversions.coco17: found 1 entries, expected 17, one per joint of coco17",
            ],
        ),
        (ARM + "    conversions: {coco17: [[7]]}\n", ["conversions.coco17[0]: found joint 7, "]),
        (ARM + "    name: coco\n", ["name: 'coco' is a layout of the bank; give the file or its "]),
        (ARM + "    num_person: 0\n", ["num_person: found 0, input should be greater than or "]),
        (
            "joints: [a, b]\nedges: [[0, 1.5]]\n",
            ["edges.0.1: found 1.5, expected the number or the name of a joint"],
        ),
        (
            ARM + "    tao: {graph_layout: x, center: 0, num_person: 1, seq_length: 3}\n",
            ["tao: no such key in a file of your own; write `centre` and `num_person`"],
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_listed(write, text, expected):
    found = problems(write(text))
    assert len(found) == len(expected)
    for problem, begin in zip(found, expected, strict=True):
        assert problem.startswith(begin)


def test_a_file_that_is_not_there_or_no_yaml_is_told(write, tmp_path):
    with pytest.raises(LayoutInvalid, match=r"no\.yaml' cannot be read \(.*No such file"):
        load_layout(str(tmp_path / "no.yaml"))
    with pytest.raises(
        LayoutInvalid, match=r"arms\.yaml', line 2 is no YAML: did not find expected"
    ):
        load_layout(write("joints: [a\n"))
    with pytest.raises(LayoutInvalid, match="is no YAML"):
        load_layout(write("joints: !!python/object/apply:os.system [ls]"))
    with pytest.raises(LayoutInvalid, match="has 1000001 bytes, expected at most 1000000"):
        load_layout(write("#" * 1_000_001))


def test_a_file_that_multiplies_itself_is_refused_at_once(write):
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    begin = time.monotonic()
    assert problems(write("\n".join([*rows, "joints: *a29", "edges: *a29"])))
    assert time.monotonic() - begin < 30  # else for ever: 9 ** 30 names


def test_long_lists_of_problems_are_cut(write):
    edges = [[0, 100 + i] for i in range(30)]
    found = problems(write(yaml.safe_dump({"joints": ["a", "b"], "edges": edges})))
    assert len(found) == 21
    assert found[-1] == "and 10 more"


@cache
def sound_text():
    entry = yaml.safe_load(layouts_path().read_text(encoding="utf-8"))["layouts"]["ntu24"]
    return yaml.safe_dump({key: entry[key] for key in ("joints", "edges", "left_right_pairs")})


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damaged_files_are_refused_or_make_a_whole_layout(tmp_path, data):
    text = sound_text()
    start = data.draw(st.integers(0, len(text)))
    middle = data.draw(st.text(max_size=8))
    path = tmp_path / "f.yaml"  # the same for all examples, which each write it anew
    end = start + data.draw(st.integers(0, 30))
    path.write_bytes((text[:start] + middle + text[end:]).encode("utf-8", "surrogatepass"))
    try:
        layout = load_layout(str(path))
    except LayoutInvalid:
        return
    assert sorted(layout.flip_index) == list(range(layout.num_joints))
    assert layout.parents.count(-1) == 1
