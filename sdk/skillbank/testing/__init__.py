"""Suites that every platform and every store must pass; outside ones run them too.

Subclass `PlatformContract` in a test file and give it a `platform` fixture (`platform_suite` has
the hooks by which it fits other platforms: patience, plans, restart, a lost machine), or
`FilesContract` and give it a `store` and a `folder`; pytest does the rest. The jobs of the suite
need Python on the platform and nothing else.
"""

from skillbank.testing.files_contract import FilesContract
from skillbank.testing.jobs import (
    POLITE,
    SLEEP,
    STUBBORN,
    ScriptPlan,
    make_script_plan,
    start_and_wait,
    wait_for_end,
    wait_until,
)
from skillbank.testing.platform_contract import PlatformContract

__all__ = [
    "POLITE",
    "SLEEP",
    "STUBBORN",
    "FilesContract",
    "PlatformContract",
    "ScriptPlan",
    "make_script_plan",
    "start_and_wait",
    "wait_for_end",
    "wait_until",
]
