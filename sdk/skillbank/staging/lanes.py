"""A few threads that work for others and never hold up the end of the process."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from skillbank.errors import SkillbankError

Result = TypeVar("Result")
_Job = tuple[Callable[[], object], "Future[object]"]


class Lane:
    """Runs what is handed in, in order, on its own daemon threads.

    Unlike those of `concurrent.futures`, they are not waited for when the process ends, so that a
    place that does not answer cannot keep it.

    Args:
        name: Of its threads.
        num_threads: How many of them there are.
    """

    def __init__(self, name: str, num_threads: int) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._num_threads = num_threads
        for index in range(num_threads):
            threading.Thread(target=self._work, name=f"{name}-{index}", daemon=True).start()

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """What the work will give or raise."""
        future: Future[Result] = Future()
        self._jobs.put((work, future))  # type: ignore[arg-type]
        return future

    def close(self) -> None:
        """End the threads when what they do now is done; the rest is left out."""
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is not None:
                job[1].cancel()
        for _ in range(self._num_threads):
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            work, future = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = work()
            except (SkillbankError, OSError) as error:
                future.set_exception(error)
            else:
                future.set_result(result)
            finally:
                if not future.done():  # a mistake of ours: the thread's own end tells it
                    future.set_exception(RuntimeError("the work failed; its error stands above"))
