"""Process entry of a workflow: `python -m skillbank.workflows --workflow FOLDER`.

Exit codes: 0 complete, 1 a step failed, 143 stopped by SIGTERM.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from skillbank.client import Client
from skillbank.errors import SkillbankError
from skillbank.workflows.driver import FAILED_EXIT, STOPS, Driver
from skillbank.workflows.folder import WorkflowFolder


def main(arguments: Sequence[str] | None = None) -> int:
    """Advance, or go on with, one workflow."""
    parser = argparse.ArgumentParser(prog="python -m skillbank.workflows", description=__doc__)
    parser.add_argument("--workflow", type=Path, required=True, help="folder of the workflow")
    folder = WorkflowFolder(parser.parse_args(arguments).workflow)
    # Blocked, they are only seen between two looks: no step is left half submitted.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        # Relative paths count from where the workflow was made. A folder that is gone is told by
        # the step that needs it.
        with suppress(OSError):
            os.chdir(folder.plan().working_folder)
        return Driver(Client(folder.root), folder).run()
    except SkillbankError as error:
        folder.write_outcome(folder.last_attempt(), str(error))
        return FAILED_EXIT
    except OSError as error:  # a full disk: no file may say so, the log is asked then
        print(f"error: {error}", flush=True)  # noqa: T201
        return FAILED_EXIT


if __name__ == "__main__":
    sys.exit(main())
