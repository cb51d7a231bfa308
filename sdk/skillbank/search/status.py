"""Status lines and artefacts of the search's own job, in the format of every other job."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from skillbank.artefacts import Checkpoint
from skillbank.job_folder import BEST_SPEC, dump_spec


class SearchFolder:
    """The results folder of a search.

    Args:
        results: The folder.
    """

    def __init__(self, results: Path) -> None:
        self.results = results

    def report(self, message: str, status: str = "RUNNING", **values: Any) -> None:  # noqa: ANN401 - what JSON holds
        """Append a line to status.json and print its message to the log."""
        now = datetime.now()
        line = {
            "date": f"{now.month}/{now.day}/{now.year}",
            "time": now.strftime("%H:%M:%S"),
            "status": status,
            "verbosity": "ERROR" if status == "FAILURE" else "INFO",
            "message": message,
            **values,
        }
        with (self.results / "status.json").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")
        os.write(1, f"{message}\n".encode())

    def write(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a JSON file at one stroke."""
        draft = self.results / f".{name}.{os.getpid()}.tmp"
        draft.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        draft.replace(self.results / name)

    def keep_best(
        self,
        checkpoint: Checkpoint,
        metrics: Mapping[str, float],
        spec: Mapping[str, Any],
        latest_name: str,
    ) -> None:
        """Leave the best checkpoint and its spec here, so that another job can start from them.

        Args:
            checkpoint: The checkpoint, in its trial's folder.
            metrics: What was measured with it.
            spec: Complete spec that it was trained with.
            latest_name: Name of the skill's link to the newest checkpoint; empty: it has none.
        """
        target = self.results / checkpoint.path.name
        for other in self.results.glob("model_*.pth"):
            if other != target:
                other.unlink()
        draft = self.results / f".{target.name}.tmp"
        draft.unlink(missing_ok=True)
        try:
            os.link(checkpoint.path, draft)
        except OSError:  # another file system
            shutil.copyfile(checkpoint.path, draft)
        draft.replace(target)
        (self.results / BEST_SPEC).write_text(dump_spec(spec), encoding="utf-8")
        if latest_name:
            link = self.results / f".{latest_name}.tmp"
            link.unlink(missing_ok=True)
            link.symlink_to(target.name)
            link.replace(self.results / latest_name)
        entry = {"epoch": checkpoint.epoch, "step": checkpoint.step, "metrics": dict(metrics)}
        self.write("artefacts.json", {"artefacts": [_describe(target, "checkpoint") | entry]})

    def add_artefact(self, name: str, kind: str) -> None:
        """Add a finished file to artefacts.json."""
        path = self.results / "artefacts.json"
        known = json.loads(path.read_text(encoding="utf-8"))["artefacts"] if path.is_file() else []
        others = [entry for entry in known if entry["path"] != name]
        nothing: dict[str, Any] = {"epoch": None, "step": None, "metrics": {}}
        entry = _describe(self.results / name, kind) | nothing
        self.write("artefacts.json", {"artefacts": [*others, entry]})


def _describe(path: Path, kind: str) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "kind": kind,
        "path": path.name,
        "sha256": digest,
        "size_bytes": path.stat().st_size,
    }
