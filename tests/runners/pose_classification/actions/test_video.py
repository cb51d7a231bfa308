"""From a video to actions: by an estimator of the test's own, and on a real video."""

import csv
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")

from tests.runners.pose_classification.actions.scenes import CLASSES, ROOT, infer, table, told
from tests.runners.video.films import film

from skillbank_runners.video.reading import open_video

REAL = ROOT.parent / "shared" / "data" / "video" / "cam0_test.mp4"
PLUG = ("pose.estimator=tests.runners.video.plugs:bright", "pose.layout=")


def walker(place):
    """A picture in which the test's estimator sees somebody from this column on."""
    image_HW3 = np.zeros((48, 64, 3), np.uint8)
    image_HW3[:, place : place + 20, 0] = 255
    return image_HW3


@pytest.fixture
def video(tmp_path):
    return film(tmp_path / "street.mp4", [walker(8 + i // 4) for i in range(40)], rate=10)


def test_a_video_comes_back_with_its_actions(tmp_path, trained, video):
    code = infer(
        trained,
        tmp_path / "out",
        f"inference.video={video}",
        "inference.annotated_video=true",
        *PLUG,
    )

    assert code == 0
    rows = table(tmp_path / "out")
    assert {row["action"] for row in rows} <= set(CLASSES)
    assert {row["source"] for row in rows} == {"street"}
    assert (rows[0]["start_s"], rows[-1]["end_s"]) == ("0.000", "4.000")
    found = told(tmp_path / "out" / "poses_with_actions.json")
    assert sorted(frame for _, _, frame in found) == list(range(40))
    annotated = open_video(tmp_path / "out" / "annotated.mp4")
    drawn = [frame.image_HW3.astype(int) for frame in annotated.frames()]
    plain = [frame.image_HW3.astype(int) for frame in open_video(video).frames()]
    assert len(drawn) == 40
    changes = [np.abs(a - b).max() for a, b in zip(drawn, plain, strict=True)]
    assert min(changes) > 60


def test_a_video_with_nobody_in_it_is_told(tmp_path, trained, capsys):
    empty = film(tmp_path / "night.mp4", [walker(60)[:, ::-1] * 0] * 5)

    code = infer(trained, tmp_path / "out", f"inference.video={empty}", *PLUG)

    assert code == 1
    assert "inference.video: nobody was found in" in capsys.readouterr().err
    assert not (tmp_path / "out" / "timeline.csv").exists()


def test_a_file_that_is_no_video_is_told(tmp_path, trained, capsys):
    text = tmp_path / "notes.mp4"
    text.write_text("no video")

    assert infer(trained, tmp_path / "out", f"inference.video={text}", *PLUG) == 1

    assert "notes.mp4" in capsys.readouterr().err


@pytest.mark.realdata
@pytest.mark.skipif(not REAL.is_file(), reason="the verification video is not there")
@pytest.mark.timeout(600)
def test_a_real_person_is_named_throughout(tmp_path, trained):
    """Some ten seconds of one processor: 187 pictures through the pose networks."""
    assert infer(trained, tmp_path / "out", f"inference.video={REAL}") == 0

    rows = table(tmp_path / "out")
    assert {row["object_id"] for row in rows} == {"1"}
    assert all(row["action"] for row in rows)
    with Path(tmp_path / "out" / "sequences.csv").open(newline="") as file:
        assert {row["source"] for row in csv.DictReader(file)} == {"cam0_test"}
