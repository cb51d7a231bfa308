"""Write pictures as an MP4 file that any player and browser shows."""

from __future__ import annotations

from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from skillbank_runners.api import placed_whole
from skillbank_runners.errors import RunnerError
from skillbank_runners.video.reading import Image

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

TIME_BASE = Fraction(1, 90_000)
"""Unit of a picture's time in seconds: MPEG's 90 kHz, which every usual frame rate divides."""
QUALITY = "21"
"""Constant rate factor of H.264: 18 looks like the source, 23 is the encoder's default."""


class VideoWriter:
    """An MP4 file in the making; the file appears under its name once it is complete.

    H.264 where PyAV has an encoder for it, else MPEG-4 part 2. Players want even sizes, so an
    odd row or column is doubled.

    Args:
        path: Of the file; its folder is made.
        frame_rate: Nominal frames per second; each picture's own time is kept.
    """

    def __init__(self, path: Path, frame_rate: float) -> None:
        self._path = path
        self._stack = ExitStack()
        self._rate = Fraction(min(max(frame_rate, 0.1), 1000.0)).limit_denominator(1001)
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        import av

        try:
            self._stack.__exit__(kind, error, trace)
        except (av.FFmpegError, OSError) as problem:
            if kind is None:
                raise self._failed(problem) from problem

    def write(self, image_HW3: Image, time_s: float) -> None:
        """Append a picture.

        Args:
            image_HW3: Red, green, blue, uint8; all of one size.
            time_s: Later than the one before.

        Raises:
            RunnerError: The file cannot be written.
        """
        import av

        height, width = image_HW3.shape[:2]
        even_HW3 = np.pad(image_HW3, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        try:
            stream, container = self._opened(even_HW3.shape[1], even_HW3.shape[0])
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even_HW3), format="rgb24")
            frame.pts = round(time_s / TIME_BASE)
            frame.time_base = TIME_BASE
            container.mux(stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from error

    def _opened(self, width: int, height: int) -> tuple[VideoStream, OutputContainer]:
        import av

        if self._stream is not None and self._container is not None:
            return self._stream, self._container
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._stack.enter_context(placed_whole(self._path))
        container = av.open(str(partial), mode="w", format="mp4")
        self._stack.push(self._finish)
        has_h264 = "libx264" in av.codecs_available
        stream = container.add_stream("libx264" if has_h264 else "mpeg4", rate=self._rate)
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = TIME_BASE
        if has_h264:
            stream.options = {"crf": QUALITY, "preset": "veryfast"}
        else:
            stream.bit_rate = 4 * width * height
        self._container, self._stream = container, stream
        return stream, container

    def _finish(self, kind: type[BaseException] | None, *_: object) -> None:
        """Write the last pictures, and close the file before it gets its name."""
        if self._container is None or self._stream is None:
            return
        if kind is None:
            self._container.mux(self._stream.encode(None))
        self._container.close()

    def _failed(self, error: Exception) -> RunnerError:
        reason = getattr(error, "strerror", None) or str(error)
        return RunnerError(f"{self._path}: cannot write the video: {reason}; name another place")
