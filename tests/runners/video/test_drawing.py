"""People drawn onto pictures and videos: in their place, in their colour, readable."""

import colorsys
from itertools import combinations

import numpy as np
import pytest
from tests.runners.video.films import film, plain

from skillbank_runners.errors import RunnerError
from skillbank_runners.skeletons.poses import Box
from skillbank_runners.video.drawing import MIN_CONFIDENCE, Overlay, annotate, colour_of, draw
from skillbank_runners.video.errors import VideoInvalid
from skillbank_runners.video.reading import open_video


def person(joints, *, confidence=None, **more):
    joints = np.asarray(joints, np.float32)
    confidence = np.ones(len(joints)) if confidence is None else np.asarray(confidence)
    return Overlay(joints, confidence.astype(np.float32), more.pop("object_id", 1), **more)


def nobody(number):
    del number
    return []


def changed(before, after):
    """Where pixels differ, (H, W) booleans."""
    return (before != after).any(axis=2)


def test_a_bone_runs_from_joint_to_joint_in_the_colour_of_the_track():
    image = plain(200, 200, 90)

    drawn = draw(image, [person([[20, 50], [180, 50]], bones=[(0, 1)], object_id=3)])

    assert (drawn[50, 100] == colour_of(3)).all()
    assert not changed(image, drawn)[70:].any()
    assert (image == 90).all(), "the picture itself stays as it was"


@pytest.mark.parametrize("level", [0, 255])
def test_a_skeleton_shows_on_black_and_on_white(level):
    drawn = draw(plain(200, 200, level), [person([[20, 50], [180, 50]], bones=[(0, 1)])])
    column = drawn[40:60, 100].astype(int)

    assert any((pixel == colour_of(1)).all() for pixel in column)
    assert any((pixel == 0).all() for pixel in column), "a dark rim sets it off from white"


@pytest.mark.parametrize("confidence", [0.0, MIN_CONFIDENCE - 0.01])
def test_a_joint_that_is_not_seen_is_not_drawn_and_neither_are_its_bones(confidence):
    image = plain(200, 200, 90)
    people = [person([[20, 50], [180, 50]], confidence=[1, confidence], bones=[(0, 1)])]

    difference = changed(image, draw(image, people))

    assert difference[50, 20]
    assert not difference[:, 60:].any()


def test_joints_that_are_no_numbers_are_left_out():
    image = plain(200, 200, 90)
    people = [person([[np.nan, 50], [180, 50], [np.inf, 3]], bones=[(0, 1), (1, 2)], text="id")]

    assert changed(image, draw(image, people))[50, 180]


def test_a_person_without_any_joint_still_has_a_label():
    image = plain(200, 200, 90)

    assert changed(image, draw(image, [person([[5, 5]], confidence=[0], text="id 1")])).any()


def test_nobody_leaves_the_picture_as_it_is():
    image = plain()

    assert draw(image, []) is image


