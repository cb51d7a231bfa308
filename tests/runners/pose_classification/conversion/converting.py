"""Run dataset_convert as its users do, and look at what it leaves."""

import json
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from skillbank_runners.launch import main


@dataclass(frozen=True)
class Converted:
    """A finished conversion."""

    results: Path
    status: int

    def array(self, name):
        return np.load(self.results / name, allow_pickle=False)

    def labels(self, side):
        names, ids = pickle.loads((self.results / f"{side}_label.pkl").read_bytes())
        return names, ids

    def json(self, name):
        return json.loads((self.results / name).read_text())

    @property
    def files(self):
        return sorted(path.name for path in self.results.glob("*.npy"))

    @property
    def lines(self):
        text = (self.results / "status.json").read_text()
        return [json.loads(line) for line in text.splitlines()]

    @property
    def counts(self):
        return self.lines[-1]["kpi"]

    @property
    def failure(self):
        assert self.status != 0
        return self.lines[-1]["message"]

    @property
    def leftovers(self):
        """Files beside what every job writes."""
        known = {"status.json", "run_info.json", "artefacts.json"}
        return sorted(path.name for path in self.results.iterdir() if path.name not in known)


def run(folder: Path, data, **settings):
    """Convert into `folder`/results."""
    results = folder / "results"
    spec = folder / "spec.yaml"
    spec.write_text(yaml.safe_dump({"dataset_convert": {"data": str(data), **settings}}))
    words = ["pose_classification", "dataset_convert", "-e", str(spec), "--results", str(results)]
    return Converted(results, main(words))
