"""Measure ST-GCN against its textbook form: training step, evaluation, ONNX Runtime.

Both forms carry the same weights and take turns within one process, so that whatever else the
machine does meets both. Reported are medians of wall time and of processor time, and their ratios:
on a busy machine the processor time is the fairer one.

    python tools/bench/stgcn_speed.py --json speed.json
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import onnxruntime  # type: ignore[import-untyped]  # ships no types
import torch
from torch import Tensor, nn

from skillbank_runners.pose_classification.graph import adjacency
from skillbank_runners.pose_classification.network import STGCN, fold
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.training.onnx_export import OnnxForm, export_onnx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # when run as a script
from bench.textbook_stgcn import TextbookSTGCN

CLASSES, CHANNELS = 6, 3
Work = Callable[[], object]


@dataclass(frozen=True)
class Setting:
    """What to measure on: sequences (C = 3, `frames`, V = 34, M = 1), `threads` threads."""

    batch: int
    frames: int
    threads: int
    repeats: int


@dataclass(frozen=True)
class Result:
    """Medians in seconds of one measured form, and how often it fits into the first form's time."""

    case: str
    form: str
    wall_s: float
    cpu_s: float
    wall_ratio: float
    cpu_ratio: float


def main() -> None:
    """Measure what was asked for, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--cases", default="train,eval,onnx", help="of train, eval, onnx")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    setting = Setting(arguments.batch, arguments.frames, arguments.threads, arguments.repeats)
    torch.set_num_threads(setting.threads)
    measures = {"train": measure_training, "eval": measure_evaluation, "onnx": measure_onnx}
    results = [r for case in arguments.cases.split(",") for r in measures[case](setting)]
    print_table(results)
    if arguments.json:
        facts = {**asdict(setting), "torch": torch.__version__, "load": os.getloadavg()[0]}
        document = {"setting": facts, "results": [asdict(result) for result in results]}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def measure_training(setting: Setting) -> list[Result]:
    """Forward, backward and one step of SGD with Nesterov momentum and weight decay."""
    x, labels = _sequences(setting.batch, setting), torch.arange(setting.batch) % CLASSES
    works = {name: _training_step(model.train(), x, labels) for name, model in _models().items()}
    return _measure(f"training step, batch {setting.batch}", works, setting.repeats)


def measure_evaluation(setting: Setting) -> list[Result]:
    """Eager forward in evaluation."""
    results = []
    for batch in sorted({1, setting.batch}):
        x = _sequences(batch, setting)
        works = {name: _forward(model.eval(), x) for name, model in _models().items()}
        _check_equal(works)
        results += _measure(f"evaluation, batch {batch}", works, setting.repeats)
    return results


def measure_onnx(setting: Setting) -> list[Result]:
    """ONNX Runtime on both forms' exported files, beside the textbook form in eager PyTorch."""
    models = _models()
    ours = models["ours"]
    assert isinstance(ours, STGCN)
    exports = {"textbook.onnx": models["textbook"].eval(), "ours.onnx": fold(ours.eval())}
    form = OnnxForm("input", "fc_pred")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / name for name in exports}
        for name, module in exports.items():
            export_onnx(module, _sequences(2, setting), paths[name], form)
        for batch in sorted({1, setting.batch}):
            x = _sequences(batch, setting)
            works = {"textbook, eager": _forward(models["textbook"].eval(), x)}
            works |= {name: _session(path, x, setting) for name, path in paths.items()}
            _check_equal(works)
            results += _measure(f"ONNX Runtime, batch {batch}", works, setting.repeats)
    return results


def print_table(results: list[Result]) -> None:
    """One row per case and form; ratios are against the case's first row."""
    print(f"{'case':26} {'form':16} {'wall s':>8} {'ratio':>6} {'cpu s':>8} {'ratio':>6}")
    for r in results:
        wall, cpu = f"{r.wall_s:8.3f} {r.wall_ratio:6.2f}", f"{r.cpu_s:8.3f} {r.cpu_ratio:6.2f}"
        print(f"{r.case:26} {r.form:16} {wall} {cpu}")


def _models() -> dict[str, nn.Module]:
    torch.manual_seed(1)
    A = adjacency(load_layout("nvidia"), "spatial")
    ours = STGCN(CLASSES, CHANNELS, A)
    textbook = TextbookSTGCN(CLASSES, CHANNELS, torch.from_numpy(A))
    textbook.load_state_dict(ours.state_dict())
    return {"textbook": textbook, "ours": ours}


def _sequences(batch: int, setting: Setting) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(batch, CHANNELS, setting.frames, 34, 1, generator=generator)


def _training_step(model: nn.Module, x: Tensor, labels: Tensor) -> Work:
    optimizer = torch.optim.SGD(
        model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=1e-4
    )

    def step() -> None:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), labels)
        loss.backward()  # type: ignore[no-untyped-call]  # torch has no type
        optimizer.step()

    return step


def _forward(model: nn.Module, x: Tensor) -> Work:
    def forward() -> object:
        with torch.no_grad():
            return model(x)

    return forward


def _session(path: Path, x: Tensor, setting: Setting) -> Work:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = setting.threads
    # Threads that spin between calls would take the other forms' processor time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: torch.from_numpy(session.run(None, {"input": x.numpy()})[0])


def _check_equal(works: dict[str, Work]) -> None:
    """Refuse to compare the speed of different functions."""
    first, *others = (work() for work in works.values())
    for other in others:
        torch.testing.assert_close(other, first, rtol=1e-3, atol=1e-4)


def _measure(case: str, works: dict[str, Work], repeats: int) -> list[Result]:
    """Medians of `repeats` rounds in which the forms take turns, after one that is not counted."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(repeats + 1):
        for name, work in works.items():
            start = time.perf_counter(), time.process_time()
            work()
            times[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    medians = {
        name: [statistics.median(column) for column in zip(*rounds[1:], strict=True)]
        for name, rounds in times.items()
    }
    base_wall, base_cpu = next(iter(medians.values()))
    return [
        Result(case, name, wall, cpu, base_wall / wall, base_cpu / cpu)
        for name, (wall, cpu) in medians.items()
    ]


if __name__ == "__main__":
    main()
