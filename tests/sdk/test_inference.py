from __future__ import annotations

from pathlib import Path

import pytest
from tests.fixtures.toy import checkpoint_name, record

from skillbank.artefacts import ArtefactKind
from skillbank.errors import CheckpointNotFound, SkillInvalid
from skillbank.inference import (
    FUNCTIONS,
    Ask,
    Parent,
    Setting,
    Trial,
    kind_of,
    read_function,
)
from skillbank.settings import read_settings

NEEDED = Ask("evaluate.checkpoint")
OPTIONAL = Ask("evaluate.checkpoint", optional=True)


def call(name: str, setting: Setting, ask: Ask = NEEDED) -> object:
    return FUNCTIONS[name](setting, ask)


def parent(results: Path, action: str = "train", *, is_complete: bool = True) -> Parent:
    return Parent("p1", action, "COMPLETE" if is_complete else "RUNNING", is_complete, results)


def with_checkpoints(results: Path, *losses: float) -> Path:
    for epoch, loss in enumerate(losses):
        record(results, checkpoint_name(epoch), epoch=epoch, metrics={"val_loss": loss})
    return results


def test_every_function_of_the_table_is_there() -> None:
    assert sorted(FUNCTIONS) == [
        "assign_const_value",
        "automl_assign_ptm",
        "automl_output_dir",
        "automl_ptm_if_no_resume_model",
        "automl_resume_model",
        "create_cal_cache",
        "create_engine_file",
        "create_inference_result_file_pose",
        "create_onnx_file",
        "create_pth_file",
        "key",
        "output_dir",
        "parent_model",
        "parent_model_folder",
        "parent_model_or_ptm",
        "ptm",
        "ptm_if_no_resume_model",
        "resume_model",
        "resume_model_or_ptm",
    ]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("output_dir", ""),
        ("automl_output_dir", ""),
        ("create_onnx_file", "model.onnx"),
        ("create_engine_file", "model.engine"),
        ("create_cal_cache", "cal.bin"),
        ("create_pth_file", "model.pth"),
        ("create_inference_result_file_pose", "results.txt"),
    ],
)
def test_files_to_write_lie_in_the_results_folder(tmp_path: Path, name: str, file: str) -> None:
    assert call(name, Setting(tmp_path)) == str(tmp_path / file)


def test_a_trial_writes_to_its_own_folder(tmp_path: Path) -> None:
    setting = Setting(tmp_path, trial=Trial(tmp_path / "trial"))

    assert call("automl_output_dir", setting) == str(tmp_path / "trial")


def test_the_key_is_a_reference_or_nothing(tmp_path: Path) -> None:
    assert call("key", Setting(tmp_path)) is None
    assert call("key", Setting(tmp_path, encryption_key="env:NAME")) == "env:NAME"


@pytest.mark.parametrize(
    ("environment", "reference"),
    [
        ({}, None),
        ({"SKILLBANK_ENCRYPTION_KEY": ""}, None),
        ({"SKILLBANK_ENCRYPTION_KEY": "geheim"}, "env:SKILLBANK_ENCRYPTION_KEY"),
        ({"TAO_ENCRYPTION_KEY": "geheim"}, "env:TAO_ENCRYPTION_KEY"),
        (
            {"TAO_ENCRYPTION_KEY": "a", "SKILLBANK_ENCRYPTION_KEY": "b"},
            "env:SKILLBANK_ENCRYPTION_KEY",
        ),
    ],
)
def test_the_environment_says_where_the_key_is_never_what_it_is(
    environment: dict[str, str], reference: str | None
) -> None:
    assert read_settings(environment).encryption_key == reference


@pytest.mark.parametrize(
    ("selection", "epoch"),
    [(None, 1), ("best", 1), ("latest", 2), ("epoch=0", 0), ("step=10", 0)],
)
def test_a_trained_parent_gives_the_selected_checkpoint(
    tmp_path: Path, selection: str | None, epoch: int
) -> None:
    results = with_checkpoints(tmp_path, 0.9, 0.3, 0.5)

    setting = Setting(tmp_path, parent(results), selection)

    assert call("parent_model", setting) == str(results / checkpoint_name(epoch))
    assert call("parent_model_folder", setting) == str(results)


