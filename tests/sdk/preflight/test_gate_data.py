"""The launch gate: data, and secrets that reach them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from tests.sdk.preflight.conftest import SKILL, Machine, failed, named, states

from skillbank.bank import SkillBank
from skillbank.client import Client
from skillbank.platforms.inspection import CheckState
from skillbank.request import JobRequest

PASS, WARN, FAIL, SKIPPED = CheckState


class TestData:
    def test_an_array_is_shown_with_its_shape(self, train) -> None:
        found = named(train(), "data", "dataset.train_dataset.data_path")

        assert "f4 (6, 3, 30, 34, 1), 73.6 kB" in found[0].found

    @pytest.mark.parametrize(
        ("spoil", "told"),
        [
            (lambda whole: whole[:-7], "bytes by its header"),
            (lambda whole: whole + b"more", "bytes by its header"),
            (lambda _: b"", "empty"),
            (lambda _: b"x" * 500, "does not begin as a NumPy file"),
        ],
        ids=["cut off", "too long", "empty", "no array"],
    )
    def test_a_spoilt_array_fails(self, train, data: Path, spoil, told) -> None:
        path = data / "train_data.npy"
        path.write_bytes(spoil(path.read_bytes()))

        (check,) = named(train(), "data", "dataset.train_dataset.data_path")

        assert check.state is FAIL
        assert told in f"{check.found} {check.expected}"

    def test_an_array_of_objects_fails(self, train, data: Path) -> None:
        np.save(data / "train_data.npy", np.array([{}, {}]), allow_pickle=True)

        (check,) = named(train(), "data", "dataset.train_dataset.data_path")

        assert (check.state, "never loaded" in check.expected) == (FAIL, True)

    def test_an_array_with_a_long_header_passes_without_its_shape(self, train, data: Path) -> None:
        fields = [(f"field_{index}", "<f4") for index in range(400)]
        np.save(data / "train_data.npy", np.zeros(9, fields))

        (check,) = named(train(), "data", "dataset.train_dataset.data_path")

        assert check.state is PASS
        assert check.found.endswith(" kB")

    def test_what_is_downloaded_at_the_start_is_no_missing_file(
        self, tmp_path: Path, root: Path, machine: Machine, data: Path
    ) -> None:
        folder = tmp_path / SKILL
        _copy_skill(folder)
        info = folder / "references" / "skill_info.yaml"
        link = "{link: 'https://example.org/a.pth', destination_path: a.pth}"
        info.write_text(
            info.read_text().replace(
                "model.pretrained_model_path: ptm_if_no_resume_model",
                f"model.pretrained_model_path: {link}",
            )
        )
        client = Client(root, bank=SkillBank([folder]), platforms={"local": machine})

        request = JobRequest(SKILL, "train", data={"all": str(data)}, automl_policy="off")
        found = client.preflight(request)

        (check,) = named(found, "data", "model.pretrained_model_path")
        assert (check.state, "https://example.org/a.pth" in check.found) == (WARN, True)

    def test_a_file_that_is_missing_is_named_with_its_folder(self, train, data: Path) -> None:
        (data / "val_label.pkl").unlink()

        found = named(train(), "data")

        (check,) = (check for check in found if check.state is FAIL)
        assert check.about == "dataset.val_dataset.label_path"
        assert "it holds train_data.npy" in check.found

    def test_a_bucket_is_asked_for_what_lies_there(self, train, data: Path) -> None:
        there = train(data={"all": f"file://{data}"})
        nowhere = train(data={"all": f"file://{data.parent}/nowhere"})

        assert {check.state for check in named(there, "data")} == {PASS}
        assert {check.state for check in named(nowhere, "data")} == {FAIL}
        assert all("config.yaml" in check.fix for check in named(nowhere, "data"))

    def test_an_archive_stands_for_the_folder_in_it(self, train, data: Path) -> None:
        (data.parent / "mhad.tar.gz").write_bytes(b"packed")

        found = train(data={"all": str(data.parent / "mhad.tar.gz")})

        assert {check.state for check in named(found, "data")} == {PASS}

    def test_results_are_tried_where_they_are_wanted(self, train, tmp_path: Path) -> None:
        (tmp_path / "a file").touch()

        good = train(results=str(tmp_path / "runs"))
        bad = train(results=str(tmp_path / "a file" / "runs"))

        assert [check.state for check in named(good, "results")] == [PASS]
        assert [check.state for check in named(bad, "results")] == [FAIL]
        assert not list((tmp_path / "runs").rglob(".probe*"))

    def test_data_of_the_final_evaluation_are_looked_at_too(self, train, data: Path) -> None:
        good = train(automl_policy="on", data={"all": str(data), "test": str(data)})
        bad = train(automl_policy="on", data={"all": str(data), "test": "/nowhere"})
        for kind in ("data.npy", "label.pkl"):
            shutil.copy(data / f"val_{kind}", data / f"test_{kind}")
        whole = train(automl_policy="on", data={"all": str(data), "test": str(data)})

        assert "no 'test_data.npy'" in " ".join(check.found for check in named(good, "data"))
        assert any("/nowhere" in check.about for check in named(bad, "data"))
        (check,) = named(whole, "data", "evaluate.test_dataset.data_path")
        assert "test_data.npy: f4 (4, 3, 30, 34, 1)" in check.found

    @pytest.mark.parametrize("name", ["**b.json", "x" * 300, "none/*.json"])
    def test_a_path_that_cannot_be_one_fails_and_hides_nothing(
        self, client: Client, tmp_path: Path, name
    ) -> None:
        overrides = {"dataset_convert.data": str(tmp_path / name)}

        found = client.preflight(JobRequest(SKILL, "dataset_convert", overrides=overrides))

        assert failed(found) == {"data", "plan"}
        assert states(found)["environment"] is PASS


class TestCredentials:
    def test_a_secret_that_can_be_read_passes_and_is_never_shown(self, train, monkeypatch) -> None:
        monkeypatch.setenv("MY_KEY", "tops3cret")

        found = train(overrides={"encryption_key": "env:MY_KEY"})

        assert named(found, "credentials", "encryption_key")[0].state is PASS
        assert "tops3cret" not in json.dumps(found.to_mapping())

    def test_a_secret_in_plain_text_is_never_shown_either(self, train) -> None:
        found = train(overrides={"encryption_key": "tops3cret"})

        assert failed(found) == {"plan"}
        assert "tops3cret" not in json.dumps(found.to_mapping())

    def test_a_search_that_asks_for_a_key_that_is_not_set_fails(self, train, monkeypatch) -> None:
        monkeypatch.delenv("LLM_KEY", raising=False)
        automl = {
            "algorithm": "llm",
            "llm_endpoint": "http://localhost:1/v1",
            "llm_model": "m",
            "llm_api_key": "env:LLM_KEY",
        }

        found = train(automl_policy="on", automl=automl)

        (check,) = named(found, "credentials")
        assert (check.state, check.about) == (FAIL, "automl.llm_api_key")
        assert check.fix == "set it with 'export LLM_KEY=...'"

    def test_a_secret_in_a_file_that_is_not_there_fails(self, train, tmp_path: Path) -> None:
        found = train(overrides={"encryption_key": f"file:{tmp_path / 'key'}"})

        assert named(found, "credentials", "encryption_key")[0].state is FAIL


def _copy_skill(folder: Path, versions: Mapping[str, object] | None = None) -> None:
    """The pose skill, with other versions in its manifest."""
    shutil.copytree(SkillBank()[SKILL].folder, folder)
    path = folder / "schemas" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["versions"] |= versions or {}
    path.write_text(json.dumps(manifest))
