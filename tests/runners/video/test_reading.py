"""Pictures of a file, upright and in time; and what is said of files that have none."""

import logging
import os
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.runners.video.films import BLUE, GREEN, RED, film, is_near, plain, quarters, sound

from skillbank_runners.errors import RunnerError
from skillbank_runners.video.errors import VideoInvalid
from skillbank_runners.video.reading import open_video


def test_a_video_tells_its_size_its_rate_and_its_pictures(tmp_path):
    video = open_video(film(tmp_path / "a.mp4", [plain(level=40 * i) for i in range(5)], rate=8))

    assert (video.width, video.height, video.frame_rate, video.num_frames) == (64, 48, 8.0, 5)
    frames = list(video.frames())
    assert [frame.number for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.time_s for frame in frames] == pytest.approx([0, 0.125, 0.25, 0.375, 0.5])
    assert [round(float(frame.image_HW3.mean()), -1) for frame in frames] == [0, 40, 80, 120, 160]
    assert frames[0].image_HW3.shape == (48, 64, 3)
    assert frames[0].image_HW3.dtype == np.uint8


def test_a_video_can_be_read_twice(tmp_path):
    video = open_video(film(tmp_path / "a.mp4", [plain()] * 3))

    assert len(list(video.frames())) == len(list(video.frames())) == 3


def test_times_of_a_variable_frame_rate_are_kept(tmp_path):
    times = [0.0, 0.1, 0.5, 0.55, 2.0]
    video = open_video(film(tmp_path / "a.mkv", [plain()] * 5, times=times))

    assert [frame.time_s for frame in video.frames()] == pytest.approx(times, abs=0.002)


def test_the_first_picture_is_at_time_0_wherever_the_file_begins(tmp_path):
    video = open_video(film(tmp_path / "a.mkv", [plain()] * 3, times=[5.0, 5.1, 5.2]))

    assert [frame.time_s for frame in video.frames()] == pytest.approx([0, 0.1, 0.2], abs=0.002)


@pytest.mark.parametrize(
    ("rotation", "size", "corners"),
    [
        (0, (64, 48), (RED, GREEN, BLUE, BLUE)),
        (90, (48, 64), (GREEN, BLUE, RED, BLUE)),
        (180, (64, 48), (BLUE, BLUE, GREEN, RED)),
        (-90, (48, 64), (BLUE, RED, BLUE, GREEN)),
    ],
)
def test_a_picture_is_turned_counterclockwise_by_what_the_file_says(
    tmp_path, rotation, size, corners
):
    """As phones write it that are held upright: the sensor's rows are the picture's columns."""
    video = open_video(film(tmp_path / "a.mp4", [quarters()], rotation=rotation))

    assert (video.width, video.height) == size
    (frame,) = video.frames()
    image = frame.image_HW3
    found = (image[4, 4], image[4, -5], image[-5, 4], image[-5, -5])
    for pixel, colour in zip(found, corners, strict=True):
        assert is_near(pixel, colour)


def write_no_file(path):
    assert not path.exists()


def write_text(path):
    path.write_text("no video " * 100)


def write_nothing(path):
    path.write_bytes(b"")


