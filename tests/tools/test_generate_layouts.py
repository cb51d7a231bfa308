"""The page of layouts: its tables are those of the bank's file, and its example works."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from generate_layouts import layout_files
from layout_pictures import picture
from skillbank_runners.skeletons.layout import all_layouts, load_layout
from skillbank_runners.skeletons.layout_entry import LayoutEntry
from skillbank_runners.skeletons.layout_files import layout_entries

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "layouts.md"
SVG = "{http://www.w3.org/2000/svg}"
SKILL_PAGE = ROOT / "skills/tao-train-pose-classification/references/pose-data-format.md"


def rows(name: str) -> list[list[str]]:
    """Cells of the rows of one table."""
    page = layout_files(ROOT)[PAGE]
    block = page.split(f"<!-- generated: {name} -->\n")[1].split("<!-- end generated -->")[0]
    lines = block.strip().splitlines()
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_page_is_up_to_date() -> None:
    for path, text in layout_files(ROOT).items():
        assert path.read_text(encoding="utf-8") == text


def test_a_tree_without_the_page_gets_none(tmp_path: Path) -> None:
    assert layout_files(tmp_path) == {}


def test_every_name_and_joint_is_shown() -> None:
    shown = rows("layouts")
    assert [row[0] for row in shown] == list(layout_entries())
    assert {name for row in shown for name in row[:2]} - {"-"} == set(all_layouts())
    for name, joints in rows("joints"):
        expected = [f"{i} {joint}" for i, joint in enumerate(load_layout(name).joint_names)]
        assert joints.split(", ") == expected


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        ("coco17", "coco17", "="),
        ("coco17", "openpose18", "all"),
        ("body25", "h36m17", "all, by nvidia34"),
        ("hand21", "coco17", ""),
    ],
)
def test_the_matrix_says_how_to_get_from_one_to_the_other(
    source: str, target: str, said: str
) -> None:
    names = list(layout_entries())
    [row] = [row for row in rows("conversions") if row[0] == source]
    assert row[1 + names.index(target)] == said


@pytest.mark.parametrize(("page", "num_joints"), [(PAGE, 7), (SKILL_PAGE, 5)])
def test_the_example_of_a_layout_file_works(tmp_path: Path, page: Path, num_joints: int) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    [example] = [block for block in blocks if "joints:" in block]
    (tmp_path / "arms.yaml").write_text(example, encoding="utf-8")
    layout = load_layout(str(tmp_path / "arms.yaml"))
    assert (layout.name, layout.num_joints) == ("arms", num_joints)
    assert 2 * len(layout.left_right_pairs) == num_joints - 1


def test_the_page_explains_every_key_of_a_layout_file() -> None:
    text = PAGE.read_text(encoding="utf-8").split("| Key | Holds |")[1].split("\n\n")[0]
    explained = set(
        re.findall(
            r"`(\w+)`",
            "".join(line.split("|")[1] for line in text.splitlines() if line.count("|") > 3),
        )
    )
    not_for_users = {"tao", "flip_index"}
    assert explained == LayoutEntry.model_fields.keys() - not_for_users


@pytest.mark.parametrize("name", layout_entries())
def test_a_picture_shows_every_joint_at_a_place_of_its_own(name: str) -> None:
    svg = layout_files(ROOT)[ROOT / "docs" / "images" / "layouts" / f"{name}.svg"]
    layout = load_layout(name)
    root = ElementTree.fromstring(svg)
    circles = [(one.get("cx"), one.get("cy")) for one in root.iter(f"{SVG}circle")]
    assert len(circles) == len(set(circles)) == layout.num_joints
    assert [one.text for one in root.iter(f"{SVG}text")] == [str(i) for i in range(len(circles))]
    assert len(list(root.iter(f"{SVG}line"))) == len(layout.draw_edges)
    for left, right in layout.left_right_pairs:
        assert float(circles[left][0] or 0) > float(circles[right][0] or 0)


def test_a_joint_without_a_place_is_told() -> None:
    layout = replace(load_layout("coco17"), joint_names=("tail",) * 17)
    with pytest.raises(SystemExit, match="no place for 'tail' of mine"):
        picture("mine", layout)
