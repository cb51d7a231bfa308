"""Gaps of tracks: joined, broken at, filled. And what is counted."""

import json

import numpy as np
import pytest
from tests.runners.pose_classification.conversion.converting import run
from tests.runners.skeletons.deepstream_writer import make_person, write

from skillbank_runners.pose_classification.conversion import convert, pad
from skillbank_runners.pose_classification.conversion.stretches import Rows, RowStore
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec
from skillbank_runners.skeletons.importers import ReadOptions, read_recordings

SHORT = {"sequence_length": 8, "sequence_length_min": 3, "sequence_overlap": 1.0, "num_joints": 2}


def windows(tmp_path, people, **settings):
    path = write(tmp_path / "poses.json", people)
    spec = DatasetConvertSpec(**{**SHORT, **settings})
    return list(convert(read_recordings("deepstream", path, ReadOptions()), spec))


def frames(made):
    return [window.frames_T.tolist() for window in made]


def test_a_gap_joins_breaks_or_is_filled(tmp_path):
    people = [make_person(1, [0, 1, 2, 5, 6, 7], joints=2)]

    assert frames(windows(tmp_path, people)) == [[0, 1, 2, 5, 6, 7]]
    assert frames(windows(tmp_path, people, gaps="break")) == [[0, 1, 2], [5, 6, 7]]
    filled = windows(tmp_path, people, gaps="interpolate")
    assert frames(filled) == [[0, 1, 2, 3, 4, 5, 6, 7]]


def test_filled_frames_lie_on_the_line_between_their_neighbours(tmp_path):
    person = make_person(1, [0, 1, 4], joints=2)
    person.pose3d_TV4[1, 1, 3] = 0  # missing before the gap: stays missing in it
    (window,) = windows(
        tmp_path, [person], gaps="interpolate", centring="none", keep_confidence=True
    )

    x_TVC = window.x_CTV.transpose(1, 2, 0)
    before, after = x_TVC[1], x_TVC[4]
    np.testing.assert_allclose(x_TVC[2, 0, :3], (2 * before + after)[0, :3] / 3, rtol=1e-5)
    np.testing.assert_allclose(x_TVC[3, 0, :3], (before + 2 * after)[0, :3] / 3, rtol=1e-5)
    assert x_TVC[2, 0, 3] == min(before[0, 3], after[0, 3])
    assert not x_TVC[2:4, 1].any()
    own = person.pose3d_TV4[:, 0, :3] / 1200
    np.testing.assert_array_equal(x_TVC[[0, 1, 4], 0, :3], own.astype(np.float32))


def test_a_gap_longer_than_max_gap_breaks(tmp_path):
    people = [make_person(1, [0, 1, 2, 6, 7, 8], joints=2)]

    assert frames(windows(tmp_path, people, gaps="interpolate", max_gap=2)) == [
        [0, 1, 2],
        [6, 7, 8],
    ]
    (filled,) = windows(tmp_path, people, gaps="interpolate", max_gap=3)
    assert filled.frames_T.tolist() == list(range(8))


def test_gaps_between_blocks_of_reading_count_like_any_other(tmp_path):
    # 300 frames of 34 joints fill more than one block.
    seen = [*range(150), *range(151, 299), *range(320, 340)]
    people = [make_person(1, seen)]
    settings = {"num_joints": 34, "sequence_length": 1000, "sequence_length_max": 1000}

    assert frames(windows(tmp_path, people, gaps="break", **settings)) == [
        list(range(150)),
        list(range(151, 299)),
        list(range(320, 340)),
    ]
    filled = windows(tmp_path, people, gaps="interpolate", **settings)
    assert frames(filled) == [list(range(299)), list(range(320, 340))]


def test_who_leaves_and_returns_is_cut_in_two(tmp_path):
    returning = make_person(1, [*range(4), *range(100, 104)], joints=2)
    people = [returning, make_person(2, range(5), joints=2)]

    made = windows(tmp_path, people, gaps="break")

    assert sorted((one.object_id, one.frames_T[0], len(one.frames_T)) for one in made) == [
        (1, 0, 4),
        (1, 100, 4),
        (2, 0, 5),
    ]


def test_confidence_is_kept_as_the_last_channel(tmp_path):
    person = make_person(1, range(4), joints=2, missing=0.4)
    path = write(tmp_path / "poses.json", [person])

    converted = run(tmp_path, path, keep_confidence=True, **SHORT)

    x_CTV = converted.array("object_1.npy")[0, :, :4, :, 0]
    np.testing.assert_array_equal(x_CTV[3], person.pose3d_TV4[:, :, 3].astype(np.float32))
    assert converted.json("dataset.json")["channels"] == ["x", "y", "z", "confidence"]


def test_without_centring_bodies_stay_where_they_are(tmp_path):
    person = make_person(1, range(4), joints=2)
    path = write(tmp_path / "poses.json", [person])

    converted = run(tmp_path, path, centring="none", **SHORT)

    x_TVC = converted.array("object_1.npy")[0, :, :4, :, 0].transpose(1, 2, 0)
    own = person.pose3d_TV4[:, :, :3] / 1200
    np.testing.assert_array_equal(x_TVC, own.astype(np.float32))


