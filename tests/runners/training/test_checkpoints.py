"""Equal states give equal files, and files are whole or absent."""

import numpy as np
import pytest
import torch

from skillbank_runners.api import Run
from skillbank_runners.errors import RunnerError
from skillbank_runners.training.checkpoints import (
    newest_checkpoint,
    point_latest,
    read_checkpoint,
    remove_checkpoint,
    write_checkpoint,
)
from skillbank_runners.training.determinism import Purpose, generator, resolve_seed, seed_torch


def state(**values):
    weights = {"b": torch.arange(6.0).reshape(2, 3), "a": torch.ones(2)}
    return {"epoch": 1, "global_step": 9, "state_dict": weights, "betas": (0.9, 0.99), **values}


def write(folder, content, name="model_epoch_001_step_00009.pth"):
    folder.mkdir(exist_ok=True)
    write_checkpoint(Run(folder), folder / name, content, {"val_loss": 0.5})
    return folder / name


def test_a_state_that_was_loaded_is_written_as_it_was_found(tmp_path):
    first = write(tmp_path / "a", state())
    again = write(tmp_path / "b", read_checkpoint(first, "key"))
    assert first.read_bytes() == again.read_bytes()


def test_the_order_and_identity_of_keys_do_not_matter(tmp_path):
    turned = dict(reversed(state().items()))
    turned["state_dict"] = {"".join(key): value for key, value in turned["state_dict"].items()}
    turned["betas"] = tuple(float(str(beta)) for beta in turned["betas"])
    assert write(tmp_path / "a", state()).read_bytes() == write(tmp_path / "b", turned).read_bytes()


def test_how_a_tensor_lies_in_memory_does_not_matter(tmp_path):
    turned = state()
    turned["state_dict"]["b"] = turned["state_dict"]["b"].t().contiguous().t()
    assert write(tmp_path / "a", state()).read_bytes() == write(tmp_path / "b", turned).read_bytes()


def test_another_value_gives_another_file(tmp_path):
    other = write(tmp_path / "b", state(global_step=10))
    assert write(tmp_path / "a", state()).read_bytes() != other.read_bytes()


def test_a_checkpoint_is_recorded_and_forgotten_with_its_file(tmp_path):
    path = write(tmp_path, state())
    (entry,) = Run(tmp_path).artefacts()
    assert (entry.path, entry.epoch, entry.step) == (path.name, 1, 9)
    assert entry.metrics == {"val_loss": 0.5}
    remove_checkpoint(Run(tmp_path), path)
    assert not path.exists()
    assert Run(tmp_path).artefacts() == []


def test_the_latest_link_moves_with_its_folder(tmp_path):
    path = write(tmp_path / "a", state())
    point_latest(path.with_name("latest.pth"), path)
    moved = (tmp_path / "a").rename(tmp_path / "b")
    assert newest_checkpoint(moved, "latest.pth") == moved / path.name


@pytest.mark.parametrize("names", [["000_step_00009", "001_step_00003"], ["009", "010"]])
def test_without_a_link_the_last_epoch_is_the_newest(tmp_path, names):
    for name in names:
        (tmp_path / f"model_epoch_{name}.pth").touch()
    (tmp_path / "model_best_099.pth").touch()
    found = newest_checkpoint(tmp_path, "latest.pth")
    assert found == tmp_path / f"model_epoch_{names[-1]}.pth"


def test_a_dangling_link_is_passed_over(tmp_path):
    (tmp_path / "latest.pth").symlink_to("gone.pth")
    assert newest_checkpoint(tmp_path, "latest.pth") is None


def test_a_missing_file_names_what_is_there(tmp_path):
    write(tmp_path, state())
    with pytest.raises(
        RunnerError, match=r"a\.key: no file .*has: model_epoch_001_step_00009\.pth"
    ):
        read_checkpoint(tmp_path / "x.pth", "a.key")


def test_a_bare_state_dict_is_read(tmp_path):
    torch.save({"w": torch.ones(1)}, tmp_path / "w.pth")
    assert set(read_checkpoint(tmp_path / "w.pth", "key")) == {"state_dict"}


def test_random_numbers_depend_on_seed_purpose_and_position_alone():
    drawn = {
        tuple(generator(seed, purpose, position).integers(1 << 30, size=4))
        for seed in (1, 2)
        for purpose in Purpose
        for position in (0, 1)
    }
    assert len(drawn) == 2 * len(Purpose) * 2
    assert np.array_equal(generator(1, Purpose.STEP, 5).random(3), generator(1, 1, 5).random(3))


def test_pytorch_is_seeded_by_position():
    def draw(*position):
        seed_torch(1, Purpose.STEP, *position)
        return torch.rand(3)

    assert torch.equal(draw(4), draw(4))
    assert not torch.equal(draw(4), draw(5))


def test_minus_one_is_a_new_seed_each_time():
    assert resolve_seed(7) == 7
    assert resolve_seed(-1) != resolve_seed(-1)
