"""The commands of `skillbank workflow`, with the bowl, in real processes: 2 s a workflow."""

from __future__ import annotations

import json
import re
import shlex
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.sdk.cli.conftest import CommandLine, Done
from tests.sdk.cli.test_follow import open_terminal
from tests.sdk.search.conftest import search_bowl

from skillbank.cli.app import GROUPS
from skillbank.cli.workflow_view import JsonSteps, follow_workflow
from skillbank.client import Client
from skillbank.workflows.workflow import StepNews, WorkflowNews

REPOSITORY = Path(__file__).resolve().parents[3]
EXAMPLE = "examples/cmu_mocap/workflow.yaml"
PAGE = (REPOSITORY / "docs" / "workflows.md").read_text(encoding="utf-8")
SHOWN: list[str] = re.findall(r"^    skillbank (workflow .+)$", PAGE, re.MULTILINE)
TRAIN = {"skill": "bowl-train", "action": "train", "automl_policy": "off"}
EVALUATE = {"skill": "bowl-train", "action": "evaluate", "parent": "train"}
BROKEN = {**TRAIN, "overrides": {"train.fail_above": 0.01}}
WORKFLOW = re.compile(r"workflow-\w{8}")


@pytest.fixture
def client(root: Path) -> Iterator[Client]:
    with search_bowl(root) as made:
        yield made.client


@pytest.fixture
def flow(client: Client, tmp_path: Path) -> Path:  # noqa: ARG001 - its skills are needed
    return write(tmp_path / "flow.yaml", TRAIN, EVALUATE)


@pytest.fixture
def held(client: Client, tmp_path: Path) -> Path:  # noqa: ARG001 - its skills are needed
    """The same, whose training stands at its first epoch until it is cancelled."""
    (tmp_path / "closed--e0").touch()
    training = {**TRAIN, "overrides": {"train.gates": str(tmp_path)}}
    return write(tmp_path / "held.yaml", training, EVALUATE)


def write(path: Path, *steps: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump({"name": "two steps", "steps": list(steps)}))
    return path


def id_in(done: Done) -> str:
    found = WORKFLOW.search(done.out)
    assert found is not None, done
    return found[0]


def test_a_run_shows_every_step_under_its_name(cli: CommandLine, flow: Path) -> None:
    done = cli("workflow", "run", flow)

    lines = done.out.splitlines()
    assert (done.status, done.err) == (0, "")
    assert re.fullmatch(r"workflow workflow-\w{8} 'two steps': train, evaluate", lines[0])
    assert re.fullmatch(r"\[0 train\] job train-\w{8}: bowl-train, direct, on local", lines[1])
    assert re.search(r"^\[0 train\] epoch 9/9  train_loss [\d.]+ ", done.out, re.MULTILINE)
    assert re.search(r"^\[0 train\] COMPLETE after \d+:\d\d:\d\d$", done.out, re.MULTILINE)
    assert re.search(r"^\[1 evaluate\] evaluated$", done.out, re.MULTILINE)
    table = done.out.partition("\n\n")[2].splitlines()
    assert table[0].split() == ["STEP", "ACTION", "PARENT", "STATE", "TOOK", "JOB", "SKILL"]
    assert table[2].split()[:4] == ["1", "evaluate", "0", "COMPLETE"]
    assert re.fullmatch(r"COMPLETE after \d+:\d\d:\d\d: 2 of 2 steps complete", table[3])


