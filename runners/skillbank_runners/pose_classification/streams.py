"""What the network sees of each joint: where it is, where from its parent, where it goes.

Axes: N sequences, C channels, T frames, V joints, M people.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Streams(nn.Module):
    """Streams of a clip beside each other as channels, in front of the network.

    It has no weights and no state, so a network without it and one with `joint` alone share theirs.
    Frames without a body give zero in every stream, and so does the step to or from such a frame.
    With a confidence, a missing joint does the same; a bone or a step has the smaller confidence of
    its two ends.

    Args:
        names: Any of `joint`, `bone` (place less that of the parent joint; the root's is 0) and
            `motion` (place in the next frame less the place in this one; the last frame's is 0).
        parents: Parent of each joint; -1: the root.
        has_confidence: The last of C is a confidence.
    """

    parent_V: Tensor

    def __init__(
        self, names: Sequence[str], parents: Sequence[int], *, has_confidence: bool = False
    ) -> None:
        super().__init__()
        self.names = tuple(names)
        self.has_confidence = has_confidence
        own = [joint if parent < 0 else parent for joint, parent in enumerate(parents)]
        self.register_buffer("parent_V", torch.tensor(own), persistent=False)

    def forward(self, x_NCTVM: Tensor) -> Tensor:
        """(N, C * streams, T, V, M)."""
        if self.names == ("joint",):
            return x_NCTVM
        is_there = self._is_there(x_NCTVM)
        made = []
        for name in self.names:
            match name:
                case "joint":
                    made.append(x_NCTVM)
                case "bone":
                    parent = x_NCTVM[:, :, :, self.parent_V]
                    seen = is_there * is_there[:, :, :, self.parent_V]
                    made.append(self._difference(x_NCTVM, parent, seen))
                case "motion":
                    after = torch.cat([x_NCTVM[:, :, 1:], x_NCTVM[:, :, -1:]], dim=2)
                    seen = is_there * torch.cat([is_there[:, :, 1:], is_there[:, :, -1:]], dim=2)
                    made.append(self._difference(after, x_NCTVM, seen))
                case _:
                    raise ValueError(f"no stream {name!r}")
        return torch.cat(made, dim=1)

    def _is_there(self, x_NCTVM: Tensor) -> Tensor:
        """1 where a joint can be told, 0 elsewhere; (N, 1, T, V or 1, M)."""
        if self.has_confidence:
            return (x_NCTVM[:, -1:] > 0).to(x_NCTVM.dtype)
        size = x_NCTVM.abs().sum(dim=(1, 3), keepdim=True)
        return (size > 0).to(x_NCTVM.dtype).expand(-1, -1, -1, x_NCTVM.shape[3], -1)

    def _difference(self, end: Tensor, start: Tensor, seen: Tensor) -> Tensor:
        if not self.has_confidence:
            return (end - start) * seen
        place = (end[:, :-1] - start[:, :-1]) * seen
        return torch.cat([place, torch.minimum(end[:, -1:], start[:, -1:])], dim=1)
