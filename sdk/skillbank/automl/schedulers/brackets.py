"""Sizes of Hyperband's brackets and rungs, in whole numbers (Li et al., arXiv:1603.06560).

`R` epochs at most, one in `eta` goes on. Bracket `s` has rungs of `R // eta^s`, ..., `R // eta`,
`R` epochs; the most aggressive has the largest `s` for which the first rung still has
`first_epochs`. No logarithm is taken: `log(243, 3)` is 4.999... and would lose a bracket.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rung:
    """One stage of a bracket: `size` trials reach `epochs` epochs."""

    epochs: int
    size: int


Bracket = tuple[Rung, ...]


@dataclass(frozen=True)
class Geometry:
    """What all brackets of a search follow from.

    Attributes:
        max_epochs: Epochs of the last rung of every bracket.
        reduction_factor: One in so many trials of a rung goes on to the next.
        first_epochs: Least epochs of a first rung.
    """

    max_epochs: int
    reduction_factor: int
    first_epochs: int = 1

    @property
    def depth(self) -> int:
        """Times that `first_epochs` can be multiplied by the factor within `max_epochs`."""
        depth, epochs = 0, self.first_epochs * self.reduction_factor
        while epochs <= self.max_epochs:
            depth, epochs = depth + 1, epochs * self.reduction_factor
        return depth

    def rung_epochs(self, depth: int) -> list[int]:
        """Epochs of the rungs of the bracket that starts `depth` divisions below the top."""
        return [self.max_epochs // self.reduction_factor**k for k in range(depth, -1, -1)]

    def start_size(self, depth: int) -> int:
        """Trials that a whole bracket starts: `ceil((s_max + 1) / (s + 1) * eta^s)`."""
        scaled: int = (self.depth + 1) * self.reduction_factor**depth
        return -(-scaled // (depth + 1))

    def bracket(self, depth: int, num_trials: int) -> Bracket:
        """The bracket of `num_trials` trials; somebody always reaches its last rung.

        A rung from which everybody goes on would only interrupt: it is left out.
        """
        sizes = [max(1, num_trials // self.reduction_factor**k) for k in range(depth + 1)]
        rungs = [Rung(*pair) for pair in zip(self.rung_epochs(depth), sizes, strict=True)]
        followers = [*sizes[1:], 0]
        return tuple(r for r, after in zip(rungs, followers, strict=True) if r.size != after)


def plan_brackets(geometry: Geometry, num_trials: int, least_depth: int = 0) -> tuple[Bracket, ...]:
    """The brackets that use up `num_trials` recommendations, in the order in which they start.

    Whole cycles, from the most aggressive bracket to the one that trains everybody to the end.
    What is left for the last cycle is shared out among its brackets in proportion to their whole
    sizes: every kind of bracket is tried, and each one's rungs complete.

    Args:
        geometry: What the brackets follow from.
        num_trials: Recommendations to use up.
        least_depth: Depth of the last bracket of a cycle; 0 is the one that trains all to the end.
    """
    depths = range(geometry.depth, min(least_depth, geometry.depth) - 1, -1)
    whole = [geometry.start_size(depth) for depth in depths]
    num_cycles, rest = divmod(num_trials, sum(whole))
    cycle = [geometry.bracket(depth, size) for depth, size in zip(depths, whole, strict=True)]
    shares = zip(depths, share_out(rest, whole), strict=True)
    last = [geometry.bracket(depth, size) for depth, size in shares if size]
    return (*cycle * num_cycles, *last)


def share_out(total: int, weights: list[int]) -> list[int]:
    """Whole numbers in proportion to `weights` whose sum is `total` (largest remainders first)."""
    shares = [total * weight // sum(weights) for weight in weights]
    remainders = [total * weight % sum(weights) for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda at: (-remainders[at], at))
    for at in by_remainder[: total - sum(shares)]:
        shares[at] += 1
    return shares
