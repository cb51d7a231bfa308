"""Put the data folders into wheels; an editable install reads the checkout's own."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# The runners read reference data too and never import the SDK, so each package gets what it reads.
PACKAGED = {
    "skills": "skillbank/skills",
    "schemas": "skillbank/schemas",
    "plugin/skills": "skillbank/plugin/skills",
    "references": "skillbank/references",
    "references/layouts.yaml": "skillbank_runners/references/layouts.yaml",
}


class CustomBuildHook(BuildHookInterface[Any]):
    """Map each data folder into the package that reads it, unless the copy could go stale."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Run before files are collected; `version` is 'standard' or 'editable'."""
        if version == "standard":
            build_data["force_include"].update(PACKAGED)
