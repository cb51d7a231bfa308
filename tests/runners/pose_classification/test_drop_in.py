"""TAO's commands and spec files do here what TAO documents."""

import pytest
import yaml

from skillbank_runners.command_line import parse_tao_arguments, read_content
from skillbank_runners.launch import pose_classification, tao

ACTIONS = ("train", "evaluate", "inference", "export", "dataset_convert")


def content_of(*words):
    return read_content(parse_tao_arguments("pose_classification", ACTIONS, words))


@pytest.mark.parametrize(
    ("words", "section", "expected"),
    [
        (["--gpus", "2"], "train", {"num_gpus": 2}),
        (["--num_gpus", "2"], "train", {"num_gpus": 2}),
        (["--gpu_index", "0,1"], "train", {"gpu_ids": [0, 1]}),
        (["--gpu_ids", "[1]"], "train", {"gpu_ids": [1]}),
        (["--num_nodes", "1"], "train", {"num_nodes": 1}),
        (["train.num_epochs=7", "+train.seed=3"], "train", {"num_epochs": 7, "seed": 3}),
    ],
)
def test_options_of_taos_launcher_set_spec_keys(job, words, section, expected):
    content = content_of("train", "-e", str(job.spec), *words)
    assert expected.items() <= content[section].items()


def test_the_key_and_the_results_folder_are_set(job):
    content = content_of("train", "-e", str(job.spec), "-k", "env:KEY", "-r", "/somewhere")
    assert content["encryption_key"] == "env:KEY"
    assert content["results_dir"] == "/somewhere"


def test_export_takes_one_gpu(job):
    content = content_of("export", "-e", str(job.spec), "--gpus", "1", "--gpu_index", "1")
    assert content["export"] == {"gpu_id": 1}


def test_overrides_may_stand_between_options(job):
    content = content_of("train", "a=1", "-e", str(job.spec), "b=2", "-r", "x", "c=3")
    assert (content["a"], content["b"], content["c"]) == (1, 2, 3)


@pytest.mark.parametrize("entry", ["pose_classification", "tao model", "tao"])
def test_a_tao_spec_file_trains_unchanged(job, entry, capsys):
    content = yaml.safe_load(job.spec.read_text())
    content |= {
        "results_dir": "???",
        "encryption_key": None,
        "wandb": {"enable": True, "project": "x", "tags": ["a"]},
        "export": {"checkpoint": "???", "gpu_id": 0},
        "dataset_convert": {"pose_type": "3dbp"},
    }
    content["evaluate"]["checkpoint"] = "???"
    content["train"]["num_epochs"] = 5
    job.spec.write_text(yaml.safe_dump(content))
    words = ["train", "-e", str(job.spec), "-r", str(job.folder / "out"), "train.num_epochs=1"]
    if entry == "pose_classification":
        code = pose_classification(words)
    else:
        code = tao([*entry.split()[1:], "pose_classification", *words])
    assert code == 0
    assert (job.folder / "out" / "train" / "model_epoch_000_step_00003.pth").is_file()
    assert "the wandb package is not installed" in capsys.readouterr().out
