"""Layouts by name: what they are made of, and that TAO's stay TAO's."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from skillbank_runners.skeletons.layout import Layout, LayoutInvalid, all_layouts, load_layout

TAOS = {
    "nvidia": "nvidia34",
    "openpose": "openpose18",
    "human3.6m": "h36m17",
    "ntu-rgb+d": "ntu25",
    "ntu_edge": "ntu24",
    "coco": "coco17",
}
OWN = {
    "nvidia34": 34,
    "nova77": 77,
    "openpose18": 18,
    "body25": 25,
    "coco17": 17,
    "h36m17": 17,
    "ntu25": 25,
    "ntu24": 24,
    "mediapipe33": 33,
    "halpe26": 26,
    "hand21": 21,
}


def test_every_name_is_one_of_taos_six_or_of_an_entry():
    assert {name: one.num_joints for name, one in all_layouts().items() if name in OWN} == OWN
    assert all_layouts().keys() == TAOS.keys() | OWN.keys()


@pytest.mark.parametrize(("name", "own"), TAOS.items())
def test_taos_name_and_the_own_one_mean_the_same_joints(name, own):
    tao, corrected = load_layout(name), load_layout(own)
    assert (tao.name, tao.entry, corrected.name) == (name, own, own)
    assert replace(tao, name=own, edges=corrected.edges) == corrected


def test_the_own_name_links_the_body_as_it_grew():
    elbow_to_nose, shoulder_to_thorax = (9, 11), (11, 8)
    assert elbow_to_nose in load_layout("human3.6m").edges
    assert shoulder_to_thorax in load_layout("h36m17").edges
    assert len(load_layout("nvidia").edges) == 35
    assert len(load_layout("nvidia34").edges) == 33


@pytest.mark.parametrize("name", all_layouts())
def test_parents_are_a_tree_that_mirrors_onto_itself(name):
    layout = load_layout(name)
    assert layout.parents[layout.root] == -1
    assert layout.parents.count(-1) == 1
    for joint in range(layout.num_joints):
        path = [joint]
        while path[-1] != layout.root:
            path.append(layout.parents[path[-1]])
            assert len(path) <= layout.num_joints
    flip = layout.flip_index
    mirrored = [flip[parent] if parent >= 0 else -1 for parent in layout.parents]
    assert [mirrored[flip[joint]] for joint in range(layout.num_joints)] == list(layout.parents)


@pytest.mark.parametrize("name", all_layouts())
def test_mirroring_swaps_what_is_called_left_and_right_twice_over(name):
    layout = load_layout(name)
    flip = np.array(layout.flip_index)
    np.testing.assert_array_equal(flip[flip], np.arange(layout.num_joints))
    for joint, twin in enumerate(layout.flip_index):
        expected = layout.joint_names[joint]
        if joint != twin:
            swap = ("left", "right") if expected.startswith("left") else ("right", "left")
            expected = expected.replace(*swap)
        assert layout.joint_names[twin] == expected
    edges = {frozenset(edge) for edge in layout.edges}
    assert {frozenset(layout.flip_index[joint] for joint in edge) for edge in edges} == edges


@pytest.mark.parametrize("name", all_layouts())
def test_the_place_of_a_body_is_in_its_middle(name):
    layout = load_layout(name)
    assert {layout.flip_index[joint] for joint in layout.root_joints} == set(layout.root_joints)


@pytest.mark.parametrize("name", all_layouts())
def test_a_layout_comes_back_from_a_checkpoints_plain_values(name):
    layout = load_layout(name)
    assert Layout.from_dict(json.loads(json.dumps(layout.to_dict()))) == layout


def test_stored_values_that_are_no_layout_are_refused():
    values = load_layout("coco").to_dict()
    with pytest.raises(LayoutInvalid, match=r"a stored layout cannot be read \(.*'colour'"):
        Layout.from_dict(values | {"colour": "red"})
    del values["edges"]
    with pytest.raises(LayoutInvalid, match="'edges'"):
        Layout.from_dict(values)


def test_a_layout_may_be_given_itself():
    layout = load_layout("coco17")
    assert load_layout(layout) is layout


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("coco71", "did you mean 'coco17'?"),
        ("blazepose", "did you mean 'mediapipe33'?"),
        ("kinetics-skeleton", "did you mean 'openpose18'?"),
        ("zzz", "no layout 'zzz'; known: nvidia, openpose, coco, "),
    ],
)
def test_an_unknown_name_comes_with_what_was_meant(name, hint):
    with pytest.raises(LayoutInvalid) as caught:
        load_layout(name)
    assert hint in str(caught.value)
    assert str(caught.value).endswith("hand21, or the path of a .yaml file")


def test_layouts_and_specs_need_no_torch():
    code = (
        "import sys, skillbank_runners.skeletons.layout;"
        "import skillbank_runners.pose_classification.spec;"
        "sys.exit('torch' in sys.modules)"
    )
    # A fresh interpreter, because this one may have torch already.
    subprocess.run([sys.executable, "-c", code], check=True)
