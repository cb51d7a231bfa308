"""Clips drawn as a strip of skeletons, as inline SVG.

Axes: C channels, T frames, V joints, M people; D = 2 are the picture's axes, right and up.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from skillbank_runners.training.report_content import Clip, SkeletonLayout

Floats = npt.NDArray[np.floating[Any]]
Flags = npt.NDArray[np.bool_]

_MOST_FRAMES, _FEWEST_FRAMES = 8, 4
_WIDEST = 600.0
_HEIGHT = 120.0
_GAP = 12.0
_FOOT = 16.0  # room for the frame numbers
# Of these layouts the third channel is a confidence, not a depth; y points down the image.
_FLAT_LAYOUTS = frozenset({"openpose", "openpose18", "body25", "coco", "coco17", "halpe26"})
_HIGH_JOINTS = ("head", "nose", "neck", "eye", "ear")
_LOW_JOINTS = ("ankle", "foot", "toe", "heel")


@dataclass(frozen=True)
class _View:
    """From where to look: the channel that points up, and its sign."""

    up_channel: int
    up_sign: float
    is_flat: bool


def skeleton_strips(clips: Sequence[Clip], layout: SkeletonLayout) -> list[Markup]:
    """One SVG per clip: frames from left to right; left limbs, right limbs and trunk by class."""
    if not clips:
        return []
    view = _choose_view(clips, layout)
    return [_strip(clip, layout, view) for clip in clips]


def _choose_view(clips: Sequence[Clip], layout: SkeletonLayout) -> _View:
    """Up is where heads are, seen from the feet, on average over all clips."""
    is_flat = layout.name in _FLAT_LAYOUTS or clips[0].values.shape[0] < 3
    high, low = _joints_like(layout, _HIGH_JOINTS), _joints_like(layout, _LOW_JOINTS)
    if not high or not low:
        return _View(1, -1.0 if is_flat else 1.0, is_flat)
    num_axes = 2 if is_flat else 3
    tall_C = np.zeros(num_axes)
    for clip in clips:
        joints_CTV = np.nan_to_num(clip.values[:num_axes, :, :, 0].astype(np.float64))
        tall_C += (joints_CTV[..., high].mean(axis=2) - joints_CTV[..., low].mean(axis=2)).mean(1)
    channel = int(np.abs(tall_C).argmax())
    return _View(channel, float(np.sign(tall_C[channel]) or 1.0), is_flat)


def _joints_like(layout: SkeletonLayout, words: Sequence[str]) -> list[int]:
    return [
        joint
        for joint, name in enumerate(layout.joint_names)
        if any(word in name for word in words)
    ]


def _strip(clip: Clip, layout: SkeletonLayout, view: _View) -> Markup:
    values_CTVM = np.nan_to_num(clip.values.astype(np.float64))
    filled = _filled_frames(values_CTVM)
    flat_DTVM = _project(values_CTVM[:, filled], layout, view)
    seen_TVM = _seen(values_CTVM[:, filled], view)
    placed_DTVM, width = _place(flat_DTVM, seen_TVM)
    most = min(max(round(_WIDEST / width), _FEWEST_FRAMES), _MOST_FRAMES, len(filled))
    shown = np.linspace(0, len(filled) - 1, most).round().astype(int)
    cells = [
        _cell(placed_DTVM[:, t], seen_TVM[t], layout)
        + f'<text x="{width / 2:.1f}" y="{_HEIGHT + _FOOT - 3:.0f}">{filled[t]}</text>'
        for t in shown
    ]
    label = html.escape(f"Clip {clip.name}: {most} of {values_CTVM.shape[1]} frames")
    head = (
        f'<svg class="skeleton" viewBox="0 0 {width * most:.0f} {_HEIGHT + _FOOT:.0f}" '
        f'style="max-width:{width * most:.0f}px" role="img" aria-label="{label}">'
    )
    groups = [
        f'<g transform="translate({width * i:.1f} 0)">{cell}</g>' for i, cell in enumerate(cells)
    ]
    return Markup("".join([head, *groups, "</svg>"]))


def _filled_frames(values_CTVM: Floats) -> npt.NDArray[np.intp]:
    """Frames that are not padding; all of them where a clip is nothing but zeros."""
    filled = np.flatnonzero(values_CTVM.any(axis=(0, 2, 3)))
    return filled if len(filled) else np.arange(values_CTVM.shape[1])


def _seen(values_CTVM: Floats, view: _View) -> Flags:
    """Joints to draw, (T, V, M): all of a person who is there; in images, those found."""
    found_TVM: Flags = np.any(values_CTVM != 0, axis=0)
    if view.is_flat:
        return found_TVM
    # In space a joint at the origin, such as the root, is as good as any other.
    here_TVM: Flags = np.any(found_TVM, axis=1, keepdims=True) | np.zeros_like(found_TVM)
    return here_TVM


def _project(values_CTVM: Floats, layout: SkeletonLayout, view: _View) -> Floats:
    """(D, T, V, M): an image as it is; in space, the upright plane in which most moves."""
    up_TVM = view.up_sign * values_CTVM[view.up_channel]
    if view.is_flat:
        return np.stack([values_CTVM[1 - view.up_channel], up_TVM])
    level = [channel for channel in range(3) if channel != view.up_channel]
    level_CTVM = values_CTVM[level]
    centred = (level_CTVM - level_CTVM.mean(axis=2, keepdims=True)).reshape(2, -1)
    _, directions = np.linalg.eigh(centred @ centred.T)
    right_C = directions[:, -1]
    # Seen from the front: the person's left is on the right of the picture.
    pairs = np.array(layout.left_right_pairs, dtype=int).reshape(-1, 2)
    to_left_C = (level_CTVM[:, :, pairs[:, 0]] - level_CTVM[:, :, pairs[:, 1]]).sum(axis=(1, 2, 3))
    sign = -1.0 if right_C @ to_left_C < 0 else 1.0
    return np.stack([np.tensordot(sign * right_C, level_CTVM, axes=1), up_TVM])


def _place(flat_DTVM: Floats, seen_TVM: Flags) -> tuple[Floats, float]:
    """Picture coordinates of every frame in its own cell, one scale for all, and a cell's width."""
    masked = np.where(seen_TVM, flat_DTVM, np.nan)
    if not seen_TVM.any():
        return np.zeros_like(flat_DTVM), _HEIGHT / 2
    right_TVM, up_TVM = masked
    low_T, high_T = np.nanmin(right_TVM, axis=(1, 2)), np.nanmax(right_TVM, axis=(1, 2))
    bottom, top = np.nanmin(up_TVM), np.nanmax(up_TVM)
    widest = float(np.max(high_T - low_T))
    scale = (_HEIGHT - _GAP) / max(float(top - bottom), widest / 2, 1e-9)
    width = max(widest * scale, 0.35 * _HEIGHT) + _GAP
    middle_T11 = ((low_T + high_T) / 2)[:, None, None]
    x = width / 2 + scale * (np.nan_to_num(right_TVM) - middle_T11)
    y = _HEIGHT - _GAP / 2 - scale * (np.nan_to_num(up_TVM) - bottom)
    return np.stack([x, y]), width


