"""Label files are data: nothing in them is ever run."""

import os
import pickle
import re
import subprocess

import numpy as np
import pytest

from skillbank_runners.errors import RunnerError
from skillbank_runners.pose_classification.labels import read_labels

NAMES = ["a", "b", "c"]
IDS = [0, 2, 1]


def save(folder, content, protocol=4):
    path = folder / "label.pkl"
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return path


class Payload:
    """Runs a command when it is unpickled in the ordinary way."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", [list, tuple])
def test_names_and_ids_are_read(tmp_path, protocol, kind):
    labels = read_labels(save(tmp_path, kind([kind(NAMES), kind(IDS)]), protocol))
    assert labels.names == ("a", "b", "c")
    assert labels.ids_N.tolist() == IDS
    assert labels.ids_N.dtype == np.int64


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, np.dtype(">i4").type])
def test_numpy_scalars_are_read(tmp_path, protocol, kind):
    labels = read_labels(save(tmp_path, [NAMES, [kind(i) for i in IDS]], protocol))
    assert labels.ids_N.tolist() == IDS


@pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_scalars_of_both_numpy_generations_are_read(tmp_path, module):
    content = pickle.dumps([["x"], [np.int64(300)]], protocol=2)
    other = content.replace(b"numpy._core.multiarray", module.encode())
    assert read_labels(save(tmp_path, other)).ids_N.tolist() == [300]


def test_a_big_endian_scalar_keeps_its_value(tmp_path):
    content = pickle.dumps([["x"], [np.int32(1)]], protocol=2)
    assert content.count(b"<") == 1
    turned = content.replace(b"<", b">")
    assert read_labels(save(tmp_path, turned)).ids_N.tolist() == [1 << 24]


def test_ids_alone_may_come_as_an_array_file(tmp_path):
    np.save(tmp_path / "label.npy", np.array(IDS, np.int16))
    labels = read_labels(tmp_path / "label.npy")
    assert labels.names is None
    assert labels.ids_N.tolist() == IDS


@pytest.mark.parametrize("protocol", range(6))
def test_a_malicious_pickle_is_refused_and_does_not_run(tmp_path, protocol):
    trace = tmp_path / "it_ran"
    payload = Payload(os.system, f"touch {trace}")
    path = save(tmp_path, [NAMES, [0, payload, 1]], protocol)
    with pytest.raises(RunnerError, match=r"asks for '(posix|nt)\.system'.*not loaded"):
        read_labels(path)
    assert not trace.exists()
    pickle.loads(path.read_bytes())
    assert trace.exists(), "the payload is harmless, so this test proves nothing"


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (Payload(subprocess.Popen, ["true"]), "subprocess.Popen"),
        (Payload(eval, "1"), "builtins.eval"),
        (Payload(getattr, "x", "upper"), "builtins.getattr"),
        (Payload(np.load, "x.npy"), "numpy.load"),
        (np.array([0, 1, 2]), "numpy._core.multiarray._reconstruct"),
        (np.datetime64("2020-01-01"), "numpy.dtype"),
    ],
)
def test_every_other_global_is_refused_by_name(tmp_path, payload, named):
    with pytest.raises(RunnerError, match=re.escape(named)):
        read_labels(save(tmp_path, [NAMES, payload]))


def test_an_object_array_file_is_refused(tmp_path):
    trace = tmp_path / "it_ran"
    array = np.array([Payload(os.system, f"touch {trace}")], dtype=object)
    np.save(tmp_path / "label.npy", array, allow_pickle=True)
    with pytest.raises(RunnerError, match=r"no \.npy file of numbers"):
        read_labels(tmp_path / "label.npy")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no readable pickle"),
        (b"not a pickle", "no readable pickle"),
        (pickle.dumps([NAMES, IDS])[:-9], "no readable pickle"),
        ({"a": 0}, "holds a dict of 1 entries, expected a pickle of the pair"),
        ([NAMES, IDS, []], "holds a list of 3 entries"),
        ([NAMES, "abc"], "class ids are a str"),
        ([NAMES, [0, 1]], "3 clip names and 2 class ids"),
        ([NAMES, [0, "1", 2]], "class id 1 is '1', expected an integer"),
        ([NAMES, [0, 1.5, 2]], "class id 1 is 1.5, expected an integer"),
        ([NAMES, [0, True, 2]], "class id 1 is True"),
        ([NAMES, [0, 1, 2**70]], "does not fit into 64 bits"),
    ],
)
def test_other_content_is_named(tmp_path, content, said):
    with pytest.raises(RunnerError, match=re.escape(said)):
        read_labels(save(tmp_path, content))


@pytest.mark.parametrize("array", [np.zeros((2, 2), int), np.zeros(3)])
def test_an_array_file_must_hold_one_integer_per_clip(tmp_path, array):
    np.save(tmp_path / "label.npy", array)
    with pytest.raises(RunnerError, match="expected one integer class id per clip"):
        read_labels(tmp_path / "label.npy")
