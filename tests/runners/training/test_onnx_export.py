"""ONNX files: open axes, names, metadata, and agreement with the network they came from."""

import onnx
import pytest
import torch
from torch import nn

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.graph import adjacency
from skillbank_runners.pose_classification.network import STGCN, fold
from skillbank_runners.skeletons.layout import load_layout
from skillbank_runners.training.onnx_export import OnnxForm, compare_onnx, export_onnx

POSE = OnnxForm("input", "fc_pred", {0: "batch", 2: "frames"}, metadata={"graph_layout": "coco"})


@pytest.fixture(scope="module")
def network():
    """A pose network with statistics and edge importance that are not the initial ones."""
    torch.manual_seed(5)
    network = STGCN(4, 3, adjacency(load_layout("coco"), "spatial"))
    for parameter in network.edge_importance:
        nn.init.uniform_(parameter, 0.5, 1.5)
    with torch.no_grad():
        network.train()(torch.randn(4, 3, 16, 17, 2))  # moves the running statistics
    return network.eval()


@pytest.fixture(scope="module")
def path(network, tmp_path_factory):
    """Its ONNX file; over 1 s, because PyTorch's exporter takes that long for any network."""
    path = tmp_path_factory.mktemp("onnx") / "pose.onnx"
    export_onnx(fold(network), torch.randn(1, 3, 16, 17, 2), path, POSE)
    return path


@pytest.mark.parametrize("shape", [(1, 16), (2, 16), (5, 16), (1, 9), (3, 31), (2, 1)])
def test_the_file_equals_the_checkpointed_network_for_any_batch_and_length(network, path, shape):
    batch, frames = shape
    x = torch.randn(batch, 3, frames, 17, 2)
    assert compare_onnx(path, network, [x]) < 1e-5


def test_the_largest_difference_of_all_examples_counts(network, path):
    examples = [torch.randn(n, 3, 16, 17, 2) for n in (1, 2)]
    each = [compare_onnx(path, network, [example]) for example in examples]
    assert compare_onnx(path, network, examples) == max(each)


def test_a_difference_is_found(network, path):
    other = STGCN(4, 3, network.A.numpy())
    assert compare_onnx(path, other, [torch.randn(2, 3, 16, 17, 2)]) > 1e-3


def test_nothing_hides_a_nan(network, path):
    x = torch.full((1, 3, 16, 17, 2), float("nan"))
    difference = compare_onnx(path, network, [torch.randn(1, 3, 16, 17, 2), x])
    assert not difference < 1e9


def test_names_open_axes_and_metadata_are_as_asked(path):
    model = onnx.load(path)
    (given,), (result,) = model.graph.input, model.graph.output
    axes = [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim]
    assert (given.name, axes) == ("input", ["batch", 3, "frames", 17, 2])
    axes = [d.dim_param or d.dim_value for d in result.type.tensor_type.shape.dim]
    assert (result.name, axes) == ("fc_pred", ["batch", 4])
    assert {p.key: p.value for p in model.metadata_props} == {"graph_layout": "coco"}
    assert model.opset_import[0].version == 18


def test_the_graph_is_three_operations_and_two_activations_a_block(path):
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert kinds.count("MatMul") == 10
    assert kinds.count("Conv") == 10 * 2 + 2  # two blocks have a convolution around them
    assert kinds.count("Relu") == 20
    assert "BatchNormalization" not in kinds
    assert "Einsum" not in kinds
    assert kinds.count("Transpose") <= 1


def test_the_file_is_alone_and_does_not_tell_where_it_was_made(path):
    assert [file.name for file in path.parent.iterdir()] == ["pose.onnx"]
    assert b"stack_trace" not in path.read_bytes()
    assert b"site-packages" not in path.read_bytes()


def test_an_operator_set_that_cannot_be_written_is_refused(tmp_path):
    form = OnnxForm("input", "output", opset=16)
    with pytest.raises(RunnerError, match="opset 16 cannot be written; the exporter needs at"):
        export_onnx(nn.Identity(), torch.zeros(1, 2), tmp_path / "a.onnx", form)
    assert not list(tmp_path.iterdir())


def test_a_broken_file_is_reported_by_name(network, tmp_path):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    with pytest.raises(RunnerError, match=r"broken\.onnx: ONNX Runtime cannot run the file"):
        compare_onnx(broken, network, [torch.zeros(1, 3, 16, 17, 2)])
