"""The pose files, videos and networks that the requests of wrong_poses.py stumble over."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import yaml

_NUM_FRAMES, _NUM_JOINTS = 40, 34
_LABELS = {
    "other.csv": "file,class\ncam7,walk\n",
    "no_class.csv": "file,action\nwalk,walk\n",
    "one_subject.csv": "object_id,class,subject\n1,walk,anna\n2,run,anna\n",
}


def write_poses(folder: Path) -> None:
    """Poses that are all right, poses that are not, labels of them, and specs that name them."""
    poses = folder / "poses"
    poses.mkdir()
    text = json.dumps([_batch(number) for number in range(_NUM_FRAMES)])
    (poses / "walk.json").write_text(text, encoding="utf-8")
    (poses / "cut_short.json").write_text(text[: len(text) // 2], encoding="utf-8")
    document = json.dumps({"version": 1.3, "people": [{"pose_keypoints_2d": [0.5] * 75}]})
    (poses / "openpose.json").write_text(document, encoding="utf-8")
    text = json.dumps([_batch(number, num_joints=17) for number in range(_NUM_FRAMES)])
    (poses / "17_joints.json").write_text(text, encoding="utf-8")
    for name, content in _LABELS.items():
        (poses / name).write_text(content, encoding="utf-8")
    layout = {"joints": ["hip", "knee", "foot"], "edges": [[0, 1], [1, 9]]}
    _write_specs(folder)
    (folder / "wrong_layout.yaml").write_text(yaml.safe_dump(layout), encoding="utf-8")


def write_videos(folder: Path) -> None:
    """A video of three black pictures, and a second of silence."""
    from skillbank_runners.video.writing import VideoWriter

    with VideoWriter(folder / "short.mp4", 10.0) as writer:
        for number in range(3):
            writer.write(np.zeros((64, 64, 3), np.uint8), number / 10)
    with wave.open(str(folder / "song.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 8000, "NONE", ""))
        sound.writeframes(bytes(16000))


def _batch(number: int, num_joints: int = _NUM_JOINTS) -> dict[str, object]:
    """A frame of two people, as DeepStream's app writes it."""
    random = np.random.default_rng(number)
    objects = [
        {
            "object_id": person,
            "bbox": [100.0, 100.0, 50.0, 150.0],
            "pose3d": [*random.normal(1000, 300, num_joints * 4).clip(1).round(2)],
        }
        for person in (1, 2)
    ]
    batch = {"batch_id": 0, "frame_num": number, "ntp_timestamp": 0, "num_obj_meta": len(objects)}
    return {"num_frames_in_batch": 1, "batches": [{**batch, "objects": objects}]}


def _write_specs(folder: Path) -> None:
    specs: dict[str, dict[str, object]] = {
        "convert.yaml": {"dataset_convert": {"data": "poses/walk.json"}},
        "pose.yaml": {"pose": {"annotated_video": True}},
        "inference.yaml": {"inference": {"checkpoint": "networks/of_poses.pth"}},
    }
    for name, spec in specs.items():
        text = yaml.safe_dump({"results_dir": "out", **spec})
        (folder / name).write_text(text, encoding="utf-8")


def write_networks(folder: Path) -> None:
    """Two networks that say how their clips were prepared; one of them needs whole clips."""
    import torch

    from skillbank_runners.pose_classification.dataset_facts import DatasetFacts
    from skillbank_runners.pose_classification.module import build_network, hyper_parameters
    from skillbank_runners.pose_classification.serving import facts_of_spec
    from skillbank_runners.pose_classification.spec import TrainAction
    from skillbank_runners.pose_classification.spec_convert import DatasetConvertSpec
    from skillbank_runners.skeletons.layout import load_layout

    folder.mkdir()
    settings = DatasetConvertSpec(sequence_length=_NUM_FRAMES).model_dump(mode="json")
    for name, sampling in (("of_poses.pth", "pad"), ("uniform.pth", "uniform")):
        prepared = {"centring": "frame", "sampling": sampling}
        dataset = {
            "window_size": 32,
            "num_classes": 2,
            "label_map": {"sit": 0, "walk": 1},
            "preprocessing": prepared,
        }
        spec = TrainAction.model_validate({"dataset": dataset})
        layout = load_layout(spec.model.graph_layout)
        shape = (spec.model.input_channels, _NUM_FRAMES, _NUM_JOINTS, 1)
        facts = facts_of_spec(spec, layout, shape, DatasetFacts(conversion=settings))
        state = {
            "state_dict": build_network(spec, layout).state_dict(),
            "hyper_parameters": hyper_parameters(spec, 0, facts),
        }
        torch.save(state, folder / name)
