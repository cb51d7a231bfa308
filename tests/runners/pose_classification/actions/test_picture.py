"""The picture of the timeline: for one person and for many, with few classes and with many."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

from skillbank_runners.pose_classification.actions.merging import Decision, decide
from skillbank_runners.pose_classification.actions.picture import (
    MOST_LANES,
    colour,
    draw,
    lanes,
    timeline_png,
    timeline_svg,
)
from skillbank_runners.pose_classification.actions.tracks import TrackKey

RATES = {"a": 30.0, "b": None}


def actions(frames, classes, num_classes=3, score=0.75):
    rest = (1 - score) / (num_classes - 1)
    shares = np.full((len(frames), num_classes), rest, np.float32)
    shares[np.arange(len(frames)), classes] = score
    shares[np.array(classes) < 0] = np.nan
    return decide(np.array(frames), shares, Decision(0.0, 1, 10))


def drawn(tracks, names):
    axes = Figure().add_subplot()
    people = lanes(tracks, RATES)
    draw(axes, people, names)
    return axes


def test_every_segment_is_a_bar_of_its_time_and_colour():
    tracks = {TrackKey("a", 0, 1): actions(range(30, 60), [0] * 15 + [2] * 15)}

    axes = drawn(tracks, ("sit", "walk", "run"))

    bars = [(p.get_x(), p.get_width(), p.get_facecolor()) for p in axes.patches]
    assert [bar[:2] for bar in bars] == [(1.0, 0.5), (1.5, pytest.approx(0.5))]
    assert bars[0][2] != bars[1][2]
    assert [text.get_text() for text in axes.texts] == ["sit", "run"]
    assert axes.get_xlim() == (1.0, 2.0)
    assert axes.get_xlabel() == "seconds"


def test_a_bar_too_short_for_its_name_has_none():
    tracks = {TrackKey("a", 0, 1): actions(range(300), [0] * 295 + [1] * 5)}

    texts = [text.get_text() for text in drawn(tracks, ("sit", "walk", "run")).texts]

    assert texts == ["sit"]


def test_lanes_are_named_by_what_tells_them_apart():
    def labels(*keys):
        axes = drawn({key: actions([0], [0]) for key in keys}, ("sit", "walk", "run"))
        return [label.get_text() for label in axes.get_yticklabels()]

    assert labels(TrackKey("a", 0, 1), TrackKey("a", 0, 2)) == ["id 1", "id 2"]
    assert labels(TrackKey("a", 0, 1), TrackKey("a", 1, 1))[1] == "camera 1, id 1"
    assert labels(TrackKey("a", 0, 1), TrackKey("b", 0, 1))[1] == "b, id 1"


def test_time_is_counted_in_frames_where_a_frame_rate_is_missing():
    both = {TrackKey("a", 0, 1): actions([0, 1], [0, 0]), TrackKey("b", 0, 1): actions([5], [0])}

    axes = drawn(both, ("sit", "walk", "run"))

    assert axes.get_xlabel() == "frame"
    assert axes.get_xlim() == (0, 6)


def test_27_classes_have_27_colours():
    assert len({colour(c) for c in range(27)}) == 27


@pytest.mark.parametrize("people", [1, 20, MOST_LANES + 3])
def test_the_png_grows_with_the_people_up_to_a_limit(people):
    tracks = {
        TrackKey("a", 0, i): actions(range(40 + i), [i % 27] * (40 + i), 27) for i in range(people)
    }

    image = imread(
        io.BytesIO(timeline_png(lanes(tracks, RATES), [f"class {c}" for c in range(27)], "a"))
    )

    height, width, _ = image.shape
    assert width == 1430
    assert height == pytest.approx(110 * (1.3 + 0.42 * min(people, MOST_LANES)), abs=200)


def test_unknown_stretches_and_absences_are_drawn():
    frames = [*range(20), *range(200, 240)]
    tracks = {TrackKey("a", 0, 1): actions(frames, [-1] * 20 + [1] * 40)}

    axes = drawn(tracks, ("sit", "walk", "run"))

    spans = [(round(p.get_x() * 30), round(p.get_width() * 30)) for p in axes.patches]
    assert spans == [(0, 20), (200, 40)]
    assert timeline_png(lanes(tracks, RATES), ("sit", "walk", "run"), "a")[:4] == b"\x89PNG"


def test_the_report_gets_the_same_picture_as_an_element_with_ids_of_its_own():
    tracks = {TrackKey("a", 0, i): actions(range(20), [i % 3] * 20) for i in range(MOST_LANES + 1)}

    svg = timeline_svg(lanes(tracks, RATES), ("sit <b>", "walk", "run"))

    assert svg.startswith("<svg")
    assert "sit &lt;b&gt;" in svg
    assert f"{MOST_LANES} of {MOST_LANES + 1} people" in svg
    assert 'id="timeline-' in svg
