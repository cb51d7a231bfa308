"""Process entry of every job: `python -m skillbank_runners.launch ARCH ACTION -e SPEC`.

Exit codes: 0 complete, 1 the job failed, 2 the request was wrong, 75 a training paused as asked
(`--pause-after`), 130 and 143 stopped by SIGINT and SIGTERM.
"""

from __future__ import annotations

import errno
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, NamedTuple

import skillbank_runners
from skillbank_runners.api import Run, SpecModel, Status
from skillbank_runners.command_line import (
    Launch,
    Table,
    parse_runner_arguments,
    parse_tao_arguments,
    read_content,
)
from skillbank_runners.errors import (
    Cancelled,
    NotBuilt,
    Paused,
    PeerFailed,
    RunnerError,
    WrongRequest,
)
from skillbank_runners.signals import StopRequest, signals_stop
from skillbank_runners.spec_reading import SpecInvalid, read_spec
from skillbank_runners.training.peers import Failure, Peers
from skillbank_runners.training.processes import check_nodes, find_place, quiet_pytorch

_ISSUES = "the project's issue tracker"
_ADVICE = (
    "; files complete so far stay, and a training goes on from its newest checkpoint with the same "
    "command"
)
# What PyTorch says beside OutOfMemoryError when the machine's, or the GPU's, memory ends.
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "CUBLAS_STATUS_ALLOC_FAILED")

# What PyTorch's backends say when a process that takes part in a sum has ended.
_LOST_PEER = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer")
_TOGETHER = ("train",)  # actions in which several processes work together

PAUSED_EXIT = 75
"""Exit status of an action that paused as asked; skillbank.job has the same."""

log = logging.getLogger("skillbank_runners")


class _SilentRun(Run):
    """The run of a process that trains beside the one that speaks for all."""

    def report(self, *_: object, **__: object) -> None:
        """Say nothing."""

    def _write_artefacts(self, artefacts: object) -> None:
        """Leave no record: the first process leaves them all."""


class _Fault(NamedTuple):
    """Why an action ended before it was complete.

    Attributes:
        message: One for the user.
        exit_code: What this process exits with.
        kind: `failure` of the last status line.
        is_common: Every process that trains together ends for it.
    """

    message: str
    exit_code: int
    kind: str = ""
    is_common: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one action of any network: `skillbank-run`."""
    return run_launch(parse_runner_arguments(arguments))


def pose_classification(arguments: Sequence[str] | None = None) -> int:
    """Run one action of pose classification, under TAO's command."""
    actions = list(_actions("pose_classification"))
    return run_launch(parse_tao_arguments("pose_classification", actions, arguments))


