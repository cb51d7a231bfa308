"""Samples of the formats of motion capture, depth cameras, and arrays; see samples.py."""

import json
import pickle

import numpy as np
from tests.runners.skeletons.deepstream_writer import make_person, write
from tests.runners.skeletons.samples import FRAMES, SOLID, Sample, box, place, sample, score

from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.poses import Space


@sample("deepstream")
def deepstream(folder):
    people = [make_person(3, range(FRAMES)), make_person(4, range(1, FRAMES))]
    path = write(folder / "people.json", people)
    return Sample(path, "nvidia", 34, 3, Space.WORLD, [0, 1, 1, 2, 2], SOLID)


@sample("ntu")
def ntu(folder):
    lines = [str(FRAMES)]
    for frame in range(FRAMES):
        lines += ["1", "72057594037931101 0 1 1 1 1 0 0.25 -0.125 2", "25"]
        for joint in range(25):
            x, y = place(frame, 0, joint)
            lines.append(f"{x / 100} {y / 100} 3.5 250 200 900 500 0 0 0 1 2")
    path = folder / "S001C002P003R002A013.skeleton"
    path.write_text("\r\n".join(lines) + "\r\n")
    frames = list(range(FRAMES))
    return Sample(path, "ntu25", 25, 3, Space.WORLD, frames, SOLID, labels=("A013",))


@sample("nova77")
def nova77(folder):
    path = folder / "people.jsonl"
    lines = []
    for frame in range(FRAMES):
        places = [place(frame, 0, joint) for joint in range(77)]
        person = {
            "tracking_id": 1,
            "bbox": box(frame, 0),
            "keypoints_2d": [list(xy) for xy in places],
            "keypoints_confidence": [score(joint) / 2 for joint in range(77)],
            "keypoints_3d": [[x / 100, y / 100, 3.5] for x, y in places],
        }
        lines.append(json.dumps({"frame_id": frame, "detections": [person]}))
    path.write_text("\n".join(lines) + "\n")
    return Sample(path, "nova77", 77, 3, Space.WORLD, list(range(FRAMES)), SOLID)


@sample("pyskl")
def pyskl(folder):
    places = [[[place(f, m, j) for j in range(17)] for f in range(FRAMES)] for m in range(2)]
    annotation = {
        "frame_dir": "clip_1",
        "label": 4,
        "total_frames": FRAMES,
        "img_shape": (480, 640),
        "original_shape": (480, 640),
        "keypoint": np.array(places, np.float32),
        "keypoint_score": np.full((2, FRAMES, 17), 0.75, np.float32),
    }
    path = folder / "clips.pkl"
    split = {"xsub_train": ["clip_1"], "xsub_val": []}
    path.write_bytes(pickle.dumps({"split": split, "annotations": [annotation]}))
    return Sample(path, "coco17", 17, 2, Space.IMAGE, [0, 0, 1, 1, 2, 2], labels=("4",))


BVH = """HIERARCHY
ROOT Hips
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT Spine
  {
    OFFSET 0 10 0
    CHANNELS 3 Zrotation Yrotation Xrotation
    End Site
    {
      OFFSET 0 5 0
    }
  }
}
MOTION
Frames: 3
Frame Time: 0.025
0 90 0 0 0 0 0 0 0
1 90 0 0 0 90 0 0 0
2 90 0 90 0 0 45 0 0
"""


@sample("bvh")
def bvh(folder):
    path = folder / "walk.bvh"
    path.write_text(BVH)
    return Sample(path, "", 3, 3, Space.WORLD, list(range(FRAMES)), SOLID)


@sample("generic", "npy")
def generic_array(folder):
    path = folder / "walk.npy"
    places = [
        [(*place(frame, 0, joint), score(joint)) for joint in range(17)] for frame in range(3)
    ]
    np.save(path, np.array(places, np.float32))
    options = ReadOptions(pose_type="2dbp", layout="coco17")
    return Sample(path, "coco17", 17, 2, Space.IMAGE, list(range(FRAMES)), options)


@sample("generic", "table")
def generic_table(folder):
    path = folder / "walk.csv"
    rows = ["frame,object_id,joint,x,y,confidence"]
    for frame in range(FRAMES):
        for joint in range(17):
            x, y = place(frame, 0, joint)
            rows.append(f"{frame},1,{joint},{x},{y},{score(joint)}")
    path.write_text("\n".join(rows) + "\n")
    options = ReadOptions(pose_type="2dbp", layout="coco17")
    return Sample(path, "coco17", 17, 2, Space.IMAGE, list(range(FRAMES)), options)
