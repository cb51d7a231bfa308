"""Leave-one-subject-out comparison of training recipes on UTD-MHAD's training subjects.

A light loop around the product's network, preprocessing and augmentation; the test subjects' files
are never opened. Every finished run is a line of recipe_loso.jsonl, and is not run again.

    python tools/bench/recipe_search.py ../shared/data --recipes stock32 full --folds 3 7

Axes: N clips, C channels, T frames, V joints, M people.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import swa_utils

from skillbank_runners.pose_classification import layers, network
from skillbank_runners.pose_classification.augment import Clip, fit_window
from skillbank_runners.pose_classification.augmentation import augment
from skillbank_runners.pose_classification.graph import adjacency
from skillbank_runners.pose_classification.labels import read_labels
from skillbank_runners.pose_classification.preprocessing import preprocess, sample_frames
from skillbank_runners.pose_classification.streams import Streams
from skillbank_runners.skeletons.layout import Layout, load_layout

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # when run as a script
from bench.recipes import RECIPES, Recipe

RESULTS = Path(__file__).parent / "results" / "recipe_loso.jsonl"
NUM_CLASSES = 27
EMA_DECAY = 0.99  # of the average of weights over steps that is measured beside the last weights


@dataclass(frozen=True)
class Key:
    """One run: which recipe, which subject is held out, which seed, which network width."""

    recipe: str
    fold: int
    seed: int
    narrower: int


class Clips:
    """The training subjects' clips, preprocessed once."""

    def __init__(self, data: Path, recipe: Recipe, layout: Layout) -> None:
        folder = data / ("utd_mhad_absolute" if recipe.is_absolute else "utd_mhad")
        raw = np.load(folder / "train_data.npy")[:, :, :: recipe.stride]
        labels = read_labels(data / "utd_mhad" / "train_label.pkl")
        self.recipe, self.layout = recipe, layout
        self.clips = [preprocess(clip, recipe.preprocessing, layout) for clip in raw]
        self.labels_N = torch.tensor(labels.ids_N)
        names = labels.names or ()
        self.subject_N = np.array([int(name.split("_s")[1][:2]) for name in names])

    def get(self, indices: npt.NDArray[np.int64], random: np.random.Generator | None) -> Tensor:
        """A batch; changed at random where `random` is given."""
        return torch.tensor(np.stack([self._clip(int(i), random) for i in indices]))

    def _clip(self, index: int, random: np.random.Generator | None) -> Clip:
        clip, recipe = self.clips[index], self.recipe
        if random is not None:
            clip = augment(clip, recipe.augmentation, self.layout, random)
        if recipe.preprocessing.sampling == "uniform":
            return sample_frames(clip, recipe.frames, random)
        return fit_window(clip, recipe.frames)


def run(key: Key, recipe: Recipe, data: Path) -> dict[str, object]:
    """Train on the other subjects and measure the held-out one, after the last epoch only."""
    begin = time.monotonic()
    layout = load_layout(recipe.layout)
    clips = Clips(data, recipe, layout)
    train_N = np.flatnonzero(clips.subject_N != key.fold)
    test_N = np.flatnonzero(clips.subject_N == key.fold)
    torch.manual_seed(key.seed)
    model = _model(recipe, layout)
    optimizer = recipe.optimizer(model)
    average: Any = swa_utils.get_ema_multi_avg_fn  # torch has no type for it
    averaged = swa_utils.AveragedModel(model, multi_avg_fn=average(EMA_DECAY))
    random = np.random.default_rng(key.seed)
    steps = math.ceil(len(train_N) / recipe.batch_size)
    for epoch in range(recipe.epochs):
        model.train()
        for step, batch in enumerate(_batches(train_N, recipe.batch_size, random)):
            _set_rate(optimizer, recipe, epoch + step / steps)
            with torch.autocast("cpu", torch.bfloat16):
                logits_NC = model(clips.get(batch, random))
            loss = functional.cross_entropy(
                logits_NC.float(), clips.labels_N[batch], label_smoothing=recipe.label_smoothing
            )
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            averaged.update_parameters(model)
        if epoch % 5 == 0:
            note = (
                f"epoch {epoch}, loss {float(loss.detach()):.2f}, {time.monotonic() - begin:.0f} s"
            )
            print(key, note, file=sys.stderr, flush=True)
    answers_N = _answers(model, clips, test_N)
    averaged_N = _answers(averaged.module, clips, test_N, model)
    labels_N = clips.labels_N[test_N]
    return {
        **asdict(key),
        "accuracy": float((answers_N == labels_N).float().mean()),
        "ema_accuracy": float((averaged_N == labels_N).float().mean()),
        "clips": len(test_N),
        "seconds": round(time.monotonic() - begin),
        "mistaken": [
            f"{label}>{answer}"
            for label, answer in zip(labels_N.tolist(), answers_N.tolist(), strict=True)
            if label != answer
        ],
    }


