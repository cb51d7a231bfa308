"""What a spec says against what a checkpoint records: silence, agreement, contradiction."""

import numpy as np
import pytest
import torch
import yaml
from tests.runners.conftest import write_labels

from skillbank_runners.errors import RunnerError
from skillbank_runners.launch import main
from skillbank_runners.pose_classification import EXPERIMENT, SPECS
from skillbank_runners.pose_classification.agreement import check_resumed, open_checkpoint
from skillbank_runners.pose_classification.module import build_network, hyper_parameters
from skillbank_runners.pose_classification.serving import facts_of_spec
from skillbank_runners.pose_classification.spec import TrainAction
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.spec_reading import read_spec

SHAPE = (3, 12, 17, 1)
KEY = "evaluate.checkpoint"
TRAINED = {
    "dataset": {
        "num_classes": 2,
        "label_map": {"sit": 0, "walk": 1},
        "window_size": 8,
        "preprocessing": {"centring": "frame"},
    },
    "model": {"graph_layout": "human3.6m", "graph_strategy": "uniform"},
}


def write_checkpoint(path, content=TRAINED, *, has_facts=True):
    """A checkpoint of a network that was never trained."""
    spec = TrainAction.model_validate(content)
    layout = load_layout(spec.model.graph_layout)
    weights = {f"model.{k}": v for k, v in build_network(spec, layout).state_dict().items()}
    facts = hyper_parameters(spec, 0, facts_of_spec(spec, layout, SHAPE))
    known = {"hyper_parameters": facts} if has_facts else {}
    torch.save({"state_dict": weights, **known}, path)
    return path


def spec_of(content, action="evaluate"):
    return read_spec(action, content, SPECS, EXPERIMENT)[0]


def opened(tmp_path, content, **options):
    path = write_checkpoint(tmp_path / "a.pth", options.pop("trained", TRAINED))
    return open_checkpoint(spec_of(content), path, KEY, **options)


def write_layout(path, *, swap=False):
    known = load_layout("h36m17")
    names = list(known.joint_names)
    if swap:
        names[0], names[1] = names[1], names[0]
    entry = {"joints": names, "edges": [list(edge) for edge in known.edges]}
    path.write_text(yaml.safe_dump(entry))
    return str(path)


def test_what_a_checkpoint_does_not_record_is_as_the_spec_says(tmp_path):
    path = write_checkpoint(tmp_path / "a.pth")
    state = torch.load(path, weights_only=True)
    del state["hyper_parameters"]["graph_strategy"]
    torch.save(state, path)

    found = open_checkpoint(spec_of({"model": {"graph_strategy": "distance"}}), path, KEY).spec

    assert found.model.graph_strategy == "distance"
    assert found.model.graph_layout == "human3.6m"


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"dataset": {"batch_size": 4}},
        {"dataset": {"preprocessing": {}}},
        {"dataset": {"num_classes": 2, "label_map": {"walk": 1, "sit": 0}}},
        {"model": {"dropout": 0.1}},
    ],
)
def test_what_the_spec_leaves_open_is_the_checkpoints(tmp_path, content):
    found = opened(tmp_path, content).spec

    assert found.dataset.num_classes == 2
    assert found.dataset.label_map == {"sit": 0, "walk": 1}
    assert found.dataset.window_size == 8
    assert found.dataset.preprocessing.centring == "frame"
    assert found.model.graph_layout == "human3.6m"
    assert found.model.graph_strategy == "uniform"


def test_the_number_of_frames_to_sample_need_not_be_said_again(tmp_path):
    preprocessing = {"sampling": "uniform"}
    trained = {**TRAINED, "dataset": {"window_size": 8, "preprocessing": preprocessing}}

    found = opened(tmp_path, {"dataset": {"preprocessing": preprocessing}}, trained=trained)

    assert found.facts(SHAPE).window_size == 8


def test_a_section_that_restates_its_defaults_leaves_them_open(tmp_path):
    whole = spec_of({}).model_dump(mode="json")
    whole["dataset"]["preprocessing"]["scale"] = "none"

    found = opened(tmp_path, {"dataset": whole["dataset"]}).spec

    assert found.dataset.preprocessing.centring == "frame"
    assert found.dataset.num_classes == 2


def test_a_whole_section_still_contradicts_where_it_differs_from_the_defaults(tmp_path):
    whole = spec_of({}).model_dump(mode="json")
    whole["dataset"]["preprocessing"]["scale"] = "torso"

    with pytest.raises(RunnerError, match=r"scale: trained with 'none', the spec says 'torso'"):
        opened(tmp_path, {"dataset": whole["dataset"]})


@pytest.mark.parametrize(
    ("dataset", "said"),
    [
        ({"label_map": {"walk": 0, "sit": 1}}, "dataset.label_map: trained with {'sit': 0"),
        ({"label_map": {"a": 0, "b": 1}}, "the spec says {'a': 0, 'b': 1}"),
        ({"preprocessing": {"centring": "none"}}, "trained with 'frame', the spec says 'none'"),
        ({"window_size": -1}, "dataset.window_size: trained with 8, the spec says -1"),
    ],
)
def test_a_contradiction_is_refused(tmp_path, dataset, said):
    content = {"dataset": {"num_classes": 2, **dataset}}

    with pytest.raises(RunnerError) as caught:
        opened(tmp_path, content)

    assert said in str(caught.value)
    assert "or leave these keys out, to use what it was trained with" in str(caught.value)


