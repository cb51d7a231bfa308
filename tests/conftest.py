"""What holds for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Machines differ and tests run side by side: time is measured by tools/bench, not by these.
# The gate asks the same questions every time; whoever works here asks others.
settings.register_profile(
    "patient",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("patient")

# Files of twenty seconds and more, longest first: begun last, one of them would keep one core busy
# while the others have nothing left to do.
LONG = (
    "sdk/platforms/test_slurm_with_s3.py",
    "examples/test_demo.py",
    "runners/pose_classification/test_pause.py",
    "sdk/search/test_options_of_running_searches.py",
    "sdk/search/test_search_algorithms.py",
    "sdk/search/test_search_kills.py",
    "sdk/search/test_search_places.py",
    "sdk/search/test_search_goals.py",
    "runners/training/test_together.py",
    "sdk/cli/test_workflow.py",
    "sdk/workflows/test_workflow_runs.py",
    "sdk/workflows/test_workflow_kills.py",
    "runners/pose_classification/test_resume.py",
    "sdk/files/test_faults.py",
    "sdk/mcp/test_stdio.py",
    "sdk/test_kills.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long."""
    ranks = {str(Path(__file__).parent / name): rank for rank, name in enumerate(LONG)}
    items.sort(key=lambda item: ranks.get(str(item.path), len(ranks)))
