"""Thin the UTD-MHAD skeleton files to every n-th frame, so that a CPU can train on them."""

import argparse
import logging
import shutil
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

# Axes: N sequences, C channels (metres from the hip), T frames, V joints, M people.

PARTS = ("train", "val")
LOGGER = logging.getLogger(__name__)


def thin_frames(source: Path, target: Path, stride: int) -> tuple[int, ...]:
    """Write the array of `source` to `target` with every `stride`-th frame only.

    Args:
        source: A .npy file that holds an (N, C, T, V, M) array.
        target: The .npy file to write.
        stride: How far apart the kept frames are; 1 keeps all.

    Returns:
        The shape of the array that was written.

    Raises:
        ValueError: If the array of `source` does not have five axes.
    """
    data_NCTVM = np.load(source, mmap_mode="r", allow_pickle=False)
    if data_NCTVM.ndim != 5:
        raise ValueError(f"{source}: found {data_NCTVM.ndim} axes, expected 5: (N, C, T, V, M)")
    thinned_NCTVM = data_NCTVM[:, :, ::stride]
    shape: tuple[int, ...] = thinned_NCTVM.shape
    written = open_memmap(target, mode="w+", dtype=np.float32, shape=shape)
    written[:] = thinned_NCTVM
    written.flush()
    return shape


def prepare(source: Path, target: Path, stride: int) -> None:
    """Write train and val data of `source`, thinned, with their labels, into `target`."""
    target.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        name = f"{part}_data.npy"
        shape = thin_frames(source / name, target / name, stride)
        shutil.copyfile(source / f"{part}_label.pkl", target / f"{part}_label.pkl")
        LOGGER.info("%s: %s", target / name, shape)


def main() -> None:
    """Read the command line and prepare the files."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="folder with {train,val}_{data.npy,label.pkl}")
    parser.add_argument("target", type=Path, help="folder to write the same four files to")
    parser.add_argument("--stride", type=int, default=2, help="keep every n-th frame (default 2)")
    arguments = parser.parse_args()
    if arguments.stride < 1:
        parser.error(f"--stride: found {arguments.stride}, expected 1 or more")
    prepare(arguments.source, arguments.target, arguments.stride)


if __name__ == "__main__":
    main()