def test_lines_grow_with_the_picture():
    def thickness(side):
        image = plain(side, side, 90)
        joints = [[side * 0.1, side * 0.5], [side * 0.9, side * 0.5]]
        return changed(image, draw(image, [person(joints, bones=[(0, 1)])]))[:, side // 2].sum()

    assert thickness(1200) > 2 * thickness(300)


def test_letters_grow_with_the_picture():
    def height(side):
        image = plain(side, side, 90)
        label = person([[side / 2, side / 2]], confidence=[0], text="id 1")
        return changed(image, draw(image, [label])).any(axis=1).sum()

    assert height(1080) > 2 * height(360)


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("object_id", range(6))
def test_a_label_is_dark_on_light_or_light_on_dark(object_id, level):
    image = plain(300, 300, level)
    drawn = draw(image, [person([[150, 150]], object_id=object_id, text="MMMM")])
    rows, columns = np.nonzero(changed(image, drawn))
    plate = drawn[rows.min() + 1 : rows.min() + 14, columns.min() + 1 : columns.max()]
    light = plate.astype(float) @ (0.299, 0.587, 0.114)

    assert light.max() - light.min() > 90


def test_a_label_stands_above_the_head():
    image = plain(400, 400, 90)
    box = Box(150, 200, 100, 150)
    difference = changed(image, draw(image, [person([[200, 300]], box=box, text="id 1")]))

    above = difference[:195]
    assert above.any()
    assert np.nonzero(above)[1].mean() == pytest.approx(200, abs=5)


@pytest.mark.parametrize(
    "place", [(0, 0), (399, 0), (0, 399), (399, 399), (-500, -500), (9000, 9000)]
)
def test_a_label_stays_inside_the_picture(place):
    image = plain(400, 400, 90)
    label = person([place], confidence=[MIN_CONFIDENCE], text="id 12  basketball 0.93")
    alone = person([place], confidence=[MIN_CONFIDENCE])

    with_label = changed(draw(image, [alone]), draw(image, [label]))
    in_the_middle = changed(
        image, draw(image, [person([(200, 200)], confidence=[0], text=label.text)])
    )

    assert with_label.sum() == pytest.approx(in_the_middle.sum(), rel=0.05)


def test_labels_of_people_who_stand_together_do_not_cover_each_other():
    image = plain(400, 400, 90)
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    people = [
        person([[200, 200 + i]], confidence=[0], text="id 1  walking 0.93", colour=colour)
        for i, colour in enumerate(colours)
    ]

    drawn = draw(image, people)

    areas = [(drawn == colour).all(axis=2).sum() for colour in colours]
    assert min(areas) > 0.9 * max(areas) > 500


def test_a_label_of_several_lines_is_higher():
    image = plain(400, 400, 90)
    heights = [
        changed(image, draw(image, [person([[200, 200]], confidence=[0], text=text)]))
        .any(axis=1)
        .sum()
        for text in ("one", "one\ntwo")
    ]

    assert heights[1] > 1.5 * heights[0]


def test_colours_of_ids_that_come_together_are_far_apart():
    """Hues of any eight ids in a row differ by 30 degrees; ids of trackers may be huge."""
    for start in (0, 1, 17, 2**40):
        hues = [
            colorsys.rgb_to_hsv(*(value / 255 for value in colour_of(start + i)))[0]
            for i in range(8)
        ]
        for first, second in combinations(hues, 2):
            apart = abs(first - second)
            assert min(apart, 1 - apart) > 0.05


def test_an_annotated_video_shows_each_frames_people_at_its_time(tmp_path):
    times = [0.0, 0.1, 0.4, 0.5]
    source = film(tmp_path / "a.mp4", [plain(128, 96, 90)] * 4, times=times)
    asked, told = [], []

    def overlay(number):
        asked.append(number)
        x = 20 + 25 * number
        return [person([[x, 20], [x, 80]], bones=[(0, 1)], colour=(255, 255, 255))]

    written = annotate(source, tmp_path / "new" / "out.mp4", overlay, told.append)

    assert (written, asked, told) == (4, [0, 1, 2, 3], [1, 2, 3, 4])
    frames = list(open_video(tmp_path / "new" / "out.mp4").frames())
    assert [frame.time_s for frame in frames] == pytest.approx(times, abs=0.002)
    for number, frame in enumerate(frames):
        bright = frame.image_HW3.mean(axis=(0, 2)).argmax()
        assert bright == pytest.approx(20 + 25 * number, abs=2)


@pytest.mark.parametrize("size", [(65, 49), (64, 49), (33, 32)])
def test_odd_sizes_are_written_too(tmp_path, size):
    source = film(tmp_path / "a.mkv", [plain(*size)] * 2, codec="ffv1")

    annotate(source, tmp_path / "out.mp4", nobody)

    video = open_video(tmp_path / "out.mp4")
    assert (video.width, video.height) == tuple(side + side % 2 for side in size)


def test_a_file_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path):
    source = film(tmp_path / "a.mp4", [plain()] * 2)
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(RunnerError, match="cannot write the video"):
        annotate(source, tmp_path / "file" / "out.mp4", nobody)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "file"]


def test_a_name_that_is_taken_by_a_folder_is_told_and_leaves_nothing(tmp_path):
    source = film(tmp_path / "a.mp4", [plain()] * 2)
    out = tmp_path / "out.mp4"
    out.mkdir()

    with pytest.raises(RunnerError, match=r"out\.mp4: cannot write the video: Is a directory; na"):
        annotate(source, out, nobody)

    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.mp4", "out.mp4"]


def test_an_overlay_that_fails_leaves_no_half_video_and_keeps_the_old_one(tmp_path):
    source = film(tmp_path / "a.mp4", [plain()] * 6)
    out = tmp_path / "out.mp4"
    out.write_bytes(b"old")

    def overlay(number):
        if number == 3:
            raise VideoInvalid(source, "as the test wants it")
        return []

    with pytest.raises(VideoInvalid):
        annotate(source, out, overlay)
    assert out.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "out.mp4"]
