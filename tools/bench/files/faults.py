"""What faults cost a transfer, and that none is lost: `python tools/bench/files/faults.py`.

Each row is one fault on the way of one file to SeaweedFS, or back: how much went over the wire for
how much content, how long it took, how often something was asked for again, and whether the bytes
that arrived are those that left. Needs root, for namespaces and a small disk. The figures go to
tools/bench/results/files_faults.json.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]  # run as a script

from tests.services.netns import Namespace, namespace  # noqa: E402
from tests.services.s3 import S3Server, SeaweedFS, running  # noqa: E402
from tests.services.tcp_proxy import Faults, TcpProxy, Way, proxied  # noqa: E402

from bench.files.content import digest_of, write_random  # noqa: E402
from skillbank.errors import FilesError  # noqa: E402
from skillbank.files.retrying import Patience  # noqa: E402
from skillbank.files.s3 import S3Store  # noqa: E402

RESULTS = ROOT / "tools" / "bench" / "results" / "files_faults.json"
_KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from skillbank.config import StorageSettings
from skillbank.files.s3 import S3Store
settings = dict(zip(("endpoint_url", "access_key", "secret_key"), sys.argv[2:5]))
store = S3Store(StorageSettings(region="us-east-1", addressing="path", **settings))
total = 0
def die(moved):
    global total
    total += moved
    if total > int(sys.argv[8]):
        os.kill(os.getpid(), 9)
if sys.argv[5] == "up":
    store.upload(Path(sys.argv[6]), sys.argv[7], progress=die)
else:
    store.download(sys.argv[7], Path(sys.argv[6]), die)
"""


@dataclass
class Row:
    """One fault.

    Attributes:
        fault: What went wrong.
        way: `up`, `down`.
        size_bytes: Of the file.
        wire_bytes: What went over its way.
        seconds: From the call to its end.
        retries: How often something was asked for again.
        same_bytes: Whether what arrived is what left; None: it must not arrive.
        told: The error, where there is one.
    """

    fault: str
    way: str
    size_bytes: int
    wire_bytes: int
    seconds: float
    retries: int
    same_bytes: bool | None
    told: str = ""


