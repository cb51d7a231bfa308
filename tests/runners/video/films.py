"""Tiny videos, made by the test that reads them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "video" / "cam0_test.mp4"
"""One person who walks in, sits down, gets up and leaves; beside the checkout, never shipped."""

RED, GREEN, BLUE = (220, 20, 20), (20, 220, 20), (20, 20, 220)


def plain(width=64, height=48, level=0):
    """A grey picture."""
    return np.full((height, width, 3), level, np.uint8)


def quarters(width=64, height=48):
    """Red at the top left, green at the top right, blue below."""
    image = np.empty((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = RED
    image[: height // 2, width // 2 :] = GREEN
    image[height // 2 :] = BLUE
    return image


def film(path, images, *, rate=10, times=None, rotation=0, codec="libx264", options=None):
    """Write pictures; `times` are in seconds, of variable frame rates."""
    with av.open(str(path), mode="w") as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            stream.set_display_rotation(rotation)
        for index, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            time_s = index / rate if times is None else times[index]
            frame.pts, frame.time_base = round(1000 * time_s), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def sound(path):
    """A file with nothing but sound."""
    with av.open(str(path), mode="w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def is_near(pixel, colour):
    """Whether a decoded pixel shows a colour; codecs change colours somewhat."""
    return np.abs(np.asarray(pixel, int) - colour).max() < 40