def _model(recipe: Recipe, layout: Layout) -> nn.Module:
    adjacency_KVV = adjacency(layout, recipe.strategy)
    names = recipe.preprocessing.streams
    stgcn = network.STGCN(NUM_CLASSES, 3 * len(names), adjacency_KVV, dropout=recipe.dropout)
    return nn.Sequential(Streams(names, layout.parents), stgcn)


def _answers(
    model: nn.Module, clips: Clips, test_N: npt.NDArray[np.int64], norms: nn.Module | None = None
) -> Tensor:
    """Class of each clip; an average of weights borrows the statistics of `norms`."""
    if norms is not None:
        buffers = dict(norms.named_buffers())
        for name, buffer in model.named_buffers():
            buffer.copy_(buffers[name])
    model.eval()
    with torch.no_grad():
        parts = np.array_split(test_N, min(4, len(test_N)))
        return torch.cat([model(clips.get(part, None)).argmax(dim=1) for part in parts])


def _batches(
    indices: npt.NDArray[np.int64], size: int, random: np.random.Generator
) -> Iterator[npt.NDArray[np.int64]]:
    order = random.permutation(indices)
    for start in range(0, len(order), size):
        yield order[start : start + size]


def _set_rate(optimizer: torch.optim.Optimizer, recipe: Recipe, epoch: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = recipe.rate(epoch)


def _convolve_joints(x_NVTC: Tensor, adjacency_KVV: Tensor, w_KDC: Tensor, b_VD: Tensor) -> Tensor:
    """The graph convolution in operations that autocast knows; the product's is fp32 on a CPU."""
    N, V, T, C = x_NVTC.shape
    K, D, _ = w_KDC.shape
    z = torch.matmul(x_NVTC.reshape(N, 1, V * T, C), w_KDC.transpose(1, 2))
    mix_VKV = adjacency_KVV.permute(2, 0, 1).reshape(V, K * V)
    y_NVTD = torch.matmul(mix_VKV, z.view(N, K * V, T * D)).view(N, V, T, D)
    return y_NVTD + b_VD[:, None, :].to(y_NVTD.dtype)


@contextmanager
def _screening_network(narrower: int) -> Iterator[None]:
    """For a while, a network of fewer channels that autocast can run."""
    blocks, convolve_joints = network.BLOCKS, layers._convolve_joints
    narrow: Any = tuple((channels // narrower, stride) for channels, stride in blocks)
    autocast: Any = _convolve_joints
    network.BLOCKS, layers._convolve_joints = narrow, autocast
    try:
        yield
    finally:
        network.BLOCKS, layers._convolve_joints = blocks, convolve_joints


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what is asked for and not yet done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder that holds utd_mhad and utd_mhad_absolute")
    parser.add_argument("--recipes", nargs="+", required=True, choices=RECIPES)
    parser.add_argument("--folds", nargs="+", type=int, default=[1, 3, 5, 7])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--narrower", type=int, default=2, help="divide all channels by this")
    parser.add_argument("--results", type=Path, default=RESULTS, help="JSON lines to add to")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    for seed in options.seeds:
        for name in options.recipes:
            for fold in options.folds:
                key = Key(name, fold, seed, options.narrower)
                _run_once(key, options.data, options.results)


def _run_once(key: Key, data: Path, results: Path) -> None:
    done = results.read_text().splitlines() if results.is_file() else []
    if any(asdict(key).items() <= json.loads(line).items() for line in done):
        return
    with _screening_network(key.narrower):
        result = run(key, RECIPES[key.recipe], data)
    with results.open("a") as file:
        file.write(json.dumps(result) + "\n")
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