def tao(arguments: Sequence[str] | None = None) -> int:
    """Run `tao [model] NETWORK ACTION ...`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    known = ", ".join(networks())
    if words[:1] == ["model"]:
        words = words[1:]
    if not words or words[0] in ("-h", "--help"):
        _say(f"usage: tao [model] NETWORK ACTION -e SPEC [key=value ...]\nnetworks: {known}")
        return 0 if words else 2
    if words[0] not in networks():
        _say(f"tao: found network {words[0]!r}, known: {known}", stream=sys.stderr)
        return 2
    return run_launch(parse_tao_arguments(words[0], list(_actions(words[0])), words[1:]))


def networks() -> list[str]:
    """Packages here that describe actions."""
    modules = iter_modules(skillbank_runners.__path__)
    names = (module.name for module in modules if module.ispkg)
    return sorted(name for name in names if find_spec(f"skillbank_runners.{name}.spec"))


def run_launch(launch: Launch) -> int:
    """Carry out a request; its exit code.

    What goes wrong is written to the log, and to status.json once the results folder is known.
    Where several processes train together, the first one writes and has the exit code of them all;
    the others exit with 0, unless they fail by themselves.
    """
    with signals_stop(_ADVICE) as stop:
        try:
            peers = Peers(find_place())
        except WrongRequest as error:
            return _fail(None, _Fault(str(error), 2), Peers())
        with _log_to_stdout(is_quiet=not peers.place.is_first):
            if not peers.place.has_peers or launch.action in _TOGETHER:
                return _carry_out(launch, stop, peers)
            if peers.place.is_first:
                return _carry_out(launch, stop, Peers())
            log.warning("%s works in one process; this one has nothing to do", launch.action)
            return 0


def _carry_out(launch: Launch, stop: StopRequest, peers: Peers) -> int:
    exit_code = _attempt(launch, stop, peers)
    with stop.deferred():
        return peers.leave(exit_code)


def _attempt(launch: Launch, stop: StopRequest, peers: Peers) -> int:
    run = _open_run(launch, launch.results, stop, peers) if launch.results else None
    try:
        if peers.place.has_peers:
            quiet_pytorch()
            from skillbank_runners.training.joining import join  # PyTorch and Lightning

            join(peers)
        spec, run = _prepare(launch, stop, peers)
        peers.watch(partial(_give_up, run))
        run.report(f"{launch.action} started", status=Status.STARTED)
        _main_of(launch)(spec, run)
        with stop.deferred():
            done = f"{launch.action} is complete"
            run.report(done, status=Status.SUCCESS, kpi=run.final_metrics)
        return 0
    except Paused as pause:
        with stop.deferred():
            return _pause(run, pause, peers)
    except Exception as error:  # noqa: BLE001 - the one place that answers for our own faults
        with stop.deferred():
            return _fail(run, _judge(error, stop, peers), peers)


def _prepare(launch: Launch, stop: StopRequest, peers: Peers) -> tuple[SpecModel, Run]:
    """The spec, checked, and the results folder, made."""
    specs = _actions(launch.network_arch)
    content = read_content(launch)
    experiment = import_module(f"skillbank_runners.{launch.network_arch}").EXPERIMENT
    spec, notes = read_spec(launch.action, content, specs, experiment)
    _check_built(launch)
    _check_machines(launch, spec, peers)
    results = launch.results or _results_folder(content, launch.action)
    try:
        results.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecInvalid([f"results_dir: {str(results)!r}: {error.strerror}"]) from error
    for note in notes:
        log.info("%s", note)
    log.info("results: %s", results)
    return spec, _open_run(launch, results, stop, peers)


def _open_run(launch: Launch, results: Path, stop: StopRequest, peers: Peers) -> Run:
    kind = Run if peers.place.is_first else _SilentRun
    return kind(
        results,
        action=launch.action,
        spec_path=launch.spec_path,
        pause_after=launch.pause_after,
        stop=stop,
        peers=peers,
    )


def _check_machines(launch: Launch, spec: SpecModel, peers: Peers) -> None:
    """Refuse a number of machines that nobody has started processes on."""
    number = getattr(getattr(spec, launch.action, None), "num_nodes", 1)
    if launch.action in _TOGETHER:
        check_nodes(f"{launch.action}.num_nodes", number, peers.place)
    elif number > 1:
        log.info("%s works on one machine: num_nodes has no effect", launch.action)


def _actions(network_arch: str) -> Mapping[str, type[SpecModel]]:
    """Spec class of each action of a network; loads no model code."""
    if network_arch not in networks():
        known = ", ".join(networks())
        raise SpecInvalid([f"found network {network_arch!r}, expected one of: {known}"])
    specs: Mapping[str, type[SpecModel]] = import_module(f"skillbank_runners.{network_arch}").SPECS
    return specs


def _check_built(launch: Launch) -> None:
    """Refuse an action that has a spec and no module of its name."""
    network = launch.network_arch
    if find_spec(f"skillbank_runners.{network}.{launch.action}"):
        return
    built = [name for name in _actions(network) if find_spec(f"skillbank_runners.{network}.{name}")]
    raise NotBuilt(
        f"{launch.action} of {network} is not built yet: its spec is valid, and nothing carries "
        f"it out; built are: {', '.join(built) or 'none'}"
    )


def _main_of(launch: Launch) -> Callable[[SpecModel, Run], None]:
    module = import_module(f"skillbank_runners.{launch.network_arch}.{launch.action}")
    action: Callable[[SpecModel, Run], None] = module.main
    return action


def _results_folder(content: Table, action: str) -> Path:
    """TAO's rule: the action's own results_dir, or else a folder of its name under results_dir."""
    section = content.get(action)
    own = section.get("results_dir") if isinstance(section, dict) else None
    if own and own != "???":
        return Path(own).expanduser()
    above = content.get("results_dir")
    if above and above != "???":
        return Path(above).expanduser() / action
    raise SpecInvalid(
        [f"results_dir: empty, expected a folder; set results_dir or {action}.results_dir"]
    )


def _pause(run: Run | None, pause: Paused, peers: Peers) -> int:
    """Tell that a training paused; beside the process that speaks for all, a pause is an end."""
    if not peers.place.is_first:
        # Whoever starts processes that train together takes any other status of theirs for a
        # failure.
        return 0
    _say(str(pause))
    if run is not None:
        run.report(
            str(pause),
            kpi=pause.metrics,
            epoch=pause.epochs - 1,
            max_epoch=pause.num_epochs,
            paused=True,
        )
    return PAUSED_EXIT


def _judge(error: Exception, stop: StopRequest, peers: Peers) -> _Fault:
    """What an exception means for the job."""
    if isinstance(error, RunnerError):
        code = 2 if isinstance(error, WrongRequest) else 1
        code = error.exit_code if isinstance(error, PeerFailed) else code
        code = stop.exit_code if isinstance(error, Cancelled) else code
        return _Fault(str(error), code, error.failure, error.is_common)
    # Where another process ended first, a sum with it fails here: that is no fault of ours.
    if failure := peers.failure():
        return _Fault(str(failure), failure.exit_code, failure.kind)
    if peers.place.has_peers and stop.signum:
        return _Fault(str(stop.cancelled(stop.signum)), stop.exit_code)
    if peers.place.has_peers and any(said in str(error) for said in _LOST_PEER):
        first_line = str(error).partition("\n")[0]
        told = (
            f"a process that trains together with this one is gone ({first_line}); resume the job"
        )
        return _Fault(told, 1, "infrastructure")
    log.error("internal error", exc_info=error)
    return _Fault(*_explain(error))


def _give_up(run: Run, failure: Failure) -> None:
    """Last words of a process that waits in vain for one that ended."""
    _fail(run, _Fault(str(failure), failure.exit_code, failure.kind), run.peers)


def _explain(error: Exception) -> tuple[str, int, str]:
    """Message, exit code and kind of a failure that nobody foresaw."""
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    is_memory = isinstance(error, MemoryError) or any(said in what for said in _OUT_OF_MEMORY)
    if is_memory:
        advice = "use a smaller batch size or fewer data workers"
        return f"out of memory: {what}; {advice}", 1, "out_of_memory"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        return f"{what}; mend the disk, then resume the job", 1, "infrastructure"
    report = f"please report the traceback in the log to {_ISSUES}"
    return f"internal error: {what}; {report}", 1, ""


def _fail(run: Run | None, fault: _Fault, peers: Peers) -> int:
    """Say why the action ended, to whom it concerns; the exit code of this process."""
    if fault.is_common and not peers.place.is_first:
        return 0
    who = f"process {peers.place.rank}: " * peers.place.has_peers
    _say(f"{who}error: {fault.message}", stream=sys.stderr)
    if not fault.is_common:
        peers.tell(fault.message, fault.exit_code, fault.kind)
    if run is not None and run.results.is_dir():
        kind: dict[str, Any] = {"failure": fault.kind} if fault.kind else {}
        run.report(fault.message, status=Status.FAILURE, **kind)
    return fault.exit_code


def _say(text: str, stream: object = None) -> None:
    target = stream if stream is sys.stderr else sys.stdout
    target.write(text + "\n")
    target.flush()


@contextmanager
def _log_to_stdout(*, is_quiet: bool = False) -> Iterator[None]:
    """Plain lines, one per message, as a log file keeps them; quiet: warnings alone."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    before = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.WARNING if is_quiet else logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.level, log.propagate = before


if __name__ == "__main__":
    sys.exit(main())
