"""The trained model that an action is given, checked before PyTorch is loaded."""

from __future__ import annotations

from pathlib import Path

from skillbank_runners.spec_reading import SpecInvalid


def checkpoint_path(action: str, checkpoint: str, trt_engine: str = "") -> Path:
    """Path of `<action>.checkpoint`.

    Raises:
        SpecInvalid: It is empty or names no local file, or an engine is given instead.
    """
    key = f"{action}.checkpoint"
    problems = []
    if trt_engine:
        problems.append(
            f"{action}.trt_engine: found {trt_engine!r}, but TensorRT engines are not run here; "
            f"leave it empty and give the checkpoint as {key}"
        )
    path = Path(checkpoint).expanduser()
    if not checkpoint:
        if not trt_engine:
            problems.append(f"{key}: empty, expected the path of a checkpoint (.pth) from train")
    elif "://" in checkpoint:
        problems.append(f"{key}: found {checkpoint!r}, expected a local file; copy it here first")
    elif not path.is_file():
        beside = sorted(p.name for p in path.parent.glob("*.pth")) if path.parent.is_dir() else []
        there = f"; that folder has {', '.join(beside[-5:])}" if beside else ""
        problems.append(f"{key}: no such file: {checkpoint!r}{there}")
    if problems:
        raise SpecInvalid(problems)
    return path
