"""ST-GCN against a plain float64 reference, and weights that do or do not fit."""

import re

import pytest
import torch
from tests.runners.pose_classification.reference_stgcn import reference_logits, reference_shapes
from torch.nn.functional import cross_entropy

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.functions import drop_add_relu
from skillbank_runners.pose_classification.graph import Strategy, adjacency
from skillbank_runners.pose_classification.network import STGCN, fold, load_weights
from skillbank_runners.pose_classification.streams import Streams
from skillbank_runners.skeletons.layout import load_layout

TAO_LAYOUTS = ("nvidia", "openpose", "human3.6m", "ntu-rgb+d", "ntu_edge", "coco")
TOLERANCE = 1e-5  # float32 against float64, relative to the norm of the whole tensor


def build(layout="coco", strategy="spatial", *, num_classes=5, **options):
    """A network whose every number is random, normalisation statistics and importance too."""
    torch.manual_seed(7)
    model = STGCN(num_classes, 3, adjacency(load_layout(layout), strategy), **options)
    for name, value in model.state_dict().items():
        if name.startswith("edge_importance") or name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif name.endswith("running_mean"):
            value.normal_(0, 0.1)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            torch.nn.init.normal_(module.weight, 1, 0.1)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    return model


def sequences(num_joints, *, batch=2, frames=11, people=1):
    generator = torch.Generator().manual_seed(3)
    return torch.randn(batch, 3, frames, num_joints, people, generator=generator)


def float64_state(model):
    return {k: v.double() if v.is_floating_point() else v for k, v in model.state_dict().items()}


def relative_error(found, expected):
    return float((found.double() - expected).norm() / expected.norm())


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize("layout", TAO_LAYOUTS)
@pytest.mark.parametrize(("people", "frames"), [(1, 16), (2, 11)])
def test_logits_equal_the_references(layout, strategy, people, frames):
    model = build(layout, strategy).eval()
    x = sequences(load_layout(layout).num_joints, frames=frames, people=people)
    with torch.no_grad():
        found = model(x)
    assert relative_error(found, reference_logits(float64_state(model), x.double())) < TOLERANCE


@pytest.mark.parametrize("layout", TAO_LAYOUTS)
@pytest.mark.parametrize("strategy", list(Strategy))
def test_the_state_dict_has_the_public_keys_and_shapes(layout, strategy):
    model = build(layout, strategy)
    found = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    K, V, _ = model.A.shape
    assert found == reference_shapes(5, 3, K, V)


@pytest.mark.parametrize("strategy", list(Strategy))
@pytest.mark.parametrize("layout", TAO_LAYOUTS)
def test_the_folded_form_equals_the_reference(layout, strategy):
    model = build(layout, strategy).eval()
    x = sequences(load_layout(layout).num_joints, frames=13, people=2)
    with torch.no_grad():
        found = fold(model)(x)
    assert relative_error(found, reference_logits(float64_state(model), x.double())) < TOLERANCE


@pytest.mark.parametrize(("layout", "strategy"), [("coco", "spatial"), ("ntu-rgb+d", "distance")])
@pytest.mark.parametrize("importance", [True, False])
def test_training_logits_and_gradients_equal_the_references(layout, strategy, importance):
    # In float64 on both sides: in float32 a ReLU whose input is almost 0 may open on one side only.
    model = build(layout, strategy, edge_importance_weighting=importance, dropout=0.0).double()
    x, labels = sequences(load_layout(layout).num_joints, people=2).double(), torch.tensor([1, 3])
    state = {key: value.clone() for key, value in model.state_dict().items()}
    for key, _ in model.named_parameters():
        state[key].requires_grad_()
    expected = reference_logits(state, x, training=True)
    cross_entropy(expected, labels).backward()
    found = model.train()(x)
    cross_entropy(found, labels).backward()
    assert relative_error(found.detach(), expected.detach()) < 1e-12
    for key, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, state[key].grad, rtol=1e-8, atol=1e-12)


def test_training_logits_in_float32_equal_the_references():
    model = build(dropout=0.0).train()
    x = sequences(17, frames=13, people=2)
    expected = reference_logits(float64_state(model), x.double(), training=True)
    assert relative_error(model(x).detach(), expected) < TOLERANCE


def test_training_updates_the_running_statistics_as_torch_does():
    model = build(dropout=0.0).train()
    x = sequences(17, batch=3)
    model(x)
    rows = x.permute(0, 4, 2, 3, 1).reshape(-1, 17 * 3)
    torch.testing.assert_close(
        model.data_bn.running_var[:3] - rows.var(dim=0)[:3] * 0.1,
        build().data_bn.running_var[:3] * 0.9,
    )
    assert int(model.st_gcn_networks[4].residual[1].num_batches_tracked) == 1


def test_the_same_seed_trains_to_the_same_bits():
    digests = []
    for _ in range(2):
        model = build(dropout=0.5).train()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
        for _ in range(2):
            optimizer.zero_grad()
            cross_entropy(model(sequences(17, frames=16)), torch.tensor([0, 1])).backward()
            optimizer.step()
        digests.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert torch.equal(*digests)


