"""The network that runs frame by frame says what the offline one says."""

import numpy as np
import pytest
import torch
from tests.runners.pose_classification.continual.networks import (
    feed,
    feed_all,
    make_clip,
    make_network,
    offline_features,
)

from skillbank_runners.pose_classification.continual.network import ContinualSTGCN
from skillbank_runners.pose_classification.graph import Strategy
from skillbank_runners.skeletons.layout import load_layout

TAO_LAYOUTS = ("nvidia", "openpose", "human3.6m", "ntu-rgb+d", "ntu_edge", "coco")
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def network():
    return make_network()


@pytest.fixture
def continual(network):
    return ContinualSTGCN(network)


def assert_equal(found, expected):
    assert found.shape == expected.shape
    assert expected.abs().max() > 0.1
    assert (found - expected).abs().max() < TOLERANCE


@pytest.mark.parametrize("strategy", Strategy)
@pytest.mark.parametrize("layout", TAO_LAYOUTS)
def test_every_position_of_a_closed_stream_is_the_offline_networks(layout, strategy):
    network = make_network(layout, strategy)
    clip = make_clip(22, load_layout(layout).num_joints)
    continual = ContinualSTGCN(network)
    assert_equal(feed_all(continual, continual.add(), clip), offline_features(network, clip))


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 5, 160])
def test_a_stream_of_any_length_is_equal(network, continual, frames):
    clip = make_clip(frames)
    assert_equal(feed_all(continual, continual.add(), clip), offline_features(network, clip))


def test_a_position_comes_76_frames_after_its_centre(continual):
    assert (continual.delay, continual.stride) == (76, 4)
    clip = make_clip(85)
    row = continual.add()
    assert len(feed(continual, row, clip[:, :76])) == 0
    assert len(feed(continual, row, clip[:, 76:77])) == 1
    assert len(feed(continual, row, clip[:, 77:80])) == 0
    assert len(feed(continual, row, clip[:, 80:])) == 2


def test_the_interior_of_an_offline_window_of_300_frames_is_in_the_stream():
    network = make_network("human3.6m")
    continual = ContinualSTGCN(network)
    clip = make_clip(340, 17)
    start = 24  # a multiple of the stride
    window = offline_features(network, clip[:, start : start + 300])
    stream = feed(continual, continual.add(), clip)[start // 4 :]
    assert_equal(stream[19:56], window[19:56])
    # Nearer the ends the offline window sees zeros, where the stream sees frames.
    assert (stream[0] - window[0]).abs().max() > TOLERANCE

    assert len(stream) == (340 - 1 - 76) // 4 + 1 - start // 4


def test_people_who_came_at_different_frames_do_not_mix(network, continual):
    early, late = make_clip(30, seed=1), make_clip(27, seed=2)
    first = continual.add()
    features = {first: [feed(continual, first, early[:, :3])]}
    second = continual.add()
    features[second] = []
    for t in range(27):
        frames = [early[:, t + 3, :, 0].T, late[:, t, :, 0].T]
        rows, came = continual.step(np.array([first, second]), torch.from_numpy(np.stack(frames)))
        for row, feature in zip(rows, came, strict=True):
            features[row].append(feature[None])
    for row, clip in ((first, early), (second, late)):
        found = torch.cat([*features[row], continual.close(row)])
        assert_equal(found, offline_features(network, clip))


def test_a_row_that_was_given_back_remembers_nothing(network, continual):
    row = continual.add()
    feed(continual, row, make_clip(50, seed=3))
    continual.remove(row)
    assert continual.add() == row
    clip = make_clip(9)
    assert_equal(feed_all(continual, row, clip), offline_features(network, clip))


def test_rows_are_added_while_others_are_on_their_way(network, continual):
    clip = make_clip(21)
    first = continual.add()
    before = feed(continual, first, clip[:, :10])
    more = [continual.add() for _ in range(5)]
    assert len({first, *more}) == 6
    after = feed(continual, first, clip[:, 10:])
    found = torch.cat([before, after, continual.close(first)])
    assert_equal(found, offline_features(network, clip))


def test_the_network_without_edge_importance_is_converted():
    network = make_network()
    network.edge_importance = None
    continual = ContinualSTGCN(network)
    clip = make_clip(13)
    assert_equal(feed_all(continual, continual.add(), clip), offline_features(network, clip))


def test_later_training_of_the_source_does_not_change_the_stream():
    network = make_network()
    continual = ContinualSTGCN(network)
    clip = make_clip(9)
    expected = offline_features(network, clip)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3)
    assert_equal(feed_all(continual, continual.add(), clip), expected)


def test_nothing_to_see_gives_the_features_of_the_middle_of_an_empty_clip(network, continual):
    empty = np.zeros((3, 400, 34, 1), np.float32)
    middle = offline_features(network, empty)[50]
    assert_equal(continual.steady_features(), middle)


def test_a_frame_costs_300_times_less_than_a_window_of_300(continual):
    # One block by hand, V = 34, K = 3, C = 3, D = 64: mix, 1x1 convolution, 9 taps.
    assert continual._blocks[0].joint_products == 34 * 34 * 3 * 3 + 34 * 3 * 3 * 64
    assert continual._blocks[0].frame_products == 34 * 9 * 64 * 64
    assert 2 * 300 * continual.multiply_adds == pytest.approx(23.28e9, rel=1e-3)
