"""Who is who from frame to frame: people that cross, hide, leave and return."""

import math
import tracemalloc
from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.runners.skeletons.walkers import body, box_of, line, seen, walk

from skillbank_runners.errors import RunnerError
from skillbank_runners.skeletons.linking import LinkSettings, link, link_recording
from skillbank_runners.skeletons.poses import NO_TRACK, Box, Recording, Space
from skillbank_runners.skeletons.tracks import LocatedBy, Track, overlap


def ids_of(told, **chosen):
    """Ids that each true person got, over time."""
    linked = list(link([observation for _, observation in told], LinkSettings(**chosen)))
    assert len(linked) == len(told)
    ids = defaultdict(list)
    for (person, _), observation in zip(told, linked, strict=True):
        ids[person].append(observation.object_id)
    return dict(ids)


def keeps(ids):
    """Everyone has one id, and no two the same."""
    return all(len(set(own)) == 1 for own in ids.values()) and len(ids) == len(
        {own[0] for own in ids.values()}
    )


def test_two_people_who_walk_apart_keep_their_ids_from_one_up():
    told = walk([line((100, 300), (400, 300), 40), line((900, 300), (700, 300), 40)])
    ids = ids_of(told)
    assert keeps(ids)
    assert {own[0] for own in ids.values()} == {1, 2}


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("noise", [0.0, 1.0, 4.0])
def test_people_who_cross_in_full_view_keep_their_ids(seed, noise):
    told = walk(
        [line((100, 300), (700, 300), 60), line((700, 310), (100, 310), 60)],
        noise=noise,
        seed=seed,
    )
    assert keeps(ids_of(told))