def write_half(path):
    """MP4 keeps its index at the end: half a file has none."""
    noise = np.random.default_rng(0).integers(0, 255, (9, 48, 64, 3), dtype=np.uint8)
    content = film(path.with_name("whole.mp4"), list(noise)).read_bytes()
    path.write_bytes(content[: len(content) // 2])


def write_playlist(path):
    """A list of other files is no video, and nothing that it names is opened."""
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://localhost:9/a.ts\n")


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (write_no_file, "no such file, expected a video file"),
        (Path.mkdir, "a folder, expected a video file"),
        (os.mkfifo, "no such file, expected a video file"),
        (write_text, "found no video that can be read"),
        (write_nothing, "found no video that can be read"),
        (write_half, "found no video that can be read"),
        (write_playlist, "found no "),
        (sound, "found only audio, expected pictures"),
    ],
    ids=["missing", "folder", "pipe", "text", "empty", "half", "playlist", "sound"],
)
def test_a_file_without_pictures_is_an_error_that_says_so(tmp_path, write, said):
    path = tmp_path / "a.mp4"
    write(path)

    with pytest.raises(VideoInvalid, match=said) as caught:
        open_video(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert isinstance(caught.value, RunnerError)


def test_a_video_stream_without_pictures_is_an_error(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), mode="w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()

    with pytest.raises(VideoInvalid, match="found no "):
        open_video(path)


def test_a_file_name_means_a_file_and_never_a_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = film(tmp_path / "concat:a.mp4", [plain()] * 2)

    assert len(list(open_video(path.relative_to(tmp_path)).frames())) == 2


def test_a_cut_off_file_gives_the_pictures_it_still_has_and_warns(tmp_path, caplog):
    """A file with its index in front, as cameras and websites write it."""
    random = np.random.default_rng(0)
    images = [random.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(40)]
    whole = film(tmp_path / "whole.mp4", images, codec="mpeg4")
    fast = tmp_path / "fast.mp4"
    with (
        av.open(str(whole)) as source,
        av.open(str(fast), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(source.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    cut = tmp_path / "cut.mp4"
    content = fast.read_bytes()
    cut.write_bytes(content[: 2 * len(content) // 3])

    video = open_video(cut)
    with caplog.at_level(logging.WARNING):
        found = len(list(video.frames()))

    assert video.num_frames == 40
    assert 15 < found < 35
    assert f"found {found} of the 40 pictures it announces" in caplog.text


def test_damage_in_the_middle_never_stops_the_reading_halfway(tmp_path):
    random = np.random.default_rng(0)
    images = [random.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(30)]
    path = film(tmp_path / "a.mkv", images, codec="mpeg4")
    content = bytearray(path.read_bytes())
    for offset in range(len(content) // 3, len(content) // 3 + 3000):
        content[offset] = 0xFF
    path.write_bytes(bytes(content))

    numbers = [frame.number for frame in open_video(path).frames()]

    assert len(numbers) >= 15
    assert numbers == sorted(set(numbers))


def test_a_picture_of_another_size_is_an_error_with_its_number(tmp_path):
    """Streams glued together change size in the middle."""
    path = tmp_path / "a.h264"
    parts = [
        film(tmp_path / f"{width}.h264", [plain(width=width)] * 3).read_bytes()
        for width in (64, 96)
    ]
    path.write_bytes(b"".join(parts))

    with pytest.raises(VideoInvalid, match=r"frame 3: found a picture of 96 x 48 .* 64 x 48"):
        list(open_video(path).frames())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Bytes of files of three containers."""
    folder = tmp_path_factory.mktemp("whole")
    random = np.random.default_rng(0)
    images = [random.integers(0, 255, (32, 32, 3), dtype=np.uint8) for _ in range(6)]
    return {ending: film(folder / f"a.{ending}", images).read_bytes() for ending in ("mp4", "mkv")}


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ending=st.sampled_from(["mp4", "mkv"]),
    cut=st.floats(0, 1),
    changes=st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 255)), max_size=30),
    is_cut=st.booleans(),
)
def test_no_damage_ends_in_anything_but_pictures_or_an_error_of_ours(
    whole, tmp_path, ending, cut, changes, is_cut
):
    content = bytearray(whole[ending])
    for place, value in changes:
        content[int(place * len(content))] = value
    path = tmp_path / f"a.{ending}"
    path.write_bytes(content[: int(cut * len(content))] if is_cut else content)

    try:
        frames = list(open_video(path).frames())
    except VideoInvalid:
        return
    assert all(frame.image_HW3.ndim == 3 for frame in frames)
    times = [frame.time_s for frame in frames]
    assert times == sorted(set(times))
