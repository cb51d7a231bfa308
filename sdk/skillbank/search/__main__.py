"""Process entry of a search: `python -m skillbank.search --job FOLDER`.

Exit codes: 0 complete, 1 the search failed, 2 the request was wrong, 143 stopped by SIGTERM.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Never

from skillbank.client import Client
from skillbank.errors import RequestInvalid, SkillbankError
from skillbank.job_folder import read_plan
from skillbank.search.run import SearchRun
from skillbank.search.status import SearchFolder

_FAILED, _WRONG_REQUEST, _STOPPED = 1, 2, 128 + signal.SIGTERM


class _Stopped(BaseException):
    """SIGTERM or SIGINT arrived."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, or go on with, one search."""
    parser = argparse.ArgumentParser(prog="python -m skillbank.search", description=__doc__)
    parser.add_argument("--job", type=Path, required=True, help="folder of the AutoML job")
    folder = parser.parse_args(arguments).job
    results = SearchFolder(folder / "results")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        run = SearchRun(Client(folder.parents[1]), read_plan(folder), results)
    except SkillbankError as error:
        return _fail(results, error)
    try:
        run.run()
    except _Stopped:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        run.interrupt()
        results.report(
            "cancelled; 'skillbank resume' goes on with the trials as they stand", "FAILURE"
        )
        return _STOPPED
    except SkillbankError as error:
        run.interrupt()
        return _fail(results, error)
    return 0


def _fail(results: SearchFolder, error: SkillbankError) -> int:
    results.report(str(error), "FAILURE")
    return _WRONG_REQUEST if isinstance(error, RequestInvalid) else _FAILED


def _stop(number: int, frame: FrameType | None) -> Never:
    del number, frame
    raise _Stopped


if __name__ == "__main__":
    sys.exit(main())
