"""A picture of every layout: a person who faces the reader, each joint with its number."""

from __future__ import annotations

from skillbank_runners.skeletons.layout import Layout

_Place = tuple[float, float]  # to the person's left, and up from the hips; a head is 0.3 high

_SIZE, _MARGIN = 640.0, 40.0
_MIDDLE: dict[str, _Place] = {
    "pelvis hip hips mid_hip spine_base": (0, 0),
    "spine1": (0, 0.13),
    "torso spine spine_mid spine2": (0, 0.26),
    "chest": (0, 0.38),
    "thorax spine_shoulder neck1": (0, 0.5),
    "neck neck2": (0, 0.57),
    "neck_nose jaw": (0, 0.63),
    "nose": (0, 0.7),
    "head": (0, 0.78),
    "head_end": (0, 0.9),
}
_LEFT: dict[str, _Place] = {
    "eye": (0.08, 0.77),
    "eye_inner": (0.03, 0.77),
    "eye_outer": (0.13, 0.77),
    "ear": (0.17, 0.72),
    "mouth": (0.035, 0.64),
    "shoulder arm": (0.22, 0.5),
    "elbow forearm": (0.36, 0.26),
    "wrist hand": (0.46, 0.02),
    "pinky pinky_knuckle": (0.55, -0.04),
    "middle_tip hand_tip": (0.53, -0.14),
    "index index_knuckle": (0.48, -0.09),
    "thumb thumb_tip": (0.41, -0.06),
    "hip up_leg": (0.12, 0),
    "knee leg": (0.15, -0.42),
    "ankle": (0.16, -0.82),
    "foot": (0.17, -0.84),
    "heel": (0.12, -0.89),
    "big_toe toe_base": (0.17, -0.94),
    "small_toe toe_end": (0.24, -0.92),
    "foot_index": (0.21, -0.95),
}
_FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_OF_LAYOUT: dict[str, dict[str, _Place]] = {
    "ntu25": {"left_hand": (0.49, -0.06), "left_foot": (0.22, -0.93)},
    "ntu24": {"left_hand": (0.49, -0.06), "left_foot": (0.22, -0.93)},
    "nova77": {"left_shoulder": (0.08, 0.48), "head": (0, 0.7)},
    "halpe26": {"head": (0, 0.88)},
}


def picture(name: str, layout: Layout) -> str:
    """SVG of one layout.

    Raises:
        SystemExit: A joint has no place here.
    """
    places = [_place(name, joint) for joint in layout.joint_names]
    xs, ys = zip(*places, strict=True)
    scale = (_SIZE - 2 * _MARGIN) / max(max(xs) - min(xs), max(ys) - min(ys))
    dots = [(_MARGIN + (x - min(xs)) * scale, _MARGIN + (max(ys) - y) * scale) for x, y in places]
    width, height = (max(side) + _MARGIN for side in zip(*dots, strict=True))
    lines = [
        f'<line x1="{dots[a][0]:.0f}" y1="{dots[a][1]:.0f}" x2="{dots[b][0]:.0f}" '
        f'y2="{dots[b][1]:.0f}"/>'
        for a, b in layout.draw_edges
    ]
    marks = [
        f'<circle cx="{x:.0f}" cy="{y:.0f}" r="7" fill="{_colour(layout, joint)}"/>'
        f'<text x="{x:.0f}" y="{y + 3:.0f}">{joint}</text>'
        for joint, (x, y) in enumerate(dots)
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" font-size="8" '
            'text-anchor="middle" fill="white">',
            f"<title>{name}</title>",
            '<rect width="100%" height="100%"/>',
            f'<g stroke="#888" stroke-width="2">{"".join(lines)}</g>',
            *marks,
            "</svg>\n",
        ]
    )


def _colour(layout: Layout, joint: int) -> str:
    """Left joints are blue, right ones red, as in the reports."""
    if any(joint == left for left, _ in layout.left_right_pairs):
        return "#1f6fb4"
    if any(joint == right for _, right in layout.left_right_pairs):
        return "#c0392b"
    return "#444"


def _place(layout: str, joint: str) -> _Place:
    if joint.startswith("right_"):
        x, y = _place(layout, joint.replace("right_", "left_", 1))
        return -x, y
    own = _OF_LAYOUT.get(layout, {})
    if joint in own:
        return own[joint]
    side, _, part = joint.rpartition("left_")
    table = _LEFT if joint != part and not side else _MIDDLE
    found = [place for names, place in table.items() if part in names.split()]
    return found[0] if found else _finger(layout, part)


def _finger(layout: str, part: str) -> _Place:
    """Joints along a finger: `thumb1` to `thumb_end`, or `thumb_1` of a hand alone."""
    finger, number = part[:-1].rstrip("_"), part[-1]
    if part.endswith("_end"):
        finger, number = part.removesuffix("_end"), "5"
    if part == "wrist":
        return 0, 0
    if finger not in _FINGERS or not number.isdecimal():
        raise SystemExit(f"tools/layout_pictures.py: no place for {part!r} of {layout}")
    spread, steps = _FINGERS.index(finger), int(number)
    if layout == "hand21":
        return 0.35 - 0.2 * spread + 0.02 * steps, 0.25 * steps + 0.1 * (spread > 0)
    return 0.36 + 0.055 * spread, -0.03 - 0.055 * steps