def _cell(joints_DVM: Floats, seen_VM: Flags, layout: SkeletonLayout) -> str:
    """All people of one frame, as up to three paths each."""
    paths = [
        path
        for person in range(joints_DVM.shape[2])
        for path in _person(joints_DVM[..., person], seen_VM[:, person], layout)
    ]
    return "".join(paths)


def _person(joints_DV: Floats, seen_V: Flags, layout: SkeletonLayout) -> Iterator[str]:
    paths = {"trunk": "", "right": "", "left": ""}
    for a, b in layout.draw_edges:
        if seen_V[a] and seen_V[b]:
            (xa, xb), (ya, yb) = joints_DV[0, [a, b]], joints_DV[1, [a, b]]
            paths[_side(a, b, layout)] += f"M{xa:.1f} {ya:.1f}L{xb:.1f} {yb:.1f}"
    for side, path in paths.items():
        if path:
            yield f'<path class="{side}" d="{path}"/>'


def _side(a: int, b: int, layout: SkeletonLayout) -> str:
    """A bone is of a side when one of its joints is and none is of the other."""
    is_left = any(joint in {a, b} for joint, _ in layout.left_right_pairs)
    is_right = any(joint in {a, b} for _, joint in layout.left_right_pairs)
    if is_left == is_right:
        return "trunk"
    return "left" if is_left else "right"
