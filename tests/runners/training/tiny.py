"""A training of a second: three batches of four points, and a network of two layers."""

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from skillbank_runners.api import Run
from skillbank_runners.pose_classification.data import Batch, EpochOrder
from skillbank_runners.signals import signals_stop
from skillbank_runners.training.callbacks import CheckpointWriter
from skillbank_runners.training.checkpoints import newest_checkpoint, read_checkpoint
from skillbank_runners.training.devices import Devices
from skillbank_runners.training.loop import Classifier, LoopSettings, fit
from skillbank_runners.training.optim import OptimSettings
from skillbank_runners.training.position import position_of

LATEST = "latest.pth"


class Points(Dataset):
    """Three batches of four points, which follow from their position."""

    def __getitem__(self, key):
        if key.is_done:
            return Batch(torch.empty(0), torch.empty(0))
        random = torch.Generator().manual_seed(3 * key.epoch + key.position)
        return Batch(torch.randn(4, 5, generator=random), torch.tensor([0, 1, 2, 0]))

    def __len__(self):
        return 3


def train(folder, *callbacks, best=None, num_epochs=2, start=None):
    """Train to the end, or to what a callback does, from `start` or the newest checkpoint."""
    folder.mkdir(exist_ok=True)
    path = start or newest_checkpoint(folder, LATEST)
    state = read_checkpoint(path, "resume") if path else None
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3))
    if state:
        weights = state["state_dict"]
        network.load_state_dict({name.removeprefix("model."): weights[name] for name in weights})
    position = position_of(state)
    order = EpochOrder(3, epoch=position.epoch, batch=position.batch)
    optim = OptimSettings(
        optimizer_type="torch.optim.SGD",
        lr=0.1,
        momentum=0.9,
        nesterov=False,
        weight_decay=0.0,
        lr_scheduler="AutoReduce",
        lr_monitor="train_loss",
        patience=1,
        min_lr=0.0,
        lr_steps=(1,),
        lr_decay=0.1,
        warmup_epochs=0,
    )
    with signals_stop("; go on") as stop:
        settings = LoopSettings(5, num_epochs, 1, 0.0, optim, stop=stop)
        module = Classifier(network, settings, hyper_parameters={}, state=state)
        loaders = (
            DataLoader(Points(), batch_size=None, sampler=order),
            DataLoader(Points(), batch_size=None, sampler=EpochOrder(3)),
        )
        run = Run(folder, stop=stop)
        writer = CheckpointWriter(run, LATEST, interval=1, best=best)
        writer.settle(state, settings)
        if position.epoch < num_epochs:
            every = [*callbacks, writer]
            fit(module, loaders, Devices((), ""), callbacks=every, results=folder)