def test_poses_become_those_of_another_layout(tmp_path):
    path = write(tmp_path / "poses.json", [make_person(1, range(12))])

    converted = run(tmp_path, path, layout="coco", pose_type="2dbp")

    assert converted.array("object_1.npy").shape == (1, 2, 300, 17, 1)
    assert converted.json("dataset.json")["layout"] == "coco"


def test_a_person_twice_in_a_frame_is_refused(tmp_path):
    path = write(tmp_path / "poses.json", [make_person(1, range(3)), make_person(1, [2])])

    converted = run(tmp_path, path)

    assert "frame 2, camera 0: object 1 is there twice" in converted.failure
    assert converted.leftovers == []


def test_poses_of_another_number_of_joints_are_refused(tmp_path):
    path = write(tmp_path / "poses.json", [make_person(1, range(12), joints=17)])

    converted = run(tmp_path, path)

    assert "found poses of 17 joints, expected 34 (dataset_convert.num_joints)" in converted.failure


@pytest.mark.parametrize("pose_type", ["3dbp", "2dbp"])
def test_a_coordinate_beyond_what_arrays_hold_is_refused(tmp_path, pose_type):
    path = write(tmp_path / "poses.json", [make_person(1, range(4), joints=2)])
    content = json.loads(path.read_text())
    (person,) = content[2]["batches"][0]["objects"]
    person["pose3d"][4] = person["pose25d"][4] = -1e300
    path.write_text(json.dumps(content))

    converted = run(tmp_path, path, pose_type=pose_type, **SHORT)

    assert "frame 2, object 1: found a coordinate of 1e+300" in converted.failure
    assert converted.leftovers == []


def test_a_confidence_beyond_one_is_one(tmp_path):
    path = write(tmp_path / "poses.json", [make_person(1, range(4), joints=2)])
    content = json.loads(path.read_text())
    (person,) = content[2]["batches"][0]["objects"]
    person["pose3d"][3] = 1e300
    path.write_text(json.dumps(content))

    converted = run(tmp_path, path, keep_confidence=True, **SHORT)

    assert converted.array("object_1.npy")[0, 3, 2, 0, 0] == 1


def test_what_was_met_is_counted(tmp_path):
    people = [make_person(1, range(20), joints=2), make_person(2, range(2), joints=2)]
    path = write(tmp_path / "poses.json", people)

    converted = run(tmp_path, path, **SHORT)

    counts = {"recordings": 1, "frames": 20, "sights": 22, "people": 2, "sequences": 3}
    left_out = {"short_stretches": 1, "unlabelled_sequences": 0, "untracked_sights": 0}
    assert converted.counts == {**counts, **left_out}
    assert "3 sequences of 2 people in 20 frames of 1 recording;" in converted.lines[-2]["message"]
    assert "left out: 1 stretch below 3 frames" in converted.lines[-2]["message"]


def test_who_loses_their_track_late_in_a_large_file_is_left_out_and_counted(tmp_path):
    # 300 frames of 34 joints fill more than one block; the tracker loses somebody in the last.
    lost = make_person(2**64 - 1, range(290, 293))
    path = write(tmp_path / "poses.json", [make_person(1, range(300)), lost])

    converted = run(tmp_path, path)

    assert converted.files == ["object_1.npy"]
    assert converted.counts["untracked_sights"] == 3
    assert "3 sights of people without a track" in converted.lines[-2]["message"]


def test_a_file_with_nobody_long_enough_is_an_error(tmp_path):
    path = write(tmp_path / "poses.json", [make_person(1, range(4))])

    converted = run(tmp_path, path)

    assert "nothing to write: 4 sights of 1 people in 4 frames" in converted.failure
    assert converted.leftovers == []


@pytest.mark.parametrize("limit_bytes", [1, 3000, 10**9])
def test_rows_come_back_from_the_store_as_they_went(limit_bytes):
    random = np.random.default_rng(1)
    kept = {
        number: Rows(
            random.normal(size=(4, 3 + number, 5)).astype(np.float32),
            np.arange(3 + number),
            np.full(3 + number, number),
        )
        for number in range(20)
    }

    with RowStore(limit_bytes) as store:
        for number, rows in kept.items():
            store.put(number, rows)
        assert store.numbers() == list(kept)
        for number, rows in kept.items():
            found = store.take(number)
            assert found is not None
            np.testing.assert_array_equal(found.values_RTV, rows.values_RTV)
            np.testing.assert_array_equal(found.frames_T, rows.frames_T)
            np.testing.assert_array_equal(found.labels_T, rows.labels_T)
            assert store.take(number) is None


def test_a_window_is_padded_behind_its_last_frame(tmp_path):
    (window,) = windows(tmp_path, [make_person(1, range(5), joints=2)])

    padded = pad(window, 9)

    assert padded.shape == (3, 9, 2, 1)
    np.testing.assert_array_equal(padded[:, :5, :, 0], window.x_CTV)
    assert not padded[:, 5:].any()
