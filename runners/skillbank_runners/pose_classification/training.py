"""What `train` does once the data is known to be good."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from skillbank_runners.api import Artefact, Run
from skillbank_runners.errors import Paused, RunnerError
from skillbank_runners.pose_classification.agreement import check_resumed
from skillbank_runners.pose_classification.contract import ClipSet, class_names
from skillbank_runners.pose_classification.data import (
    Batches,
    BatchKey,
    Feeding,
    build_loader,
    plain_feeding,
    train_feeding,
)
from skillbank_runners.pose_classification.module import (
    build_network,
    check_graph,
    hyper_parameters,
    load_network,
    load_pretrained,
)
from skillbank_runners.pose_classification.network import load_weights
from skillbank_runners.pose_classification.prediction import predict
from skillbank_runners.pose_classification.reporting import ActionRecord, begin
from skillbank_runners.pose_classification.serving import ServingFacts, frame_rate_of
from skillbank_runners.pose_classification.spec import TrainAction
from skillbank_runners.training.best_checkpoints import BestCheckpoints
from skillbank_runners.training.callbacks import CheckpointWriter, ProgressReport
from skillbank_runners.training.checkpoints import (
    State,
    metrics_after,
    newest_checkpoint,
    read_checkpoint,
)
from skillbank_runners.training.classification_metrics import classification_metrics
from skillbank_runners.training.determinism import (
    Purpose,
    resolve_seed,
    seed_torch,
    set_algorithms,
)
from skillbank_runners.training.devices import Devices, choose_devices
from skillbank_runners.training.loop import Classifier, LoopSettings, fit
from skillbank_runners.training.network_facts import network_facts
from skillbank_runners.training.optim import OptimSettings
from skillbank_runners.training.position import Position, fit_to_processes, position_of
from skillbank_runners.training.report import ClipSet as Drawable
from skillbank_runners.training.report import choose_clips, training_history
from skillbank_runners.training.wandb_logging import build_logger

LATEST = "pc_model_latest.pth"
_RESUME_KEY = "train.resume_training_checkpoint_path"

log = logging.getLogger(__name__)


def train(
    spec: TrainAction, run: Run, train_clips: ClipSet, val_clips: ClipSet, facts: ServingFacts
) -> None:
    """Train, or go on with a training that was interrupted.

    Args:
        spec: The action's spec.
        run: Where results go.
        train_clips: What is learned from.
        val_clips: What every epoch is measured on.
        facts: What the clips are and how they are prepared.
    """
    data = _Data(train_clips, val_clips, facts, frame_rate_of(val_clips, facts))
    devices = choose_devices(spec.train, run.peers.place)
    state = _state_to_resume(spec, run, devices)
    seed = _seed(spec, run, state)
    set_algorithms(spec.train.cudnn)
    settings = _loop_settings(spec, run, seed)
    writer = _writer(spec, run)
    record = begin(spec, run, (train_clips, val_clips), devices.note, seed)
    record = replace(record, layout=facts.skeleton)  # its file may be gone when the report is made
    if settings.rank == 0:
        record.write_info()
        writer.settle(state, settings)
    position = position_of(state)
    fed = f"{len(train_clips)} clips in batches of {spec.dataset.batch_size}"
    run.peers.gather(f"{fed}, {_agreed_on(devices, seed, position)}")
    if position.epoch < settings.stop_after:
        _fit(spec, run, data, devices, _Start(settings, state, writer))
    else:
        log.info(
            "already trained for %d epochs, and %d are asked for: nothing left to do",
            position.epoch,
            settings.stop_after,
        )
    epochs = max(position.epoch, settings.stop_after)
    if epochs < settings.num_epochs:
        raise Paused(epochs, settings.num_epochs, metrics_after(run, epochs))
    if settings.rank == 0:
        _write_report(spec, record, data, devices)


@dataclass(frozen=True)
class _Data:
    """Clips, what they are, and the frame rate of those that measure where it is another."""

    train: ClipSet
    val: ClipSet
    facts: ServingFacts
    val_frame_rate: float | None

    def val_feeding(self, spec: TrainAction, batch_size: int = -1) -> Feeding:
        """How clips are fed that measure."""
        return plain_feeding(spec.dataset, batch_size, self.facts, self.val_frame_rate)


@dataclass(frozen=True)
class _Start:
    """Where and how training begins."""

    settings: LoopSettings
    state: State | None
    writer: CheckpointWriter


def _writer(spec: TrainAction, run: Run) -> CheckpointWriter:
    kept = spec.train.checkpointer
    return CheckpointWriter(
        run,
        LATEST,
        interval=spec.train.checkpoint_interval,
        by_step=spec.train.checkpoint_interval_unit == "step",
        best=BestCheckpoints(kept) if kept.enable_topk else None,
    )


def _fit(spec: TrainAction, run: Run, data: _Data, devices: Devices, start: _Start) -> None:
    settings, state = start.settings, start.state
    position = position_of(state)
    place = settings.rank, devices.num_processes
    feeding = train_feeding(spec.dataset, settings.seed, *place, data.facts)
    train_batches = Batches(data.train, feeding)
    if position.batch > len(train_batches):
        raise RunnerError(_other_batches(position.batch, len(train_batches)))
    workers = spec.dataset.num_workers
    loaders = (
        build_loader(train_batches, workers, epoch=position.epoch, batch=position.batch),
        build_loader(Batches(data.val, data.val_feeding(spec)), workers),
    )
    fit(
        _module(spec, settings, state, data.facts),
        loaders,
        devices,
        callbacks=[ProgressReport(run), start.writer],
        results=run.results,
        logger=build_logger(spec.wandb, run.results),
    )


def _state_to_resume(spec: TrainAction, run: Run, devices: Devices) -> State | None:
    """The checkpoint that the spec names, or the folder's newest; None: start afresh."""
    text = spec.train.resume_training_checkpoint_path
    found = Path(text).expanduser() if text else newest_checkpoint(run.results, LATEST)
    # On a shared disk one process may see a file that another does not see yet.
    known = run.peers.share("resume", str(found or ""))
    if not known:
        return None
    path = Path(known)
    state = read_checkpoint(path, _RESUME_KEY)
    if "optimizer_states" not in state:
        raise RunnerError(
            f"{_RESUME_KEY}: {str(path)!r} holds weights only, not the state of a training; "
            "give it as model.pretrained_model_path to start from its weights"
        )
    state = fit_to_processes(state, devices.num_processes, spec.dataset.batch_size)
    position = position_of(state)
    log.info(
        "resuming from %s: epoch %d, batch %d, step %d",
        path.name,
        position.epoch + 1,
        position.batch,
        position.step,
    )
    return state


