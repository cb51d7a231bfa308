"""Pictures of a video file, upright, one after another, with their times.

Axes: H rows, W columns, 3 colours (red, green, blue).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from skillbank_runners.video.errors import VideoInvalid, VideoMissing

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

Image = npt.NDArray[np.uint8]
FALLBACK_RATE = 25.0
"""Frames per second of a file that does not say."""

log = logging.getLogger(__name__)


class Frame(NamedTuple):
    """One picture.

    Attributes:
        number: From 0 on; a picture that cannot be decoded leaves a gap.
        time_s: Seconds since the first picture, as the file states them, strictly increasing.
        image_HW3: As a viewer shows it: rotated as the file asks for.
    """

    number: int
    time_s: float
    image_HW3: Image


@dataclass
class Video:
    """A video file that can be read, as often as needed.

    Attributes:
        path: Of the file.
        width: Of the upright picture in pixels.
        height: Of the upright picture in pixels.
        frame_rate: Average number of frames per second.
        num_frames: As the file announces; 0: it does not.
        damaged: Packets of the last reading that could not be decoded.
    """

    path: Path
    width: int
    height: int
    frame_rate: float
    num_frames: int
    damaged: int = field(default=0, compare=False)

    def frames(self) -> Iterator[Frame]:
        """All pictures, from front to back; one is in memory at a time.

        Raises:
            VideoInvalid: The file has gone, or a picture has another size than the first.
        """
        with _opened(self.path) as container:
            number, before_s, began_s = 0, -1.0, 0.0
            for picture in _decoded(self, container):
                if picture is None:
                    number += 1
                    continue
                time_s = picture.time if picture.pts is not None else number / self.frame_rate
                began_s = time_s if before_s < 0 else began_s
                before_s = max(time_s - began_s, before_s + 1e-6)
                yield Frame(number, before_s, self._upright(picture, number))
                number += 1
        self._warn(number)

    def _upright(self, picture: av.VideoFrame, number: int) -> Image:
        image = upright(picture)
        if image.shape[:2] != (self.height, self.width):
            found = f"{image.shape[1]} x {image.shape[0]}"
            expected = f"{self.width} x {self.height} as in the first"
            raise VideoInvalid(
                self.path,
                f"frame {number}: found a picture of {found} pixels, expected {expected}; "
                "cut the file where its size changes",
            )
        return image

    def _warn(self, found: int) -> None:
        if self.damaged:
            log.warning("%s: skipped %d damaged pictures", self.path, self.damaged)
        if found < self.num_frames:
            log.warning(
                "%s: found %d of the %d pictures it announces; its end may be cut off",
                self.path,
                found,
                self.num_frames,
            )


def open_video(path: Path) -> Video:
    """A video file, after a look at its first picture.

    Raises:
        VideoInvalid: No such file, no video in it, or no picture that can be decoded.
        VideoMissing: PyAV is not installed.
    """
    if not path.is_file():
        kind = "a folder" if path.is_dir() else "no such file"
        raise VideoInvalid(path, f"{kind}, expected a video file")
    with _opened(path) as container:
        stream = _video_stream(path, container)
        rate = stream.average_rate or stream.guessed_rate
        video = Video(path, 0, 0, float(rate) if rate else FALLBACK_RATE, stream.frames)
        first = next((picture for picture in _decoded(video, container) if picture), None)
    if first is None:
        raise VideoInvalid(
            path,
            "found no picture that can be decoded, expected at least one; play the file to see",
        )
    video.height, video.width = upright(first).shape[:2]
    return video


def upright(picture: av.VideoFrame) -> Image:
    """A decoded picture as a viewer shows it, (H, W, 3) uint8.

    `rotation` is the counterclockwise angle, in degrees, of the display matrix that containers
    hold (ISO/IEC 14496-12, tkhd), in [-180, 180].
    """
    image = cast(Image, picture.to_ndarray(format="rgb24"))
    turns = round(picture.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def _opened(path: Path) -> InputContainer:
    """The opened file; a playlist in it opens no network address."""
    try:
        import av
    except ImportError as error:
        raise VideoMissing(
            "reading a video needs PyAV, which is not installed; run pip install 'skillbank[video]'"
        ) from error
    try:
        return av.open(
            f"file:{path}",
            mode="r",
            options={"protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except (av.FFmpegError, OSError) as error:
        raise VideoInvalid(
            path, f"found no video that can be read ({_reason(error)}), expected mp4, mkv, avi, ..."
        ) from error


def _video_stream(path: Path, container: InputContainer) -> VideoStream:
    if not container.streams.video:
        kinds = sorted({stream.type for stream in container.streams})
        found = f"only {' and '.join(kinds)}" if kinds else "nothing"
        raise VideoInvalid(path, f"found {found}, expected pictures: a file with a video stream")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise VideoInvalid(
            path, "found a kind of video that no decoder here reads; re-encode it as H.264"
        )
    return stream


def _decoded(video: Video, container: InputContainer) -> Iterator[av.VideoFrame | None]:
    """Pictures in order of display; None for a packet that cannot be decoded."""
    import av

    stream = _video_stream(video.path, container)
    stream.thread_type = "AUTO"
    video.damaged = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            pictures = packet.decode()
        except (av.error.EOFError, StopIteration):
            return
        except av.FFmpegError:
            video.damaged += 1
            yield None
            continue
        yield from pictures


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return str(text).strip().rstrip(".").lower()
