"""The process entry: arguments, overrides, exit codes, what a failure leaves behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
import yaml

from skillbank_runners.command_line import read_override
from skillbank_runners.errors import RunnerError
from skillbank_runners.launch import PAUSED_EXIT, main, pose_classification, tao


def failure(job):
    line = job.status()[-1]
    assert line["status"] == "FAILURE"
    assert line["verbosity"] == "ERROR"
    return line["message"]


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("train.num_epochs=30", "train.num_epochs", 30),
        ("+train.num_epochs=30", "train.num_epochs", 30),
        ("++train.num_epochs=30", "train.num_epochs", 30),
        ("train.optim.lr=1e-3", "train.optim.lr", 0.001),
        ("train.optim.lr_steps=[10, 20]", "train.optim.lr_steps", [10, 20]),
        ("dataset.random_move=true", "dataset.random_move", True),
        ("dataset.label_map={a: 0, b: 1}", "dataset.label_map", {"a": 0, "b": 1}),
        ("model.pretrained_model_path=", "model.pretrained_model_path", None),
        ("evaluate.checkpoint=/a b/c=d.pth", "evaluate.checkpoint", "/a b/c=d.pth"),
        ("model.graph_layout=human3.6m", "model.graph_layout", "human3.6m"),
    ],
)
def test_overrides_are_read_as_yaml(text, key, value):
    assert read_override(text) == (key, value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("~train.seed", "keys cannot be removed"),
        ("train.seed", "expected key=value"),
        ("=5", "expected key=value"),
        ("train.optim.lr_steps=[1,", "cannot read the value"),
    ],
)
def test_an_override_that_cannot_be_read_is_named(text, said):
    with pytest.raises(RunnerError, match=said) as caught:
        read_override(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.num_epoch=3", "did you mean 'train.num_epochs'?"),
        ("train.num_epochs=0", "train.num_epochs: found 0"),
        ("train.num_epochs.x=0", "train.num_epochs holds 2, which has no keys"),
        ("dataset.train_dataset.data_path=/nowhere.npy", "no such file: '/nowhere.npy'"),
        ("~train.seed", "keys cannot be removed"),
    ],
)
def test_a_wrong_request_exits_with_2_and_one_message(job, capsys, override, said):
    assert main(job.arguments("train", override)) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not job.results.exists() or said in failure(job)


def test_all_wrong_overrides_are_listed_at_once(job, capsys):
    assert main(job.arguments("train", "~a", "b")) == 2
    error = capsys.readouterr().err
    assert "'~a'" in error
    assert "'b'" in error


def test_an_override_below_a_value_is_named(job, capsys):
    job.change(train={"seed": 3})
    assert main(job.arguments("train", "train.seed.x=1")) == 2
    assert "train.seed holds 3, which has no keys" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file"), ("[1, 2]", "expected a mapping"), ("a: [", "is no YAML")],
)
def test_a_spec_file_that_cannot_be_read_is_named(job, capsys, content, said):
    job.spec.unlink() if content is None else job.spec.write_text(content)
    assert main(job.arguments()) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "spec.yaml" in error


def test_an_unknown_network_names_the_known_ones(job, capsys):
    assert main(["pose_klassification", *job.arguments()[1:]]) == 2
    assert (
        "expected one of: action_recognition, centerpose, pose_classification"
        in capsys.readouterr().err
    )


def test_an_unknown_action_names_the_known_ones(job, capsys):
    assert main(job.arguments("trian")) == 2
    assert "'trian' is no action; known: " in capsys.readouterr().err


def test_a_failure_ends_status_json_with_the_whole_message(job, capsys):
    job.results.mkdir()
    assert main(job.arguments("train", "dataset.train_dataset.data_path=/nowhere.npy")) == 2
    assert failure(job) in capsys.readouterr().err


def test_a_failed_action_exits_with_1(job, capsys):
    (job.folder / "poses.json").write_text("[")
    data = f"dataset_convert.data={job.folder / 'poses.json'}"
    assert main(job.arguments("dataset_convert", data)) == 1
    assert "the file ends inside the list" in failure(job)
    assert "Traceback" not in "".join(capsys.readouterr())


# A process of its own, which must not load PyTorch to refuse a spec.
def test_a_wrong_spec_is_refused_before_pytorch_is_loaded(job):
    probe = (
        "import sys; from skillbank_runners.launch import main; "
        "code = main(sys.argv[1:]); print(code, 'torch' in sys.modules)"
    )
    for override in ("train.num_epoch=1", "dataset.num_classes=2", "model.graph_layout=openpose"):
        command = [sys.executable, "-c", probe, *job.arguments("train", override)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.splitlines()[-1] == "2 False"


def test_results_go_where_the_action_says(job, trained):
    content = yaml.safe_load(job.spec.read_text())
    content["results_dir"] = str(job.folder / "above")
    content["evaluate"]["checkpoint"] = str(trained.results / "pc_model_latest.pth")
    job.spec.write_text(yaml.safe_dump(content))
    arguments = ["pose_classification", "evaluate", "-e", str(job.spec)]
    assert main(arguments) == 0
    assert (job.folder / "above" / "evaluate" / "metrics.json").is_file()
    own = job.folder / "own"
    assert main([*arguments, f"evaluate.results_dir={own}"]) == 0
    assert (own / "metrics.json").is_file()


def test_no_results_folder_is_an_error(job, capsys):
    assert main(["pose_classification", "train", "-e", str(job.spec)]) == 2
    assert "set results_dir or train.results_dir" in capsys.readouterr().err


def test_a_results_folder_that_cannot_be_made_is_named(job, capsys):
    blocked = job.folder / "train_data.npy" / "x"
    assert main([*job.arguments()[:4], "--results", str(blocked)]) == 2
    assert f"results_dir: '{blocked}'" in capsys.readouterr().err


def run_network_of(code, job, tmp_path, monkeypatch, *more):
    """Exit code of a network, in another source root, whose training is these lines of code."""
    name = f"network_{abs(hash(code))}"
    package = tmp_path / "extra" / "skillbank_runners" / name
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        f"from skillbank_runners.{name}.spec import S\nSPECS = {{'train': S}}\nEXPERIMENT = S\n"
    )
    (package / "spec.py").write_text(
        "from skillbank_runners.api import SpecModel\nclass S(SpecModel):\n    a: int = 1\n"
    )
    (package / "train.py").write_text(f"def main(spec, run):\n    {code}\n")
    import skillbank_runners

    path = [*skillbank_runners.__path__, str(package.parent)]
    monkeypatch.setattr(skillbank_runners, "__path__", path)
    job.spec.write_text("a: 2\n")
    return main([name, *job.arguments()[1:], *more])


def test_an_error_of_our_own_is_written_with_its_traceback(job, tmp_path, monkeypatch, capsys):
    assert run_network_of("return 1 / 0", job, tmp_path, monkeypatch) == 1
    assert "internal error: ZeroDivisionError" in failure(job)
    assert "please report" in failure(job)
    assert "Traceback" in capsys.readouterr().out
    assert "failure" not in job.status()[-1]


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("raise MemoryError", "out_of_memory", "use a smaller batch size"),
        (
            "import torch; raise torch.OutOfMemoryError('CUDA out of memory. Tried')",
            "out_of_memory",
            "CUDA out of memory. Tried; use a smaller batch size",
        ),
        (
            "raise RuntimeError('DefaultCPUAllocator: can\\'t allocate memory: 9 bytes')",
            "out_of_memory",
            "use a smaller batch size",
        ),
        (
            "raise RuntimeError('CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling')",
            "out_of_memory",
            "use a smaller batch size",
        ),
        ("raise OSError(28, 'No space left on device')", "infrastructure", "resume the job"),
        ("raise OSError(122, 'Disk quota exceeded')", "infrastructure", "resume the job"),
    ],
)
def test_a_failure_of_the_machine_is_not_called_ours(job, tmp_path, monkeypatch, code, kind, said):
    assert run_network_of(code, job, tmp_path, monkeypatch) == 1
    assert said in failure(job)
    assert "please report" not in failure(job)
    assert job.status()[-1]["failure"] == kind


def test_an_error_of_the_actions_own_names_its_kind(job, tmp_path, monkeypatch):
    code = "from skillbank_runners.errors import Diverged; raise Diverged('val_loss became inf')"
    assert run_network_of(code, job, tmp_path, monkeypatch) == 1
    assert (failure(job), job.status()[-1]["failure"]) == ("val_loss became inf", "diverged")


def test_a_wrong_request_names_its_kind(job):
    job.results.mkdir()
    assert main(job.arguments("train", "train.num_epochs=0")) == 2
    assert job.status()[-1]["failure"] == "bad_configuration"


PAUSE = "from skillbank_runners.errors import Paused; raise Paused(run.pause_after, 9, {'loss': 1})"


def test_a_pause_is_told_and_has_an_exit_code_of_its_own(job, tmp_path, monkeypatch, capsys):
    code = run_network_of(PAUSE, job, tmp_path, monkeypatch, "--pause-after", "3")
    assert code == PAUSED_EXIT == 75
    last = job.status()[-1]
    assert {key: last[key] for key in ("status", "message", "kpi", "epoch", "max_epoch")} == {
        "status": "RUNNING",
        "message": "paused after epoch 3 of 9",
        "kpi": {"loss": 1.0},
        "epoch": 2,
        "max_epoch": 9,
    }
    assert "paused after epoch 3 of 9" in capsys.readouterr().out


def test_the_other_processes_of_a_training_pause_in_silence(job, tmp_path, monkeypatch):
    """Lightning kills the one that speaks when another of them ends with anything but 0."""
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert run_network_of(PAUSE, job, tmp_path, monkeypatch, "--pause-after", "3") == 0
    assert not (job.results / "status.json").exists()


def test_what_an_action_concludes_is_in_the_last_line(job, tmp_path, monkeypatch):
    code = "run.conclude({'size': 3}); run.conclude({'latency_ms': float('inf')})"
    assert run_network_of(code, job, tmp_path, monkeypatch) == 0
    last = job.status()[-1]
    assert (last["status"], last["kpi"]) == ("SUCCESS", {"size": 3.0, "latency_ms": None})


# Trains for a moment in this process until the signal comes: about 2 s.
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_stops_in_order_and_keeps_the_checkpoints(job, signum, code):
    checkpoint = job.results / "pc_model_latest.pth"

    def stop_after_a_checkpoint():
        while not checkpoint.is_file():
            time.sleep(0.01)
        os.kill(os.getpid(), signum)

    watcher = threading.Thread(target=stop_after_a_checkpoint, daemon=True)
    watcher.start()
    before = signal.getsignal(signum)
    assert main(job.arguments("train", "train.num_epochs=500")) == code
    watcher.join()
    assert f"cancelled by {signum.name}" in failure(job)
    assert checkpoint.is_file()
    assert signal.getsignal(signum) is before
    recorded = {entry["path"] for entry in job.artefacts()}
    assert checkpoint.resolve().name in recorded


def test_status_json_follows_a_training_from_start_to_end(trained):
    lines = trained.status()
    assert [line["status"] for line in (lines[0], lines[-1])] == ["STARTED", "SUCCESS"]
    epochs = [line for line in lines if "val_loss" in line.get("kpi", {})]
    assert [(line["epoch"], line["max_epoch"]) for line in epochs] == [(0, 2), (1, 2)]
    assert set(epochs[0]["kpi"]) == {"train_loss", "train_acc", "val_loss", "val_acc", "lr"}
    assert epochs[-1]["eta"] == "0:00:00"


def test_run_info_holds_what_is_needed_to_repeat_a_job(trained):
    info = json.loads((trained.results / "run_info.json").read_text())
    assert info["seed"] == 1234
    assert info["action"] == "train"
    assert info["versions"]["torch"]
    assert info["versions"]["python"].startswith(f"{sys.version_info.major}.")
    assert len(info["spec_sha256"]) == 64
    assert info["spec"]["dataset"]["num_classes"] == 3
    assert set(info["data"]) == {
        f"dataset.{part}_dataset.{kind}_path"
        for part in ("train", "val")
        for kind in ("data", "label")
    }
    assert all(len(file["sha256"]) == 64 for file in info["data"].values())


@pytest.mark.parametrize("entry", [pose_classification, tao])
@pytest.mark.parametrize("words", [["-h"], ["train", "-h"]])
def test_help_is_given(entry, words, capsys):
    more = ["model", "pose_classification"] if entry is tao else []
    with pytest.raises(SystemExit) as stopped:
        entry([*more, *words])
    assert stopped.value.code == 0
    assert "train, evaluate" in " ".join(capsys.readouterr().out.split())


def test_tao_lists_its_networks(capsys):
    assert tao(["--help"]) == 0
    assert "pose_classification" in capsys.readouterr().out


def test_tao_refuses_an_unknown_network(capsys):
    assert tao(["model", "nothing", "train"]) == 2
    assert "known: action_recognition, centerpose, pose_classification" in capsys.readouterr().err


def test_a_missing_spec_option_exits_with_2(capsys):
    with pytest.raises(SystemExit) as stopped:
        pose_classification(["train"])
    assert stopped.value.code == 2
    assert "-e" in capsys.readouterr().err
