"""docs/kubernetes.md names every setting that there is, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from skillbank.platforms.kubernetes.settings import KubernetesSettings

PAGE = Path(__file__).resolve().parents[3] / "docs" / "kubernetes.md"


def test_the_table_of_settings_is_complete() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## Settings")[2].partition("\n## ")[0]
    named = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", table, re.M)
    fields = KubernetesSettings.model_fields.items()

    assert dict(named) == {one.alias or name: one.description for name, one in fields}
