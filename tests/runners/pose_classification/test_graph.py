"""Layouts and their adjacency, against the entry-by-entry definition."""

import subprocess
import sys

import numpy as np
import pytest
from tests.runners.pose_classification.reference_stgcn import textbook_adjacency

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.graph import Strategy, adjacency
from skillbank_runners.skeletons.layout import load_layout

JOINTS = {
    "nvidia": 34,
    "openpose": 18,
    "human3.6m": 17,
    "ntu-rgb+d": 25,
    "ntu_edge": 24,
    "coco": 17,
}
CENTRES = {"nvidia": 0, "openpose": 1, "human3.6m": 8, "ntu-rgb+d": 20, "ntu_edge": 2, "coco": 0}


def test_the_layouts_are_taos_six():
    assert {name: load_layout(name).num_joints for name in JOINTS} == JOINTS
    assert {name: load_layout(name).centre for name in CENTRES} == CENTRES
    assert [load_layout(name).name for name in JOINTS] == list(JOINTS)


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize("name", JOINTS)
def test_adjacency_equals_the_textbooks(name, strategy):
    layout = load_layout(name)
    A = adjacency(layout, strategy)
    expected = textbook_adjacency(layout.num_joints, layout.edges, layout.centre, strategy)
    assert A.dtype == np.float32
    assert A.shape == (strategy.num_partitions, layout.num_joints, layout.num_joints)
    np.testing.assert_allclose(A, expected, rtol=1e-7)
    np.testing.assert_allclose(A.sum(axis=(0, 1)), 1, rtol=1e-6)


def test_only_joints_beside_the_centre_are_told_apart_by_the_spatial_strategy():
    # The quirk of max_hop = 1: a knee and its ankle are both "infinitely" far from the pelvis.
    layout = load_layout("nvidia")
    _, root_or_closer, further = adjacency(layout, "spatial")
    knee, ankle, hip = (layout.joint_names.index(f"left_{n}") for n in ("knee", "ankle", "hip"))
    assert root_or_closer[knee, ankle] > 0
    assert root_or_closer[ankle, knee] > 0
    assert further[hip, knee] > 0
    assert further[knee, hip] == 0


@pytest.mark.parametrize("name", JOINTS)
def test_every_layout_is_complete(name):
    layout = load_layout(name)
    valid = set(range(layout.num_joints))
    assert len(layout.joint_names) == layout.num_joints
    for pairs in (layout.edges, layout.draw_edges, layout.left_right_pairs):
        assert {joint for pair in pairs for joint in pair} <= valid
    assert {joint for edge in layout.edges for joint in edge} == valid
    for left, right in layout.left_right_pairs:
        expected = layout.joint_names[left].replace("left_", "right_")
        assert layout.joint_names[right] == expected


@pytest.mark.parametrize(("name", "people"), [("nvidia", 1), ("ntu-rgb+d", 2), ("ntu_edge", 2)])
def test_layouts_know_how_many_people_they_usually_hold(name, people):
    assert load_layout(name).num_person == people


def test_bones_are_drawn_along_the_anatomical_tree():
    assert (9, 11) in load_layout("human3.6m").edges  # TAO's: a shoulder on the nose
    assert (11, 8) in load_layout("human3.6m").draw_edges
    assert (11, 9) not in load_layout("human3.6m").draw_edges


def test_an_unknown_layout_or_strategy_is_refused_with_what_there_is():
    with pytest.raises(RunnerError, match=r"model\.graph_layout: no layout 'kinect'; known: nvi"):
        load_layout("kinect", "model.graph_layout")
    with pytest.raises(RunnerError, match=r"model\.graph_strategy: no strategy 'star'; known: uni"):
        adjacency(load_layout("coco"), "star")


def test_the_graph_does_not_import_torch():
    code = (
        "import sys, skillbank_runners.pose_classification.graph;sys.exit('torch' in sys.modules)"
    )
    # A fresh interpreter, because this one has torch already.
    subprocess.run([sys.executable, "-c", code], check=True)
