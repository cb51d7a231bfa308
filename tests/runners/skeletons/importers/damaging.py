"""Damage files as disks, editors and attackers do, and see that readers stay calm."""

import tracemalloc
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from skillbank_runners.skeletons.importers import ReadOptions, read_recordings
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.skeletons.poses import PoseFileInvalid

MEMORY_BYTES = 100_000_000
"""What reading a few kilobytes may take at most."""
ABSURD = (
    b"1000000000",
    b"-1",
    b"1e400",
    b"nan",
    b"99999999999999999999",
    b"",
    b"{",
    b"\x00",
    b"\xff",
)


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """The content cut off, with bytes changed, or with a stretch replaced by something absurd."""
    start = draw(st.integers(0, len(content)))
    match draw(st.sampled_from(["cut", "flip", "replace", "random"])):
        case "cut":
            return content[:start]
        case "flip":
            changed = bytearray(content)
            for _ in range(draw(st.integers(1, 4))):
                changed[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
            return bytes(changed)
        case "replace":
            end = start + draw(st.integers(0, 12))
            return content[:start] + draw(st.sampled_from(ABSURD)) + content[end:]
        case _:
            return draw(st.binary(max_size=200))


def read_calmly(name: str, path: Path, content: bytes, options: ReadOptions) -> None:
    """Read a damaged file: sound observations or PoseFileInvalid, in little memory."""
    path.write_bytes(content)
    told = str(path)
    tracemalloc.start()
    try:
        for recording in read_recordings(name, path, options):
            num_joints = load_layout(recording.layout).num_joints
            for one in recording.observations:
                assert one.joints_VD.shape[0] == one.confidence_V.shape[0] == num_joints
                assert one.joints_VD.dtype == one.confidence_V.dtype == np.float32
                assert np.isfinite(one.joints_VD).all()
                assert ((one.confidence_V >= 0) & (one.confidence_V <= 1)).all()
                assert not one.joints_VD[one.confidence_V == 0].any()
                assert one.frame >= 0
    except PoseFileInvalid as error:
        told = str(error)
    finally:
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert told.startswith(str(path))
    assert len(told) < 1000
    assert peak_bytes < MEMORY_BYTES
