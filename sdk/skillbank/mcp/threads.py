"""Call what blocks without holding up the server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Thread
from types import TracebackType
from typing import ParamSpec, TypeVar

import anyio.to_thread

ParamsT = ParamSpec("ParamsT")
ResultT = TypeVar("ResultT")


async def in_thread(
    function: Callable[ParamsT, ResultT], *given: ParamsT.args, **named: ParamsT.kwargs
) -> ResultT:
    """Call a function that works: whoever goes away does not stop it, and the end waits for it."""
    call = partial(function, *given, **named)
    return await anyio.to_thread.run_sync(call, abandon_on_cancel=True)


async def in_idle_thread(
    function: Callable[ParamsT, ResultT], *given: ParamsT.args, **named: ParamsT.kwargs
) -> ResultT:
    """Call a function that only waits: a server that ends does not wait for it."""
    outcome: Future[ResultT] = Future()
    outcome.set_running_or_notify_cancel()

    def call() -> None:
        with _Handover(outcome):
            outcome.set_result(function(*given, **named))

    Thread(target=call, daemon=True, name="waits for a job").start()
    return await asyncio.wrap_future(outcome)


class _Handover:
    """Hands what is raised in its block to whoever awaits the outcome."""

    def __init__(self, outcome: Future[ResultT]) -> None:
        self._outcome = outcome

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: TracebackType | None) -> bool:
        if error is not None:
            self._outcome.set_exception(error)
        return True
