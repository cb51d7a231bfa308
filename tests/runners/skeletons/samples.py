"""A small file of every format, written as its programs write it; new formats add a function.

A sample function gets an empty folder, writes into it, and says what a reader must find. Where the
format is documented stands in its importer's module.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from skillbank_runners.skeletons.importers import ReadOptions
from skillbank_runners.skeletons.poses import Space

FRAMES = 3
WIDTH, HEIGHT = 640, 480
FLAT = ReadOptions(pose_type="2dbp", width=WIDTH, height=HEIGHT)
SOLID = ReadOptions(pose_type="3dbp", width=WIDTH, height=HEIGHT)


@dataclass(frozen=True)
class Sample:
    """What was written, and what must be read.

    Attributes:
        path: What a user would give.
        layout: Of every recording.
        joints: V.
        axes: D.
        space: What the coordinates mean.
        frames: Numbers of the frames, one per observation, over all recordings.
        options: What the user has to say besides.
        labels: Of each recording.
        damaged: The file to damage; None: the path itself.
    """

    path: Path
    layout: str
    joints: int
    axes: int
    space: Space
    frames: list[int]
    options: ReadOptions = FLAT
    labels: tuple[str | None, ...] = (None,)
    damaged: Path | None = None

    @property
    def file(self) -> Path:
        return self.damaged or self.path


SAMPLES: dict[str, tuple[str, Callable[[Path], Sample]]] = {}
"""Name of a sample -> format and function; one format can have several."""


def sample(format_name, variant=""):
    """Register a sample of a format."""

    def register(write):
        SAMPLES[f"{format_name} {variant}".strip()] = (format_name, write)
        return write

    return register


def place(frame, person, joint):
    """x and y in pixels: exact, apart for all people and joints, and inside the picture."""
    return 100.0 + 200 * person + 2 * frame + joint, 50.0 + 5 * joint + person


def score(joint):
    """Confidence of a joint; the last bits differ, so that mixed-up joints show."""
    return 0.5 + joint / 128


def triplets(frame, person, joints, third=score):
    """x, y, third value of each joint in a row."""
    rows = [(*place(frame, person, joint), third(joint)) for joint in range(joints)]
    return [value for row in rows for value in row]


def box(frame, person):
    return [90.0 + 200 * person + 2 * frame, 40.0, 60.0, 150.0]


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def coco_annotations(more=({}, {}), *, joints=17):
    """Images and annotations of two people over three frames, with what each has besides."""
    images = [
        {"id": 7 + frame, "file_name": f"run_{frame:06}.jpg", "width": WIDTH, "height": HEIGHT}
        for frame in range(FRAMES)
    ]
    people = [
        {
            "id": 10 * frame + person,
            "image_id": 7 + frame,
            "category_id": 1,
            "keypoints": triplets(frame, person, joints, lambda joint: joint % 3),
            "num_keypoints": joints,
            "bbox": box(frame, person),
            "area": 9000.0,
            "iscrowd": 0,
        }
        | more[person]
        for frame in range(FRAMES)
        for person in range(2)
    ]
    category = {"id": 1, "name": "person", "keypoints": ["nose"] * joints, "skeleton": [[1, 2]]}
    return {"info": {}, "images": images, "annotations": people, "categories": [category]}


@sample("coco", "annotations")
def coco_with_tracks(folder):
    content = coco_annotations(({"track_id": 40}, {"track_id": 41}))
    path = write_json(folder / "person_keypoints.json", content)
    return Sample(path, "coco17", 17, 2, Space.IMAGE, [0, 0, 1, 1, 2, 2])


@sample("coco", "results")
def coco_results(folder):
    people = [
        {
            "image_id": frame,
            "category_id": 1,
            "keypoints": triplets(frame, 0, 17),
            "score": 0.9,
        }
        for frame in (5, 3, 4)
    ]
    path = write_json(folder / "results.json", people)
    return Sample(path, "coco17", 17, 2, Space.IMAGE, [3, 4, 5])


def yolo_detection(frame, person, *, normalised=False, track=None):
    x_scale, y_scale = (WIDTH, HEIGHT) if normalised else (1, 1)
    left, top, width, height = box(frame, person)
    points = [place(frame, person, joint) for joint in range(17)]
    detection = {
        "name": "person",
        "class": 0,
        "confidence": 0.875,
        "box": {
            "x1": left / x_scale,
            "y1": top / y_scale,
            "x2": (left + width) / x_scale,
            "y2": (top + height) / y_scale,
        },
        "keypoints": {
            "x": [x / x_scale for x, _ in points],
            "y": [y / y_scale for _, y in points],
            "visible": [score(joint) for joint in range(17)],
        },
    }
    return detection if track is None else detection | {"track_id": track}


@sample("ultralytics", "list")
def ultralytics_list(folder):
    frames = [[yolo_detection(f, p, track=p + 1) for p in range(2)] for f in range(FRAMES)]
    path = write_json(folder / "video.json", frames)
    return Sample(path, "coco17", 17, 2, Space.IMAGE, [0, 0, 1, 1, 2, 2])


@sample("ultralytics", "lines")
def ultralytics_lines(folder):
    lines = [[yolo_detection(0, 0, normalised=True)], [], [yolo_detection(2, 0, normalised=True)]]
    path = folder / "video.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Sample(path, "coco17", 17, 2, Space.IMAGE, [0, 2])


@sample("ultralytics", "files")
def ultralytics_files(folder):
    for frame in range(FRAMES):
        write_json(folder / "out" / f"run_{frame + 1}.json", [yolo_detection(frame, 0)])
    damaged = folder / "out" / "run_2.json"
    return Sample(folder / "out", "coco17", 17, 2, Space.IMAGE, [1, 2, 3], damaged=damaged)


@sample("ultralytics", "labels")
def ultralytics_labels(folder):
    labels = folder / "labels"
    labels.mkdir()
    for frame in range(FRAMES):
        text = "".join(yolo_line(frame, person, end=[0.75, person + 1]) for person in range(2))
        (labels / f"run_{frame + 1}.txt").write_text(text)
    damaged = labels / "run_2.txt"
    return Sample(labels, "coco17", 17, 2, Space.IMAGE, [1, 1, 2, 2, 3, 3], damaged=damaged)


def yolo_line(frame, person, *, end=()):
    left, top, width, height = box(frame, person)
    values = [0, (left + width / 2) / WIDTH, (top + height / 2) / HEIGHT]
    values += [width / WIDTH, height / HEIGHT]
    for joint in range(17):
        x, y = place(frame, person, joint)
        values += [x / WIDTH, y / HEIGHT, score(joint)]
    return " ".join(f"{value:g}" for value in [*values, *end]) + "\n"


def landmarks(frame, person, *, world=False):
    rows = []
    for joint in range(33):
        x, y = place(frame, person, joint)
        x, y, z = (x / WIDTH, y / HEIGHT, joint / 64)
        if world:
            x, y, z = x - 0.5, y - 0.5, joint / 32
        rows.append({"x": x, "y": y, "z": z, "visibility": score(joint), "presence": 1.0})
    return rows


@sample("mediapipe", "world")
def mediapipe_world(folder):
    frames = [
        {
            "frame": frame,
            "timestamp_ms": 40 * frame,
            "pose_landmarks": [landmarks(frame, person) for person in range(2)],
            "pose_world_landmarks": [landmarks(frame, p, world=True) for p in range(2)],
        }
        for frame in range(FRAMES)
    ]
    path = write_json(folder / "poses.json", frames)
    return Sample(path, "mediapipe33", 33, 3, Space.WORLD, [0, 0, 1, 1, 2, 2], SOLID)


@sample("mediapipe", "lines")
def mediapipe_lines(folder):
    path = folder / "poses.jsonl"
    lines = [{"landmarks": landmarks(f, 0) if f != 1 else []} for f in range(FRAMES)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Sample(path, "mediapipe33", 33, 2, Space.IMAGE, [0, 2])


@sample("mediapipe", "csv")
def mediapipe_csv(folder):
    axes = ("x", "y", "z", "visibility")
    header = ["frame", *(f"{axis}_{joint}" for joint in range(33) for axis in axes)]
    rows = [",".join(header)]
    for frame in range(FRAMES):
        values = [joint[axis] for joint in landmarks(frame, 0) for axis in axes]
        rows.append(",".join(map(str, [frame, *values])))
    path = folder / "poses.csv"
    path.write_text("\n".join(rows) + "\n")
    return Sample(path, "mediapipe33", 33, 2, Space.IMAGE, [0, 1, 2])


def openpose_folder(folder, joints, *, name="run", person_id=(-1,)):
    for frame in range(FRAMES):
        person = {
            "person_id": list(person_id),
            "pose_keypoints_2d": triplets(frame, 0, joints),
            "face_keypoints_2d": [],
            "pose_keypoints_3d": [],
        }
        file = folder / "json" / f"{name}_{frame:012}_keypoints.json"
        write_json(file, {"version": 1.3, "people": [person]})
    return folder / "json"


@sample("openpose", "18")
def openpose_18(folder):
    path = openpose_folder(folder, 18)
    damaged = path / "run_000000000001_keypoints.json"
    return Sample(path, "openpose18", 18, 2, Space.IMAGE, [0, 1, 2], damaged=damaged)


@sample("openpose", "25")
def openpose_25(folder):
    path = openpose_folder(folder, 25)
    damaged = path / "run_000000000001_keypoints.json"
    return Sample(path, "body25", 25, 2, Space.IMAGE, [0, 1, 2], damaged=damaged)


def kinetics_clip(frames=FRAMES):
    data = []
    for frame in range(1, frames + 1):
        places = [place(frame, 0, joint) for joint in range(18)]
        pose = [value for x, y in places for value in (round(x / WIDTH, 3), round(y / HEIGHT, 3))]
        skeleton = [{"pose": pose, "score": [score(joint) for joint in range(18)]}]
        data.append({"frame_index": frame, "skeleton": skeleton})
    return {"data": data, "label": "juggling balls", "label_index": 171}


@sample("kinetics-skeleton")
def kinetics(folder):
    path = folder / "kinetics_train"
    damaged = write_json(path / "--07WQ2iBlw.json", kinetics_clip())
    entry = {"has_skeleton": True, "label": "juggling balls", "label_index": 171}
    write_json(folder / "kinetics_train_label.json", {damaged.stem: entry})
    labels = ("juggling balls",)
    return Sample(path, "openpose18", 18, 2, Space.IMAGE, [1, 2, 3], labels=labels, damaged=damaged)


@sample("halpe26", "alphapose")
def alphapose(folder):
    people = [
        {
            "image_id": f"{frame}.jpg",
            "category_id": 1,
            "keypoints": triplets(frame, person, 26),
            "score": 2.9,
            "box": box(frame, person),
            "idx": person + 1,
        }
        for frame in range(FRAMES)
        for person in range(2)
    ]
    path = write_json(folder / "alphapose-results.json", people)
    return Sample(path, "halpe26", 26, 2, Space.IMAGE, [0, 0, 1, 1, 2, 2])


def mmpose_frame(frame, joints=26):
    left, top, width, height = box(frame, 0)
    instance = {
        "keypoints": [list(place(frame, 0, joint)) for joint in range(joints)],
        "keypoint_scores": [score(joint) for joint in range(joints)],
        "bbox": [[left, top, left + width, top + height]],
        "bbox_score": 0.9,
    }
    return {"frame_id": frame, "instances": [instance]}


@sample("halpe26", "mmpose")
def mmpose(folder):
    frames = [mmpose_frame(frame) for frame in range(1, FRAMES + 1)]
    content = {"meta_info": {"dataset_name": "body26"}, "instance_info": frames}
    path = write_json(folder / "results_run.json", content)
    return Sample(path, "halpe26", 26, 2, Space.IMAGE, [1, 2, 3])
