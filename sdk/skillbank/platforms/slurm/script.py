"""The batch script of an attempt: a pure function of plan, settings and command.

The script waits for the job beside it, so that it can hear SLURM: its warning before the end
(USR1) and the end itself (TERM) are passed on, upon which the job saves and exits with 143. Where
SLURM has not decided by then, the script has the job queued again.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from hashlib import sha256

from skillbank.plan import JobPlan
from skillbank.platforms.slurm.settings import SlurmSettings
from skillbank.staging.order import PLACE_FAILED_EXIT

OUTPUT_NAME = "slurm.out"
_MIB = 2**20

# Lightning takes a set number of tasks for tasks that were started by srun, which these are not.
_ONE_PROCESS = ("SLURM_NTASKS", "SLURM_NPROCS", "SLURM_NTASKS_PER_NODE", "SLURM_TASKS_PER_NODE")

_HEAD = """\
# {name}: written by skillbank for one attempt, and not read again.
child= heard= warned=
pass_on() {{
  heard=$1 warned=yes
  [ -z "$child" ] || {signal}
}}
trap 'pass_on USR1' USR1
trap 'pass_on TERM' TERM
"""
_TO_CHILD = 'kill -s "$1" "$child" 2>/dev/null'
# srun answers TERM by killing its tasks; SLURM's own signal lets them save.
_TO_STEPS = 'scancel --quiet --signal=TERM "$SLURM_JOB_ID"'

_WAIT = """\
child=$!
[ -z "$heard" ] || pass_on "$heard"
while :; do
  heard=
  wait "$child"
  code=$?
  [ -n "$heard" ] || break  # else the signal ended the wait, not the child
done
"""
# From 128 on: it was stopped, by itself or in the end by force. 74: its node failed it.
_STOPPED = '[ -n "$warned" ] && [ "$code" -ge 128 ] && [ "$times" -lt {most} ]'
_FAILED_BY_NODE = '[ "$code" -eq {code} ] && [ "$times" -lt {most} ]'
_QUEUE_AGAIN = """\
times=${{SLURM_RESTART_COUNT:-0}}
if {condition}; then
  for pause in 1 2 4 8 16; do
    state=$(squeue --noheader --jobs="$SLURM_JOB_ID" --format=%T 2>/dev/null) && break
    sleep "$pause"
  done
  # Any other state: SLURM has queued it again itself, or ends it for good.
  [ "$state" != RUNNING ] || scontrol requeue "$SLURM_JOB_ID"
