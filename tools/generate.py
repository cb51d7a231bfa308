"""Write everything that is derived from code: schemas, templates, manifests, tables in pages.

python tools/generate.py          write what is out of date
python tools/generate.py --check  name what is out of date, and exit 1 if anything is
"""

from __future__ import annotations

import sys
from pathlib import Path

from generate_agents import agents_page
from generate_automl import automl_files
from generate_formats import format_files
from generate_layouts import layout_files
from generate_mcp import mcp_files
from generate_pages import function_page, page_files
from generate_skills import Files, skill_files
from skillbank.bank import SkillBank
from skillbank.documents import read_yaml

ROOT = Path(__file__).resolve().parents[1]


def generated_files(root: Path = ROOT) -> Files:
    """Path and text of every file that is derived from code."""
    versions = read_yaml(root / "references" / "versions.yaml")
    files = format_files(root / "schemas")
    files[root / "references" / "inference-functions.md"] = function_page()
    files |= automl_files(root)
    files |= layout_files(root)
    files |= mcp_files(root)
    for skill in SkillBank([root / "skills"]):
        if skill.has_info:
            files |= skill_files(skill, versions)
        files |= page_files(skill)
    files |= agents_page(root, files)
    return files


def stale_files(root: Path = ROOT) -> Files:
    """The generated files that are missing or hold another text."""
    return {
        path: text
        for path, text in generated_files(root).items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    }


def main(arguments: list[str]) -> int:
    """Write or check the generated files."""
    stale = stale_files()
    if arguments == ["--check"]:
        for path in stale:
            print(f"out of date: {path.relative_to(ROOT)}; run 'make generate'")
        return 1 if stale else 0
    if arguments:
        print(f"unknown arguments {arguments}; use none, or --check", file=sys.stderr)
        return 2
    for path, text in stale.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
