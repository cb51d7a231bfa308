"""How fast and in how much memory poses are converted: `python tools/bench/dataset_convert.py`.

Files of DeepStream's JSON are made in a temporary folder; the whole action, started as its users
start it, and the straightforward loop (convert_baseline.py) convert each, in turn, every one in a
process of its own. What both write is compared byte by byte.

    python tools/bench/dataset_convert.py                      # 10 MB and 100 MB, five rounds
    python tools/bench/dataset_convert.py --mb 1000 --rounds 1
    python tools/bench/dataset_convert.py --mb 5000 --rounds 1 --no-baseline
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results" / "dataset_convert.json"
PEOPLE = 4
TRACK_FRAMES = 1500
SUPPLY = 2003


@dataclass(frozen=True)
class Measured:
    """One run of one program.

    Attributes:
        wall_s: From the start of the process to its end.
        work_s: Of that, the conversion itself, without the start of Python and imports.
        cpu_s: Processor time, of all its threads.
        peak_mb: Largest resident set.
    """

    wall_s: float
    work_s: float
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class Row:
    """Figures of one size of file.

    Attributes:
        mb: Of the file.
        rounds: Runs of each program.
        ours: Medians.
        loop: Medians; None where it did not run.
        speedup: Median of the loop's wall time over ours, round by round.
        work_speedup: The same of the conversion itself.
        cpu_speedup: The same of processor time.
        is_same: Whether both wrote the same arrays.
    """

    mb: float
    rounds: int
    ours: Measured
    loop: Measured | None
    speedup: float | None
    work_speedup: float | None
    cpu_speedup: float | None
    is_same: bool | None


def write_poses(path: Path, size_bytes: int) -> None:
    """A list of batches, four people per frame, who leave and others come after some time.

    Poses are taken in turn from a supply: making each anew would take longer than the bench.
    """
    source = random.Random(7)
    poses = [_pose_text(source) for _ in range(SUPPLY)]
    with path.open("w", encoding="utf-8") as file:
        written = file.write("[")
        frame = 0
        while written < size_bytes:
            written += file.write((", " if frame else "") + _batch_text(frame, poses))
            frame += 1
        file.write("]")


def _batch_text(frame: int, poses: Sequence[str]) -> str:
    first = frame // TRACK_FRAMES * PEOPLE
    objects = ", ".join(
        f'{{"object_id": {first + person}, "bbox": [100.5, 50.25, 210.125, 600.0], '
        f"{poses[(frame * PEOPLE + person) % SUPPLY]}}}"
        for person in range(PEOPLE)
    )
    return (
        f'{{"num_frames_in_batch": 1, "batches": [{{"batch_id": 0, "frame_num": {frame}, '
        f'"ntp_timestamp": {1_600_000_000_000_000 + 33_333 * frame}, "num_obj_meta": {PEOPLE}, '
        f'"objects": [{objects}]}}]}}'
    )


def _pose_text(source: random.Random) -> str:
    pose25d, pose3d = json.dumps(_pose(source, 1000.0)), json.dumps(_pose(source, 3000.0))
    return f'"pose25d": {pose25d}, "pose3d": {pose3d}'


def _pose(source: random.Random, scale: float) -> list[float]:
    """34 joints with six decimals, as the app writes them; a tenth of the joints is missing."""
    values = []
    for _ in range(34):
        confidence = source.random()
        values += [round(source.gauss(0, scale), 6) for _ in range(3)]
        values.append(round(confidence, 6) if confidence > 0.1 else 0.0)
    return values


def measure(command: Sequence[str]) -> Measured:
    """Run a program that prints its `work_s` to its end.

    Raises:
        CalledProcessError: It failed.
    """
    began_s = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    work_s = float(process.stdout.read().split()[-1])
    _, status, usage = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - began_s
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Measured(wall_s, work_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def ours(path: Path, results: Path) -> Measured:
    """The whole action."""
    spec = results.with_suffix(".yaml")
    spec.write_text(json.dumps({"dataset_convert": {"data": str(path)}}), encoding="utf-8")
    return measure([sys.executable, __file__, "--act", str(spec), str(results)])


def loop(path: Path, results: Path) -> Measured:
    """The straightforward way."""
    program = str(HERE / "convert_baseline.py")
    return measure([sys.executable, program, str(path), str(results), "3dbp"])


def act(spec: str, results: str) -> None:
    """What `ours` starts: the action as its users start it, with a clock around its work."""
    from skillbank_runners import launch
    from skillbank_runners.api import Run
    from skillbank_runners.pose_classification import dataset_convert
    from skillbank_runners.pose_classification.spec import DatasetConvertAction

    work = dataset_convert.main
    times: list[float] = []

    def timed(spec: DatasetConvertAction, run: Run) -> None:
        began_s = time.perf_counter()
        work(spec, run)
        times.append(time.perf_counter() - began_s)

    dataset_convert.main = timed
    words = ["pose_classification", "dataset_convert", "-e", spec, "--results", results]
    status = launch.main(words)
    print(times[0] if times else 0.0)
    sys.exit(status)


def is_same(first: Path, second: Path) -> bool:
    """Whether two folders hold the same arrays, byte by byte."""
    names = [{path.name for path in folder.glob("*.npy")} for folder in (first, second)]
    if names[0] != names[1]:
        return False
    return all(filecmp.cmp(first / name, second / name, shallow=False) for name in names[0])


def bench(mb: float, rounds: int, *, has_baseline: bool) -> Row:
    """Figures of one size."""
    with TemporaryDirectory(prefix="bench-convert-") as name:
        folder = Path(name)
        path = folder / "poses.json"
        write_poses(path, int(mb * 1e6))
        runs: list[tuple[Measured, Measured | None]] = []
        for number in range(rounds):
            mine = ours(path, folder / f"ours-{number}")
            theirs = loop(path, folder / f"loop-{number}") if has_baseline else None
            runs.append((mine, theirs))
            print(f"  round {number + 1}: ours {mine}, loop {theirs}", flush=True)
        same = is_same(folder / "ours-0", folder / "loop-0") if has_baseline else None
        size_mb = path.stat().st_size / 1e6
    return _row(size_mb, runs, same)


def _row(mb: float, runs: list[tuple[Measured, Measured | None]], same: bool | None) -> Row:
    pairs = [(mine, theirs) for mine, theirs in runs if theirs is not None]
    return Row(
        mb=round(mb, 1),
        rounds=len(runs),
        ours=_median([mine for mine, _ in runs]),
        loop=_median([theirs for _, theirs in pairs]) if pairs else None,
        speedup=_ratio(pairs, "wall_s"),
        work_speedup=_ratio(pairs, "work_s"),
        cpu_speedup=_ratio(pairs, "cpu_s"),
        is_same=same,
    )


def _ratio(pairs: Sequence[tuple[Measured, Measured]], name: str) -> float | None:
    if not pairs:
        return None
    ratios = [getattr(theirs, name) / getattr(mine, name) for mine, theirs in pairs]
    return round(float(statistics.median(ratios)), 2)


def _median(runs: Sequence[Measured]) -> Measured:
    return Measured(
        *(
            round(statistics.median(getattr(run, name) for run in runs), 3)
            for name in ("wall_s", "work_s", "cpu_s", "peak_mb")
        )
    )


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Markdown."""
    yield (
        "| file, MB | rounds | ours: wall s | work s | CPU s | peak MB | loop: wall s | work s "
        "| CPU s | peak MB | ratio wall | work | CPU | same bytes |"
    )
    yield "|" + "---|" * 14
    for row in rows:
        mine, other = row.ours, row.loop
        theirs = ["-"] * 4
        if other:
            theirs = [
                f"{other.wall_s:.1f}",
                f"{other.work_s:.1f}",
                f"{other.cpu_s:.1f}",
                f"{other.peak_mb:.0f}",
            ]
        cells = [
            f"{row.mb:.0f}",
            str(row.rounds),
            f"{mine.wall_s:.2f}",
            f"{mine.work_s:.2f}",
            f"{mine.cpu_s:.2f}",
            f"{mine.peak_mb:.0f}",
            *theirs,
            f"**{row.speedup:.1f}**" if row.speedup else "-",
            f"**{row.work_speedup:.1f}**" if row.work_speedup else "-",
            f"{row.cpu_speedup:.1f}" if row.cpu_speedup else "-",
            {True: "yes", False: "NO", None: "-"}[row.is_same],
        ]
        yield f"| {' | '.join(cells)} |"


def main() -> None:
    """Measure the sizes that the command line names; figures of other sizes are kept."""
    if sys.argv[1:2] == ["--act"]:
        act(*sys.argv[2:])
    parser = argparse.ArgumentParser()
    parser.add_argument("--mb", type=float, nargs="+", default=[10.0, 100.0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-baseline", action="store_true")
    parser.add_argument("--memory-gb", type=float, default=20.0, help="of the whole bench")
    arguments = parser.parse_args()
    limit = int(arguments.memory_gb * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for mb in arguments.mb:
        print(f"{mb:.0f} MB", flush=True)
        row = bench(mb, arguments.rounds, has_baseline=not arguments.no_baseline)
        print("\n".join(table([row])), flush=True)
        keep(row)


def keep(row: Row) -> None:
    """Add figures to the file of results, or replace those of the same size."""
    known = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"] if RESULTS.is_file() else []
    by_size = {round(old["mb"]): old for old in known} | {round(row.mb): asdict(row)}
    load = os.getloadavg()[1]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    content = {
        "machine": machine,
        "load": round(load, 1),
        "rows": [by_size[size] for size in sorted(by_size)],
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
