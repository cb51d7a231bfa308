"""What a network costs: its size, and the time that one answer takes."""

from __future__ import annotations

import statistics
import time

import torch
from torch import Tensor, nn

_MOST_PASSES = 9
_BUDGET_S = 0.25


def network_facts(network: nn.Module, input_1: Tensor) -> dict[str, float]:
    """Parameters and latency of a network, for whoever trades them against accuracy.

    Args:
        network: Left in evaluation mode, on the device that it is measured on.
        input_1: A batch of one, on the same device.

    Returns:
        `num_parameters`, and `latency_ms`: median of a few passes after a first one that does
        not count; it takes a quarter of a second, or two passes where that is longer.
    """
    num_parameters = sum(parameter.numel() for parameter in network.parameters())
    network.eval()
    times_s: list[float] = []
    with torch.inference_mode():
        spent_s = _time_pass(network, input_1)
        while len(times_s) < _MOST_PASSES and (spent_s < _BUDGET_S or not times_s):
            times_s.append(_time_pass(network, input_1))
            spent_s += times_s[-1]
    return {"num_parameters": num_parameters, "latency_ms": 1000 * statistics.median(times_s)}


def _time_pass(network: nn.Module, input_1: Tensor) -> float:
    began_s = time.perf_counter()
    network(input_1)
    if input_1.is_cuda:
        torch.cuda.synchronize(input_1.device)
    return time.perf_counter() - began_s
