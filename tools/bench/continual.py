"""Measure naming actions frame by frame against running the whole window again for every frame.

Three ways to have an answer after each frame, with the same weights: the trained network on the
last 300 frames (eager PyTorch), the same in ONNX Runtime, and the continual network. They take
turns in one process; medians of wall time and of processor time per frame are told, with their
ratios to the continual network. Then a stream of many frames runs on, and its memory is read.

    python tools/bench/continual.py --json tools/bench/results/continual.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped]  # ships no types
import psutil
import torch
from torch import nn

from skillbank_runners.pose_classification.continual.network import ContinualSTGCN
from skillbank_runners.pose_classification.continual.pooling import PoolShape, WindowPool
from skillbank_runners.pose_classification.graph import adjacency
from skillbank_runners.pose_classification.network import STGCN, fold
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.training.onnx_export import OnnxForm, export_onnx

CLASSES, CHANNELS, JOINTS = 6, 3, 34
_STEPS = 40  # frames of a stream that are measured at once: a multiple of the stride
Work = Callable[[], None]


@dataclass(frozen=True)
class Setting:
    """What to measure on: a window of `frames` frames, `people` at once, `threads` threads."""

    frames: int
    people: int
    threads: int
    repeats: int


@dataclass(frozen=True)
class Result:
    """Medians per frame of one way, in seconds, and as multiples of the continual network's."""

    people: int
    way: str
    wall_s: float
    cpu_s: float
    wall_ratio: float
    cpu_ratio: float


def main() -> None:
    """Measure, print a table, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--people", default="1,8", help="people in a frame, several cases")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--endless", type=int, default=20_000, help="frames of the long stream")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    settings = [
        Setting(options.frames, int(people), options.threads, options.repeats)
        for people in options.people.split(",")
    ]
    load_before = os.getloadavg()[0]
    results = [result for setting in settings for result in measure(setting)]
    print_table(results)
    model = _model()
    continual = ContinualSTGCN(model)
    facts = {
        "window_frames": options.frames,
        "threads": options.threads,
        "repeats": options.repeats,
        "multiply_adds_per_frame": continual.multiply_adds,
        "multiply_adds_of_a_window": continual.multiply_adds * options.frames,
        "multiply_adds_ratio": float(options.frames),
        **measure_difference(model),
        **measure_memory(model, options.endless),
        "load_before": load_before,
        "load_after": os.getloadavg()[0],
        "torch": torch.__version__,
        "onnxruntime": onnxruntime.__version__,
        "machine": platform.processor() or platform.machine(),
    }
    print(json.dumps(facts, indent=1))
    if options.json:
        document = {"facts": facts, "results": [asdict(result) for result in results]}
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def measure(setting: Setting) -> list[Result]:
    """The three ways, taking turns; ratios are against the continual network."""
    model = _model()
    window = torch.randn(setting.people, CHANNELS, setting.frames, JOINTS, 1)
    with tempfile.TemporaryDirectory() as folder:
        ways = {
            "continual": (_stream(model, setting.people, setting.frames), _STEPS),
            "window again, eager": (_eager(model, window), 1),
            "window again, ONNX Runtime": (_session(model, window, setting, Path(folder)), 1),
        }
        times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for _ in range(setting.repeats + 1):
            for name, (work, count) in ways.items():
                start = time.perf_counter(), time.process_time()
                work()
                wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
                times[name].append((wall / count, cpu / count))
    medians = {
        name: [statistics.median(column) for column in zip(*rounds[1:], strict=True)]
        for name, rounds in times.items()
    }
    base_wall, base_cpu = medians["continual"]
    return [
        Result(setting.people, name, wall, cpu, wall / base_wall, cpu / base_cpu)
        for name, (wall, cpu) in medians.items()
    ]


def measure_difference(model: STGCN, frames: int = 300) -> dict[str, float]:
    """Logits of a closed stream against those of the offline network for the same frames."""
    clip = torch.randn(1, CHANNELS, frames, JOINTS, 1, generator=torch.Generator().manual_seed(3))
    network = ContinualSTGCN(model)
    pool = WindowPool(network, PoolShape(frames, frames))
    row = network.add()
    pool.clear(row)
    logits = torch.zeros(1, CLASSES)
    for t in range(frames):
        rows, features = network.step(np.array([row]), clip[:, :, t, :, 0].transpose(1, 2))
        logits = pool.push(rows, features) if len(rows) else logits
    for features_D in network.close(row):
        logits = pool.push(np.array([row]), features_D[None])
    with torch.no_grad():
        expected = model(clip)
    return {
        "largest_logit": float(expected.abs().max()),
        "largest_difference": float((expected - logits).abs().max()),
    }


def measure_memory(model: STGCN, frames: int) -> dict[str, float]:
    """Resident memory after the first 500 frames and after all, with people coming and going."""
    network = ContinualSTGCN(model)
    pool = WindowPool(network, PoolShape(300, 300))
    process = psutil.Process()
    x_1VC = torch.randn(1, JOINTS, CHANNELS)
    row, first = -1, 0.0
    for frame in range(frames):
        if frame % 200 == 0:  # somebody leaves, somebody else comes
            if row >= 0:
                network.remove(row)
            row = network.add()
            pool.clear(row)
        rows, features = network.step(np.array([row]), x_1VC)
        pool.push(rows, features)
        if frame == 499:
            first = process.memory_info().rss / 2**20
    return {
        "endless_frames": frames,
        "rss_mb_after_500": first,
        "rss_mb_after_all": process.memory_info().rss / 2**20,
    }


def print_table(results: list[Result]) -> None:
    """One row per case and way."""
    print(f"{'people':>6} {'way':28} {'wall ms':>9} {'ratio':>7} {'cpu ms':>9} {'ratio':>7}")
    for r in results:
        wall, cpu = f"{r.wall_s * 1e3:9.2f} {r.wall_ratio:7.1f}", f"{r.cpu_s * 1e3:9.2f}"
        print(f"{r.people:6} {r.way:28} {wall} {cpu} {r.cpu_ratio:7.1f}")


def _model() -> STGCN:
    torch.manual_seed(1)
    model = STGCN(CLASSES, CHANNELS, adjacency(load_layout("nvidia"), "spatial")).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):  # far from doing nothing
            assert module.running_mean is not None
            assert module.running_var is not None
            nn.init.normal_(module.running_mean, 0, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return model


def _stream(model: STGCN, people: int, frames: int) -> Work:
    network = ContinualSTGCN(model)
    pool = WindowPool(network, PoolShape(frames, frames))
    rows = np.array([network.add() for _ in range(people)])
    for row in rows.tolist():
        pool.clear(row)
    x_RVC = torch.randn(people, JOINTS, CHANNELS)

    def run() -> None:
        for _ in range(_STEPS):
            pool.push(*network.step(rows, x_RVC))

    for _ in range(5):  # the first frames cost less: nothing is due yet
        run()
    return run


def _eager(model: STGCN, window: torch.Tensor) -> Work:
    def run() -> None:
        with torch.inference_mode():
            model(window)

    return run


def _session(model: STGCN, window: torch.Tensor, setting: Setting, folder: Path) -> Work:
    path = folder / "model.onnx"
    export_onnx(fold(model), window, path, OnnxForm("input", "fc_pred"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = setting.threads
    # Threads that spin between calls would take the other ways' processor time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    values = {"input": window.numpy()}

    def run() -> None:
        session.run(None, values)

    return run


if __name__ == "__main__":
    main()
