"""Wrong requests of every kind, and what a good message about each must name.

A command is run in the folder that wrong_world.py fills: `skillbank ...` through the command line
of the SDK, `pose_classification ...` through the runner's. `names` are the words that let its
reader find the mistake: the key or file, the value found, what to do next.
"""

from __future__ import annotations

from wrong_poses import ACTIONS, CONVERSIONS, VIDEOS
from wrong_request import WrongRequest
from wrong_searches import AUTOML
from wrong_workflows import WORKFLOWS
from wrong_world import EXPORT, FAILED, RUNNING, SKILL, TRAIN

UNKNOWN = "train-77777777"  # a job that never was
MISTYPED = "train-7kzm4wpd"  # one letter off TRAIN

PLAN = f"skillbank plan {SKILL} train --data data --automl off"
EVALUATE = f"skillbank plan {SKILL} evaluate --data data"
RUNNER = "pose_classification train -e train.yaml"
RUNNER_EVALUATE = "pose_classification evaluate -e evaluate.yaml"
_GAP = "'dataset.label_map={walk: 0, run: 1, jump: 3}'"
_TRAIN_DATA = f"{RUNNER} dataset.train_dataset.data_path=wrong"
_TRAIN_LABELS = f"{RUNNER} dataset.train_dataset.label_path=wrong"

W = WrongRequest

