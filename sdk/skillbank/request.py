"""What a caller asks for: code, command line and agents all become one JobRequest."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import PurePath
from typing import Any

from skillbank.errors import RequestInvalid
from skillbank.spec_keys import plain

LOCAL = "local"  # platform: this machine

_ADDED = ("resources", "results")
_EXAMPLES = {
    "spec": "{'train': {'num_epochs': 30}}",
    "overrides": "{'num_epochs': 30}",
    "data": "{'all': '/path/of/the/dataset'}",
    "automl": "{'algorithm': 'asha', 'max_recommendations': 20}",
    "resources": "{'time_limit': '4h', 'retries': 2}",
}


def check_count(name: str, value: int | None, meaning: str = "", *, least: int = 1) -> None:
    """Refuse a number of things that is too small; None is no number.

    Raises:
        RequestInvalid: It is.
    """
    if value is not None and value < least:
        raise RequestInvalid(f"{name}: found {value!r}, expected {least} or more{meaning}.")


def check_timeout(seconds: float | None) -> None:
    """Refuse a time to wait that is no time; None: there is no end to it.

    Raises:
        RequestInvalid: It is.
    """
    if seconds is not None and not 0 <= seconds < math.inf:
        raise RequestInvalid(
            f"timeout_s: found {seconds:g}, expected 0 or more seconds, or none to wait to the end."
        )


class AutomlPolicy(StrEnum):
    """What the caller wants of AutoML for one run."""

    ON = "on"
    OFF = "off"

    @classmethod
    def parse(cls, value: str | bool | AutomlPolicy) -> AutomlPolicy:
        """Read a policy; `auto` is read as `on`, and YAML's bare on/off arrive as booleans.

        Raises:
            RequestInvalid: The value is neither.
        """
        if isinstance(value, AutomlPolicy):
            return value
        if isinstance(value, bool):
            return cls.ON if value else cls.OFF
        words = {"on": cls.ON, "auto": cls.ON, "off": cls.OFF}
        if str(value).lower() not in words:
            raise RequestInvalid(f"automl_policy: {value!r} is not a policy; use 'on' or 'off'.")
        return words[str(value).lower()]


PORTABLE = (
    "cpus",
    "max_parallel",
    "memory",
    "priority",
    "retries",
    "retry_wait",
    "time_limit",
    "upload_excludes",
)
"""Settings that give a job no access to anything: agents, and plans of others, may set them."""


@dataclass(frozen=True)
class JobRequest:
    """One wanted job.

    Attributes:
        skill: Name of a skill in the bank.
        action: One of its actions, such as `train`.
        spec: Settings of a spec file, nested as YAML holds them; may be partial.
        overrides: Dotted or shorthand spec key -> value; they win over `spec`.
        data: Dataset role (`train`, `val`, `test`, or `all`) -> root folder, local or `s3://`.
        parent_job_id: Job whose artefacts and structural settings this one uses.
        checkpoint: Which checkpoint: `best`, `latest`, `epoch=N`, `step=N`, or a path.
        base_checkpoint: Pretrained weights to start training from.
        automl_policy: Whether train is tuned by a search (AutoML), `on`, or trains once, `off`.
        platform: Where it runs.
        idempotency_key: A second submission under the same key returns the first one's job.
        automl: Settings of the search, where the train action is searched.
        resources: How it is run: `time_limit`, `priority`, `retries`, `cpus`, `memory`, and what
            the platform itself takes, such as `partition`.
        results: Folder or `s3://` URI below which the job leaves its results, while it runs, under
            its own id; None: as config.yaml says, else in the job's folder alone.
    """

    skill: str
    action: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    parent_job_id: str | None = None
    checkpoint: str | None = None
    base_checkpoint: str | None = None
    automl_policy: AutomlPolicy = AutomlPolicy.ON
    platform: str = LOCAL
    idempotency_key: str | None = None
    automl: Mapping[str, Any] = field(default_factory=dict)
    resources: Mapping[str, Any] = field(default_factory=dict)
    results: str | None = None

    def __post_init__(self) -> None:
        """Take paths for text and words for a policy, as a program has them.

        Raises:
            RequestInvalid: Something that names things is no mapping.
        """
        for name in ("spec", "overrides", "data", "automl", "resources"):
            value = getattr(self, name)
            if not isinstance(value, Mapping):
                raise RequestInvalid(
                    f"{name}: {value!r} is no mapping; expected names with values, such as "
                    f"{_EXAMPLES[name]}."
                )
        object.__setattr__(self, "automl_policy", AutomlPolicy.parse(self.automl_policy))
        roots = {role: str(root) for role, root in self.data.items()}
        object.__setattr__(self, "data", roots)
        for name in ("checkpoint", "base_checkpoint"):
            if isinstance(getattr(self, name), PurePath):
                object.__setattr__(self, name, str(getattr(self, name)))

    @property
    def hash(self) -> str:
        """SHA-256 of what is wanted: of everything but the idempotency key."""
        content = {name: v for name, v in asdict(self).items() if name != "idempotency_key"}
        # Requests of earlier versions keep the digest that their jobs were recorded with.
        content = {name: v for name, v in content.items() if v or name not in _ADDED}
        return hashlib.sha256(json.dumps(plain(content), sort_keys=True).encode()).hexdigest()
