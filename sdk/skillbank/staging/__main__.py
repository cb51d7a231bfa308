"""Carry out one attempt of a job: `python -m skillbank.staging JOB ATTEMPT`.

JOB is the job's folder, where this machine sees it, or its results URI. The exit status is the
job's own: 0 complete, 75 paused, 143 stopped; 74 says that the place failed it, 76 that another
process holds its results.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from skillbank.errors import FilesError, LeaseLost, SkillbankError
from skillbank.settings import scratch_folder
from skillbank.staging.attendant import Attendant
from skillbank.staging.child import hold_signals
from skillbank.staging.fetching import fetch_order, open_folder
from skillbank.staging.order import FENCED_EXIT, PLACE_FAILED_EXIT

_WRONG_REQUEST_EXIT = 2


def main(arguments: list[str]) -> int:
    """Carry out an attempt; its exit status.

    Args:
        arguments: The job's folder or results URI, and the number of the attempt.
    """
    where, attempt = arguments[0], int(arguments[1])
    hold_signals()
    try:
        if "://" in where:
            order, folder = fetch_order(where, attempt, scratch_folder())
        else:
            order, folder = open_folder(Path(where), attempt)
        return Attendant(order, folder).run()
    except LeaseLost as error:
        return _tell(error, FENCED_EXIT)
    except FilesError as error:
        return _tell(error, PLACE_FAILED_EXIT)
    except OSError as error:
        return _tell(SkillbankError(f"this machine failed the job: {error}"), PLACE_FAILED_EXIT)
    except SkillbankError as error:
        return _tell(error, _WRONG_REQUEST_EXIT)


def _tell(error: SkillbankError, exit_code: int) -> int:
    sys.stderr.write(f"error: {error}\n")
    sys.stderr.flush()
    return exit_code


if __name__ == "__main__":
    # What was given up on a warning, such as a download, must not hold up the exit.
    os._exit(main(sys.argv[1:]))
