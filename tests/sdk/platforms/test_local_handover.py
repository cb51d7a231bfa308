"""From one attempt to the next: the first may still be going when its end is known."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from skillbank.job import JobState
from skillbank.locks import try_lock
from skillbank.platforms.attempt import AttemptFolder
from skillbank.platforms.local import LocalPlatform
from skillbank.testing import make_script_plan, wait_for_end, wait_until


# Slow (1 s): longer than anybody looks at a lock.
def test_a_further_attempt_waits_for_a_supervisor_that_has_told_the_end_and_is_slow_to_go(
    tmp_path: Path,
) -> None:
    platform = LocalPlatform(tmp_path, gpus=())
    plan = make_script_plan(tmp_path, "")
    platform.submit(plan, 1)
    wait_for_end(platform, plan)
    held: list[int] = []

    def is_taken() -> bool:
        lock = try_lock(AttemptFolder(plan.folder, 1).lock)
        held.extend([] if lock is None else [lock])
        return bool(held)

    wait_until(is_taken, "the supervisor has gone")  # and this test stands in for it
    letting_go = threading.Timer(1.0, os.close, held)
    letting_go.start()
    began = time.monotonic()

    platform.submit(plan, 2)

    assert time.monotonic() - began > 0.5
    assert wait_for_end(platform, plan, 2).state is JobState.COMPLETE
    letting_go.join()