@pytest.mark.parametrize(
    ("action", "kind", "name"),
    [
        ("export", ArtefactKind.ONNX, "model.onnx"),
        ("gen_trt_engine", ArtefactKind.ENGINE, "model.engine"),
    ],
)
def test_a_field_gets_the_kind_it_takes(
    tmp_path: Path, action: str, kind: ArtefactKind, name: str
) -> None:
    record(tmp_path, name, kind=kind.value)
    setting = Setting(tmp_path / "own", parent(tmp_path, action), "latest")

    assert call("parent_model", setting, Ask("any.key", kind)) == str(tmp_path / name)


def test_without_a_parent_there_is_no_parent_model(tmp_path: Path) -> None:
    assert call("parent_model", Setting(tmp_path)) is None
    assert call("parent_model_folder", Setting(tmp_path)) is None


def test_a_parent_without_the_artefact_is_an_error_that_lists_what_it_has(tmp_path: Path) -> None:
    record(tmp_path, "metrics.json", kind="metrics")

    with pytest.raises(CheckpointNotFound) as caught:
        call("parent_model", Setting(tmp_path, parent(tmp_path, "evaluate")))

    assert str(caught.value).startswith(
        "evaluate.checkpoint: the parent job p1 (evaluate) has no checkpoint for it"
    )
    assert "it has: metrics.json." in str(caught.value)


def test_a_parent_that_is_not_complete_is_an_error_that_says_how_to_go_on(tmp_path: Path) -> None:
    running = parent(with_checkpoints(tmp_path, 0.5), is_complete=False)

    with pytest.raises(CheckpointNotFound, match="job p1 is RUNNING, not COMPLETE") as caught:
        call("parent_model", Setting(tmp_path, running))

    assert "skillbank wait p1" in str(caught.value)
    assert checkpoint_name(0) in str(caught.value)


@pytest.mark.parametrize("is_complete", [True, False])
def test_an_optional_input_stays_empty_then(tmp_path: Path, is_complete: bool) -> None:
    setting = Setting(tmp_path, parent(tmp_path, is_complete=is_complete))

    assert call("parent_model", setting, OPTIONAL) is None


def test_the_parents_model_comes_before_the_pretrained_one(tmp_path: Path) -> None:
    trained = parent(with_checkpoints(tmp_path / "parent", 0.5))
    empty = parent(tmp_path / "empty")
    name = "parent_model_or_ptm"

    assert call(name, Setting(tmp_path, trained, base_checkpoint="/b.pth")) != "/b.pth"
    assert call(name, Setting(tmp_path, empty, base_checkpoint="/b.pth")) == "/b.pth"
    assert call(name, Setting(tmp_path, base_checkpoint="/b.pth")) == "/b.pth"
    with pytest.raises(CheckpointNotFound):
        call(name, Setting(tmp_path, empty))


def test_a_job_resumes_from_its_own_checkpoint_not_the_parents(tmp_path: Path) -> None:
    with_checkpoints(tmp_path / "own", 0.5, 0.6)
    setting = Setting(tmp_path / "own", parent(with_checkpoints(tmp_path / "parent", 0.1)))

    assert call("resume_model", setting) == str(tmp_path / "own" / checkpoint_name(1))


def test_without_an_earlier_try_the_pretrained_model_is_used(tmp_path: Path) -> None:
    setting = Setting(tmp_path, base_checkpoint="/b.pth")

    assert call("resume_model", setting) is None
    assert call("resume_model_or_ptm", setting) == "/b.pth"
    assert call("ptm", setting) == "/b.pth"
    assert call("ptm_if_no_resume_model", setting) == "/b.pth"


