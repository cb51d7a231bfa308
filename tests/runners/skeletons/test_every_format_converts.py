"""From a sample of every format to arrays, through the command that a user gives."""

import numpy as np
import pytest
from tests.runners.pose_classification.conversion.converting import run
from tests.runners.skeletons import samples_of_captures
from tests.runners.skeletons.samples import SAMPLES

assert samples_of_captures


def converted(name, folder):
    format_name, write = SAMPLES[name]
    data = folder / "data"
    data.mkdir()
    sample = write(data)
    options = sample.options
    settings = {
        "format": format_name,
        "pose_type": options.pose_type,
        "source_layout": options.layout,
        "input_width": options.width,
        "input_height": options.height,
        "sequence_length_min": 1,
        "sequence_length": 8,
        "sequence_length_max": 8,
        "split": "none",
    }
    return sample, run(folder, sample.path, **settings)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_a_sample_becomes_arrays_of_its_joints(name, tmp_path):
    sample, result = converted(name, tmp_path)
    assert result.status == 0
    arrays = [np.load(path) for path in sorted(result.results.glob("*.npy"))]
    assert arrays
    frames = 0
    for array in arrays:
        assert array.shape[1:] == (sample.axes, 8, sample.joints, 1)
        assert array.dtype == np.float32
        assert np.isfinite(array).all()
        frames += int(array.any(axis=(1, 3, 4)).sum())
    assert frames == len(sample.frames)


def test_a_name_that_no_file_can_have_is_an_error_of_the_spec(tmp_path, capsys):
    assert run(tmp_path, "x" * 5000).status == 2
    assert "dataset_convert.data: 'xxx" in capsys.readouterr().err
