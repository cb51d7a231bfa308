"""Search on real data: ST-GCN on ten classes of UTD-MHAD, every fourth frame.

Three searches of 20 recommendations of at most 27 epochs. Trials train on subjects 1, 3 and 5 and
are chosen by subject 7; best and baseline are then evaluated on subjects 2, 4, 6 and 8, whom no
search has seen. The baseline is the stock spec, trained as long on the same clips.

    python tools/bench/automl/utd_mhad.py ../shared/data/utd_mhad --root /tmp/automl

Needs the verification data beside the checkout; writes results/utd_mhad.json.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import statistics
import time
from pathlib import Path

import numpy as np

from skillbank.automl.result import SearchResult, read_result
from skillbank.client import Client
from skillbank.settings import read_settings
from skillbank_runners.pose_classification.labels import read_labels

# Axes: N sequences, C channels (metres from the hip), T frames, V joints, M people.

SKILL = "tao-train-pose-classification"
NUM_CLASSES = 10
STRIDE = 4
SUBJECTS = {"train": {"s01", "s03", "s05"}, "val": {"s07"}, "test": {"s02", "s04", "s06", "s08"}}
SETTINGS = {
    "max_epochs": 27,
    "max_recommendations": 20,
    # What the skill recommends, and the batch size: 119 clips are 8 steps of the stock's 16.
    "parameters": [
        "model.dropout",
        "train.optim.lr",
        "train.optim.momentum",
        "train.optim.weight_decay",
        "train.optim.lr_decay",
        "train.grad_clip",
        "dataset.batch_size",
    ],
    "custom_param_ranges": {"dataset.batch_size": {"valid_min": 4, "valid_max": 32, "log": True}},
}
RESULTS = Path(__file__).parent / "results" / "utd_mhad.json"


def prepare(source: Path, target: Path) -> None:
    """Write train, val and test arrays with their labels, split by subject."""
    target.mkdir(parents=True, exist_ok=True)
    parts = [read_part(source, part) for part in ("train", "val")]
    x_NCTVM = np.concatenate([part[0] for part in parts])
    names = [name for part in parts for name in part[1]]
    labels = [label for part in parts for label in part[2]]
    for part, subjects in SUBJECTS.items():
        chosen = [
            index
            for index, (name, label) in enumerate(zip(names, labels, strict=True))
            if name.split("_")[1] in subjects and label < NUM_CLASSES
        ]
        np.save(target / f"{part}_data.npy", x_NCTVM[chosen][:, :, ::STRIDE])
        content = [[names[index] for index in chosen], [labels[index] for index in chosen]]
        (target / f"{part}_label.pkl").write_bytes(pickle.dumps(content))


def read_part(source: Path, part: str) -> tuple[np.ndarray, list[str], list[int]]:
    """Clips, names and labels of one of the two files."""
    data = np.load(source / f"{part}_data.npy", mmap_mode="r", allow_pickle=False)
    labels = read_labels(source / f"{part}_label.pkl")
    assert labels.names is not None
    return data, list(labels.names), labels.ids_N.tolist()


def search(client: Client, data: Path, seed: int, settings: dict[str, object]) -> dict[str, object]:
    """Run one search to its end; its figures."""
    began_s = time.monotonic()
    job = client.create_job(
        SKILL,
        "train",
        overrides={
            "dataset.num_classes": NUM_CLASSES,
            "dataset.label_map": {f"action_{index}": index for index in range(NUM_CLASSES)},
            "model.graph_layout": "human3.6m",
            "train.seed": seed,
        },
        data={"all": str(data), "test": str(data)},
        automl={"seed": seed, **SETTINGS, **settings},
    )
    print(f"search {seed}: {job.id}", flush=True)
    job = client.wait(job.id)
    result = read_result(job.results)
    return {
        "seed": seed,
        "job": job.id,
        "state": job.state.value,
        "minutes": round((time.monotonic() - began_s) / 60, 1),
        **figures(client, result),
    }


def figures(client: Client, result: SearchResult) -> dict[str, object]:
    """What the search found, on the subjects that it has not seen."""
    assert result.best is not None
    accuracy = {
        which: client.events(f"{search_id(result)}-evaluate-{which}")[-2]["kpi"]["accuracy"]
        for which in ("best", "baseline")
        if result.best.trial != 0 or which == "best"
    }
    accuracy.setdefault("baseline", accuracy["best"])
    tried = [record for record in result.history if record.trial != 0]
    failed = [record for record in tried if record.state.value == "failed"]
    return {
        "best_accuracy": round(100 * accuracy["best"], 2),
        "baseline_accuracy": round(100 * accuracy["baseline"], 2),
        "gain_points": round(100 * (accuracy["best"] - accuracy["baseline"]), 2),
        "best_trial": result.best.trial,
        "best_specs": dict(result.best.specs),
        "recommendations": len(tried),
        "failed": len(failed),
        "epochs": result.cost.epochs,
    }


def search_id(result: SearchResult) -> str:
    """Id of the search that a result belongs to."""
    return result.history[0].job_id.rpartition("-t")[0]


def main() -> None:
    """Read the command line, run the searches, write their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="folder with {train,val}_{data.npy,label.pkl}")
    parser.add_argument("--root", type=Path, required=True, help="folder for data and jobs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    arguments = parser.parse_args()
    settings = dict(change.split("=", 1) for change in arguments.changes)
    data = arguments.root / "data"
    prepare(arguments.source, data)
    client = Client(arguments.root)
    runs = [search(client, data, seed, dict(settings)) for seed in arguments.seeds]
    summary = {
        "what": "ST-GCN, 10 classes of UTD-MHAD, every 4th frame, 20 recommendations, 27 epochs",
        "cores": os.cpu_count(),
        "trials_at_once": read_settings().local_slots,
        "settings": {**SETTINGS, **settings},
        "median_gain_points": statistics.median(float(str(run["gain_points"])) for run in runs),
        "longest_minutes": max(float(str(run["minutes"])) for run in runs),
        "failed": sum(int(str(run["failed"])) for run in runs),
        "recommendations": sum(int(str(run["recommendations"])) for run in runs),
        "runs": runs,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
