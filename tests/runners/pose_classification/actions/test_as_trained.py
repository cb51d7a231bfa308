"""What training did to poses and clips is done again, and nothing else can be asked for."""

import csv

import numpy as np
import pytest
from tests.runners.pose_classification.actions.conftest import make_training
from tests.runners.pose_classification.actions.scenes import (
    FOCAL,
    infer,
    motion,
    person,
    scene,
    table,
)

from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec


def sequences(results):
    with (results / "sequences.csv").open(newline="") as file:
        return [
            tuple(int(row[key]) for key in ("start_frame", "end_frame", "num_frames"))
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A checkpoint that knows how its training data was converted."""
    settings = DatasetConvertSpec(
        focal_length=FOCAL,
        sequence_length=20,
        sequence_length_max=30,
        sequence_length_min=8,
        sequence_overlap=0.25,
        gaps="break",
        num_joints=17,
        source_layout="human3.6m",
    )
    folder = tmp_path_factory.mktemp("converted")
    return make_training(folder, conversion=settings.model_dump(mode="json"))


def test_the_conversion_of_the_training_data_is_used(tmp_path, converted):
    poses = scene(tmp_path / "cam.json", person(1, motion(0)))

    assert infer(converted, tmp_path / "out", poses=poses) == 0

    assert sequences(tmp_path / "out") == [
        (start, min(start + 19, 29), min(20, 30 - start)) for start in (0, 5, 10, 15, 20)
    ]


def test_gaps_break_where_they_did_in_training(tmp_path, converted):
    frames = [*range(15), *range(18, 33)]
    poses = scene(tmp_path / "cam.json", person(1, motion(0), frames=frames))

    assert infer(converted, tmp_path / "out", "inference.step=20", poses=poses) == 0

    assert sequences(tmp_path / "out") == [(0, 14, 15), (18, 32, 15)]


def test_another_conversion_is_refused_with_both_values(tmp_path, converted, capsys):
    poses = scene(tmp_path / "cam.json", person(1, motion(0)))

    assert infer(converted, tmp_path / "out", "dataset_convert.gaps=join", poses=poses) == 2

    error = capsys.readouterr().err
    assert "dataset_convert.gaps: the training data was converted with 'break'" in error
    assert "the spec says 'join'" in error


def test_a_recording_of_twice_the_frame_rate_is_named_alike(tmp_path):
    """Windows last two seconds at either rate; every other frame is in the middle of two."""
    resampled = make_training(tmp_path, preprocessing={"frame_rate": 15}, frame_rate=15.0)
    slow_CTV = motion(0, 5)
    fast_CTV = np.repeat(slow_CTV, 2, axis=1)
    fast_CTV[:, 1:-1:2] = (fast_CTV[:, 0:-2:2] + fast_CTV[:, 2::2]) / 2
    found = {}

    for rate, x_CTV in ((15, slow_CTV), (30, fast_CTV)):
        poses = scene(tmp_path / f"{rate}.json", person(1, x_CTV))
        results = tmp_path / f"out{rate}"
        assert infer(resampled, results, f"dataset_convert.frame_rate={rate}", poses=poses) == 0
        found[rate] = table(results)

    assert [s[2] for s in sequences(tmp_path / "out15")][:2] == [30, 30]
    assert [s[2] for s in sequences(tmp_path / "out30")][:2] == [60, 60]
    keys = ("start_s", "end_s", "action")
    assert [[row[k] for k in keys] for row in found[15]] == [
        [row[k] for k in keys] for row in found[30]
    ]
    scores = [[float(row["score"]) for row in rows] for rows in found.values()]
    assert scores[0] == pytest.approx(scores[1], abs=0.05)


def test_a_frame_rate_that_nothing_makes_up_for_is_told(tmp_path, capsys):
    plain = make_training(tmp_path, frame_rate=15.0)
    poses = scene(tmp_path / "cam.json", person(1, motion(0)))

    assert infer(plain, tmp_path / "out", "dataset_convert.frame_rate=30", poses=poses) == 0

    said = capsys.readouterr()
    assert (
        "the poses have 30 frames per second, the network was trained on 15" in said.out + said.err
    )