def test_a_terminal_has_a_bar_for_every_step_that_runs(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed--e5"  # the training stands here until its bar was drawn
    closed.touch()
    held = {**TRAIN, "overrides": {"train.gates": str(tmp_path)}}
    made = client.create_workflow({"steps": [held, EVALUATE]})
    terminal = open_terminal(monkeypatch)
    bar = re.compile(r"\[0 train\] epoch \d/9 .*val_acc")

    def open_when_drawn() -> None:
        while not bar.search(terminal.getvalue()):
            time.sleep(0.01)
        closed.unlink()

    opener = threading.Thread(target=open_when_drawn, daemon=True)
    opener.start()

    status = follow_workflow(client, made, as_json=False, every_s=0.01)

    opener.join()
    shown = terminal.getvalue()
    assert status == 0
    assert bar.search(shown)
    assert "[0 train] COMPLETE after" in shown
    assert "[1 evaluate] evaluated" in shown
    assert "\x1b" in shown  # bars are drawn anew in their place


def test_a_failure_says_which_step_why_and_what_next(
    cli: CommandLine, client: Client, tmp_path: Path
) -> None:
    done = cli("workflow", "run", write(tmp_path / "flow.yaml", BROKEN, EVALUATE))

    (workflow,) = client.workflows()
    job = workflow.steps[0].job_id
    assert done.status == 1
    told = r"^\[0 train\] ERROR after \d+:\d\d:\d\d: the bowl broke at learning rate 0\.1$"
    assert re.search(told, done.err, re.MULTILINE)
    assert "[1 evaluate] BLOCKED: step 0 (train), which it builds on, is ERROR" in done.err
    assert f"'skillbank workflow resume {workflow.id}'" in done.err
    assert f"next: 'skillbank logs {job}' shows more." in done.err
    assert f"skillbank resume {job}" not in done.err  # of the step alone


def test_a_detached_workflow_is_listed_waited_for_and_shown(cli: CommandLine, flow: Path) -> None:
    started = cli("workflow", "run", flow, "--detach")
    workflow = id_in(started)
    waited = cli("workflow", "wait", workflow[:-1])
    shown = cli("workflow", "status", workflow)
    listed = cli("workflow", "list")

    assert started.out.splitlines()[1] == f"next: skillbank workflow wait {workflow}"
    assert waited.status == 0
    # The whole, and each step that had not ended before somebody waited.
    assert waited.out.count("COMPLETE after") in {1, 2, 3}
    facts = dict(line.split(None, 1) for line in shown.out.splitlines()[:3])
    assert facts == {"workflow": f"{workflow}, attempt 1", "name": "two steps", "state": "COMPLETE"}
    assert re.search(rf"{workflow}  COMPLETE +\d+ s ago +2 of 2 +two steps", listed.out)


def test_json_is_one_event_per_line_that_names_its_step(
    cli: CommandLine, client: Client, flow: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = cli("workflow", "run", flow, "--json")

    kinds = [event["event"] for event in done.events]
    assert (done.status, kinds[0], kinds[-1]) == (0, "workflow", "end")
    epochs = [e["epoch"] for e in done.events if e["event"] == "status" and "epoch" in e]
    assert epochs == [*range(9)]
    ends = [e for e in done.events if e["event"] == "step" and e["job"]["state"] == "COMPLETE"]
    assert [event["workflow_step"] for event in ends] == [0, 1]
    assert [step["state"] for step in done.events[-1]["workflow"]["steps"]] == ["COMPLETE"] * 2

    # An optimizer's step, within an epoch, is no step of the workflow.
    (workflow,) = client.workflows()
    job = client.job(workflow.steps[0].job_id or "")
    line = {"message": "half way", "epoch": 0, "step": 4, "max_step": 8}
    JsonSteps().show(WorkflowNews(workflow, (StepNews(0, job, (line,)),)))
    event = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (event["event"], event["workflow_step"], event["step"]) == ("status", 0, 4)


def test_a_saved_plan_runs_once_and_only_as_it_was_shown(
    cli: CommandLine, held: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "plan.json"
    saved.write_text(cli("workflow", "plan", held, "--json").out)
    planned = json.loads(saved.read_text())

    first = cli("workflow", "run", "--plan", saved, "--detach", "--json")
    second = cli("workflow", "run", "--plan", saved)
    canceled = cli("workflow", "cancel", planned["workflow_id"])
    planned["steps"][0]["num_gpus"] = 8
    saved.write_text(json.dumps(planned))
    changed = cli("workflow", "run", "--plan", saved, "--json")

    assert first.document["id"] == planned["workflow_id"]
    assert (second.status, "a plan makes one workflow" in second.err) == (2, True)
    assert canceled.out == f"workflow {planned['workflow_id']}: CANCELED\n"
    assert changed.document["error"]["type"] == "PlanInvalid"


def test_a_plan_tells_what_is_decided_and_what_is_not_yet(cli: CommandLine, flow: Path) -> None:
    told = cli("workflow", "plan", flow).out

    assert "workflow 'two steps' of 2 steps, nothing runs yet" in told
    assert "decided  in full" in told
    assert "decided  when step 0 is complete; what can be known before was checked" in told


def test_what_cannot_run_is_refused_before_anything_runs(
    cli: CommandLine, client: Client, tmp_path: Path
) -> None:
    path = write(tmp_path / "flow.yaml", TRAIN, {**EVALUATE, "overrides": {"evaluate.dat": "x"}})

    done = cli("workflow", "run", path, "--json")

    assert done.status == 2
    assert done.document["error"]["problems"] == [
        "steps[1]: evaluate.dat: no such key; did you mean 'evaluate.data'?"
    ]
    assert (client.workflows(), client.jobs()) == ([], [])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["run"], "workflow run: FILE is missing"),
        (["run", "nowhere.yaml"], "nowhere.yaml: no such workflow file"),
        (["run", "--plan", "nowhere.json"], "--plan nowhere.json: cannot be read: No such file"),
        (["run", "flow.yaml", "--plan", "plan.json"], "the plan holds the whole request"),
        (["status", "nowhere"], "no workflow 'nowhere' below"),
        (["resume", "nowhere"], "no workflow 'nowhere' below"),
    ],
)
def test_a_wrong_command_line_is_told(cli: CommandLine, arguments: list[str], told: str) -> None:
    done = cli("workflow", *arguments)

    assert (done.status, told in done.err) == (2, True)


