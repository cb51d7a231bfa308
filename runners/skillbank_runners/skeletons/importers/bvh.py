"""Biovision hierarchy files (.bvh) of motion capture: places of joints by forward kinematics.

HIERARCHY is a tree of joints, each with an OFFSET from its parent and CHANNELS; MOTION has one row
of channel values per frame, angles in degrees. A joint turns by its rotation channels from left to
right, R = R1 R2 R3 on column vectors, and stands at its offset, of which position channels replace
the axes they name (as Blender reads them). End sites become joints, named after their parent.

The layout is the file's own (`bvh<joints>_<mark>`), with conversions where its names are those of a
known rig.

Axes: T frames of a block, V joints, C channels, D coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.importers.bvh_hierarchy import Hierarchy, read_hierarchy
from skillbank_runners.skeletons.importers.fields import MAX_PLACE, Doubles
from skillbank_runners.skeletons.importers.text_files import Lines, files_of, open_lines
from skillbank_runners.skeletons.importers.world import world_pose
from skillbank_runners.skeletons.layout import Layout, load_layout
from skillbank_runners.skeletons.poses import Observation, PoseFileInvalid, Recording, Space
from skillbank_runners.skeletons.rigs import rig_layout

_BLOCK = 256  # frames at a time: large enough for NumPy, some megabytes at most
_AXES = {"x": 0, "y": 1, "z": 2}


def read(path: Path, options: ReadOptions) -> Iterator[Recording]:
    """One recording per .bvh file.

    Raises:
        PoseFileInvalid: The folder has no such file, or a file has no sound hierarchy.
    """
    for file in files_of(path, (".bvh",)):
        with open_lines(file) as lines:
            hierarchy = read_hierarchy(lines)
            _, frame_time_s = _read_motion_head(lines)
        yield Recording(
            name=file.stem,
            path=file,
            layout=_layout(file, hierarchy, options.layout),
            space=Space.WORLD,
            observations=_observations(file),
            frame_rate=options.frame_rate or 1 / frame_time_s,
        )


def place_joints(hierarchy: Hierarchy, values_TC: Doubles) -> Doubles:
    """Places of all joints, in the file's unit of length.

    Args:
        hierarchy: With C channels.
        values_TC: One row per frame, angles in degrees.

    Returns:
        (T, V, 3).
    """
    num_frames = len(values_TC)
    places_TVD = np.zeros((num_frames, len(hierarchy.names), 3))
    turns_VTDD: list[Doubles] = []
    column = 0
    for joint, parent in enumerate(hierarchy.parents):
        at_TD = np.tile(np.array(hierarchy.offsets[joint], np.float64), (num_frames, 1))
        turn_TDD = np.broadcast_to(np.eye(3), (num_frames, 3, 3))
        for channel in hierarchy.channels[joint]:
            axis = _AXES[channel[0]]
            if channel.endswith("position"):
                at_TD[:, axis] = values_TC[:, column]
            else:
                turn_TDD = turn_TDD @ _turns(axis, values_TC[:, column])
            column += 1
        if parent >= 0:
            at_TD = places_TVD[:, parent] + np.einsum("tij,tj->ti", turns_VTDD[parent], at_TD)
            turn_TDD = turns_VTDD[parent] @ turn_TDD
        places_TVD[:, joint] = at_TD
        turns_VTDD.append(turn_TDD)
    return places_TVD


def _turns(axis: int, degrees_T: Doubles) -> Doubles:
    """(T, 3, 3) rotations about one axis."""
    sine_T, cosine_T = np.sin(np.radians(degrees_T)), np.cos(np.radians(degrees_T))
    first, second = (axis + 1) % 3, (axis + 2) % 3
    turn_TDD = np.zeros((len(degrees_T), 3, 3))
    turn_TDD[:, axis, axis] = 1
    turn_TDD[:, first, first] = turn_TDD[:, second, second] = cosine_T
    turn_TDD[:, first, second] = -sine_T
    turn_TDD[:, second, first] = sine_T
    return turn_TDD


def _observations(path: Path) -> Iterator[Observation]:
    with open_lines(path) as lines:
        hierarchy = read_hierarchy(lines)
        num_frames, _ = _read_motion_head(lines)
        for start in range(0, num_frames, _BLOCK):
            frames = range(start, min(start + _BLOCK, num_frames))
            values_TC = np.stack([_row(lines, hierarchy, frame) for frame in frames])
            places_TVD = place_joints(hierarchy, values_TC)
            joints_TVD, confidence_TV = world_pose(places_TVD, np.ones(places_TVD.shape[:2]))
            for frame, joints_VD, confidence_V in zip(
                frames, joints_TVD, confidence_TV, strict=True
            ):
                yield Observation(frame, 0, joints_VD, confidence_V)


def _read_motion_head(lines: Lines) -> tuple[int, float]:
    """Number of frames, and seconds per frame."""
    while not (line := lines.take("MOTION")):
        pass
    if line.upper() != "MOTION":
        raise lines.invalid(f"found {line[:40]!r}, expected MOTION")
    count = _value(lines, "Frames:")
    if not count.isdecimal() or len(count) > 18:
        raise lines.invalid(f"found {count[:40]!r} frames, expected a whole number")
    time = _value(lines, "Frame Time:")
    try:
        frame_time_s = float(time)
    except ValueError:
        frame_time_s = np.nan
    if not 1e-6 <= frame_time_s <= 1e6:  # false for NaN as well
        raise lines.invalid(f"found the frame time {time[:40]!r}, expected seconds, more than 0")
    return int(count), frame_time_s


def _value(lines: Lines, key: str) -> str:
    line = lines.take(f"'{key}'")
    if not line.lower().startswith(key.lower()):
        raise lines.invalid(f"found {line[:40]!r}, expected '{key}'")
    return line[len(key) :].strip()


def _row(lines: Lines, hierarchy: Hierarchy, frame: int) -> Doubles:
    values_C = lines.numbers(f"the numbers of frame {frame}")
    if len(values_C) != hierarchy.num_channels:
        raise lines.invalid(
            f"found {len(values_C)} numbers, expected {hierarchy.num_channels}, one per channel"
        )
    if not (np.abs(values_C) <= MAX_PLACE).all():  # false for NaN as well
        raise lines.invalid("found a number that is not finite or beyond all measure")
    return values_C


def _layout(path: Path, hierarchy: Hierarchy, wanted: str) -> Layout | str:
    if not wanted:
        return rig_layout(hierarchy.names, hierarchy.parents)
    expected = load_layout(wanted).num_joints
    if expected != len(hierarchy.names):
        raise PoseFileInvalid(
            path, "HIERARCHY", f"found {len(hierarchy.names)} joints, but {wanted!r} has {expected}"
        )
    return wanted
