"""What the process that carries out an attempt does when it is disturbed.

Each test starts it as a scheduler does, on a folder of its own; about half a second each.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from skillbank.config import StorageSettings
from skillbank.files.opening import Stores
from skillbank.job_folder import dump_spec
from skillbank.platforms.attempt import AttemptFolder, Ending
from skillbank.staging.claim import StoreClaim
from skillbank.staging.order import StagedOrder
from skillbank.testing import make_script_plan, wait_until

PATIENCE_S = 60.0
COUNT = "import pathlib, sys; pathlib.Path(sys.argv[1], 'runs').open('a').write('x')"
BUSY = "import pathlib, sys, time; pathlib.Path(sys.argv[1], 'on').touch(); time.sleep(600)"

Start = Callable[[StagedOrder], "subprocess.Popen[bytes]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the process of an order; what still runs at the end is killed."""
    begun: list[subprocess.Popen[bytes]] = []

    def begin(order: StagedOrder) -> subprocess.Popen[bytes]:
        order.save()
        arguments = ["-m", "skillbank.staging", order.folder, str(order.attempt)]
        begun.append(
            subprocess.Popen(
                [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
        )
        return begun[-1]

    yield begin
    for one in begun:
        one.kill()
        one.communicate()


@pytest.fixture
def endless() -> Iterator[str]:
    """Address of a server that answers every question for an object, byte by byte, for ever."""
    ended = threading.Event()

    class Drip(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._head()
            while not ended.wait(0.05):
                self.wfile.write(b"x")

        def do_HEAD(self) -> None:
            self._head()

        def _head(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.send_header("ETag", '"one"')
            self.send_header("Last-Modified", "Sun, 22 Nov 2026 00:00:00 GMT")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return

    with ThreadingHTTPServer(("127.0.0.1", 0), Drip) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        ended.set()
        server.shutdown()


def make_order(tmp_path: Path, script: str, **more: object) -> StagedOrder:
    plan = make_script_plan(tmp_path / "root", script)
    content = {
        "job_id": plan.job_id,
        "attempt": 1,
        "command": plan.command(),
        "folder": str(plan.folder),
        "grace_s": 1.0,
        **more,
    }
    return StagedOrder.model_validate(content)


def traces(order: StagedOrder) -> AttemptFolder:
    return AttemptFolder(Path(order.folder), order.attempt)


def test_a_stop_in_the_middle_of_a_download_is_obeyed_at_once(
    tmp_path: Path, start: Start, endless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    storage = StorageSettings(endpoint_url=endless, region="here", addressing="path")
    order = make_order(tmp_path, COUNT, storage=(storage,))
    spec = Path(order.folder, "spec.yaml")
    spec.write_text(dump_spec({"data": "s3://data/train.npy"}))
    order = order.model_copy(update={"command": [*order.command, str(spec)]})
    process = start(order)
    wait_until(lambda: Path(order.folder, "attempts/1/spec.yaml").is_file(), "it fetches")

    process.terminate()

    assert process.wait(PATIENCE_S) == 143
    ending = traces(order).ending()
    assert ending is not None
    assert (ending.exit_code, ending.is_cancelled, ending.is_interrupted) == (143, True, True)
    assert not Path(order.folder, "results/runs").exists()


def test_a_stop_while_another_still_holds_the_results_is_obeyed_at_once(
    tmp_path: Path, start: Start
) -> None:
    first = make_order(tmp_path, BUSY, grace_s=600)
    holder = start(
        first.model_copy(
            update={
                "command": [
                    "-c",
                    "import signal, time\n"
                    "signal.signal(15, signal.SIG_IGN)\nprint('on', flush=True)\ntime.sleep(600)",
                ]
            }
        )
    )
    log = Path(first.folder, "log.txt")
    wait_until(lambda: log.is_file() and "on" in log.read_text(), "the first runs")
    os.kill(holder.pid, signal.SIGSTOP)  # it cannot let go
    second = start(first.model_copy(update={"attempt": 2}))
    fence = Path(first.folder, "fence.json")
    wait_until(lambda: json.loads(fence.read_text())["attempt"] == 2, "the second asks")

    second.send_signal(signal.SIGUSR1)

    assert second.wait(PATIENCE_S) == 143
    assert not Path(first.folder, "attempts/2/exit.json").exists()


def test_an_attempt_that_had_ended_is_not_run_again_when_its_scheduler_starts_it_again(
    tmp_path: Path, start: Start
) -> None:
    order = make_order(tmp_path, COUNT)
    ended = Ending(75, False, "", 1.0, 2.0)
    traces(order).path.mkdir(parents=True)
    traces(order).write_ending(ended)

    assert start(order).wait(PATIENCE_S) == 75
    assert traces(order).ending() == ended
    assert not Path(order.folder, "results/runs").exists()


def test_an_attempt_that_was_interrupted_runs_again(tmp_path: Path, start: Start) -> None:
    order = make_order(tmp_path, COUNT)
    traces(order).path.mkdir(parents=True)
    traces(order).write_ending(Ending(143, True, "stopped", 1.0, 2.0, True))

    assert start(order).wait(PATIENCE_S) == 0
    assert Path(order.folder, "results/runs").read_text() == "x"


def test_the_job_dies_with_a_process_that_is_killed(tmp_path: Path, start: Start) -> None:
    script = (
        "import os, pathlib, sys, time\n"
        "pathlib.Path(sys.argv[1], 'pid').write_text(str(os.getpid()))\ntime.sleep(600)"
    )
    order = make_order(tmp_path, script)
    process = start(order)
    pid = Path(order.folder, "results/pid")
    wait_until(lambda: pid.is_file() and pid.read_text() != "", "it runs")

    process.kill()

    wait_until(lambda: is_gone(int(pid.read_text())), "the job is gone")


def is_gone(pid: int) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_an_input_that_is_not_there_ends_the_attempt_for_good_and_says_so(
    tmp_path: Path, start: Start
) -> None:
    order = make_order(tmp_path, COUNT, retries=3)
    spec = Path(order.folder, "spec.yaml")
    spec.write_text(dump_spec({"data": f"file://{tmp_path}/none.npy"}))
    order = order.model_copy(update={"command": [*order.command, str(spec)]})

    assert start(order).wait(PATIENCE_S) == 2
    ending = traces(order).ending()
    assert ending is not None
    assert "none.npy" in ending.detail
    assert not ending.is_interrupted


def test_a_full_disk_is_told_in_one_line_and_is_no_fault_of_the_job(
    tmp_path: Path, start: Start
) -> None:
    order = make_order(tmp_path, COUNT)
    order.save()
    Path(order.folder, "log.txt").symlink_to("/dev/full/none")  # cannot be opened

    process = start(order)

    assert process.wait(PATIENCE_S) == 74
    assert process.stdout is not None
    told = process.stdout.read().decode()
    assert told.startswith("error: this machine failed the job")
    assert "Traceback" not in told


def test_who_lost_the_lease_while_its_last_bytes_wait_lets_go_at_once(
    tmp_path: Path, start: Start
) -> None:
    """Else the next holder of the folder waits in vain for the lock; five seconds to notice."""
    bucket = tmp_path / "bucket"
    order = make_order(tmp_path, COUNT, results_uri=f"file://{bucket}/job-1")
    (bucket / "job-1" / "manifest.json" / "in the way").mkdir(parents=True)
    process = start(order)
    wait_until(lambda: traces(order).ending() is not None, "it ended")
    StoreClaim(Stores(()).of(order.results_uri), order.results_uri, 20.0, 2).claim()

    assert process.wait(PATIENCE_S) == 76


def test_a_job_on_a_shared_disk_is_killed_when_a_newer_attempt_asks_for_its_folder(
    tmp_path: Path, start: Start
) -> None:
    """Also where its results go to a URI, so that it holds two leases."""
    stubborn = "import signal; signal.signal(15, signal.SIG_IGN)\n" + BUSY
    first = make_order(tmp_path, stubborn, results_uri=f"file://{tmp_path}/b/job-1", grace_s=600)
    holder = start(first)
    wait_until(lambda: Path(first.folder, "results/on").is_file(), "it runs")
    command = ["-c", "print('the second')"]

    second = start(first.model_copy(update={"attempt": 2, "command": command}))

    assert holder.wait(PATIENCE_S) == 76
    assert second.wait(PATIENCE_S) == 0
    assert traces(first).ending() is None
