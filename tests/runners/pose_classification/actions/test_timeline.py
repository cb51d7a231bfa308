"""Segments and their table; tracks as they pass by."""

import csv
import io

import numpy as np
import pytest

from skillbank_runners.pose_classification.actions.merging import UNKNOWN, TrackActions
from skillbank_runners.pose_classification.actions.sequences import (
    ranked_line,
    sequence_files,
    written_whole,
)
from skillbank_runners.pose_classification.actions.timeline import COLUMNS, segments, timeline_csv
from skillbank_runners.pose_classification.actions.tracks import TrackKey, TrackLog
from skillbank_runners.skeletons.pose_blocks import blocks_of
from skillbank_runners.skeletons.poses import NO_TRACK, Observation, Recording, Space

TRACK = TrackKey("clip.json", 1, 7)
NAMES = ("sit", "walk, fast", "run")


def actions(frames, classes, scores, starts=(0,)):
    return TrackActions(
        np.array(frames), np.array(classes, np.int16), np.array(scores, np.float32), starts
    )


def table(found, rates):
    return list(csv.DictReader(io.StringIO(timeline_csv(found, NAMES, rates))))


def test_segments_end_where_the_action_changes_or_the_person_was_away():
    found = segments(
        TRACK, actions([0, 1, 2, 3, 90, 91], [0, 0, 1, 1, 1, 1], [0.5, 0.7, 1, 1, 0.5, 0.6], (0, 4))
    )

    told = [(s.start_frame, s.end_frame, s.class_id, round(s.score, 4)) for s in found]
    assert told == [(0, 1, 0, 0.6), (2, 3, 1, 1.0), (90, 91, 1, 0.55)]


def test_the_table_tells_seconds_up_to_the_end_of_the_last_frame():
    (row,) = table(segments(TRACK, actions([30, 31, 44], [1] * 3, [0.5] * 3)), {"clip.json": 30.0})

    assert tuple(row) == COLUMNS
    assert row == {
        "camera": "1",
        "object_id": "7",
        "start_frame": "30",
        "end_frame": "44",
        "start_s": "1.000",
        "end_s": "1.500",
        "action": "walk, fast",
        "class_id": "1",
        "score": "0.5000",
        "source": "clip.json",
    }


def test_what_is_not_known_stays_empty_in_the_table():
    (row,) = table(segments(TRACK, actions([3], [UNKNOWN], [0])), {"clip.json": None})

    empty = {name for name, value in row.items() if not value}
    assert empty == {"start_s", "end_s", "action", "class_id", "score"}


def test_a_ranked_line_has_the_form_of_taos_triton_client():
    line = ranked_line(12, np.array([0.25, 0.05, 0.7], np.float32), NAMES)

    assert line == "12, 0.7000(2)=run, 0.2500(0)=sit, 0.0500(1)=walk, fast"


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    def write_half():
        with written_whole(tmp_path / "a.txt") as file:
            file.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        write_half()

    assert list(tmp_path.iterdir()) == []


def test_sequences_are_numbered_in_both_files(tmp_path):
    class Window:
        track, first_frame, last_frame, num_frames = TRACK, 3, 12, 9

    with sequence_files(tmp_path / "r.txt", tmp_path / "s.csv", NAMES) as files:
        for _ in range(2):
            files.write(Window, np.array([1, 0, 0], np.float32))

    assert (tmp_path / "r.txt").read_text().splitlines()[1].startswith("1, 1.0000(0)=sit, ")
    assert (tmp_path / "s.csv").read_text().splitlines()[2] == "1,1,7,3,12,9,clip.json"


def test_tracks_are_noted_while_recordings_pass(tmp_path):
    def observe(frame, object_id, camera=0):
        return Observation(
            frame, object_id, np.zeros((2, 3), np.float32), np.ones(2, np.float32), camera
        )

    seen = [observe(5, 1), observe(5, 2), observe(6, 1), observe(6, 1, camera=3), observe(6, 1)]
    seen += [observe(6, NO_TRACK), observe(6, NO_TRACK)]  # nobody can say who they are
    log = TrackLog()
    recording = Recording("a", tmp_path, "coco17", Space.IMAGE, iter(seen), frame_rate=25.0)

    for block in blocks_of(recording):
        log.note(recording, block)

    assert log.keys == [TrackKey("a", 0, 1), TrackKey("a", 0, 2), TrackKey("a", 3, 1)]
    assert log.frames(TrackKey("a", 0, 1)).tolist() == [5, 6]
    assert log.frame_rates == {"a": 25.0}
