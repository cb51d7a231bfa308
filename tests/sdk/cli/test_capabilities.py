"""`capabilities`: a table for people, JSON for programs."""

from __future__ import annotations

from tests.sdk.cli.conftest import SKILL

NEXT = "skillbank preflight SKILL ACTION\n"


def test_everything_is_one_short_page(cli):
    out = cli("capabilities").out

    assert f"{SKILL}  pose, dataset_convert, train, evaluate, inference, export, AutoML" in out
    assert "PLATFORM  STATE" in out
    assert "local     pass" in out
    assert "EXTRA" in out
    assert out.endswith(
        "next: skillbank capabilities SKILL\n      skillbank preflight SKILL ACTION\n"
    )
    assert len(out.splitlines()) < 60


def test_a_skill_alone_shows_what_each_action_needs_reads_and_leaves(cli):
    out = cli("capabilities", SKILL).out

    assert "\ntrain: searched unless AutoML is off; best checkpoint by val_loss, minimize\n" in out
    assert "    needs   export.checkpoint (checkpoint): train\n" in out
    assert "    reads   dataset_convert.format: deepstream, coco" in out
    assert "    leaves  model.onnx (onnx)\n" in out


def test_a_skill_that_only_guides_says_so(cli):
    out = cli("capabilities", "tao-list-capabilities").out

    assert "It guides its reader and runs no jobs of its own." in out


def test_json_is_what_the_client_gives(cli):
    document = cli("capabilities", SKILL, "--json").document

    assert [skill["name"] for skill in document["skills"]] == [SKILL]
    assert document.keys() == {"skills", "extras", "platforms", "machine"}


def test_an_unknown_skill_is_a_wrong_request_with_the_nearest(cli):
    done = cli("capabilities", "tao-train-pose-clasification")

    assert done.status == 2
    assert "did you mean 'tao-train-pose-classification'?" in done.err
