"""A training that is asked to stop: where it stops, what it saves, how it goes on."""

import os
import signal

import pytest
import pytorch_lightning as pl
from tests.runners.training.tiny import train

from skillbank_runners.errors import Cancelled
from skillbank_runners.signals import STOPPING, leave_signals_to_parent, signals_stop
from skillbank_runners.training.checkpoints import read_checkpoint
from skillbank_runners.training.position import fit_to_processes

LAST = "model_epoch_001_step_00006.pth"


class Interruption(pl.Callback):
    """Signals to this process at one moment of a training."""

    def __init__(self, moment="", signals=()):
        self._moment = moment
        self._signals = signals

    def on_train_batch_start(self, _trainer, module, _batch, index):
        self._reach(f"epoch {module.epoch} step {index}")

    def on_validation_batch_start(self, _trainer, module, _batch, index, *_):
        self._reach(f"epoch {module.epoch} validation {index}")

    def on_train_end(self, *_):
        self._reach("end")

    def _reach(self, moment):
        if moment == self._moment:
            for signum in self._signals:
                os.kill(os.getpid(), signum)


def names(folder):
    return sorted(path.name for path in folder.glob("model_*.pth"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    train(folder)
    return folder


@pytest.mark.parametrize(
    ("moment", "saved", "done"),
    [
        ("epoch 0 step 0", "model_epoch_000_step_00001.pth", "step 1 of 3 of epoch 1"),
        ("epoch 1 step 1", "model_epoch_001_step_00005.pth", "step 2 of 3 of epoch 2"),
        ("epoch 0 step 2", "model_epoch_000_step_00003.pth", "step 3 of 3 of epoch 1"),
        ("epoch 1 validation 1", LAST, "step 3 of 3 of epoch 2"),
    ],
)
def test_it_stops_after_the_step_saves_once_and_goes_on_to_the_same_bytes(
    whole, tmp_path, moment, saved, done
):
    with pytest.raises(Cancelled, match=f"after {done}, saved as {saved}; go on"):
        train(tmp_path, Interruption(moment, [signal.SIGTERM]))
    assert names(tmp_path)[-1] == saved
    assert len(names(tmp_path)) == (1 if "epoch 0" in moment else 2)
    assert not read_checkpoint(tmp_path / saved, "")["epoch_ended"]
    train(tmp_path)
    assert (tmp_path / LAST).read_bytes() == (whole / LAST).read_bytes()


def test_further_signals_while_it_saves_change_nothing(whole, tmp_path):
    again = [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGTERM]
    with pytest.raises(Cancelled, match="cancelled by SIGTERM after step 2"):
        train(tmp_path, Interruption("epoch 0 step 1", again))
    train(tmp_path)
    assert (tmp_path / LAST).read_bytes() == (whole / LAST).read_bytes()


def test_a_signal_after_the_last_step_stops_before_the_report(whole, tmp_path):
    with pytest.raises(Cancelled, match="cancelled by SIGUSR1; go on"):
        train(tmp_path, Interruption("end", [signal.SIGUSR1]))
    assert (tmp_path / LAST).read_bytes() == (whole / LAST).read_bytes()


def test_a_signal_is_heard_at_once_where_nothing_is_at_stake():
    with signals_stop("; go on") as stop, pytest.raises(Cancelled, match="SIGUSR1; go on"):
        os.kill(os.getpid(), signal.SIGUSR1)
    assert (stop.signum, stop.exit_code) == (signal.SIGUSR1, 143)


def test_only_the_first_signal_counts():
    with signals_stop() as stop:
        with pytest.raises(Cancelled):
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    assert stop.exit_code == 130


def test_handlers_are_as_before_afterwards():
    before = [signal.getsignal(signum) for signum in STOPPING]
    with signals_stop():
        assert [signal.getsignal(signum) for signum in STOPPING] != before
    assert [signal.getsignal(signum) for signum in STOPPING] == before


# A child of its own: what it sets must not stay in this process.
def test_a_data_worker_leaves_a_signal_to_its_group_to_the_parent():
    pid = os.fork()
    if not pid:
        leave_signals_to_parent()
        for signum in STOPPING:
            os.kill(os.getpid(), signum)
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


@pytest.mark.parametrize(
    ("num_processes", "batch_size", "batch"), [(1, 2, 4), (1, 4, 2), (4, 2, 1), (8, 2, 0)]
)
def test_other_numbers_of_processes_go_on_behind_the_clips_that_are_done(
    num_processes, batch_size, batch
):
    state = {"epoch_ended": False, "batch": 2, "epoch_sums": [[1.0, 2, 4], [0.5, 1, 4]]}
    fitted = fit_to_processes(state, num_processes, batch_size)
    assert fitted["batch"] == batch
    assert fitted["epoch_sums"][0] == [1.5, 3, 8]
    assert len(fitted["epoch_sums"]) == num_processes


@pytest.mark.parametrize(
    "state",
    [
        {"epoch_ended": False, "batch": 2, "epoch_sums": [[1.0, 2, 4], [0.5, 1, 4]]},
        {"epoch_ended": True, "batch": 0, "epoch_sums": [0.0, 0.0, 0.0]},
        {"state_dict": {}},
    ],
)
def test_the_same_number_and_an_ended_epoch_need_no_change(state):
    assert fit_to_processes(state, 2, 4) is state
