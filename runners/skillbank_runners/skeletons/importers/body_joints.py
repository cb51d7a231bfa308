"""Which layout a number of joints means, and the body alone out of poses with hands and face."""

from __future__ import annotations

from collections.abc import Mapping

from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.importers.fields import Doubles, Spot
from skillbank_runners.skeletons.importers.files import joints_of

WHOLE_BODIES = {
    133: "coco17",
    136: "halpe26",
}
"""Joints of COCO-WholeBody and Halpe-136 -> layout that their first joints are
(github.com/jin-s13/COCO-WholeBody, github.com/Fang-Haoshu/Halpe-FullBody)."""


def layout_of(count: int, layouts: Mapping[int, str], options: ReadOptions, spot: Spot) -> str:
    """Layout that the user names, else the one with this many joints."""
    if options.layout:
        return options.layout
    if count in layouts:
        return layouts[count]
    known = ", ".join(f"{joints} ({name})" for joints, name in layouts.items())
    advice = "dataset_convert.source_layout names another layout, or a layout file"
    if count in WHOLE_BODIES:
        body = WHOLE_BODIES[count]
        key = "dataset_convert.source_layout"
        advice = f"{key}: {body} takes the body alone, the first {joints_of(body)} joints"
    raise spot.invalid(f"found {count} joints, expected {known}; {advice}")


def body_of(points: Doubles, layout: str, spot: Spot) -> Doubles:
    """Joints (V, ...) of a layout out of a file's, whole bodies cut to the body."""
    expected = joints_of(layout)
    if len(points) == expected:
        return points
    if WHOLE_BODIES.get(len(points)) == layout:
        return points[:expected]
    raise spot.invalid(f"found {len(points)} joints, expected {expected} of layout {layout}")