def test_no_workflows_are_no_table(cli: CommandLine) -> None:
    assert cli("workflow", "list").out.startswith("no workflows. Start one with")


def test_ctrl_c_leaves_the_workflow_running_and_says_how_to_go_on(
    client: Client, held: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted(Client):
        def follow_workflow(self, workflow_id: str, every_s: float = 0.25) -> Any:
            yield next(super().follow_workflow(workflow_id, every_s))
            raise KeyboardInterrupt

    made = client.create_workflow(held)
    watcher = Interrupted(client.root, bank=client.bank, platforms=client.platforms)

    status = follow_workflow(watcher, made, as_json=False)

    assert status == 130
    assert f"'skillbank workflow wait {made.id}'" in capsys.readouterr().err
    assert not client.workflow(made.id).state.is_final
    client.cancel_workflow(made.id)


# Every command of the page, in its order, with the bowl in place of the example: 8 s.
def test_every_command_of_the_page_runs(
    cli: CommandLine, client: Client, flow: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    broken = write(tmp_path / "broken.yaml", BROKEN, EVALUATE)
    workflow = id_in(cli("workflow", "run", broken))
    allowed = {"resume": {1}, "wait": {0, 1}}  # a workflow that failed fails again

    for line in SHOWN:
        command, _, file = line.replace(EXAMPLE, str(flow)).partition(" > ")
        done = cli(*shlex.split(command.replace("WORKFLOW", workflow)))
        assert done.status in allowed.get(command.split()[1], {0}), (line, done)
        if file:
            (tmp_path / file).write_text(done.out)

    for each in client.workflows():
        client.cancel_workflow(each.id)  # one of them was detached

    commands = {function.__name__ for function in GROUPS["workflow"][1]}
    assert {line.split()[1] for line in SHOWN} == commands


def test_the_files_of_the_page_can_be_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    client = Client(tmp_path)

    plans = [client.plan_workflow(yaml.safe_load(block)) for block in blocks]

    assert len(plans) == 2
    assert yaml.safe_load(blocks[0]) == yaml.safe_load((REPOSITORY / EXAMPLE).read_text())


# ST-GCN trains one epoch on real motion capture and is measured: 20 s, most of it PyTorch.
def test_the_example_trains_and_measures_a_real_network(
    cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(REPOSITORY)
    content = yaml.safe_load(Path(EXAMPLE).read_text())
    content["steps"][0]["overrides"] = {"num_epochs": 1}
    short = tmp_path / "short.yaml"
    short.write_text(yaml.safe_dump({"steps": content["steps"][:2]}))

    done = cli("workflow", "run", short)

    assert (done.status, done.err) == (0, "")
    assert re.search(r"^\[1 evaluate\] accuracy [\d.]+ % on 43 clips$", done.out, re.MULTILINE)
