"""1 GiB to SeaweedFS and back, ours against plain boto3: `python tools/bench/files/transfer.py`.

Both transfers of a pair run one after the other, the first of them in turn, in one process with one
server, whose disk is memory; so is the disk of the files. A ratio above 1: ours is faster. The
figures go to tools/bench/results/files_transfer.json. `--sweep` also tries sizes and numbers of
parts; the usual ones (`skillbank.files.parallel.USUAL_PARTS`) were chosen by it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]  # run as a script

from tests.services.s3 import S3Server, SeaweedFS, running  # noqa: E402

from bench.files.content import digest_of, write_random  # noqa: E402
from skillbank.files.parallel import USUAL_PARTS, Parts  # noqa: E402
from skillbank.files.s3 import S3Store  # noqa: E402

RESULTS = ROOT / "tools" / "bench" / "results" / "files_transfer.json"
SIZES_MB = (8, 16, 32, 64)
THREADS = (4, 8, 16)


class Bench:
    """One server, one source, and the ways to move it.

    Args:
        server: A running server.
        folder: Where the source lies and downloads go.
        size_bytes: Size of the source.
    """

    def __init__(self, server: S3Server, folder: Path, size_bytes: int) -> None:
        self._server = server
        self._target = folder / "target"
        self._source = folder / "source"
        self._plain = server.client()
        self._num_buckets = 0
        write_random(self._source, size_bytes)
        self._digest = digest_of(self._source)

    def ways(self, parts: Parts) -> dict[str, tuple[Callable[[str], Any], Callable[[str], Any]]]:
        """Name -> how a file goes up to a bucket, and down from it."""
        store = S3Store(self._server.settings(), parts)
        source, target, plain = str(self._source), str(self._target), self._plain
        return {
            "ours": (
                lambda bucket: store.upload(self._source, f"s3://{bucket}/file"),
                lambda bucket: store.download(f"s3://{bucket}/file", self._target),
            ),
            "boto3": (
                lambda bucket: plain.upload_file(source, bucket, "file"),
                lambda bucket: plain.download_file(bucket, "file", target),
            ),
        }

    def time(self, way: tuple[Callable[[str], Any], Callable[[str], Any]]) -> dict[str, float]:
        """Seconds and CPU seconds of a file's way up and down."""
        self._num_buckets += 1
        bucket = f"bench-{self._num_buckets}"
        self._plain.create_bucket(Bucket=bucket)
        self._plain.put_object(
            Bucket=bucket, Key="first"
        )  # the server makes room for a bucket then
        try:
            up_s, up_cpu_s = _timed(way[0], bucket)
            down_s, down_cpu_s = _timed(way[1], bucket)
            if digest_of(self._target) != self._digest:
                sys.exit("other bytes came back")
        finally:
            self._target.unlink(missing_ok=True)
            for key in ("first", "file"):
                self._plain.delete_object(Bucket=bucket, Key=key)
            self._plain.delete_bucket(Bucket=bucket)  # only this frees the server's memory at once
        return {"up_s": up_s, "down_s": down_s, "up_cpu_s": up_cpu_s, "down_cpu_s": down_cpu_s}


def main() -> None:
    """Measure, print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--mib", type=int, default=1024, help="size of the file")
    parser.add_argument("--sweep", action="store_true", help="also try sizes and numbers of parts")
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    with TemporaryDirectory(dir="/dev/shm") as folder, running(SeaweedFS) as server:
        bench = Bench(server, Path(folder), given.mib << 20)
        load = os.getloadavg()[0]
        found: dict[str, Any] = {
            "size_mib": given.mib,
            "cpus": os.cpu_count(),
            "part_mib": USUAL_PARTS.size_bytes >> 20,
            "threads": USUAL_PARTS.threads,
            "pairs": measure(bench, USUAL_PARTS, given.pairs),
            "load_before": round(load, 1),
            "load_after": round(os.getloadavg()[0], 1),
        }
        found["ratio"] = ratios(found["pairs"])
        if given.sweep:
            found["sweep"] = sweep(bench)
    if not given.sweep and given.out.exists():
        found["sweep"] = json.loads(given.out.read_text(encoding="utf-8")).get("sweep", [])
    given.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print_table(found)


def measure(bench: Bench, parts: Parts, num_pairs: int) -> list[dict[str, dict[str, float]]]:
    """Pairs of both ways, after one that counts for nothing."""
    ways = bench.ways(parts)
    pairs = []
    for number in range(num_pairs + 1):
        order = sorted(ways, reverse=bool(number % 2))
        pair = {name: bench.time(ways[name]) for name in order}
        if number:
            pairs.append(pair)
            print(f"pair {number}: {_told(pair)}", file=sys.stderr)
    return pairs


def ratios(pairs: list[dict[str, dict[str, float]]]) -> dict[str, float]:
    """How often faster ours is, by the medians of pairs."""
    return {
        way: round(
            statistics.median(
                pair["boto3"][f"{way}_s"] / pair["ours"][f"{way}_s"] for pair in pairs
            ),
            2,
        )
        for way in ("up", "down")
    }


def sweep(bench: Bench) -> list[dict[str, float]]:
    """Every size and number of parts, against boto3 right before and after."""
    tried = [Parts(mib << 20, threads) for mib in SIZES_MB for threads in THREADS]
    random.Random(0).shuffle(tried)
    found = []
    for parts in tried:
        ratio = ratios(measure(bench, parts, 2))
        row = {"part_mib": parts.size_bytes >> 20, "threads": parts.threads, **ratio}
        print(row, file=sys.stderr)
        found.append(row)
    return sorted(found, key=lambda row: (row["part_mib"], row["threads"]))


def print_table(found: dict[str, Any]) -> None:
    """What was found, as Markdown."""
    print("| | boto3 (s) | ours (s) | ratio | CPU of boto3 (s) | CPU of ours (s) |")
    print("|---|---|---|---|---|---|")
    for way in ("up", "down"):
        middle = {
            (name, kind): statistics.median(pair[name][f"{way}{kind}"] for pair in found["pairs"])
            for name in ("boto3", "ours")
            for kind in ("_s", "_cpu_s")
        }
        times = f"{middle['boto3', '_s']:.2f} | {middle['ours', '_s']:.2f}"
        cpu = f"{middle['boto3', '_cpu_s']:.2f} | {middle['ours', '_cpu_s']:.2f}"
        print(f"| {way} | {times} | {found['ratio'][way]} | {cpu} |")
    for row in found.get("sweep", ()):
        print(f"{row['part_mib']:3} MiB x {row['threads']:2}: up {row['up']}, down {row['down']}")


def _timed(act: Callable[[str], Any], bucket: str) -> tuple[float, float]:
    before, began = os.times(), time.perf_counter()
    act(bucket)
    ended, after = time.perf_counter(), os.times()
    return ended - began, after.user - before.user + after.system - before.system


def _told(pair: dict[str, dict[str, float]]) -> str:
    return "; ".join(
        f"{name} up {seen['up_s']:.2f} down {seen['down_s']:.2f} "
        f"(CPU {seen['up_cpu_s']:.2f} {seen['down_cpu_s']:.2f})"
        for name, seen in sorted(pair.items())
    )


if __name__ == "__main__":
    main()