@pytest.mark.parametrize("probability", [0.1, 0.5, 1 / 3, 0.9])
def test_dropout_keeps_the_mean_and_drops_the_stated_share(probability):
    torch.manual_seed(0)
    x = torch.ones(4, 250_000, requires_grad=True)
    y = drop_add_relu(x, torch.zeros_like(x), probability)
    deviation = (probability * (1 - probability) / x.numel()) ** 0.5
    assert float((y > 0).float().mean()) == pytest.approx(1 - probability, abs=5 * deviation)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


def test_dropout_is_off_in_evaluation_and_in_the_first_block():
    model = build(dropout=0.9)
    x_NVTC = torch.ones(1, 17, 4, 3)
    first = model.train().st_gcn_networks[0]
    assert torch.equal(first(x_NVTC, model.A), first(x_NVTC, model.A))
    second = model.eval().st_gcn_networks[1]
    x_NVTC = torch.ones(1, 17, 4, 64)
    assert torch.equal(second(x_NVTC, model.A), second(x_NVTC, model.A))


def test_a_dropout_of_everything_leaves_only_the_way_around():
    block = build(dropout=1.0).train().st_gcn_networks[1]
    x = torch.randn(1, 17, 4, 64)
    assert torch.equal(block(x, build().A), x.relu())


def test_one_frame_and_one_sequence_are_enough():
    with torch.no_grad():
        assert build().eval()(sequences(17, batch=1, frames=1)).shape == (1, 5)


def test_gradients_reach_every_parameter():
    model = build().train()
    model(sequences(17)).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_the_state_of_a_network_without_importance_has_no_such_keys():
    model = build(edge_importance_weighting=False)
    found = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    assert found == reference_shapes(5, 3, 3, 17, importance=False)


def test_folding_leaves_the_network_as_it_was():
    model = build().eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    folded = fold(model)
    with torch.no_grad():
        for parameter in folded.parameters():
            parameter.zero_()
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


@pytest.mark.parametrize("prefix", ["", "model."])
def test_weights_load_with_and_without_taos_prefix(prefix):
    trained, fresh = build(), STGCN(5, 3, build().A.numpy())
    state = {prefix + key: value for key, value in trained.state_dict().items()}
    assert load_weights(fresh, state, source="w.pth") == []
    assert all(torch.equal(v, fresh.state_dict()[k]) for k, v in trained.state_dict().items())


def test_weights_load_without_the_counters_of_old_checkpoints():
    state = {k: v for k, v in build().state_dict().items() if not k.endswith("batches_tracked")}
    assert load_weights(build(), state, source="w.pth") == []


def test_a_head_of_other_classes_starts_from_scratch_and_is_reported():
    fresh = build(num_classes=4)
    head = fresh.fcn.weight.clone()
    notes = load_weights(fresh, build(num_classes=9).state_dict(), source="w.pth")
    assert notes == [
        "w.pth was trained for 9 classes and this network has 4: "
        "its head (fcn) was not loaded and starts from scratch"
    ]
    assert torch.equal(fresh.fcn.weight, head)
    assert torch.equal(fresh.data_bn.weight, build(num_classes=9).data_bn.weight)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (build("nvidia"), "set model.graph_layout=nvidia model.graph_strategy=spatial"),
        (build("human3.6m"), "edges differ from this network's; set model.graph_layout=human3.6m"),
        (build("coco", "uniform"), "model.graph_strategy=uniform"),
        (
            STGCN(5, 2, build().A.numpy()),
            "data_bn.weight: has shape (34,), this network needs (51,)",
        ),
        (build(edge_importance_weighting=False), "edge_importance.0: missing; set model.edge_imp"),
    ],
)
def test_other_weights_are_refused_and_the_message_says_what_to_set(other, expected):
    model = build()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(RunnerError, match=re.escape(expected)) as caught:
        load_weights(model, other.state_dict(), source="w.pth")
    assert str(caught.value).startswith("w.pth does not fit this network:")
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_weights_of_an_unknown_graph_name_the_layouts_of_that_size():
    state = build().state_dict() | {"A": torch.rand(3, 18, 18)}
    with pytest.raises(
        RunnerError, match="layouts of 18 joints: openpose, openpose18; strategies of 3 part"
    ):
        load_weights(build(), state, source="w.pth")


def test_a_key_too_many_is_named():
    state = build().state_dict() | {"optimizer": torch.zeros(1)}
    with pytest.raises(RunnerError, match="optimizer: unknown key"):
        load_weights(build(), state, source="w.pth")


def build_streams(names=("joint", "bone", "motion")):
    layout = load_layout("human3.6m")
    torch.manual_seed(5)
    model = STGCN(5, 3 * len(names), adjacency(layout, "spatial"))
    model.streams = Streams(names, layout.parents)
    return model.eval()


@torch.no_grad()
def test_streams_are_made_inside_the_network_and_its_inference_form():
    model, x = build_streams(), sequences(17)
    without = build_streams()
    without.streams = None

    logits = model(x)

    assert torch.equal(logits, without(model.streams(x)))
    assert relative_error(fold(model)(x), logits.double()) < TOLERANCE
    assert not torch.allclose(logits, model(x.flip(2)))


def test_streams_add_no_key_to_the_state():
    with_streams, without = build_streams(), STGCN(5, 3, adjacency(load_layout("coco"), "spatial"))

    assert list(with_streams.state_dict()) == list(without.state_dict())
    shapes = {key: tuple(value.shape) for key, value in with_streams.state_dict().items()}
    assert shapes == reference_shapes(5, 9, 3, 17)
