"""config.yaml: storage and platforms, read whole or refused with every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sdk.toy import TOY, make_toy_client

from skillbank.config import read_config
from skillbank.errors import PlatformError, RequestInvalid
from skillbank.platforms.registry import KINDS, Platforms
from skillbank.request import AutomlPolicy, JobRequest

WHOLE = """
results: s3://bucket/runs
storage:
  - prefix: s3://bucket
    endpoint_url: http://127.0.0.1:9000
    access_key: env:KEY
    secret_key: file:/etc/key
platforms:
  cluster:
    kind: slurm
    partition: gpu
"""


def write(root: Path, text: str) -> Path:
    (root / "config.yaml").write_text(text, encoding="utf-8")
    return root


def test_without_a_file_nothing_is_configured(tmp_path: Path) -> None:
    config = read_config(tmp_path)

    assert (config.results, config.storage, dict(config.platforms)) == (None, (), {})


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    config = read_config(write(tmp_path, WHOLE))

    assert config.results == "s3://bucket/runs"
    assert config.storage[0].access_key == "env:KEY"
    assert config.platforms["cluster"].kind == "slurm"
    assert config.platforms["cluster"].settings == {"partition": "gpu"}


def test_the_environment_may_name_another_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKILLBANK_CONFIG", str(tmp_path / "mine.yaml"))
    (tmp_path / "mine.yaml").write_text("results: /data/runs\n", encoding="utf-8")

    assert read_config(tmp_path / "root").results == "/data/runs"


def test_a_file_that_the_environment_names_has_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKILLBANK_CONFIG", str(tmp_path / "mine.yaml"))

    with pytest.raises(RequestInvalid, match=r"SKILLBANK_CONFIG names .*mine\.yaml, where no file"):
        read_config(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("storage: [", "not YAML"),
        ("storage:\n  - endpoint: x\n", "storage.0.endpoint"),
        ("result: x\n", "result: no such key; did you mean 'results'"),
        ("storage:\n  - endpoint: x\n", "no such key; did you mean 'endpoint_url'"),
        ("- 1\n", "the file: expected the keys results, storage and platforms"),
        ("results: 5\n", "results: expected a folder or 's3://BUCKET/PREFIX'"),
        ("results: gs://bucket\n", "'gs://bucket' is no such place; expected a folder or"),
        ("results: s3://\n", "'s3://' is no such place; expected a folder or"),
        ("storage: {prefix: s3://x}\n", "storage: expected a list"),
        ("storage: [s3://x]\n", "storage.0: expected keys and values"),
        ("storage:\n  - prefix: bucket\n", "storage.0.prefix: 'bucket' begins no URI"),
        ("storage:\n  - endpoint_url: host:9000\n", "'host:9000' is no address; expected 'https"),
        ("storage:\n  - addressing: pth\n", "addressing: expected 'auto', 'path' or 'virtual'"),
        ("platforms: [cluster]\n", "platforms: expected names and their settings"),
        ("platforms:\n  here: slurm\n", "platforms.here: expected keys and values"),
        ("platforms:\n  here: {}\n", "platforms.here.kind: expected the kind of platform"),
        ("storage:\n  - secret_key: hunter2\n", "a secret was given in plain text"),
    ],
)
def test_a_mistake_is_told_with_the_file_and_the_key(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(RequestInvalid, match=told) as refused:
        read_config(write(tmp_path, text))

    assert str(tmp_path / "config.yaml") in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_every_kind_has_a_name_of_its_own_and_config_adds_more(tmp_path: Path) -> None:
    platforms = Platforms(write(tmp_path, WHOLE))

    assert next(iter(platforms)) == "local"
    assert set(platforms) == {*KINDS, "cluster"}
    assert platforms.kind_of("cluster") == "slurm"
    assert "nowhere" not in platforms


def test_a_platform_is_made_once(tmp_path: Path) -> None:
    platforms = Platforms(tmp_path)

    assert platforms["local"] is platforms["local"]


def test_an_unknown_kind_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(RequestInvalid, match=r"platforms.lab.kind: 'slrum'.*'slurm'"):
        list(Platforms(write(tmp_path, "platforms:\n  lab:\n    kind: slrum\n")))


def test_a_missing_package_is_told_with_the_line_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = KINDS["docker"]._replace(package="a_package_that_nobody_has")
    monkeypatch.setitem(KINDS, "docker", kind)

    with pytest.raises(PlatformError, match=r"pip install 'skillbank\[docker\]'"):
        Platforms(tmp_path)["docker"]


def test_a_place_for_results_without_a_bucket_is_refused_before_anything_is_made(
    tmp_path: Path,
) -> None:
    request = JobRequest(TOY, "train", automl_policy=AutomlPolicy.OFF, results="s3://")

    with pytest.raises(RequestInvalid, match=r"results: 's3://' names no bucket; try 's3://BUCK"):
        make_toy_client(tmp_path).plan_job(request)

    assert not (tmp_path / "jobs").exists()