fi
"""

STEP = f"""\
child= heard=
trap 'heard=yes; {_TO_STEPS}' TERM
"$@" &
child=$!
while :; do heard=; wait "$child"; code=$?; [ -n "$heard" ] || break; done
exit "$code"
"""
"""Runs a command of srun, and turns TERM into one that its tasks can act upon."""


_OTHER_PYTHON = 'shift; exec "$0" "$@"'
"""Inside an image: its own Python instead of the path that comes first."""


def job_name(plan: JobPlan, attempt: int) -> str:
    """Name of an attempt, unlike that of any other attempt of any root folder."""
    root = sha256(str(plan.folder).encode()).hexdigest()[:8]
    return f"{plan.job_id}-{attempt}-{root}"


def num_nodes(plan: JobPlan) -> int:
    """Machines that work on a plan together: `<action>.num_nodes` of its spec, else one."""
    section = plan.spec.get(plan.action)
    wanted = section.get("num_nodes") if isinstance(section, Mapping) else None
    return wanted if isinstance(wanted, int) and wanted > 1 else 1


def tasks_per_node(plan: JobPlan) -> int:
    """Processes that work on a plan on each machine: one per GPU, as Lightning wants them."""
    return max(1, plan.num_gpus) if num_nodes(plan) > 1 else 1


def write_script(
    plan: JobPlan, attempt: int, settings: SlurmSettings, command: Sequence[str]
) -> str:
    """The batch script of an attempt.

    Args:
        plan: What to run.
        attempt: Number of the attempt.
        settings: How it is run.
        command: Python, and its arguments there.
    """
    is_alone = num_nodes(plan) == 1
    in_steps = is_alone and settings.container_image and settings.container_runtime == "pyxis"
    run = list(contain(plan, settings, command)) if is_alone else list(command)
    options = "".join(f"#SBATCH {option}\n" for option in sbatch_options(plan, attempt, settings))
    parts = [
        f"#!/bin/bash\n{options}",
        _HEAD.format(
            name=job_name(plan, attempt), signal=_TO_STEPS if in_steps else _TO_CHILD
        ).rstrip(),
        *_prepare(settings, is_alone=is_alone),
        f"{shlex.join(run)} &\n{_WAIT}{_queue_again(settings)}" + 'exit "$code"\n',
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def sbatch_options(plan: JobPlan, attempt: int, settings: SlurmSettings) -> list[str]:
    """Options of sbatch, quoted as it reads them in a script."""
    nodes, tasks = num_nodes(plan), tasks_per_node(plan)
    gpus = f"gpu:{settings.gpu_type}:" if settings.gpu_type else "gpu:"
    # A rank above the others' is for administrators: SLURM ignores it where others ask for it.
    nice = -settings.priority if settings.nice is None else settings.nice
    given: dict[str, object] = {
        "job-name": job_name(plan, attempt),
        "chdir": plan.folder if settings.shared else "/",
        "output": _output(plan, attempt, settings),
        "open-mode": "append",
        "export": "ALL",
        "nodes": nodes,
        "ntasks-per-node": tasks,
        "mem": settings.memory_bytes and f"{math.ceil(settings.memory_bytes / _MIB)}M",
        "gres": plan.num_gpus and f"{gpus}{plan.num_gpus}",
        "time": settings.stay_s and show_time(settings.stay_s),
        "signal": f"B:USR1@{settings.warning_lead_s}",
        "partition": settings.partition,
        "account": settings.account,
        "qos": settings.qos,
        "constraint": settings.constraint,
        "nodelist": settings.nodelist,
        "exclude": settings.exclude,
        "reservation": settings.reservation,
        "nice": nice,
        "mail-user": settings.mail_user,
        "mail-type": settings.mail_user and settings.mail_type,
    }
    flags = _cpus_per_task(plan, settings)
    flags += ["--requeue" if settings.requeue else "--no-requeue"]
    flags += ["--exclusive"] if settings.exclusive else []
    options = [f"--{name}={shlex.quote(str(value))}" for name, value in given.items() if value]
    return [*options, *flags, *settings.sbatch_options]


def show_time(seconds: float) -> str:
    """A length of time as SLURM reads it, `D-HH:MM:SS`."""
    minutes, rest = divmod(math.ceil(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}-{hours:02}:{minutes:02}:{rest:02}"


def contain(plan: JobPlan, settings: SlurmSettings, command: Sequence[str]) -> list[str]:
    """A command of one machine, inside the container that the settings name, if they name one."""
    if settings.container_image is None:
        return list(command)
    inside = [settings.container_python, *command[1:]]
    mounts = _mounts(plan, settings)
    if settings.container_runtime == "apptainer":
        return ["apptainer", "exec", *_nv(plan), *_binds(mounts), settings.container_image, *inside]
    unset = [f"--unset={name}" for name in _ONE_PROCESS]
    return [
        "srun",
        "--nodes=1",
        "--ntasks=1",
        *_cpus_per_task(plan, settings),
        f"--container-image={settings.container_image}",
        *_pyxis_mounts(mounts),
        "env",
        *unset,
        *inside,
    ]


def launcher(plan: JobPlan, settings: SlurmSettings) -> list[str]:
    """What starts the job's command on all its machines; empty: there is only one.

    Lightning finds its ranks in the variables that srun sets.
    """
    nodes, tasks = num_nodes(plan), tasks_per_node(plan)
    if nodes == 1:
        return []
    step = [
        "srun",
        f"--nodes={nodes}",
        f"--ntasks-per-node={tasks}",
        *_cpus_per_task(plan, settings),
        "--kill-on-bad-exit=1",
        "--export=ALL",
    ]
    if settings.container_image:
        mounts = _mounts(plan, settings)
        if settings.container_runtime == "pyxis":
            step += [f"--container-image={settings.container_image}", *_pyxis_mounts(mounts)]
        else:
            step += ["apptainer", "exec", *_nv(plan), *_binds(mounts), settings.container_image]
        step += ["sh", "-c", _OTHER_PYTHON, settings.container_python]
    return ["bash", "-c", STEP, "step", *step]


def _queue_again(settings: SlurmSettings) -> str:
    if not settings.requeue:
        return ""
    condition = _STOPPED.format(most=settings.max_requeues)
    if settings.retries:
        failed = _FAILED_BY_NODE.format(code=PLACE_FAILED_EXIT, most=settings.retries)
        condition = f"{{ {condition}; }} || {{ {failed}; }}"
    return _QUEUE_AGAIN.format(condition=condition)


def _cpus_per_task(plan: JobPlan, settings: SlurmSettings) -> list[str]:
    """Also for srun, which does not take it over from sbatch."""
    if settings.cpus is None:
        return []
    return [f"--cpus-per-task={max(1, settings.cpus // tasks_per_node(plan))}"]


def _prepare(settings: SlurmSettings, *, is_alone: bool) -> list[str]:
    lines = [f"module load {shlex.join(settings.modules)}"] if settings.modules else []
    lines += settings.setup
    if settings.scratch:
        folder = f'"{settings.scratch}"'
        lines += [f"mkdir -p {folder}", f"export TMPDIR={folder} SKILLBANK_SCRATCH={folder}"]
    lines += [f"unset {' '.join(_ONE_PROCESS)}"] if is_alone else []
    return ["\n".join(lines)] if lines else []


def _output(plan: JobPlan, attempt: int, settings: SlurmSettings) -> str:
    if not settings.shared:
        return "/dev/null"
    # In a file's name SLURM fills in what follows a percent sign.
    return str(plan.folder / "attempts" / str(attempt) / OUTPUT_NAME).replace("%", "%%")


def _mounts(plan: JobPlan, settings: SlurmSettings) -> list[str]:
    root = [str(plan.folder.parents[1])] if settings.shared else []
    return [*root, *settings.container_mounts]


def _pyxis_mounts(mounts: Sequence[str]) -> list[str]:
    both = [mount if ":" in mount else f"{mount}:{mount}" for mount in mounts]
    return [f"--container-mounts={','.join(both)}"] if both else []


def _binds(mounts: Sequence[str]) -> list[str]:
    return [f"--bind={mount}" for mount in mounts]


def _nv(plan: JobPlan) -> list[str]:
    return ["--nv"] if plan.num_gpus else []
