"""Make examples/cmu_mocap from the verification data beside the checkout.

Half the frames and half the bits: 15 instead of 30 frames per second, float16 instead of float32.
"""

from __future__ import annotations

import argparse
import io
import shutil
from pathlib import Path

import numpy as np
import numpy.typing as npt

REPOSITORY = Path(__file__).resolve().parents[1]
SOURCE = REPOSITORY.parent / "shared" / "data" / "cmu_mocap"
TARGET = REPOSITORY / "examples" / "cmu_mocap"
PARTS = ("train", "val")
STRIDE = 2
# Files that go along as they are: the labels and the licence of the repository they came through.
COPIED = ("train_label.pkl", "val_label.pkl", "SOURCE_REPO_LICENSE.txt")


def compact(data_NCTVM: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
    """Every second frame, in metres as float16."""
    return np.ascontiguousarray(data_NCTVM[:, :, ::STRIDE]).astype(np.float16)


def make(source: Path, target: Path) -> None:
    """Write the example's data into a folder."""
    target.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        name = f"{part}_data.npy"
        file = io.BytesIO()
        np.save(file, compact(np.load(source / name, allow_pickle=False)), allow_pickle=False)
        (target / name).write_bytes(file.getvalue())
    for name in COPIED:
        shutil.copyfile(source / name, target / name)


def largest_error_mm(source: Path, target: Path) -> float:
    """By how much float16 moves a joint's coordinate at most, in millimetres."""
    errors = []
    for part in PARTS:
        exact = np.load(source / f"{part}_data.npy", allow_pickle=False)[:, :, ::STRIDE]
        kept = np.load(target / f"{part}_data.npy", allow_pickle=False)
        errors.append(float(np.abs(kept.astype(np.float64) - exact).max()))
    return 1000 * max(errors)


def main() -> None:
    """Make the example and print what it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=Path, default=SOURCE, help="folder of the full data")
    parser.add_argument("--target", type=Path, default=TARGET, help="folder to write")
    arguments = parser.parse_args()
    make(arguments.source, arguments.target)
    for part in PARTS:
        data = np.load(arguments.target / f"{part}_data.npy", mmap_mode="r")
        print(f"{part}: {data.shape} {data.dtype}")
    print(f"largest error: {largest_error_mm(arguments.source, arguments.target):.2f} mm")


if __name__ == "__main__":
    main()
