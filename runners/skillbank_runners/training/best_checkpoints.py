"""The best checkpoints of a training, kept beside the periodic ones."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from skillbank_runners.api import Artefact, Run
from skillbank_runners.errors import RunnerError
from skillbank_runners.spec_sections import CheckpointerSpec
from skillbank_runners.training.checkpoints import State, remove_checkpoint, write_checkpoint

METRICS = ("val_loss", "val_acc", "train_loss", "train_acc")
_FIELD = re.compile(r"\{(\w+)(?::([^{}]*))?\}")


class BestCheckpoints:
    """Keeps `save_top_k` checkpoints by a metric; what it knows of old ones is in artefacts.json.

    Args:
        settings: The `train.checkpointer` section.

    Raises:
        RunnerError: A metric that nothing measures, or a file name that cannot be filled in.
    """

    def __init__(self, settings: CheckpointerSpec) -> None:
        self._settings = settings
        self._monitor = settings.monitor or "val_loss"
        self.replace_periodic = settings.replace_periodic
        if self._monitor not in METRICS:
            raise RunnerError(
                f"train.checkpointer.monitor: found {settings.monitor!r}, expected one of "
                f"{', '.join(METRICS)}"
            )
        self._name({"epoch": 0, "step": 0, **dict.fromkeys(METRICS, 0.0)})

    def consider(
        self, run: Run, state: State, metrics: Mapping[str, float], *, is_new: bool = True
    ) -> None:
        """Keep a state if it is among the best; what falls out is deleted.

        Args:
            run: Where the checkpoints are.
            state: The state.
            metrics: What was measured of it; without the monitored metric it is not considered.
            is_new: False: its file is written, if it was found to be among the best.
        """
        if self._monitor not in metrics:
            return
        folder = self._folder(run)
        place = {"epoch": state["epoch"], "step": state["global_step"], **metrics}
        path = folder / self._name(place)
        recorded = [entry for entry in self._recorded(run) if run.results / entry.path != path]
        kept = [entry for entry in recorded if (run.results / entry.path).is_file()]
        best = sorted(kept, key=lambda entry: self._rank(entry.metrics))
        if len(best) >= self._settings.save_top_k:
            worst_kept = best[self._settings.save_top_k - 1]
            if self._rank(worst_kept.metrics) <= self._rank(metrics):
                return
        if is_new:
            write_checkpoint(run, path, state, metrics)
        for entry in best[self._settings.save_top_k - 1 :]:
            remove_checkpoint(run, run.results / entry.path)

    def settle(self, run: Run, state: State, metrics: Mapping[str, float]) -> None:
        """Finish what was begun when training stopped; it goes on with this state."""
        for entry in self._recorded(run):
            if not (run.results / entry.path).is_file():
                run.forget(entry.path)
        known = {(entry.epoch, entry.step) for entry in self._recorded(run)}
        is_known = (state["epoch"], state["global_step"]) in known
        self.consider(run, state, metrics, is_new=not is_known)

    def _rank(self, metrics: Mapping[str, float]) -> float:
        """Smaller is better."""
        mode = self._settings.mode or ("max" if self._monitor.endswith("acc") else "min")
        value = metrics[self._monitor]
        return value if mode == "min" else -value

    def _recorded(self, run: Run) -> list[Artefact]:
        """Best checkpoints of this folder, known by their names."""
        literal = re.escape(_FIELD.sub("\0", self._settings.filename)).replace("\0", r"[-+.\w=]+")
        pattern = re.compile(literal.replace("\\\0", r"[-+.\w=]+") + r"\.pth")
        folder = self._folder(run).resolve()
        return [
            entry
            for entry in run.artefacts()
            if self._monitor in entry.metrics
            and (run.results / entry.path).resolve().parent == folder
            and pattern.fullmatch(Path(entry.path).name)
        ]

    def _folder(self, run: Run) -> Path:
        return Path(self._settings.dirpath).expanduser() if self._settings.dirpath else run.results

    def _name(self, values: Mapping[str, float]) -> str:
        """File name with its fields filled in, such as model_best_007.pth."""

        def fill(match: re.Match[str]) -> str:
            name, form = match[1], match[2] or ""
            text = format(values[name], form)
            return f"{name}={text}" if self._settings.auto_insert_metric_name else text

        try:
            return _FIELD.sub(fill, self._settings.filename) + ".pth"
        except (KeyError, ValueError) as error:
            raise RunnerError(
                f"train.checkpointer.filename: cannot fill in {self._settings.filename!r} "
                f"({error}); known fields: {', '.join(values)}"
            ) from error
