"""The tables and pictures of docs/layouts.md, from references/layouts.yaml."""

from __future__ import annotations

from pathlib import Path

from generate_pages import fill_blocks, table
from generate_skills import Files
from layout_pictures import picture
from skillbank_runners.skeletons.layout import Layout, conversion_steps, load_layout
from skillbank_runners.skeletons.layout_files import LayoutInvalid, layout_entries

_PICTURES = "images/layouts"


def layout_files(root: Path) -> Files:
    """The page of layouts with its tables made anew, and its pictures; nothing without a page."""
    page = root / "docs" / "layouts.md"
    if not page.is_file():
        return {}
    tables = {
        "layouts": _layouts(),
        "conversions": _conversions(),
        "joints": _joints(),
        "pictures": _pictures(),
    }
    drawn = {
        root / "docs" / _PICTURES / f"{name}.svg": picture(name, load_layout(name))
        for name in layout_entries()
    }
    return {page: fill_blocks(page.read_text(encoding="utf-8"), tables, page), **drawn}


def _layouts() -> str:
    rows = []
    for name, entry in layout_entries().items():
        layout = load_layout(name)
        tao = entry.tao.graph_layout if entry.tao else ""
        edges = f"{len(layout.edges)}" + (f" ({len(load_layout(tao).edges)})" if tao else "")
        root = ", ".join(layout.joint_names[joint] for joint in layout.root_joints)
        also = ", ".join(alias for alias in entry.aliases if alias != tao) or "-"
        name_of_tao = f"`{tao}`" if tao else "-"
        rows.append((f"`{name}`", name_of_tao, f"{layout.num_joints}", edges, root, also))
    head = ("Name", "TAO's name", "Joints", "Edges (TAO's)", "Place of the body", "Also known as")
    return table(head, rows)


def _conversions() -> str:
    names = list(layout_entries())
    rows = [(f"`{source}`", *(_way(source, target) for target in names)) for source in names]
    return table(("From \\ to", *(f"`{name}`" for name in names)), rows)


def _way(source: str, target: str) -> str:
    """How poses of one become poses of the other, and how many of the target's joints."""
    before, after = load_layout(source), load_layout(target)
    try:
        steps = conversion_steps(before, after)
    except LayoutInvalid:
        return ""
    if not steps:
        return "="
    made = [bool(one) for one in steps[-1]]
    if len(steps) == 2:
        made = [any(steps[0][joint] for joint in one or ()) for one in steps[1]]
    share = "all" if all(made) else f"{sum(made)} of {len(made)}"
    return share if len(steps) == 1 else f"{share}, by {_middle(before, steps[0])}"


def _middle(source: Layout, step: object) -> str:
    return next(name for name, how in source.conversions if how is step)


def _joints() -> str:
    rows = (
        (
            f"`{name}`",
            ", ".join(f"{number} {joint}" for number, joint in enumerate(entry.joints)),
        )
        for name, entry in layout_entries().items()
    )
    return table(("Layout", "Joints by number"), rows)


def _pictures() -> str:
    names = list(layout_entries())
    lines = [f'<img src="{_PICTURES}/{name}.svg" width="260" alt="{name}">\n' for name in names]
    return "".join(lines)
