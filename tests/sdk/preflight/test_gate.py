"""The launch gate: what it finds, that it hides nothing, and that it changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.sdk.preflight.conftest import SKILL, Machine, failed, named, states
from tests.sdk.toy import FIXTURES as TOY_RUNNER
from tests.sdk.toy import TOY, RecordingPlatform

from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.platforms.inspection import Check, CheckState, FileFacts, Needs
from skillbank.request import JobRequest

PASS, WARN, FAIL, SKIPPED = CheckState


def test_a_request_that_is_all_right_may_go(train) -> None:
    found = train()

    assert found.go
    assert set(states(found).values()) == {PASS}
    assert list(states(found)) == [
        *("root", "locks", "disk", "places"),
        *("credentials", "data", "environment", "compute", "parent", "plan", "review"),
    ]


def test_looking_changes_nothing(train, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))

    train(parent_job_id="nobody")
    train()

    assert sorted(tmp_path.rglob("*")) == before


def test_the_plan_that_was_checked_comes_along_and_is_known_by_its_hash(train) -> None:
    section = train().sections[-1]

    assert section.plan is not None
    (check,) = (check for check in section.checks if check.name == "plan")
    assert check.found == f"{section.plan.job_id}, hash {section.plan.hash[:12]}"
    assert section.to_mapping()["plan"] == {
        "job_id": section.plan.job_id,
        "hash": section.plan.hash,
        "request_hash": section.plan.request_hash,
        "route": "direct",
    }


def test_one_check_that_fails_hides_no_other(train, machine: Machine, monkeypatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    machine.missing = ("torch",)
    found = train(
        data={"all": "/nowhere"},
        overrides={"num_epchs": 3, "encryption_key": "env:NO_SUCH_KEY", "train.num_gpus": 4},
        parent_job_id="nobody",
    )

    assert failed(found) == {"data", "credentials", "environment", "compute", "parent", "plan"}
    assert not found.go
    problem = named(found, "plan")[0].found
    assert "did you mean 'num_epochs'?" in problem
    assert "/nowhere" in problem


def test_a_skill_without_an_evaluation_is_checked_too(root: Path, machine: Machine) -> None:
    bank = SkillBank([TOY_RUNNER / "skills"])
    client = Client(root, bank=bank, platforms={"local": machine})

    found = client.preflight(JobRequest(TOY, "train"))

    assert "plan" in states(found)
    client.close()


def test_an_unknown_skill_or_action_fails_and_the_platform_is_looked_at_all_the_same(
    client: Client,
) -> None:
    for request in (JobRequest("tao-train-pose", "train"), JobRequest(SKILL, "prune")):
        found = client.preflight(request)

        assert failed(found) == {"skill"}
        assert (
            "did you mean" in named(found, "skill")[0].found
            or "known:" in named(found, "skill")[0].found
        )
        assert states(found)["root"] is PASS
        assert states(found)["plan"] is SKIPPED


def test_an_unknown_platform_fails_and_the_data_are_looked_into_all_the_same(train) -> None:
    found = train(platform="locale", data={"all": "/nowhere"})

    assert failed(found) == {"platform", "plan", "data"}
    assert {check.state for check in named(found, "data")} == {FAIL, SKIPPED}
    assert "did you mean 'local'?" in named(found, "platform")[0].found


def test_a_platform_alone_can_be_looked_at(client: Client) -> None:
    found = client.preflight()

    assert [section.about for section in found.sections] == ["platform local"]
    assert found.go
    assert not client.preflight(platform="slurm").go


def test_a_platform_that_cannot_tell_is_skipped_and_never_passed(root: Path, data: Path) -> None:
    client = Client(root, platforms={"local": RecordingPlatform()})

    found = client.preflight(JobRequest(SKILL, "train", data={"all": str(data)}))

    assert found.go
    assert {n for n, state in states(found).items() if state is SKIPPED} == {"data", "compute"}
    assert named(found, "environment", "")[0].state is SKIPPED


def test_a_platform_that_breaks_is_told_as_a_failure(root: Path, data: Path) -> None:
    class Broken(RecordingPlatform):
        def inspect(self, needs: Needs) -> tuple[Check, ...]:
            raise OSError(5, f"the network is down, {needs.num_gpus} GPUs unseen")

        def look_at(self, paths: Sequence[str]) -> tuple[FileFacts, ...] | None:
            raise PermissionError(13, "refused", paths[0])

    client = Client(root, platforms={"local": Broken()})

    found = client.preflight(JobRequest(SKILL, "train", data={"all": str(data)}))

    assert "the network is down" in named(found, "platform")[0].found
    assert any("refused" in check.found for check in named(found, "data"))
    assert states(found)["plan"] is PASS


class TestReview:
    def test_it_shows_what_differs_from_the_template_and_the_route(self, train) -> None:
        found = train(overrides={"num_epochs": 3})

        spec = named(found, "review", "spec")[0].found
        assert "train.num_epochs: 3  # shorthand num_epochs" in spec.splitlines()
        assert named(found, "review", "route")[0].found == "direct: AutoML is off for this run."
        assert not named(found, "review", "budget")

    def test_it_shows_the_budget_of_a_search(self, train) -> None:
        automl = {"algorithm": "asha", "max_recommendations": 7, "time_budget_s": 60}

        found = train(automl_policy="on", automl=automl)

        (check,) = named(found, "review", "budget")
        assert check.found == "asha, 7 recommendations of at most 27 epochs, at most 60 s"