def _agreed_on(devices: Devices, seed: int, position: Position) -> str:
    """What processes that train together must have in common, in words."""
    on = f"{len(devices.gpu_ids)} GPUs" if devices.gpu_ids else "the CPU"
    at = f"epoch {position.epoch + 1}, batch {position.batch}, step {position.step}"
    return f"{on}, seed {seed}, a start at {at}"


def _seed(spec: TrainAction, run: Run, state: State | None) -> int:
    """The spec's seed; where it is -1, that of the training that goes on, or a new one."""
    known = (state or {}).get("hyper_parameters", {}).get("seed")
    if spec.train.seed == -1 and known is not None:
        return int(known)
    seed = int(run.peers.share("seed", str(resolve_seed(spec.train.seed))))
    log.info("seed %d", seed)
    return seed


def _loop_settings(spec: TrainAction, run: Run, seed: int) -> LoopSettings:
    return LoopSettings(
        seed=seed,
        num_epochs=spec.train.num_epochs,
        validation_interval=spec.train.validation_interval,
        grad_clip=spec.train.grad_clip,
        optim=OptimSettings(**spec.train.optim.model_dump()),
        label_smoothing=spec.train.label_smoothing,
        rank=run.peers.place.rank,
        pause_after=run.pause_after,
        stop=run.stop,
    )


def _module(
    spec: TrainAction, settings: LoopSettings, state: State | None, facts: ServingFacts
) -> Classifier:
    seed_torch(settings.seed, Purpose.INITIALISATION)
    network = build_network(spec, facts.skeleton)
    if state is None:
        load_pretrained(network, spec)
    else:
        check_graph(spec, state, "the checkpoint to resume from")
        check_resumed(spec, state)
        notes = load_weights(network, state["state_dict"], source="the checkpoint to resume from")
        if notes:
            raise RunnerError(f"{notes[0]}; set dataset.num_classes as before, or start anew")
    known = hyper_parameters(spec, settings.seed, facts)
    return Classifier(network, settings, hyper_parameters=known, state=state)


def _write_report(spec: TrainAction, record: ActionRecord, data: _Data, devices: Devices) -> None:
    """Report on the training, and on the best checkpoint's answers to the validation clips."""
    history = training_history(record.run.results / "status.json")
    best = _best_checkpoint(record.run)
    path = record.run.results / best.path if best else None
    layout, clips = data.facts.skeleton, data.val
    if path is None:
        network = build_network(spec, layout)
    else:
        network = load_network(spec, layout, path, "best checkpoint")
    network.to(devices.first)
    one = Batches(clips, data.val_feeding(spec, 1))[BatchKey(0, 0)].x_NCTVM
    record.run.conclude(network_facts(network, one.to(devices.first)))
    if best is None or clips.labels_N is None:
        record.write_report(history=history)
        return
    feeding, workers = data.val_feeding(spec), spec.dataset.num_workers
    logits_NC = predict(network, clips, feeding, devices.first, num_workers=workers)
    names = class_names(spec)
    drawable = Drawable(clips.x_NCTVM, clips.names, names)
    record.write_report(
        history=history,
        metrics=classification_metrics(logits_NC, torch.from_numpy(clips.labels_N), names),
        clips=choose_clips(drawable, logits_NC.numpy(), clips.labels_N),
        notes=[f"tables and clips: {best.path} on {clips.key}"],
    )


def _best_checkpoint(run: Run) -> Artefact | None:
    """The one with the smallest val_loss that is still there."""
    known = [
        entry
        for entry in run.artefacts()
        if "val_loss" in entry.metrics and (run.results / entry.path).is_file()
    ]
    return min(known, key=lambda entry: entry.metrics["val_loss"], default=None)


def _other_batches(done: int, num_batches: int) -> str:
    return (
        f"the checkpoint to resume from has done {done} batches of its epoch, and the epoch has "
        f"{num_batches} now: dataset.batch_size or the data has changed since; set it back, or "
        "start anew"
    )
