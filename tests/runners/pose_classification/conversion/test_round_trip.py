"""Arrays -> DeepStream's JSON -> dataset_convert -> the same arrays, as TAO would have them."""

import json
import resource

import numpy as np
import pytest
from tests.runners.pose_classification.conversion.converting import run
from tests.runners.skeletons.deepstream_writer import Writing, batches, make_person, write
from tools.bench.convert_baseline import Settings, poses_of_objects, sequences_of

SHORT = {"sequence_length_max": 30, "sequence_length": 20, "sequence_length_min": 5}


def expected(people, **settings):
    """What the straightforward loop makes of the same people."""
    plain = Settings(**settings)
    content = json.loads(json.dumps(list(batches(people))))
    made = {key: sequences_of(one, plain) for key, one in poses_of_objects(content, plain).items()}
    return {f"object_{key}.npy": np.stack(one) for key, one in made.items() if one}


def assert_same(converted, arrays):
    assert converted.status == 0
    assert converted.files == sorted(arrays)
    for name, array in arrays.items():
        found = converted.array(name)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, array, err_msg=name)


@pytest.mark.parametrize("pose_type", ["3dbp", "25dbp", "2dbp"])
@pytest.mark.parametrize("as_lines", [False, True])
def test_every_pose_type_comes_back_bit_by_bit(tmp_path, pose_type, as_lines):
    people = [
        make_person(1, range(57), missing=0.2),
        make_person(2, range(10, 30), missing=1.0),
        make_person(3, range(4)),
    ]
    path = write(tmp_path / "poses.json", people, Writing(as_lines=as_lines))

    converted = run(tmp_path, path, pose_type=pose_type, **SHORT)

    assert_same(converted, expected(people, pose_type=pose_type, **SHORT))
    assert "object_3.npy" not in converted.files


def test_the_arithmetic_is_that_of_the_documentation(tmp_path):
    person = make_person(1, range(1), joints=3)
    person.pose3d_TV4[0] = [[600, 1200, 2400, 1], [1200, 0, 4800, 0.5], [7, 8, 9, 0]]
    person.pose25d_TV4[0] = [[0, 0, 4, 1], [960, 1080, -2, 0.5], [7, 8, 9, 0]]
    path = write(tmp_path / "poses.json", [person])
    settings = {"num_joints": 3, "sequence_length_min": 1, "sequence_length_max": 2}
    settings |= {"sequence_length": 2, "source_layout": ""}

    x_CV = run(tmp_path, path, **settings).array("object_1.npy")[0, :, 0, :, 0]
    assert x_CV.T.tolist() == [[0, 0, 0], [0.5, -1, 2], [0, 0, 0]]

    settings |= {"pose_type": "25dbp"}
    x_CV = run(tmp_path, path, **settings).array("object_1.npy")[0, :, 0, :, 0]
    assert x_CV.T.tolist() == [[-0.5, -0.5, 4], [0, 0.5, -2], [0, 0, 0]]


def test_a_focal_length_and_a_size_of_ones_own_are_used(tmp_path):
    people = [make_person(1, range(12))]
    path = write(tmp_path / "poses.json", people)

    own = {"focal_length": 333.0}
    assert_same(run(tmp_path, path, **own), expected(people, **own))
    own = {"pose_type": "2dbp", "input_width": 640, "input_height": 480}
    assert_same(run(tmp_path, path, **own), expected(people, **own))


@pytest.mark.parametrize("length", [4, 5, 19, 20, 21, 29, 30, 31, 40, 100])
@pytest.mark.parametrize("overlap", [0.05, 0.5, 1.0])
def test_tracks_of_every_length_are_cut_as_documented(tmp_path, length, overlap):
    people = [make_person(1, range(length), joints=2), make_person(2, range(9), joints=2)]
    path = write(tmp_path / "poses.json", people)
    settings = {**SHORT, "sequence_overlap": overlap, "num_joints": 2}

    assert_same(run(tmp_path, path, **settings), expected(people, **settings))


def test_a_least_length_above_the_length_is_kept(tmp_path):
    people = [make_person(1, range(70), joints=2)]
    path = write(tmp_path / "poses.json", people)
    settings = {**SHORT, "sequence_length_min": 28, "num_joints": 2}

    assert_same(run(tmp_path, path, **settings), expected(people, **settings))


def test_gaps_and_people_who_come_back_are_joined_as_tao_does(tmp_path):
    people = [make_person(1, [*range(10), *range(50, 75)]), make_person(2, range(0, 60, 2))]
    path = write(tmp_path / "poses.json", people)

    assert_same(run(tmp_path, path, **SHORT), expected(people, **SHORT))


def test_a_track_over_many_blocks_of_reading_stays_whole(tmp_path):
    people = [make_person(1, range(700)), make_person(2, range(650))]
    path = write(tmp_path / "poses.json", people)
    assert path.stat().st_size > 3 * 2**20

    assert_same(run(tmp_path, path), expected(people))


def test_people_of_two_cameras_with_the_same_id_are_not_mixed(tmp_path):
    people = [make_person(1, range(12), camera=0), make_person(1, range(15), camera=4)]
    path = write(tmp_path / "poses.json", people)

    converted = run(tmp_path, path)

    assert converted.files == ["object_1_camera_0.npy", "object_1_camera_4.npy"]
    for person in people:
        (array,) = expected([person]).values()
        name = f"object_1_camera_{person.camera}.npy"
        np.testing.assert_array_equal(converted.array(name), array)


def test_files_of_a_folder_or_pattern_do_not_overwrite_each_other(tmp_path):
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name in ("a", "b"):
        write(folder / f"{name}.json", [make_person(1, range(12))])

    for data in (folder, folder / "*.json"):
        converted = run(tmp_path, data)
        assert converted.files == ["object_1_a.npy", "object_1_b.npy"]


def test_recordings_of_one_name_are_told_apart(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "poses.json", [make_person(1, range(12))])

    converted = run(tmp_path, tmp_path / "*/poses.json")

    assert converted.files == ["object_1_poses.npy", "object_1_poses_2.npy"]


def test_names_of_recordings_cannot_leave_the_results(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("..%2f x", "..%2f  x"):
        write(tmp_path / "in" / f"{name}.json", [make_person(1, range(12))])

    converted = run(tmp_path, tmp_path / "in")

    assert converted.files == ["object_1_.._2f_x.npy", "object_1_.._2f_x_2.npy"]


def test_many_people_need_no_more_open_files_than_few(tmp_path):
    people = [make_person(one, range(5), joints=1) for one in range(200)]
    path = write(tmp_path / "poses.json", people)
    settings = {"num_joints": 1, "sequence_length_min": 5, "sequence_length_max": 5}
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))

    try:
        converted = run(tmp_path, path, **settings, sequence_length=5)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert len(converted.files) == 200
    assert converted.counts["sequences"] == 200