@pytest.mark.parametrize("boxes", [False, True])
@pytest.mark.parametrize("length", [3, 8, 15])
def test_somebody_hidden_behind_another_who_crosses_keeps_the_id(length, boxes):
    middle = 30
    hidden = [(1, frame) for frame in range(middle - length // 2, middle + length // 2 + 1)]
    told = walk(
        [line((100, 300), (700, 300), 60), line((700, 310), (100, 310), 60)],
        hidden=hidden,
        boxes=boxes,
    )
    assert keeps(ids_of(told))


def test_three_people_who_meet_and_part_keep_their_ids():
    told = walk(
        [
            line((100, 100), (700, 500), 80),
            line((700, 100), (100, 500), 80),
            line((400, 600), (400, 60), 80),
        ],
        noise=2.0,
    )
    assert keeps(ids_of(told))


@pytest.mark.parametrize("away", [5, 20, 30])
def test_who_leaves_and_returns_within_the_age_gets_the_id_back(away):
    out = line((300, 300), (20, 300), 25)
    back = line((20, 300), (300, 300), 25)
    gap = np.repeat([[20.0, 300.0]], away - 1, axis=0)
    told = walk(
        [np.concatenate([out, gap, back]), np.repeat([[1200.0, 300.0]], 49 + away, axis=0)],
        hidden=[(0, frame) for frame in range(25, 24 + away)],
    )
    assert keeps(ids_of(told, max_age=30))


def test_who_stays_away_longer_comes_back_as_somebody_new():
    places = np.repeat([[300.0, 300.0]], 60, axis=0)
    told = walk([places], hidden=[(0, frame) for frame in range(10, 45)])
    assert ids_of(told, max_age=34)[0] == [1] * 10 + [2] * 15


def test_age_is_counted_in_frame_numbers_also_where_the_file_has_gaps():
    frames = [0, 1, 2, 33, 34]
    told = [(0, seen(frame, body())) for frame in frames]
    assert ids_of(told, max_age=31)[0] == [1] * 5
    assert ids_of(told, max_age=30)[0] == [1, 1, 1, 2, 2]


def test_a_stranger_far_from_whoever_left_is_somebody_new():
    told = [(0, seen(frame, body())) for frame in range(10)]
    told += [(1, seen(frame, body(5, at=(1500, 0)))) for frame in range(12, 20)]
    ids = ids_of(told)
    assert ids == {0: [1] * 10, 1: [2] * 8}


def test_a_child_does_not_inherit_the_id_of_a_giant_on_the_same_spot():
    told = [(0, seen(frame, body())) for frame in range(5)]
    told += [(1, seen(frame, body() * 0.3)) for frame in range(5, 8)]
    assert ids_of(told) == {0: [1] * 5, 1: [2] * 3}


def test_metres_are_followed_as_well_as_pixels():
    told = walk([line((100, 300), (700, 300), 60), line((700, 310), (100, 310), 60)])
    metres = [
        (
            person,
            seen(o.frame, np.concatenate([o.joints_VD / 120, np.ones((17, 1))], axis=1)),
        )
        for person, o in told
    ]
    assert keeps(ids_of(metres))


def test_crowds_that_mingle_seldom_swap_ids():
    """2 to 5 people on straight ways, one sight in twenty missing: 7 swaps in 23839 sights."""
    random = np.random.default_rng(0)
    swaps = sights = 0
    for scene in range(6):
        ways = random.uniform([0, 200], [1600, 700], size=(random.integers(2, 6), 2, 2))
        hidden = [tuple(miss) for miss in np.argwhere(random.random((len(ways), 80)) < 0.05)]
        places = [line(start, stop, 80) for start, stop in ways]
        ids = ids_of(walk(places, noise=3.0, hidden=hidden, seed=scene))
        swaps += sum(a != b for own in ids.values() for a, b in pairwise(own))
        sights += sum(map(len, ids.values()))
    assert swaps <= sights / 1000


def test_missing_joints_do_not_lose_a_person():
    random = np.random.default_rng(3)
    told = []
    for frame in range(50):
        confidence = (random.random(17) < 0.5).astype(np.float32)
        confidence[frame % 17] = 1
        told.append((0, seen(frame, body(at=(4.0 * frame, 0)), confidence=confidence)))
    assert keeps(ids_of(told))


def test_hip_centred_people_are_told_apart_by_their_boxes():
    told = []
    for frame in range(30):
        for person, left in ((0, 100 + 12 * frame), (1, 500 - 12 * frame)):
            box = Box(float(left), 50.0 + 5 * person, 80.0, 200.0)
            told.append((person, seen(frame, body() / 100, box=box)))
    assert keeps(ids_of(told, located_by=LocatedBy.BOXES))
    observations = iter([observation for _, observation in told])
    recording = Recording("a", None, "coco17", Space.WORLD, observations)
    linked = list(link_recording(recording).observations)
    assert [o.object_id for o in linked] == [1, 2] * 30


def test_an_empty_recording_stays_empty():
    recording = Recording("a", None, "coco17", Space.WORLD, iter([]))
    assert list(link_recording(recording).observations) == []
    assert list(link([])) == []


def test_cameras_have_people_of_their_own():
    told = []
    for frame in range(5):
        told.append(seen(frame, body(), camera=0))
        told.append(seen(frame, body() + 400, camera=3))
    assert [o.object_id for o in link(told)] == [1] * 10
    assert [o.camera for o in link(told)] == [0, 3] * 5


def test_cameras_may_count_frames_of_their_own():
    # Streams that began at different times: a batch has frame 0 of one and frame 500 of another.
    told = []
    for frame in range(10):
        told += [seen(frame, body(1, (frame, 0))), seen(500 + frame, body(2), camera=1)]
        told += [seen(500 + frame, body(3, (400, 0)), camera=1)]
    ids = [(o.camera, o.object_id) for o in link(told)]
    assert ids == [(0, 1), (1, 1), (1, 2)] * 10


def test_ids_of_the_file_are_kept_and_gaps_in_them_are_filled():
    given_ids = [7, 7, NO_TRACK, NO_TRACK, 7]
    told = [seen(frame, body(), object_id=given) for frame, given in enumerate(given_ids)]
    assert [o.object_id for o in link(told)] == [7] * 5


def test_an_id_of_the_file_that_was_given_away_before_gets_another_number(caplog):
    told = [seen(0, body()), seen(1, body()), seen(2, body() + 2000, object_id=1)]
    told += [seen(3, body()), seen(3, body() + 2000, object_id=1)]
    assert [o.object_id for o in link(told)] == [1, 1, 2, 1, 2]
    (line,) = caplog.messages
    assert line.startswith("frame 2: object 1 of camera 0 is called 2:")


def test_a_file_that_loses_its_ids_halfway_goes_on_with_them():
    told = walk([line((100, 300), (700, 300), 60), line((700, 310), (100, 310), 60)])
    named = [
        seen(o.frame, o.joints_VD, object_id=NO_TRACK if o.frame > 25 else 70 + person)
        for person, o in told
    ]
    ids = [o.object_id for o in link(named)]
    assert ids == [70 + person for person, _ in told]


def test_a_file_with_ids_throughout_is_not_followed_at_length(monkeypatch):
    monkeypatch.setattr(Track, "see", None)
    told = [seen(frame, body(), object_id=5) for frame in range(100)]
    assert [o.object_id for o in link(told)] == [5] * 100


def test_memory_does_not_grow_with_the_people_of_a_file():
    told = (seen(frame, body(), object_id=frame) for frame in range(3000))
    tracemalloc.start()
    count = sum(1 for _ in link(told, LinkSettings(max_people=5)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 3000
    assert peak < 1 << 20


def test_people_with_an_id_are_kept_though_nothing_tells_where_they_are():
    told = [seen(frame, body() * 0, confidence=np.zeros(17), object_id=5) for frame in range(3)]
    assert [o.object_id for o in link(told)] == [5] * 3


def test_whoever_cannot_be_placed_is_left_out():
    told = [seen(0, body()), seen(0, body() * 0, confidence=np.zeros(17)), seen(1, body())]
    assert [(o.frame, o.object_id) for o in link(told)] == [(0, 1), (1, 1)]


def test_all_but_the_id_stays_as_it_was():
    original = seen(4, body(), camera=2, box=Box(1.0, 2.0, 3.0, 4.0))
    (linked,) = link([original])
    assert linked.joints_VD is original.joints_VD
    assert linked.confidence_V is original.confidence_V
    assert (linked.frame, linked.camera, linked.box) == (4, 2, Box(1.0, 2.0, 3.0, 4.0))


def test_frames_out_of_order_are_an_error_that_names_both():
    with pytest.raises(RunnerError, match="frame 3 comes after frame 4"):
        list(link([seen(4, body()), seen(3, body())]))


def test_a_crowd_beyond_the_limit_is_an_error_before_it_is_in_memory():
    def endless():
        while True:
            yield seen(9, body())

    with pytest.raises(RunnerError, match="frame 9: found more than 50 people"):
        list(link(endless(), LinkSettings(max_people=50)))


def test_one_frame_is_held_at_a_time():
    asked = []

    def frames():
        for frame in range(100):
            asked.append(frame)
            yield seen(frame, body())

    linked = link(frames())
    next(linked)
    assert max(asked) <= 1


def test_linking_twice_gives_the_same():
    told = [o for _, o in walk([line((0, 0), (500, 0), 40), line((500, 9), (0, 0), 40)], noise=9)]
    assert [o.object_id for o in link(told)] == [o.object_id for o in link(told)]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_within_a_frame_no_two_people_share_an_id_whatever_they_do(data):
    number = st.floats(-(2.0**100), 2.0**100, width=32)
    told = []
    for frame in range(data.draw(st.integers(1, 5))):
        for _ in range(data.draw(st.integers(0, 4))):
            joints = data.draw(st.lists(st.tuples(number, number), min_size=3, max_size=3))
            confidence = data.draw(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3))
            told.append(seen(frame, joints, confidence=confidence))
    by_frame = defaultdict(list)
    for observation in link(told):
        by_frame[observation.frame].append(observation.object_id)
    for ids in by_frame.values():
        assert len(set(ids)) == len(ids)
        assert min(ids) >= 1


@pytest.mark.parametrize(
    ("second", "shared"),
    [
        (Box(0, 0, 10, 10), 1.0),
        (Box(5, 0, 10, 10), 50 / 150),
        (Box(10, 0, 5, 5), 0.0),
        (Box(2, 2, 2, 2), 0.04),
    ],
)
def test_overlap_is_shared_area_over_all_area(second, shared):
    assert math.isclose(overlap(Box(0, 0, 10, 10), second), shared)
    assert math.isclose(overlap(second, Box(0, 0, 10, 10)), shared)


def test_boxes_help_where_joints_are_few():
    told = []
    for frame in range(20):
        confidence = np.zeros(17)
        confidence[frame % 2] = 1
        joints = body(at=(3.0 * frame, 0))
        told.append((0, seen(frame, joints, confidence=confidence, box=box_of(joints))))
    assert keeps(ids_of(told))
