"""What `train` does once the data is known to be good."""

from __future__ import annotations

import logging
from pathlib import Path

from skillbank_runners.api import Run
from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.contract import ClipSet
from skillbank_runners.pose_classification.data import (
    Batches,
    build_loader,
    plain_feeding,
    train_feeding,
)
from skillbank_runners.pose_classification.module import (
    build_network,
    check_graph,
    hyper_parameters,
    load_pretrained,
)
from skillbank_runners.pose_classification.network import load_weights
from skillbank_runners.pose_classification.spec import TrainAction
from skillbank_runners.training.best_checkpoints import BestCheckpoints
from skillbank_runners.training.callbacks import CheckpointWriter, ProgressReport
from skillbank_runners.training.checkpoints import State, newest_checkpoint, read_checkpoint
from skillbank_runners.training.determinism import (
    Purpose,
    resolve_seed,
    seed_torch,
    set_algorithms,
)
from skillbank_runners.training.devices import Devices, choose_devices
from skillbank_runners.training.loop import Classifier, LoopSettings, fit, position_of
from skillbank_runners.training.optim import OptimSettings
from skillbank_runners.training.processes import rank
from skillbank_runners.training.run_info import write_run_info
from skillbank_runners.training.wandb_logging import build_logger

LATEST = "pc_model_latest.pth"
_RESUME_KEY = "train.resume_training_checkpoint_path"

log = logging.getLogger(__name__)


def train(spec: TrainAction, run: Run, train_clips: ClipSet, val_clips: ClipSet) -> None:
    """Train, or go on with a training that was interrupted."""
    state = _state_to_resume(spec, run)
    devices = choose_devices(spec.train)
    log.info("%s", devices.note)
    seed = _seed(spec, state)
    set_algorithms(spec.train.cudnn)
    settings = _loop_settings(spec, seed, devices)
    best = BestCheckpoints(spec.train.checkpointer) if spec.train.checkpointer.enable_topk else None
    if settings.rank == 0:
        _record(run, spec, devices, (train_clips, val_clips), seed)
    position = position_of(state)
    if position.epoch >= spec.train.num_epochs:
        log.info(
            "already trained for %d epochs of train.num_epochs %d: nothing left to do",
            position.epoch,
            spec.train.num_epochs,
        )
        return
    feeding = train_feeding(spec.dataset, seed, settings.rank, devices.num_processes)
    train_batches = Batches(train_clips, feeding)
    if position.batch >= len(train_batches):
        raise RunnerError(_other_batches(position.batch, len(train_batches)))
    workers = spec.dataset.num_workers
    loaders = (
        build_loader(train_batches, workers, epoch=position.epoch, batch=position.batch),
        build_loader(Batches(val_clips, plain_feeding(spec.dataset)), workers),
    )
    writer = CheckpointWriter(
        run,
        LATEST,
        interval=spec.train.checkpoint_interval,
        by_step=spec.train.checkpoint_interval_unit == "step",
        best=best,
    )
    fit(
        _module(spec, settings, state),
        loaders,
        devices,
        callbacks=[ProgressReport(run), writer],
        results=run.results,
        logger=build_logger(spec.wandb, run.results),
    )


def _state_to_resume(spec: TrainAction, run: Run) -> State | None:
    """The checkpoint that the spec names, or the folder's newest; None: start afresh."""
    text = spec.train.resume_training_checkpoint_path
    path = Path(text).expanduser() if text else newest_checkpoint(run.results, LATEST)
    if path is None:
        return None
    state = read_checkpoint(path, _RESUME_KEY)
    if "optimizer_states" not in state:
        raise RunnerError(
            f"{_RESUME_KEY}: {str(path)!r} holds weights only, not the state of a training; "
            "give it as model.pretrained_model_path to start from its weights"
        )
    position = position_of(state)
    log.info(
        "resuming from %s: epoch %d, batch %d, step %d",
        path.name,
        position.epoch + 1,
        position.batch,
        position.step,
    )
    return state


def _seed(spec: TrainAction, state: State | None) -> int:
    """The spec's seed; where it is -1, that of the training that goes on, or a new one."""
    known = (state or {}).get("hyper_parameters", {}).get("seed")
    if spec.train.seed == -1 and known is not None:
        return int(known)
    seed = resolve_seed(spec.train.seed)
    log.info("seed %d", seed)
    return seed


def _loop_settings(spec: TrainAction, seed: int, devices: Devices) -> LoopSettings:
    return LoopSettings(
        seed=seed,
        num_epochs=spec.train.num_epochs,
        validation_interval=spec.train.validation_interval,
        grad_clip=spec.train.grad_clip,
        optim=OptimSettings(**spec.train.optim.model_dump()),
        rank=rank(max(1, len(devices.gpu_ids))),
    )


def _module(spec: TrainAction, settings: LoopSettings, state: State | None) -> Classifier:
    seed_torch(settings.seed, Purpose.INITIALISATION)
    network = build_network(spec)
    if state is None:
        load_pretrained(network, spec)
    else:
        check_graph(spec, state, "the checkpoint to resume from")
        notes = load_weights(network, state["state_dict"], source="the checkpoint to resume from")
        if notes:
            raise RunnerError(f"{notes[0]}; set dataset.num_classes as before, or start anew")
    facts = hyper_parameters(spec, settings.seed)
    return Classifier(network, settings, hyper_parameters=facts, state=state)


def _record(
    run: Run, spec: TrainAction, devices: Devices, sets: tuple[ClipSet, ...], seed: int
) -> None:
    files = {key: path for clips in sets for key, path in clips.files.items()}
    write_run_info(run, spec, device=devices.note, data=files, values={"seed": seed})


def _other_batches(done: int, num_batches: int) -> str:
    return (
        f"the checkpoint to resume from has done {done} batches of its epoch, and the epoch has "
        f"{num_batches} now: dataset.batch_size or the data has changed since; set it back, or "
        "start anew"
    )
