"""The parts of one transfer, several at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass

from skillbank.files.retrying import Patience


@dataclass(frozen=True)
class Parts:
    """How a large transfer is divided.

    Attributes:
        size_bytes: Size of a part; S3 takes none below 5 MiB.
        threads: How many go over at once.
    """

    size_bytes: int = 16 << 20
    threads: int = 8


USUAL_PARTS = Parts()


def run_parts(
    numbers: Sequence[int], work: Callable[[int], None], threads: int, patience: Patience
) -> None:
    """Do the work of every part; the first failure ends those that wait or have not begun.

    Args:
        numbers: Of the parts, in the order in which they begin.
        work: Done with each number.
        threads: How many at once.
        patience: Of the transfer, which is stopped by a failure.
    """
    if len(numbers) <= 1 or threads == 1:
        for number in numbers:
            work(number)
        return
    with ThreadPoolExecutor(min(threads, len(numbers)), "skillbank-part") as pool:
        futures = [pool.submit(work, number) for number in numbers]
        is_whole = False
        try:
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            failed = next((f for f in futures if f in done and f.exception()), None)
            if failed is not None:
                failed.result()
            is_whole = True
        finally:
            if not is_whole:  # also after Ctrl-C: threads that wait would keep the process
                patience.stop()
                pool.shutdown(wait=False, cancel_futures=True)
