"""Let machines die at every change of a results URI and of a cache: `tools/bench/crash_points.py`.

For each seed a job of some epochs runs, its uploads arriving in an order drawn by chance. From each
moment at which it may have died, three ways of going on are tried: on an empty machine, on one
where the change that was under way still arrives after the next holder has begun, and in the
folder that is still there. What an empty machine gets in the end has to be what the undisturbed
run left, with nothing beside it. The cache is killed, and its disk filled up, at every single step.
The gate tries a part of this, in tests/sdk/staging and tests/sdk/files.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.sdk.files import test_crash_points as of_cache  # noqa: E402
from tests.sdk.staging import test_crash_points as of_results  # noqa: E402
from tests.sdk.staging.crash_points import (  # noqa: E402
    Clock,
    HandLane,
    Machine,
    Moment,
    Network,
    moments_of,
)
from tests.sdk.staging.memory_store import MemoryStore  # noqa: E402

WAYS = ("empty machine", "late change", "same folder")


def main() -> int:
    """Print what was tried, and every moment that left a trace; 1 when there was one."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20, help="runs of the job [%(default)s]")
    parser.add_argument("--epochs", type=int, default=4, help="epochs of a run [%(default)s]")
    parser.add_argument("--out", type=Path, help="write the figures there, as JSON")
    given = parser.parse_args()
    began = time.monotonic()
    tried: Counter[str] = Counter()
    failed: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        clock = of_results.set_by_hand(patch)
        for seed in range(given.seeds):
            with TemporaryDirectory() as folder:
                _try_results(Path(folder), clock, seed, given.epochs, tried, failed)
            print(f"seed {seed}: {sum(tried.values()):,} deaths, {len(failed)} left a trace")
    _try_cache(tried, failed)
    figures = {"tried": tried, "failed": failed, "seconds": round(time.monotonic() - began)}
    print(json.dumps(figures, indent=1))
    if given.out:
        given.out.write_text(json.dumps({**vars(given), "out": "", **figures}, indent=1) + "\n")
    return bool(failed)


def _try_results(
    folder: Path, clock: Clock, seed: int, epochs: int, tried: Counter[str], failed: list[str]
) -> None:
    HandLane.chance = Random(seed)
    network = Network(MemoryStore())
    machine = _machine(folder / "whole" / "job", network, clock, epochs)
    moments = moments_of(machine, folder / "copies")
    HandLane.chance = None
    expected = of_results.end_of(folder / "expected", network.store)
    newest = 0
    for number, moment in enumerate(moments):
        before = newest
        newest = of_results.require_sound(folder / f"{number} sound", moment.store)
        if newest < before:
            failed.append(f"seed {seed}, moment {number}: epoch {before} was lost")
        for way in WAYS:
            tried[way] += 1
            here = folder / f"{number} {way}"
            store = _go_on(here, moment, clock, way, epochs)
            try:
                assert of_results.end_of(here / "end", store) == expected, "another end"
                of_results.require_tidy(store)
            except AssertionError as error:
                failed.append(f"seed {seed}, moment {number}, {way}: {error}")


def _go_on(here: Path, moment: Moment, clock: Clock, way: str, epochs: int) -> MemoryStore:
    store = moment.store.copy()
    if way == "late change":
        brief = _machine(here / "brief", Network(store), clock, epochs, attempt=2)
        brief.begin()
        moment.arrive(store)
        brief.look()
    folder = moment.folder if way == "same folder" else here / "last"
    _machine(folder, Network(store), clock, epochs, attempt=3).run()
    return store


def _machine(
    folder: Path, network: Network, clock: Clock, epochs: int, attempt: int = 1
) -> Machine:
    machine = Machine(folder, network, clock, attempt)
    machine.epochs = epochs
    return machine


def _try_cache(tried: Counter[str], failed: list[str]) -> None:
    for test in (
        of_cache.test_a_death_at_any_step_leaves_a_cache_that_gives_the_right_bytes,
        of_cache.test_a_disk_that_is_full_from_any_step_on_is_told_and_harms_nothing,
    ):
        with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setattr(of_cache, "STRIDE", 1)
            disk = of_cache.watched(Path(folder), patch)
            tried["steps of the cache"] += of_cache.steps_of(of_cache.Place(Path(folder)), disk)
            try:
                test(Path(folder), disk)
            except AssertionError as error:
                failed.append(f"{test.__name__}: {error}")


if __name__ == "__main__":
    sys.exit(main())
