"""Measures schedulers at equal numbers of trained epochs, against plain Hyperband.

    python tools/bench/automl/multifidelity.py --family crossing --seeds 30 --json FILE

Regret is what the checkpoint that a search would hand over loses, without noise, against the best
there is. Per algorithm: its median over seeds after 405, 600 and 999 epochs, as a ratio to plain
Hyperband's (random points, rungs that train anew), the trials that trained, without the baseline,
and the CPU time of a search. Wanted: a ratio of at most 0.77 after 999 epochs, and at 600 epochs
at most what plain Hyperband has after 999.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a script: find `bench`

from bench.automl.curves import EPOCHS, FAMILIES, Problem, optimum
from bench.automl.simulator import Bench, RandomProposer, Simulation, run_plain_hyperband
from skillbank.automl.history import Proposer
from skillbank.automl.schedulers import make_scheduler
from skillbank.automl.settings import Algorithm, SearchSettings

BUDGETS = (405, 600, 999)
WANTED_RATIO = 0.042 / 0.0543
PLAIN = "plain hyperband"
MANY = 100_000
"""The budget ends a search here, not its number of recommendations."""

ABOUT = (
    "Median regret over seeds after 405, 600 and 999 trained epochs, and its ratio to that of "
    "plain Hyperband (random points, rungs that train anew); the median number of points that "
    "were tried; the median CPU time of a search. Schedulers were chosen on the family crossing "
    "alone, takeoff is the check. Wanted are a ratio of at most wanted_ratio after 999 epochs, and "
    "plain Hyperband's regret after 999 epochs within 600"
)

RESULTS = Path(__file__).with_name("results") / "multifidelity.json"


@dataclass(frozen=True)
class Contestant:
    """How one line of the table is made."""

    name: str
    algorithm: Algorithm | None
    proposer: str = "own"
    num_workers: int = 1
    trains_baseline: bool = False

    def settings(self, seed: int) -> SearchSettings:
        """Settings in which only the budget of epochs ends a search."""
        assert self.algorithm is not None
        return SearchSettings(
            algorithm=self.algorithm, max_recommendations=MANY, max_epochs=EPOCHS, seed=seed
        )

    def run(self, problem: Problem, seed: int) -> Bench:
        """One search; the bench tells what came of it."""
        bench, budget = Bench(problem, seed), BUDGETS[-1]
        if self.algorithm is None:
            return run_plain_hyperband(bench, budget)
        settings = self.settings(seed)
        simulation = Simulation(
            bench,
            make_scheduler(settings, problem.goal, EPOCHS),
            PROPOSERS[self.proposer](settings, problem),
            budget,
            self.num_workers,
            self.trains_baseline,
        )
        return simulation.run()


def _own_proposer(settings: SearchSettings, problem: Problem) -> Proposer:
    from skillbank.automl.proposers import make_proposer

    return make_proposer(settings, problem.space, (problem.goal,))


PROPOSERS: dict[str, Callable[[SearchSettings, Problem], Proposer]] = {
    "own": _own_proposer,
    "random": lambda settings, problem: RandomProposer(problem, settings.seed),
}

CONTESTANTS = [
    Contestant(PLAIN, None),
    *(
        Contestant(f"{a}, random points", a, "random")
        for a in (Algorithm.ASHA, Algorithm.HYPERBAND)
    ),
    *(
        Contestant(a.value, a)
        for a in (
            Algorithm.ASHA,
            Algorithm.HYPERBAND,
            Algorithm.HYPERBAND_ES,
            Algorithm.BOHB,
            Algorithm.DEHB,
            Algorithm.PBT,
            Algorithm.BAYESIAN,
            Algorithm.RANDOM,
        )
    ),
    Contestant("asha, 4 workers", Algorithm.ASHA, num_workers=4),
    Contestant("bohb, 4 workers", Algorithm.BOHB, num_workers=4),
    Contestant("asha, baseline trained too", Algorithm.ASHA, trains_baseline=True),
]


@dataclass(frozen=True)
class Line:
    """Medians of one contestant on one family."""

    family: str
    name: str
    seeds: int
    regret: dict[int, float]
    ratio: dict[int, float]
    reaches_plain_999_after: int | None
    trials: float
    cpu_s_per_search: float

    def __str__(self) -> str:
        regrets = "  ".join(f"{self.regret[b]:.4f}" for b in BUDGETS)
        return (
            f"{self.family:9s} {self.name:28s} {regrets}   ratio {self.ratio[BUDGETS[-1]]:.2f}   "
            f"plain's after {self.reaches_plain_999_after}   {self.trials:.0f} trials   "
            f"{self.cpu_s_per_search:.2f} s"
        )


Track = list[float]
"""Loss, or regret, after 1, 2, ... epochs."""


@dataclass(frozen=True)
class Search:
    """What one search of one instance gave.

    Attributes:
        track: Loss, without noise, of what it would hand over after each epoch.
        num_trials: Points that were tried.
        cpu_s: CPU time that it took.
    """

    track: Track
    num_trials: int
    cpu_s: float


def search_one(job: tuple[Contestant, str, int]) -> Search:
    """Run a contestant on an instance of a family."""
    contestant, family, seed = job
    started = time.process_time()
    bench = contestant.run(FAMILIES[family](seed), seed)
    cpu_s = time.process_time() - started
    track = [bench.incumbent.loss_after(spent) for spent in range(1, BUDGETS[-1] + 1)]
    return Search(track, bench.num_trials, cpu_s)


def least_loss(job: tuple[str, int]) -> float:
    """The optimum of an instance."""
    family, seed = job
    return optimum(FAMILIES[family](seed))


def median_regrets(tracks: list[Track], least: list[float]) -> Track:
    """Per epoch, the median over seeds of the loss less the optimum."""
    regrets = [[loss - floor for loss in track] for track, floor in zip(tracks, least, strict=True)]
    return [statistics.median(column) for column in zip(*regrets, strict=True)]


def measure(contestants: list[Contestant], family: str, seeds: range, jobs: int) -> Iterator[Line]:
    """The table of a family, line by line; the first is what the others are compared with."""
    reference: Track = []
    with ProcessPoolExecutor(jobs) as pool:
        least = list(pool.map(least_loss, [(family, seed) for seed in seeds]))
        for contestant in contestants:
            runs = list(pool.map(search_one, [(contestant, family, seed) for seed in seeds]))
            medians = median_regrets([run.track for run in runs], least)
            reference = reference or medians
            reached = (at for at, m in enumerate(medians, 1) if m <= reference[-1])
            yield Line(
                family,
                contestant.name,
                len(seeds),
                {b: round(medians[b - 1], 4) for b in BUDGETS},
                {b: round(medians[b - 1] / reference[b - 1], 3) for b in BUDGETS},
                next(reached, None),
                statistics.median(run.num_trials for run in runs),
                round(statistics.median(run.cpu_s for run in runs), 3),
            )


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", choices=[*FAMILIES, "both"], default="both")
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--only", default="", help="names to measure, separated by semicolons")
    parser.add_argument("--json", type=Path, help=f"file to add to, such as {RESULTS}")
    given = parser.parse_args()
    names = given.only.split(";") if given.only else [c.name for c in CONTESTANTS]
    chosen = [c for c in CONTESTANTS if c.name in {PLAIN, *names}]
    for family in FAMILIES if given.family == "both" else [given.family]:
        for line in measure(chosen, family, range(given.seeds), given.jobs):
            print(line, flush=True)
            if given.json:
                write_line(given.json, line)


def write_line(path: Path, line: Line) -> None:
    """Put a line into a file of results, in place of an older one of the same family and name."""
    known = json.loads(path.read_text(encoding="utf-8"))["lines"] if path.is_file() else []
    table = {(row["family"], row["name"]): row for row in known}
    table[line.family, line.name] = asdict(line)
    content = {
        "about": ABOUT,
        "command": f"python tools/bench/automl/multifidelity.py --seeds {line.seeds} --json FILE",
        "wanted_ratio": round(WANTED_RATIO, 3),
        "lines": list(table.values()),
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