COMMAND_LINE = (
    W("unknown command", "skillbank skils", ("'skils'", "'skills'", "--help")),
    W("unknown option", "skillbank jobs --limt 5", ("--limt", "'--limit'")),
    W("option of the wrong type", "skillbank jobs --limit many", ("--limit", "'many'", "integer")),
    W("missing argument", f"skillbank plan {SKILL}", ("'ACTION'", "--help")),
    W("nothing to run", "skillbank run", ("SKILL and ACTION", "skillbank skills")),
    W("`--set` without a value", f"{PLAN} --set num_epochs", ("'num_epochs'", "KEY=VALUE")),
    W(
        "`--set` with a broken list",
        f"{PLAN} --set 'train.optim.lr_steps=[5,'",
        ("--set 'train.optim.lr_steps=[5,", "not YAML"),
    ),
    W("unknown AutoML policy", f"{PLAN} --automl maybe", ("automl_policy", "'maybe'", "'off'")),
    W("unknown platform", f"{PLAN} --platform slrum", ("'slrum'", "slurm")),
    W("unknown state", "skillbank jobs --state CANCELLED", ("'CANCELLED'", "'CANCELED'")),
)
SKILLS = (
    W("unknown skill", "skillbank show tao-train-pose", ("'tao-train-pose'", SKILL)),
    W("unknown action", f"skillbank plan {SKILL} trian", ("'trian'", "'train'")),
    W("broken skill folder", "skillbank check my-skill", ("other-name", "built", "gone.md")),
    W(
        "no skill folder",
        "skillbank check nowhere",
        ("nowhere", "cannot be checked", "no such folder"),
    ),
    W("agent that is not known", "skillbank install --agent cluade", ("'cluade'", "'claude'")),
    W("no agent", "skillbank install", ("claude, codex", "--agent claude")),
    W(
        "broken configuration of an agent",
        "skillbank install --agent claude --project my-project",
        (".mcp.json:3", "not JSON", "nothing was written"),
    ),
    W(
        "server that was not installed",
        "skillbank install --agent cursor --project my-project --command skillbank",
        ("mcpServers.skillbank", "other", "--force"),
    ),
)
SPECS = (
    W("unknown key", f"{PLAN} --set num_epoch=3", ("num_epoch:", "'num_epochs'")),
    W("key of another action", f"{PLAN} --set evaluate.top_k=3", ("evaluate.top_k", "evaluate")),
    W("a value that is no option", f"{PLAN} --set graph_layout=human", ("'human'", "'human3.6m'")),
    W("wrong type", f"{PLAN} --set num_epochs=ten", ("train.num_epochs", "'ten'", "number")),
    W("a fraction for a count", f"{PLAN} --set num_epochs=2.5", ("train.num_epochs", "2.5")),
    W("out of range", f"{PLAN} --set model.dropout=1.5", ("model.dropout", "1.5", "at most 1")),
    W("not finite", f"{PLAN} --set learning_rate=.inf", ("train.optim.lr", "inf", "finite")),
    W(
        "a value that a condition forbids",
        f"{PLAN} --set dataset.window_size=0",
        ("dataset.window_size", "0"),
    ),
    W("a value for a section", f"{PLAN} --set train.optim=fast", ("train.optim", "'fast'", "lr")),
    W(
        "several mistakes at once",
        f"{PLAN} --set num_epoch=3 --set model.dropout=2 --set dataset.batch_size=0",
        ("num_epoch:", "model.dropout", "dataset.batch_size"),
    ),
    W(
        "short name and full key disagree",
        f"{PLAN} --set learning_rate=0.1 --set train.optim.lr=0.2",
        ("train.optim.lr", "learning_rate", "0.1", "0.2"),
    ),
    W("a secret in plain text", f"{PLAN} --set encryption_key=hunter2", ("encryption_key", "env:")),
    W("missing spec file", f"{PLAN} -e nowhere.yaml", ("nowhere.yaml", "no such spec file")),
    W("spec file is no YAML", f"{PLAN} -e broken.yaml", ("broken.yaml:4", "not YAML")),
    W("tabs in a spec file", f"{PLAN} -e tabs.yaml", ("tabs.yaml:2", "not YAML")),
    W("key twice in a spec file", f"{PLAN} -e twice.yaml", ("twice.yaml:4", "num_epochs", "2")),
    W("spec file is a list", f"{PLAN} -e list.yaml", ("list.yaml:1", "list")),
    W("spec file is no text", f"{PLAN} -e binary.yaml", ("binary.yaml", "text")),
    W("typos in a spec file", f"{PLAN} -e typo.yaml", ("train.num_epoch:", "train.optim.lrate")),
    W("spec for the drop-in is no YAML", "pose_classification train -e broken.yaml", ("broken",)),
    W("drop-in: unknown key", f"{RUNNER} train.num_epoch=3", ("train.num_epoch:", "num_epochs'")),
    W("drop-in: out of range", f"{RUNNER} model.dropout=1.5", ("model.dropout", "1.5", "1")),
    W("drop-in: missing spec", "pose_classification train -e nowhere.yaml", ("nowhere.yaml", "-e")),
    W("drop-in: no override", f"{RUNNER} num_epochs", ("'num_epochs'", "key=value")),
)
INPUTS = (
    W("no data", f"skillbank plan {SKILL} train", ("dataset.train_dataset.data_path", "--data")),
    W("unknown role", f"{PLAN} --data trian=data", ("'trian'", "train, val")),
    W("missing data folder", f"skillbank plan {SKILL} train --data nowhere", ("nowhere",)),
    W(
        "folder without the files",
        f"skillbank plan {SKILL} train --data wrong",
        ("dataset.train_dataset.data_path", "train_data.npy", "nan.npy"),
    ),
    W(
        "data for an action that reads none",
        f"skillbank plan {SKILL} export --parent {TRAIN} --data train=data",
        ("export", "no dataset"),
    ),
    W(
        "missing data file",
        f"{PLAN} --set dataset.train_dataset.data_path=nowhere.npy",
        ("dataset.train_dataset.data_path", "nowhere.npy"),
    ),
    W("more GPUs than there are", f"{PLAN} --set num_gpus=64", ("train.num_gpus", "64")),
    W("a GPU that is not there", f"{PLAN} --set 'train.gpu_ids=[7]'", ("train.gpu_ids", "7")),
)
PARENTS = (
    W("no checkpoint", EVALUATE, ("evaluate.checkpoint", "--parent")),
    W("unknown parent", f"{EVALUATE} --parent {UNKNOWN}", (UNKNOWN, "skillbank jobs")),
    W("parent that failed", f"{EVALUATE} --parent {FAILED}", (FAILED, "ERROR")),
    W("parent of the wrong action", f"{EVALUATE} --parent {EXPORT}", (EXPORT, "train")),
    W("parent for train", f"{PLAN} --parent {TRAIN}", ("parent", "train")),
    W(
        "a setting that the parent fixed",
        f"{EVALUATE} --parent {TRAIN} --set graph_layout=coco",
        ("model.graph_layout", "'coco'", "'human3.6m'", TRAIN),
    ),
    W(
        "an epoch that is not there",
        f"{EVALUATE} --parent {TRAIN} --checkpoint epoch=7",
        ("epoch 7", "model_epoch_001_step_00004.pth"),
    ),
    W(
        "unknown rule",
        f"{EVALUATE} --parent {TRAIN} --checkpoint lates",
        ("'lates'", "'latest'"),
    ),
    W("rule without a parent", f"{EVALUATE} --checkpoint best", ("'best'", "--parent")),
    W("missing checkpoint file", f"{EVALUATE} --checkpoint gone.pth", ("gone.pth",)),
    W(
        "an engine instead of a checkpoint",
        f"{EVALUATE} --checkpoint weights/model.engine",
        ("weights/model.engine", "engine", "evaluate.checkpoint"),
    ),
    W(
        "ONNX instead of a checkpoint",
        f"{EVALUATE} --checkpoint weights/model.onnx",
        ("weights/model.onnx", "onnx", "evaluate.checkpoint"),
    ),
    W(
        "missing pretrained weights",
        f"{PLAN} --base-checkpoint gone.pth",
        ("base_checkpoint", "gone.pth"),
    ),
    W(
        "pretrained weights for evaluate",
        f"{EVALUATE} --base-checkpoint weights/cut_short.pth",
        ("base_checkpoint", "evaluate", "--checkpoint"),
    ),
    W("ONNX of a train job", f"skillbank resolve {TRAIN} --kind onnx", ("onnx", "model_epoch_001")),
    W("unknown kind", f"skillbank resolve {TRAIN} --kind weights", ("'weights'", "checkpoint")),
    W("step that is not there", f"skillbank resolve {TRAIN} --checkpoint step=3", ("step 3",)),
    W("rule without its number", f"skillbank resolve {TRAIN} --checkpoint epoch=", ("epoch=N",)),
    W("checkpoint of a failed job", f"skillbank resolve {FAILED}", (FAILED, "no checkpoint")),
)
PLANS = (
    W("a plan that was changed", "skillbank run --plan changed_plan.json", ("changed", "plan")),
    W(
        "a file that is no plan",
        "skillbank run --plan train.yaml",
        ("not a saved plan", "no JSON", "--json"),
    ),
    W("missing plan file", "skillbank run --plan gone.json", ("gone.json", "--json")),
    W("a plan that ran already", "skillbank run --plan applied_plan.json", (TRAIN, "new plan")),
    W(
        "options beside a plan",
        "skillbank run --plan plan.json --set num_epochs=3",
        ("--set", "new plan"),
    ),
    W(
        "a plan of another root",
        "skillbank --root elsewhere run --plan plan.json",
        ("elsewhere", "SKILLBANK_HOME"),
    ),
    W(
        "an idempotency key of another request",
        f"skillbank run {SKILL} train --data data --automl off --idempotency-key monday",
        ("'monday'", TRAIN),
    ),
)
JOBS = (
    W("unknown job", f"skillbank status {MISTYPED}", (MISTYPED, TRAIN)),
    W("beginning of several ids", "skillbank status train-", ("'train-'", TRAIN, FAILED)),
    W(
        "resume of a complete job",
        f"skillbank resume {TRAIN}",
        (TRAIN, "COMPLETE", "--base-checkpoint"),
    ),
    W("resume of a running job", f"skillbank resume {RUNNING}", (RUNNING, "RUNNING", "cancel")),
    W(
        "a job that runs elsewhere",
        f"skillbank cancel {RUNNING}",
        ("'cluster'", "local", "platforms="),
    ),
    W("report of a failed job", f"skillbank report {FAILED}", (FAILED, "no report", "logs")),
    W(
        "waiting too short",
        f"skillbank wait {RUNNING} --timeout 0",
        (RUNNING, "RUNNING", "wait"),
        status=1,
    ),
    W("root is a file", "skillbank --root a_file jobs", ("a_file",)),
    W("root that cannot be written", "skillbank --root /proc/skillbank jobs", ("/proc/skillbank",)),
    W("corrupt records", "skillbank --root corrupt_root jobs", ("corrupt_root/jobs.db",)),
)
DATA = (
    W("wrong number of axes", f"{_TRAIN_DATA}/flat.npy", ("flat.npy", "2 axes", "5")),
    W("wrong channels", f"{_TRAIN_DATA}/two_channels.npy", ("2 channels", "model.input_channels")),
    W("layout of other joints", f"{_TRAIN_DATA}/18_joints.npy", ("18 joints", "'human3.6m'")),
    W(
        "layout file with a bone to no joint",
        f"{RUNNER} model.graph_layout=wrong_layout.yaml",
        ("model.graph_layout", "wrong_layout.yaml", "edges[1]", "9"),
    ),
    W(
        "layout file that is no YAML",
        f"{RUNNER} model.graph_layout=broken.yaml",
        ("model.graph_layout", "'broken.yaml', line 4", "no YAML"),
    ),
    W(
        "layout file that is no layout, for a trained network",
        f"{RUNNER_EVALUATE} evaluate.checkpoint=networks/of_poses.pth model.graph_layout=list.yaml",
        ("model.graph_layout", "list.yaml", "list,", "mapping"),
    ),
    W("files that differ in people", f"{_TRAIN_DATA}/two_people.npy", ("M people", "val_dataset")),
    W("empty axis", f"{_TRAIN_DATA}/no_frames.npy", ("no_frames.npy", "axis T")),
    W("NaN", f"{_TRAIN_DATA}/nan.npy", ("nan.npy", "clip 3", "[3, 1, 2, 5, 0]")),
    W("clip of zeros", f"{_TRAIN_DATA}/zero_clip.npy", ("zero_clip.npy", "clip 7")),
    W("text instead of numbers", f"{_TRAIN_DATA}/text.npy", ("text.npy", "numbers")),
    W("archive instead of an array", f"{_TRAIN_DATA}/archive.npz", ("archive.npz", ".npz")),
    W("no array at all", f"{_TRAIN_DATA}/no_array.npy", ("no_array.npy", "numpy.save")),
    W("missing array", f"{_TRAIN_DATA}/gone.npy", ("train_dataset.data_path", "gone.npy")),
    W("too few labels", f"{_TRAIN_LABELS}/too_few.pkl", ("too_few.pkl", "9", "12")),
    W("label out of range", f"{_TRAIN_LABELS}/class_6.pkl", ("class_6.pkl", "label 11", "[0, 6)")),
    W("negative label", f"{_TRAIN_LABELS}/negative.pkl", ("negative.pkl", "label 0", "-1")),
    W("label that is a word", f"{_TRAIN_LABELS}/words.pkl", ("words.pkl", "'walk'")),
    W("labels without names", f"{_TRAIN_LABELS}/one_list.pkl", ("one_list.pkl", "pair")),
    W("labels that are no pickle", f"{_TRAIN_LABELS}/no_pickle.pkl", ("no_pickle.pkl", "pickle")),
    W("labels that would run code", f"{_TRAIN_LABELS}/malicious.pkl", ("malicious.pkl", "mkdir")),
    W(
        "label map with a gap",
        f"{RUNNER} dataset.num_classes=3 {_GAP}",
        ("dataset.label_map", "[0, 1, 3]"),
    ),
)
CHECKPOINTS = tuple(
    W(what, f"{RUNNER_EVALUATE} evaluate.checkpoint=weights/{name}", (name, *names), status)
    for what, name, names, status in (
        ("encrypted checkpoint", "encrypted.pth", ("encrypted", "decrypt"), 1),
        ("checkpoint that would run code", "malicious.pth", ("mkdir", "refused"), 1),
        ("checkpoint cut short", "cut_short.pth", ("cut short",), 1),
        ("empty checkpoint", "empty.pth", ("evaluate.checkpoint",), 1),
        ("file without weights", "no_weights.pth", ("state_dict",), 1),
        ("checkpoint of another network", "other_network.pth", ("backbone",), 1),
        ("missing checkpoint", "gone.pth", ("evaluate.checkpoint", "empty.pth"), 2),
    )
)
FAILING = (
    W(
        "a job whose data is wrong",
        f"skillbank run {SKILL} train --data data --automl off --set graph_layout=openpose",
        ("17 joints", "'openpose'", "Advice", "skillbank logs"),
        status=1,
    ),
)

SECTIONS: dict[str, tuple[WrongRequest, ...]] = {
    "Command line": COMMAND_LINE,
    "Skills": SKILLS,
    "Specs": SPECS,
    "Inputs": INPUTS,
    "Parents and checkpoints": PARENTS,
    "Plans": PLANS,
    "Searches": AUTOML,
    "Jobs and their root": JOBS,
    "Workflows": WORKFLOWS,
    "Data": DATA,
    "Checkpoint files": CHECKPOINTS,
    "Conversion of poses": CONVERSIONS,
    "Videos": VIDEOS,
    "Actions in poses, videos and streams": ACTIONS,
    "Jobs that fail": FAILING,
}