def test_with_an_earlier_try_the_pretrained_model_is_not(tmp_path: Path) -> None:
    setting = Setting(with_checkpoints(tmp_path, 0.5), base_checkpoint="/b.pth")

    assert call("resume_model_or_ptm", setting) == str(tmp_path / checkpoint_name(0))
    assert call("ptm_if_no_resume_model", setting) is None


def test_a_trial_looks_at_its_own_results_then_at_the_studys_model(tmp_path: Path) -> None:
    with_checkpoints(tmp_path / "done", 0.5)
    own = str(tmp_path / "done" / checkpoint_name(0))
    fresh = Setting(tmp_path, trial=Trial(tmp_path / "fresh", "/study.pth"))
    done = Setting(tmp_path, trial=Trial(tmp_path / "done", "/study.pth"))

    assert [call(f"automl_{name}", fresh) for name in _QUESTIONS] == [
        "/study.pth",
        "/study.pth",
        None,
    ]
    assert [call(f"automl_{name}", done) for name in _QUESTIONS] == [own, None, own]


_QUESTIONS = ("assign_ptm", "ptm_if_no_resume_model", "resume_model")


def test_outside_a_study_a_trials_questions_are_about_the_job(tmp_path: Path) -> None:
    setting = Setting(tmp_path, base_checkpoint="/b.pth")

    assert [call(f"automl_{name}", setting) for name in _QUESTIONS] == ["/b.pth", "/b.pth", None]


def test_a_trial_gets_its_rungs_epochs_and_other_keys_no_more_than_that(tmp_path: Path) -> None:
    spec = {"train": {"num_epochs": 3, "warmup": 5, "interval": 1, "name": "x"}}
    setting = Setting(tmp_path, trial=Trial(tmp_path, num_epochs=3), spec=spec)

    def ask(key: str, *arguments: str) -> object:
        return call("assign_const_value", setting, Ask(key, arguments=arguments))

    assert ask("train.num_epochs") == 3
    assert ask("train.warmup", "train.num_epochs") == 3
    assert ask("train.interval", "train.num_epochs", "train.warmup") == 1
    assert ask("train.name", "train.missing") is None


def test_outside_a_trial_nothing_is_assigned(tmp_path: Path) -> None:
    assert call("assign_const_value", Setting(tmp_path)) is None


def test_an_unknown_function_is_an_error_of_the_skill_that_lists_the_known_ones() -> None:
    with pytest.raises(SkillInvalid) as caught:
        read_function("toy", "evaluate.checkpoint", "parent_modle")

    assert str(caught.value).startswith(
        "toy: spec_params of evaluate.checkpoint: 'parent_modle' is no inference function; "
        "did you mean 'parent_model'? known: assign_const_value, "
    )


def test_arguments_are_read_and_refused_where_there_are_none() -> None:
    assert read_function("toy", "k", "assign_const_value, a.b,c") == (
        "assign_const_value",
        ("a.b", "c"),
    )
    with pytest.raises(SkillInvalid, match="output_dir takes no arguments"):
        read_function("toy", "k", "output_dir,x")


@pytest.mark.parametrize(
    ("key", "declared", "kind"),
    [
        ("evaluate.checkpoint", None, ArtefactKind.CHECKPOINT),
        ("train.resume_training_checkpoint_path", None, ArtefactKind.CHECKPOINT),
        ("model.rgb_pretrained_model_path", "checkpoint", ArtefactKind.CHECKPOINT),
        ("model.pretrained_model_path", "file", ArtefactKind.CHECKPOINT),
        ("gen_trt_engine.onnx_file", "file", ArtefactKind.ONNX),
        ("evaluate.trt_engine", None, ArtefactKind.ENGINE),
        ("evaluate.network", "onnx", ArtefactKind.ONNX),
    ],
)
def test_a_fields_kind_is_declared_or_read_off_its_name(
    key: str, declared: str | None, kind: ArtefactKind
) -> None:
    assert kind_of(key, declared) is kind
