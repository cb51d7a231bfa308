"""Make a run repeat itself: one seed, from which every random choice follows by its position.

Nothing random depends on what was drawn before, only on (seed, purpose, position). A resumed run
therefore continues exactly as if it had never stopped.
"""

from __future__ import annotations

import secrets
from enum import IntEnum
from typing import Any

import numpy as np
import torch
import torch.utils.deterministic

from skillbank_runners.spec_sections import CudnnSpec


class Purpose(IntEnum):
    """What random numbers are for: equal seeds and positions still give unlike numbers."""

    INITIALISATION = 0
    STEP = 1
    SHUFFLE = 2
    AUGMENTATION = 3


def resolve_seed(seed: int) -> int:
    """The seed itself, or a new random one for -1."""
    return secrets.randbelow(2**31) if seed == -1 else seed


def generator(seed: int, purpose: Purpose, *position: int) -> np.random.Generator:
    """NumPy generator that is a function of its arguments alone."""
    return np.random.default_rng([seed, purpose, *position])


def seed_torch(seed: int, purpose: Purpose, *position: int) -> None:
    """Set PyTorch's generators, on the CPU and every GPU, from these arguments alone."""
    state = np.random.SeedSequence([seed, purpose, *position]).generate_state(1, np.uint64)
    torch.manual_seed(int(state[0]) % 2**63)


def set_algorithms(cudnn: CudnnSpec) -> None:
    """Choose between fast and repeatable algorithms for the whole process."""
    torch.backends.cudnn.benchmark = cudnn.benchmark
    torch.backends.cudnn.deterministic = cudnn.deterministic
    # Some CUDA operations exist in no repeatable form: they warn instead of ending a long job.
    torch.use_deterministic_algorithms(cudnn.deterministic, warn_only=True)
    # Nothing here reads memory before it is written, so filling it would only cost time.
    settings: Any = torch.utils.deterministic  # a module of properties, unknown to type checkers
    settings.fill_uninitialized_memory = False
