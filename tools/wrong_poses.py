"""Wrong requests about poses, videos and what people do in them; see wrong_requests.py."""

from __future__ import annotations

from wrong_request import WrongRequest as W
from wrong_world import CONVERSION, SKILL

CONVERT = f"skillbank plan {SKILL} dataset_convert"
RUNNER = "pose_classification dataset_convert -e convert.yaml"
INFERENCE = "pose_classification inference -e inference.yaml"
POSE = "pose_classification pose -e pose.yaml"
STREAM = "python -m skillbank_runners.pose_classification.pose_stream"

_DATA = f"{RUNNER} dataset_convert.data"
_LABELS = f"{RUNNER} dataset_convert.labels"
_KNOWN = "networks/of_poses.pth"

CONVERSIONS = (
    W("no pose file", CONVERT, ("dataset_convert.data", "--set")),
    W(
        "missing pose file",
        f"{CONVERT} --set dataset_convert.data=poses/walc.json",
        ("dataset_convert.data", "poses/walc.json"),
    ),
    W("drop-in: missing pose file", f"{_DATA}=poses/walc.json", ("dataset_convert.data", "walk")),
    W(
        "unknown pose format",
        f"{CONVERT} --set dataset_convert.data=poses/walk.json "
        "--set dataset_convert.format=deepstreem",
        ("dataset_convert.format", "'deepstreem'", "'deepstream'"),
    ),
    W("pose file cut short", f"{_DATA}=poses/cut_short.json", ("cut_short.json", "byte"), 1),
    W(
        "pose file of another format",
        f"{_DATA}=poses/openpose.json",
        ("openpose.json", "batches", "format"),
        1,
    ),
    W(
        "number of joints that the file has not",
        f"{RUNNER} dataset_convert.num_joints=17",
        ("walk.json", "34 joints", "17"),
        1,
    ),
    W(
        "step of no frames",
        f"{RUNNER} dataset_convert.sequence_length=10 dataset_convert.sequence_overlap=0.05",
        ("dataset_convert.sequence_overlap", "0.05"),
    ),
    W("labels of other files", f"{_LABELS}=poses/other.csv", ("other.csv", "'walk'"), 1),
    W("labels without classes", f"{_LABELS}=poses/no_class.csv", ("no_class.csv", "class")),
    W(
        "one subject to split",
        f"{_LABELS}=poses/one_subject.csv dataset_convert.split=subject",
        ("dataset_convert.split", "subject", "anna"),
    ),
    W(
        "layout that it cannot be converted to",
        f"{RUNNER} dataset_convert.layout=mediapipe33",
        ("dataset_convert.layout", "mediapipe33"),
    ),
    W(
        "layout file with a joint that is not there",
        f"{RUNNER} dataset_convert.source_layout=wrong_layout.yaml",
        ("dataset_convert.source_layout", "wrong_layout.yaml", "edges[1]", "9"),
    ),
    W(
        "training on poses without labels",
        f"skillbank plan {SKILL} train --parent {CONVERSION} --automl off",
        (CONVERSION, "train_data.npy", "labelled"),
    ),
)
VIDEOS = (
    W("missing video", "skillbank pose walk.mp4", ("pose.video", "walk.mp4")),
    W("drop-in: missing video", f"{POSE} pose.video=walk.mp4", ("pose.video", "walk.mp4")),
    W("file that is no video", f"{POSE} pose.video=a_file", ("a_file", "video"), 1),
    W("sound without a picture", f"{POSE} pose.video=song.wav", ("song.wav", "video"), 1),
    W(
        "unknown estimator",
        f"{POSE} pose.video=short.mp4 pose.estimator=openpose",
        ("pose.estimator", "'openpose'", "blazepose", "package.module:factory"),
        1,
    ),
    W("demo without its video", "skillbank demo video walk.mp4", ("VIDEO", "walk.mp4")),
)
ACTIONS = (
    W(
        "poses and a video",
        f"{INFERENCE} inference.poses=poses/walk.json inference.video=a_file",
        ("inference.poses", "inference.video"),
    ),
    W(
        "a drawn video without a video",
        f"{INFERENCE} inference.poses=poses/walk.json inference.annotated_video=true",
        ("inference.annotated_video", "inference.video"),
    ),
    W(
        "poses of another skeleton than in training",
        f"{INFERENCE} inference.poses=poses/17_joints.json",
        ("17_joints.json", "17 joints", "34"),
        1,
    ),
    W(
        "other preprocessing than in training",
        f"{INFERENCE} dataset.preprocessing.centring=first_frame",
        ("dataset.preprocessing.centring", "'first_frame'", "'frame'"),
        status=1,
    ),
    W("stream without a model", "skillbank pose-stream", ("--checkpoint", "'best'", "--parent")),
    W(
        "stream of a model that looks ahead",
        f"{STREAM} --checkpoint networks/uniform.pth --input a_file",
        ("uniform.pth", "sampling"),
    ),
    W(
        "stream of a line that is no frame",
        f"{STREAM} --checkpoint {_KNOWN} --input a_file --output actions.jsonl",
        ("line 1", "JSON"),
        status=1,
    ),
)
