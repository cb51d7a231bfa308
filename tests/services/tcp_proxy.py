"""A TCP proxy that does to connections what networks do: stall, reset, cut, refuse, slow down."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum

_BLOCK_BYTES = 64 << 10


class Way(Enum):
    """Where bytes go: up to the server, or down to the client."""

    UP = "up"
    DOWN = "down"


@dataclass
class Faults:
    """What happens to connections from now on; set it at any time, from any thread.

    Attributes:
        is_stalled: Nothing goes through in these directions; connections stay.
        reset_after: Direction -> bytes after which a connection is reset, counted per connection.
        cut_after: Direction -> bytes after which a connection is closed as if all had been said.
        bytes_per_s: Most that goes through in each direction of a connection; None: all.
        num_faults: Most resets and cuts; None: any number.
    """

    is_stalled: frozenset[Way] = frozenset()
    reset_after: dict[Way, int] = field(default_factory=dict)
    cut_after: dict[Way, int] = field(default_factory=dict)
    bytes_per_s: float | None = None
    num_faults: int | None = None


class TcpProxy:
    """A proxy in front of one port of 127.0.0.1.

    Args:
        to_port: That port.
        host: Address at which it listens itself.

    Attributes:
        faults: What it does to connections.
        port: Where it listens.
        num_connections: How many it took.
        num_broken: How many it reset or cut.
        moved: Direction -> bytes that went through.
    """

    def __init__(self, to_port: int, host: str = "127.0.0.1") -> None:
        self._to_port = to_port
        self.host = host
        self.faults = Faults()
        self.port = 0
        self.num_connections = 0
        self.num_broken = 0
        self.moved = dict.fromkeys(Way, 0)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def endpoint(self) -> str:
        """Its address, as of a server of HTTP."""
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Listen, if it does not; at the same port as before, if there was one."""
        if not self._thread.is_alive():
            self._thread.start()
        self._run(self._listen)

    def vanish(self) -> None:
        """Reset every connection, and refuse new ones, until `start`."""
        self._run(self._close)

    def reset_connections(self) -> None:
        """Reset every connection there is; new ones are taken."""
        self._run(self._reset_all)

    def stop(self) -> None:
        """End it."""
        self._run(self._close)
        self._run(self._cancel_all)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, action: Callable[[], Awaitable[None]]) -> None:
        async def act() -> None:
            await action()

        asyncio.run_coroutine_threadsafe(act(), self._loop).result(30)

    async def _listen(self) -> None:
        if self._server is not None:
            return
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            for listener in self._server.sockets:
                self._loop.remove_reader(listener.fileno())
            for _ in range(3):
                await asyncio.sleep(0)  # what was accepted gets its reader and writer
            self._server.close()
            self._server = None
        await self._reset_all()

    async def _reset_all(self) -> None:
        for writer in tuple(self._open):
            _reset(writer)

    async def _cancel_all(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.num_connections += 1
        self._open.add(writer)
        try:
            with suppress(OSError, asyncio.CancelledError):
                there, back = await asyncio.open_connection("127.0.0.1", self._to_port)
                self._open.add(back)
                try:
                    await asyncio.gather(
                        self._pipe(Way.UP, reader, back, (writer, back)),
                        self._pipe(Way.DOWN, there, writer, (writer, back)),
                    )
                finally:
                    self._open.discard(back)
                    back.close()
        finally:
            self._open.discard(writer)
            writer.close()

    async def _pipe(
        self,
        way: Way,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        both: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
    ) -> None:
        moved = 0
        while block := await source.read(_BLOCK_BYTES):
            while way in self.faults.is_stalled:
                await asyncio.sleep(0.02)
            limit, end = self._limit(way)
            if limit is not None and moved + len(block) > limit:
                await self._pass(way, block[: max(0, limit - moved)], sink)
                self._count_fault()
                for writer in both:
                    end(writer)
                return
            await self._pass(way, block, sink)
            moved += len(block)
        with suppress(OSError):
            sink.write_eof()

    async def _pass(self, way: Way, block: bytes, sink: asyncio.StreamWriter) -> None:
        sink.write(block)
        await sink.drain()
        self.moved[way] += len(block)
        if self.faults.bytes_per_s:
            await asyncio.sleep(len(block) / self.faults.bytes_per_s)

    def _limit(self, way: Way) -> tuple[int | None, Callable[[asyncio.StreamWriter], None]]:
        faults = self.faults
        if faults.num_faults == 0:
            return None, _reset
        if way in faults.reset_after:
            return faults.reset_after[way], _reset
        return faults.cut_after.get(way), asyncio.StreamWriter.close

    def _count_fault(self) -> None:
        self.num_broken += 1
        if self.faults.num_faults is not None:
            self.faults.num_faults -= 1


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side sees a reset, not an end."""
    end = writer.get_extra_info("socket")
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def proxied(to_port: int, host: str = "127.0.0.1") -> Iterator[TcpProxy]:
    """A proxy that runs while the context does."""
    proxy = TcpProxy(to_port, host)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
