"""How long a training cannot hear a signal, and what agreeing on one costs: figures of the docs.

    python tools/bench/stretches.py --json tools/bench/results/stretches.json

A stop is looked for after every step and every batch of a validation. In between, and while a
checkpoint is written, nothing is interrupted; this measures those stretches on this machine, and
the sum over processes by which they agree, two of them over 127.0.0.1.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import distributed

from skillbank_runners.api import Run
from skillbank_runners.training.checkpoints import write_checkpoint
from skillbank_runners.training.devices import largest_over_processes

_MIB = 2**20
_SUMS = 500


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    figures = {f"write_{size}_mib_s": _time_writing(size) for size in (25, 250, 1000)}
    figures["agree_ms"] = _time_agreeing() * 1000
    text = json.dumps({name: round(value, 3) for name, value in figures.items()}, indent=1)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")


def _time_writing(size_mib: int) -> float:
    """Seconds to write and record a checkpoint, the median of three."""
    state = {"epoch": 0, "global_step": 1, "state_dict": {"w": torch.ones(size_mib * _MIB // 4)}}
    with tempfile.TemporaryDirectory() as folder:
        run, path = Run(Path(folder)), Path(folder) / "model.pth"
        return _median(lambda: write_checkpoint(run, path, state, {}), 3)


def _time_agreeing() -> float:
    """Seconds of one agreement of two processes."""
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[float] = context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        meeting = f"{folder}/meeting"
        both = [context.Process(target=_agree, args=(rank, meeting, answers)) for rank in range(2)]
        for process in both:
            process.start()
        for process in both:
            process.join()
    return answers.get()


def _agree(rank: int, meeting: str, answers: multiprocessing.Queue[float]) -> None:
    distributed.init_process_group("gloo", f"file://{meeting}", rank=rank, world_size=2)
    cpu = torch.device("cpu")
    seconds = _median(lambda: largest_over_processes([0.0, 0.0], cpu), _SUMS)
    if rank == 0:
        answers.put(seconds)
    distributed.destroy_process_group()


def _median(work: Callable[[], object], times: int) -> float:
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
