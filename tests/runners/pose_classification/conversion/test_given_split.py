"""The split that a file itself states, here PYSKL's."""

import pickle

import numpy as np
import pytest
from tests.runners.pose_classification.conversion.converting import run

CLIPS = ("a", "b", "c", "d", "e")


def save(path, split, clips=CLIPS):
    """A pickle of one person's clips, 12 frames each, of alternating classes."""
    random = np.random.default_rng(0)
    annotations = [
        {
            "frame_dir": name,
            "label": index % 2,
            "img_shape": (480, 640),
            "original_shape": (480, 640),
            "total_frames": 12,
            "keypoint": random.uniform(1, 400, (1, 12, 17, 2)).astype(np.float16),
        }
        for index, name in enumerate(clips)
    ]
    path.write_bytes(pickle.dumps({"split": split, "annotations": annotations}))
    return path


def sides(converted):
    return [{name.split("/")[0] for name in converted.labels(side)[0]} for side in ("train", "val")]


def convert(tmp_path, lists, **settings):
    path = save(tmp_path / "clips.pkl", lists)
    return run(tmp_path, path, format="pyskl", pose_type="2dbp", **settings)


@pytest.mark.parametrize("settings", [{}, {"split": "given"}])
def test_clips_for_tests_validate_where_nothing_else_does(tmp_path, settings):
    # As the files of HMDB51 and UCF101 have it: three protocols, of the first a part of the clips.
    split = {"train1": ["a", "b"], "train2": ["c"], "test1": ["c", "d"], "test2": ["a"]}

    converted = convert(tmp_path, split, **settings)

    assert sides(converted) == [{"a", "b"}, {"c", "d"}]


def test_clips_for_tests_are_left_out_beside_clips_for_validation(tmp_path, capsys):
    split = {"train": ["a", "b"], "val": ["c"], "test": ["d", "e"]}

    converted = convert(tmp_path, split)

    assert sides(converted) == [{"a", "b"}, {"c"}]
    assert converted.counts["sequences"] == len(converted.array("train_data.npy")) + len(
        converted.array("val_data.npy")
    )
    assert "sequences are left out: their recordings are of neither side" in capsys.readouterr().out


def test_a_file_that_lists_nothing_to_train_on_is_explained(tmp_path):
    converted = convert(tmp_path, {"val": list(CLIPS)}, split="given")

    assert "nothing is left to train on" in converted.failure
    assert converted.leftovers == []


def test_who_asks_for_another_split_gets_it(tmp_path):
    converted = convert(tmp_path, {"train": ["a"], "test": ["b"]}, split="file", val_names=["a"])

    assert sides(converted) == [{"b", "c", "d", "e"}, {"a"}]


def test_names_for_validation_go_before_the_files_own_lists(tmp_path):
    converted = convert(tmp_path, {"train": ["a", "b"], "val": ["c", "d", "e"]}, val_names=["a"])

    assert sides(converted) == [{"b", "c", "d", "e"}, {"a"}]