class Bench:
    """A server behind a proxy, a file, and the rows so far.

    Args:
        server: The server.
        proxy: In front of it.
        folder: For the files.
        size_bytes: Size of the file.
    """

    def __init__(self, server: S3Server, proxy: TcpProxy, folder: Path, size_bytes: int) -> None:
        self.server = server
        self.proxy = proxy
        self.folder = folder
        self.source = write_random(folder / "source", size_bytes)
        self.small = write_random(folder / "small", 4 << 20)
        self.rows: list[Row] = []
        self._files = 0
        self._waits = _count_waits()

    def store(self, endpoint: str = "", **settings: object) -> S3Store:
        """A new store, through the proxy unless told otherwise."""
        usual = {"endpoint_url": endpoint or self.proxy.endpoint, "patience_s": 120.0}
        return S3Store(self.server.settings(**{**usual, **settings}))

    def run(
        self,
        fault: str,
        way: str,
        *,
        when: Callable[[], None] | None = None,
        source: Path | None = None,
        link: Namespace | None = None,
        proxy: TcpProxy | None = None,
    ) -> Row:
        """Move a file one way; `when` happens in the middle of it."""
        source, proxy = source or self.source, proxy or self.proxy
        self._files += 1
        uri, target = f"s3://files/{self._files}", self.folder / f"target-{self._files}"
        plain = self.store(self.server.endpoint)
        size = source.stat().st_size
        store = self.store(proxy.endpoint)
        if way == "down":
            plain.upload(source, uri)
        proxy.moved = dict.fromkeys(Way, 0)
        waits, began = self._waits(), time.monotonic()
        listen = _once_after(size // 2, when)

        def move() -> None:
            if way == "up":
                store.upload(source, uri, progress=listen)
            else:
                store.download(uri, target, listen)

        link.run(move) if link else move()
        seconds, retries = time.monotonic() - began, self._waits() - waits
        proxy.faults = Faults()
        if way == "up":
            plain.download(uri, target)
        same = digest_of(target) == digest_of(source)
        target.unlink()
        plain.delete(uri)
        moved = proxy.moved[Way.UP if way == "up" else Way.DOWN]
        return self.note(Row(fault, way, size, moved, seconds, retries, same))

    def note(self, row: Row) -> Row:
        """Keep a row, and show it."""
        row.seconds = round(row.seconds, 2)
        self.rows.append(row)
        print(told(row), file=sys.stderr)
        return row


def main() -> None:
    """Run every fault, print the table and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=256, help="size of the file")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(dir="/dev/shm")))
        server = stack.enter_context(running(SeaweedFS))
        server.make_bucket("files")
        proxy = stack.enter_context(proxied(server.port))
        bench = Bench(server, proxy, folder, given.mib << 20)
        for faults in (undisturbed, connections, endpoint, links, processes, refusals):
            faults(bench)
    found = {"load_before": round(load, 1), "rows": [asdict(row) for row in bench.rows]}
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print("| fault | way | MiB | over the wire | seconds | asked again | same bytes |")
    print("|---|---|---|---|---|---|---|")
    for row in bench.rows:
        print(told(row))
    if not all(row.same_bytes in (True, None) for row in bench.rows):
        sys.exit("bytes were lost")


def undisturbed(bench: Bench) -> None:
    """What the others are compared with."""
    for way in ("up", "down"):
        bench.run("none", way)


def connections(bench: Bench) -> None:
    """Connections that break, and one that is silent."""
    for way, direction in (("up", Way.UP), ("down", Way.DOWN)):
        bench.proxy.faults = Faults(reset_after={direction: 20 << 20})
        bench.run("every connection is reset after 20 MiB", way)
    bench.proxy.faults = Faults(cut_after={Way.DOWN: 10 << 20})
    bench.run("every connection ends after 10 MiB", "down")
    for way, direction in (("up", Way.UP), ("down", Way.DOWN)):

        def stall(direction: Way = direction) -> None:
            bench.proxy.faults = Faults(is_stalled=frozenset({direction}))
            threading.Timer(5, lambda: setattr(bench.proxy, "faults", Faults())).start()

        bench.run("nothing moves for 5 s", way, when=stall)


def endpoint(bench: Bench) -> None:
    """The server is killed and started again; the endpoint is away for a minute."""

    def kill() -> None:
        bench.server.stop()
        threading.Timer(5, bench.server.start).start()

    def vanish() -> None:
        bench.proxy.vanish()
        threading.Timer(60, bench.proxy.start).start()

    for way in ("up", "down"):
        bench.run("the server is killed, and started after 5 s", way, when=kill)
    for way in ("up", "down"):
        bench.run("the endpoint refuses connections for 60 s", way, when=vanish)


def links(bench: Bench) -> None:
    """Links that lose packets or are slow."""
    for way in ("up", "down"):
        with namespace() as link, proxied(bench.server.port, link.host) as door:
            link.lose(20)
            fault = "the link loses 20 % of all packets"
            bench.run(fault, way, source=bench.small, link=link, proxy=door)
    for way in ("up", "down"):
        with namespace() as link, proxied(bench.server.port, link.host) as door:
            link.slow_down(1000)
            fault = "the link is slow (1 MB/s, what is more is dropped)"
            bench.run(fault, way, source=bench.small, link=link, proxy=door)


def processes(bench: Bench) -> None:
    """Whoever moves a file is killed in the middle; another begins again."""
    size = bench.source.stat().st_size
    for way in ("up", "down"):
        uri, target = f"s3://files/killed-{way}", bench.folder / "killed"
        plain = bench.store(bench.server.endpoint)
        if way == "down":
            plain.upload(bench.source, uri)
        settings = bench.server.settings(endpoint_url=bench.proxy.endpoint)
        path = bench.source if way == "up" else target
        given = [settings.endpoint_url, settings.access_key, settings.secret_key, way]
        command = [sys.executable, "-c", _KILLED, str(ROOT / "sdk"), *map(str, given)]
        done = subprocess.run([*command, str(path), uri, str(size // 2)], check=False)
        if done.returncode != -signal.SIGKILL:
            sys.exit(f"the victim ended by itself: {done.returncode}")
        bench.proxy.moved = dict.fromkeys(Way, 0)
        began = time.monotonic()
        if way == "up":
            bench.store().clean("s3://files/", older_than_s=0)
            bench.store().upload(bench.source, uri)
            plain.download(uri, target)
        else:
            bench.store().download(uri, target)
        seconds = time.monotonic() - began
        same = digest_of(target) == digest_of(bench.source)
        moved = bench.proxy.moved[Way.UP if way == "up" else Way.DOWN]
        name = "the process is killed in the middle; this is the next one"
        bench.note(Row(name, way, size, moved, seconds, 0, same))
        target.unlink()


def refusals(bench: Bench) -> None:
    """What waiting does not mend is told at once."""
    wrong = bench.folder / "wrong-secret"
    wrong.write_text("this-is-not-the-secret", encoding="ascii")
    uri = "s3://files/refused"
    store = bench.store(secret_key=f"file:{wrong}")
    bench.note(_refused("wrong credentials", "up", lambda: store.upload(bench.source, uri)))
    bench.store().upload(bench.source, uri)
    with _small_disk(bench.folder / "disk") as disk:
        plain = bench.store()
        row = _refused("the disk is full", "down", lambda: plain.download(uri, disk / "file"))
        bench.note(row)


def _refused(fault: str, way: str, act: Callable[[], object]) -> Row:
    began = time.monotonic()
    try:
        act()
    except FilesError as error:
        said = f"{type(error).__name__}: {error}"
        return Row(fault, way, 0, 0, time.monotonic() - began, 0, None, said)
    sys.exit(f"{fault}: nothing was told")


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "skillbank-bench", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _once_after(num_bytes: int, act: Callable[[], None] | None) -> Callable[[int], None]:
    total, is_done = 0, act is None

    def listen(moved: int) -> None:
        nonlocal total, is_done
        total += moved
        if total >= num_bytes and not is_done and act is not None:
            is_done = True
            act()

    return listen


def _count_waits() -> Callable[[], int]:
    """How often any transfer of this process has waited to ask again."""
    wait, total = Patience.wait, 0

    def counted(self: Patience, what: str, error: BaseException, attempt: int) -> None:
        nonlocal total
        total += 1
        wait(self, what, error, attempt)

    Patience.wait = counted  # type: ignore[method-assign]
    return lambda: total


def told(row: Row) -> str:
    """A row of the table."""
    same = {True: "yes", False: "NO", None: f"told: {row.told.partition(':')[0]}"}[row.same_bytes]
    wire = f"{row.wire_bytes / row.size_bytes:.2f} x" if row.size_bytes else "-"
    mib = f"{row.size_bytes >> 20}" if row.size_bytes else "-"
    cells = (row.fault, row.way, mib, wire, f"{row.seconds:.1f}", str(row.retries), same)
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
