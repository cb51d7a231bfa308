"""Memory does not grow with the file, nor with the number of people who come and go."""

import json
import tracemalloc

import pytest
from tests.runners.skeletons.deepstream_writer import batches, make_person

from skillbank_runners.pose_classification.conversion import convert, stretches
from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec
from skillbank_runners.skeletons.importers import ReadOptions, read_recordings


def write_long(path, copies, *, new_people):
    """The same 40 frames of two people again and again: another time, or other people."""
    people = [make_person(one, range(40)) for one in (0, 1)]
    content = list(batches(people))
    with path.open("w") as file:
        for copy in range(copies):
            for batch in content:
                (frame,) = batch["batches"]
                number = frame["frame_num"] % 40 + 40 * copy
                objects = [
                    {**one, "object_id": one["object_id"] % 2 + 2 * copy * new_people}
                    for one in frame["objects"]
                ]
                made = {**frame, "frame_num": number, "objects": objects}
                file.write(json.dumps({**batch, "batches": [made]}) + "\n")


def peak_bytes(path):
    spec = DatasetConvertSpec()
    tracemalloc.start()
    count = sum(1 for _ in convert(read_recordings("deepstream", path, ReadOptions()), spec))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count > 0
    return peak


# Files have to be some MB large for memory to show: some seconds each.
@pytest.mark.parametrize("new_people", [False, True])
def test_ten_more_megabytes_of_file_take_next_to_no_more_memory(tmp_path, monkeypatch, new_people):
    monkeypatch.setattr(stretches, "MEMORY_BYTES", 2**18)
    small, large = tmp_path / "small.json", tmp_path / "large.json"
    write_long(small, 12, new_people=new_people)
    write_long(large, 56, new_people=new_people)
    more_bytes = large.stat().st_size - small.stat().st_size
    assert more_bytes > 9e6

    assert peak_bytes(large) - peak_bytes(small) < 0.05 * more_bytes
