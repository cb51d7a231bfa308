"""ST-GCN against a plain float64 reference, and weights that do or do not fit."""

import pytest
import torch
from tests.runners.pose_classification.reference_stgcn import reference_logits, reference_shapes

from skillbank_runners.pose_classification.graph import Strategy, adjacency, load_layout
from skillbank_runners.pose_classification.network import STGCN, fold

TAO_LAYOUTS = ("nvidia", "openpose", "human3.6m", "ntu-rgb+d", "ntu_edge", "coco")
TOLERANCE = 1e-5  # float32 against float64, relative to the norm of the whole tensor


def build(layout="coco", strategy="spatial", *, num_classes=5, **options):
    torch.manual_seed(7)
    A = adjacency(load_layout(layout), strategy)
    model = STGCN(num_classes, 3, A, **options)
    for name, value in model.state_dict().items():
        if name.startswith("edge_importance") or name.endswith("running_var"):
            value.uniform_(0.5, 1.5)
        elif "bn" in name or ".tcn.0." in name or ".tcn.3." in name or ".residual.1." in name:
            if value.is_floating_point():
                value.copy_(torch.randn_like(value) * 0.1 + (1 if name.endswith("weight") else 0))
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
