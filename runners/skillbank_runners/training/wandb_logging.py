"""Reporting to Weights & Biases, where it is wanted and installed."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from pathlib import Path

from pytorch_lightning.loggers import Logger

from skillbank_runners.spec_sections import WandbSpec

log = logging.getLogger(__name__)


def build_logger(settings: WandbSpec, results: Path) -> Logger | None:
    """Logger of the `wandb` section; None, and a line in the log, where there can be none."""
    if not settings.enable:
        return None
    if find_spec("wandb") is None:
        log.warning(
            "wandb.enable: the wandb package is not installed, training goes on without it; "
            "pip install 'skillbank[wandb]' to use it"
        )
        return None
    from pytorch_lightning.loggers import WandbLogger

    return WandbLogger(
        project=settings.project,
        name=settings.name,
        save_dir=results,
        id=settings.run_id or None,
        entity=settings.entity or None,
        group=settings.group or None,
        tags=list(settings.tags),
        reinit=settings.reinit,
        sync_tensorboard=settings.sync_tensorboard,
        save_code=settings.save_code,
    )
