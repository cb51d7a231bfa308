"""Print what recipe_search.py measured as a table: accuracy per held-out subject, and the gain.

A gain compares with the reference on the same subjects, seeds and width only, as a mean of
differences.

    python tools/bench/recipe_table.py --reference adamw_0.05
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "recipe_loso.jsonl"
SUBJECTS = (1, 3, 5, 7)

Place = tuple[int, int]
"""(held-out subject, seed) of one run."""
Runs = Mapping[str, Mapping[Place, float]]
"""Accuracy in [0, 1] of every run, by recipe."""


def read_runs(path: Path, narrower: int) -> Runs:
    """The runs of one network width."""
    runs: dict[str, dict[Place, float]] = {}
    for line in path.read_text().splitlines():
        run = json.loads(line)
        if run["narrower"] == narrower:
            place = run["fold"], run["seed"]
            runs.setdefault(run["recipe"], {})[place] = run["accuracy"]
    return runs


def table(runs: Runs, reference: str) -> list[str]:
    """Lines of Markdown, in the order in which the recipes were first run."""
    heads = " | ".join(f"subject {subject}" for subject in SUBJECTS)
    lines = [
        f"| recipe | {heads} | gain over `{reference}`, points |",
        "|" + "---|" * (len(SUBJECTS) + 2),
    ]
    for recipe, scores in runs.items():
        cells = " | ".join(_cell(scores, subject) for subject in SUBJECTS)
        lines.append(f"| `{recipe}` | {cells} | {_gain(scores, runs[reference])} |")
    return lines


def _cell(scores: Mapping[Place, float], subject: int) -> str:
    return ", ".join(f"{100 * score:.1f}" for (fold, _), score in scores.items() if fold == subject)


def _gain(scores: Mapping[Place, float], reference: Mapping[Place, float]) -> str:
    differences = [
        100 * (scores[place] - reference[place]) for place in scores if place in reference
    ]
    if scores is reference or not differences:
        return ""
    return f"{statistics.mean(differences):+.1f} over {len(differences)}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reference", required=True, help="recipe to compare with")
    parser.add_argument("--narrower", type=int, default=2, help="width of the networks")
    parser.add_argument("--results", type=Path, default=RESULTS, help="JSON lines to read")
    options = parser.parse_args(arguments)
    print("\n".join(table(read_runs(options.results, options.narrower), options.reference)))


if __name__ == "__main__":
    main()
