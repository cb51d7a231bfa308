"""Inference: TAO's text file, the scores beside it, and what it refuses."""

import json

import pytest

from skillbank_runners.launch import main


def infer(job, trained, *overrides):
    path = trained.results / "pc_model_latest.pth"
    return main(job.arguments("inference", f"inference.checkpoint={path}", *overrides))


def predictions(job):
    return json.loads((job.results / "predictions.json").read_text())


def test_one_class_name_per_clip_and_line_is_written(job, trained):
    assert infer(job, trained) == 0
    lines = (job.results / "results.txt").read_text().splitlines()
    assert len(lines) == 4
    assert set(lines) <= {"sit", "walk", "run"}
    assert lines == [entry["class_name"] for entry in predictions(job)["predictions"]]
    kinds = {entry["path"]: entry["kind"] for entry in job.artefacts()}
    assert kinds["results.txt"] == kinds["predictions.json"] == "predictions"


def test_scores_are_shares_best_first(job, trained):
    assert infer(job, trained) == 0
    content = predictions(job)
    assert content["class_names"] == ["sit", "walk", "run"]
    for entry in content["predictions"]:
        shares = [top["score"] for top in entry["top"]]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1)
        assert entry["score"] == shares[0]
        assert content["class_names"][entry["class_id"]] == entry["class_name"]


def test_labels_are_not_needed(job, trained):
    assert infer(job, trained, "inference.test_dataset.label_path=") == 0
    assert predictions(job)["predictions"][0]["clip"] == "clip_0"


def test_the_text_file_goes_where_the_spec_says(job, trained):
    target = job.folder / "deep" / "names.txt"
    assert infer(job, trained, f"inference.output_file={target}") == 0
    assert len(target.read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("override", "said", "code"),
    [
        ("dataset.label_map=null", "dataset.label_map: missing", 2),
        ("inference.checkpoint=", "inference.checkpoint: empty", 2),
        ("inference.trt_engine=x", "TensorRT engines are not run here", 2),
        ("inference.test_dataset.data_path=", "inference.test_dataset.data_path: empty", 2),
        ("inference.output_file=FILE/x.txt", "inference.output_file: cannot write", 1),
    ],
)
def test_what_is_missing_is_named(job, trained, capsys, override, said, code):
    assert infer(job, trained, override.replace("FILE", str(job.spec))) == code
    assert said in capsys.readouterr().err
