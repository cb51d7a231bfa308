"""What an inference is asked to look at."""

import pytest

from skillbank_runners.pose_classification.actions.request import Source, find_source
from skillbank_runners.pose_classification.spec import InferenceSpec
from skillbank_runners.spec_reading import SpecInvalid


def settings(**values):
    arrays = values.pop("arrays", "")
    return InferenceSpec(test_dataset={"data_path": arrays}, **values)


def problems(**values):
    with pytest.raises(SpecInvalid) as refusal:
        find_source(settings(**values))
    return refusal.value.problems


def test_nothing_named_means_arrays_whose_reader_says_what_is_missing():
    assert find_source(settings()) is Source.ARRAYS


@pytest.mark.parametrize(
    ("name", "source"),
    [("arrays", Source.ARRAYS), ("poses", Source.POSES), ("video", Source.VIDEO)],
)
def test_the_one_that_is_named_is_taken(tmp_path, name, source):
    file = tmp_path / "file"
    file.touch()

    found = find_source(settings(**{name: str(file)}))

    assert found is source
    assert found.path(settings(**{name: str(file)})) == str(file)


def test_poses_may_be_a_folder_and_a_video_may_not(tmp_path):
    assert find_source(settings(poses=str(tmp_path))) is Source.POSES
    (problem,) = problems(video=str(tmp_path))
    assert problem.startswith("inference.video: a folder")


def test_arrays_are_not_looked_for_here():
    assert find_source(settings(arrays="s3://later/checked.npy")) is Source.ARRAYS


@pytest.mark.parametrize(
    "named",
    [
        {"arrays": "a.npy", "poses": "p.json"},
        {"arrays": "a.npy", "video": "v.mp4"},
        {"poses": "p.json", "video": "v.mp4"},
        {"arrays": "a.npy", "poses": "p.json", "video": "v.mp4"},
    ],
)
def test_two_at_once_are_refused_by_their_names_and_values(named):
    found = problems(**named)

    assert "expected one of them" in found[0]
    assert all(value in found[0] for value in named.values())


def test_every_problem_is_told_at_once():
    found = problems(poses="none.json", annotated_video=True)

    assert len(found) == 2
    assert found[0].startswith("inference.poses: no such file or folder")
    assert found[1].startswith("inference.annotated_video: found true without inference.video")


def test_a_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "poses.json").touch()

    assert find_source(settings(poses="~/poses.json")) is Source.POSES
