"""What every action leaves beside its results: run_info.json and report.html."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from jinja2 import TemplateError

from skillbank_runners.api import Run
from skillbank_runners.pose_classification.contract import ClipSet
from skillbank_runners.pose_classification.spec import NetworkAction
from skillbank_runners.skeletons.layout import Layout
from skillbank_runners.training.report import (
    ReportContent,
    RunFacts,
    data_source,
    spec_changes,
    write_report,
)
from skillbank_runners.training.run_info import write_run_info

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ActionRecord:
    """What is known of an action before it has results.

    Attributes:
        spec: Its spec.
        run: Where its results go.
        sets: The clips that it reads.
        device: Sentence on where it computes.
        seed: What its randomness follows from; None where there is none.
        started_s: When it began, by the monotonic clock.
        layout: Skeleton of the network; None: the report draws no clips.
    """

    spec: NetworkAction
    run: Run
    sets: Sequence[ClipSet]
    device: str
    seed: int | None
    started_s: float
    layout: Layout | None = None

    def write_info(self) -> None:
        """Write run_info.json."""
        files = {key: path for clips in self.sets for key, path in clips.files.items()}
        values = {"seed": self.seed}
        write_run_info(self.run, self.spec, device=self.device, data=files, values=values)

    def content(self) -> ReportContent:
        """What the report of any action shows; `dataclasses.replace` adds the action's own."""
        duration_s = time.monotonic() - self.started_s
        facts = RunFacts("pose_classification", self.run.action, self.device, duration_s, self.seed)
        return ReportContent(
            facts=facts,
            changes=spec_changes(self.spec.model_dump(), type(self.spec)().model_dump()),
            data=[
                data_source(key, path, " x ".join(map(str, clips.x_NCTVM.shape)))
                for clips in self.sets
                for key, path in clips.files.items()
            ],
            layout=self.layout,
        )

    def write_report(self, **parts: object) -> None:
        """Write report.html; what goes wrong here costs the report, and never the results.

        Args:
            parts: Fields of `ReportContent`.
        """
        try:
            path = write_report(self.run, replace(self.content(), **parts))  # type: ignore[arg-type]
        except (ArithmeticError, LookupError, OSError, RuntimeError, TemplateError) as error:
            log.warning("no report was written: %s", error, exc_info=error)
        except (TypeError, ValueError) as error:
            log.warning("no report was written: %s", error, exc_info=error)
        else:
            log.info("report: %s", path)


def begin(
    spec: NetworkAction, run: Run, sets: Sequence[ClipSet], device: str, seed: int | None = None
) -> ActionRecord:
    """Record of an action that starts now."""
    log.info("%s", device)
    return ActionRecord(spec, run, sets, device, seed, time.monotonic())
