"""People who move as in the CMU clips of examples/, as DeepStream JSON; and inference over them.

Axes: C coordinates, T frames, V joints.
"""

import csv
import json
import pickle
from pathlib import Path

import numpy as np
from tests.runners.skeletons.deepstream_writer import COMPACT, Person, Writing, write

from skillbank_runners.launch import main

ROOT = Path(__file__).resolve().parents[4]
CMU = ROOT / "examples" / "cmu_mocap"
FOCAL = 1000.0
"""Millimetres become the metres of the clips."""
CLASSES = (
    "walking",
    "jumping",
    "basketball",
    "soccer",
    "basketball_signal",
    "directing_traffic",
)


def clips(side="val"):
    """Clips (N, C, T, V) and their classes."""
    x_NCTVM = np.load(CMU / f"{side}_data.npy")
    _, ids = pickle.loads((CMU / f"{side}_label.pkl").read_bytes())
    return x_NCTVM[..., 0].astype(np.float32), np.array(ids)


def motion(*class_ids, seed=0):
    """Clips of these classes, one after another: (C, T, V)."""
    x_NCTV, ids = clips()
    random = np.random.default_rng(seed)
    chosen = [random.choice(np.flatnonzero(ids == class_id)) for class_id in class_ids]
    return np.concatenate([x_NCTV[n] for n in chosen], axis=1)


def person(object_id, x_CTV, frames=None, camera=0):
    """Somebody who stands three metres before the camera."""
    T, V = x_CTV.shape[1:]
    pose3d = np.ones((T, V, 4))
    pose3d[..., :3] = np.round(x_CTV.transpose(1, 2, 0) * FOCAL + [100.0, 200.0, 3000.0], 4)
    pose25d = np.ones((T, V, 4))
    pose25d[..., 0] = np.round(960 + 300 * x_CTV[0], 3)
    pose25d[..., 1] = np.round(540 - 300 * x_CTV[1], 3)
    pose25d[..., 2] = np.round(x_CTV[2], 4)
    frames = np.arange(T) if frames is None else np.asarray(list(frames))
    return Person(object_id, frames, pose3d, pose25d, camera)


def scene(path, *people, **writing):
    """Write a JSON file."""
    return write(path, people, Writing(style=COMPACT, **writing))


def infer(trained, results, *settings, poses=None, spec=None):
    """Exit code of inference with the newest checkpoint of a training."""
    checkpoint = trained.results / "pc_model_latest.pth"
    words = [f"inference.checkpoint={checkpoint}", f"dataset_convert.focal_length={FOCAL}"]
    words += [f"inference.poses={poses}"] if poses else []
    place = ["--results", str(results)]
    command = ["pose_classification", "inference", "-e", str(spec or trained.spec), *place]
    return main([*command, *words, *settings])


def table(results):
    """Rows of timeline.csv."""
    with (results / "timeline.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def told(path):
    """(camera, object id, frame) -> (action, score), from a JSON with actions, list or lines."""
    text = path.read_text(encoding="utf-8")
    content = json.loads(text) if text.startswith("[") else map(json.loads, text.splitlines())
    return {
        (batch["batch_id"], one["object_id"], batch["frame_num"]): (
            one["action"],
            one["action_score"],
        )
        for element in content
        for batch in element["batches"]
        for one in batch["objects"]
    }