def test_every_contradiction_is_told_at_once(tmp_path):
    content = {
        "dataset": {"window_size": 3, "preprocessing": {"scale": "torso"}},
        "model": {"graph_layout": "coco"},
    }

    with pytest.raises(RunnerError) as caught:
        opened(tmp_path, content)

    assert str(caught.value).startswith("graph layout mismatch: ")
    assert str(caught.value).count(": trained with") == 3


def test_classes_without_names_may_be_named_later(tmp_path):
    trained = {**TRAINED, "dataset": {"num_classes": 2}}
    names = {"sit": 0, "walk": 1}

    found = opened(tmp_path, {"dataset": {"num_classes": 2, "label_map": names}}, trained=trained)

    assert found.spec.dataset.label_map == names
    assert opened(tmp_path, {}, trained=trained).spec.dataset.label_map is None


def test_a_file_may_take_fewer_frames_where_training_took_all(tmp_path):
    trained = {**TRAINED, "dataset": {"num_classes": 2}}
    content = {"dataset": {"window_size": 5}}

    found = opened(tmp_path, content, trained=trained, may_cut=True)

    assert found.facts(SHAPE).window_size == 5
    with pytest.raises(RunnerError, match="window_size: trained with -1, the spec says 5"):
        opened(tmp_path, content, trained=trained)
    with pytest.raises(RunnerError, match="window_size: trained with 8, the spec says 5"):
        opened(tmp_path, content, may_cut=True)


def test_a_layout_file_that_is_gone_is_not_needed(tmp_path):
    name = write_layout(tmp_path / "mine.yaml")
    content = {**TRAINED, "model": {"graph_layout": name}}
    path = write_checkpoint(tmp_path / "a.pth", content)
    (tmp_path / "mine.yaml").unlink()

    for said in ({}, {"model": {"graph_layout": name}}):
        found = open_checkpoint(spec_of(said), path, KEY)
        assert found.layout.joint_names == load_layout("h36m17").joint_names
        assert found.network()(torch.zeros(1, *SHAPE)).shape == (1, 2)


def test_a_layout_file_may_move_and_must_not_change(tmp_path):
    name = write_layout(tmp_path / "mine.yaml")
    path = write_checkpoint(tmp_path / "a.pth", {**TRAINED, "model": {"graph_layout": name}})
    moved = write_layout(tmp_path / "moved.yaml")
    other = write_layout(tmp_path / "other.yaml", swap=True)

    found = open_checkpoint(spec_of({"model": {"graph_layout": moved}}), path, KEY)

    assert found.network()(torch.zeros(1, *SHAPE)).shape == (1, 2)
    with pytest.raises(RunnerError, match="graph layout mismatch"):
        open_checkpoint(spec_of({"model": {"graph_layout": other}}), path, KEY)
    write_layout(tmp_path / "mine.yaml", swap=True)
    with pytest.raises(RunnerError, match="before the file was changed"):
        open_checkpoint(spec_of({"model": {"graph_layout": name}}), path, KEY)


def test_a_checkpoint_without_facts_is_used_as_the_spec_says(tmp_path):
    path = write_checkpoint(tmp_path / "tao.pth", has_facts=False)

    found = open_checkpoint(spec_of(TRAINED), path, KEY)

    assert found.trained is None
    assert found.facts(SHAPE).preprocessing.centring == "frame"
    assert found.facts(SHAPE).window_size == 8
    assert found.network()(torch.zeros(1, *SHAPE)).shape == (1, 2)


def test_a_training_that_goes_on_says_the_same_or_nothing(tmp_path):
    state = torch.load(write_checkpoint(tmp_path / "a.pth"), weights_only=True)

    check_resumed(spec_of(TRAINED, "train"), state)
    with pytest.raises(RunnerError, match="centring: trained with 'frame', the spec says 'none'"):
        check_resumed(spec_of({}, "train"), state)


def pretrain(job, path, *overrides):
    place = f"model.pretrained_model_path={path}"
    classes = ("dataset.num_classes=2", "dataset.label_map=null", "train.num_epochs=1")
    write_labels(job.folder / "train_label.pkl", np.arange(6) % 2)
    write_labels(job.folder / "val_label.pkl", np.arange(4) % 2)
    return main(job.arguments("train", place, "model.graph_strategy=uniform", *classes, *overrides))


# A training of one epoch: 1 s.
def test_pretrained_weights_of_clips_prepared_otherwise_are_taken_with_a_warning(job, capsys):
    path = write_checkpoint(job.folder / "a.pth")

    assert pretrain(job, path) == 0
    assert "centring: trained with 'frame', the spec says 'none'" in capsys.readouterr().out


def test_pretrained_weights_of_other_streams_are_refused(job, capsys):
    path = write_checkpoint(job.folder / "a.pth")

    assert pretrain(job, path, "dataset.preprocessing.streams=[joint, bone]") == 1
    error = capsys.readouterr().err
    assert "streams: trained with ('joint',), the spec says ('joint', 'bone')" in error
