"""Settings of a model are refused before a search starts, and no key is ever repeated."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from skillbank.automl.llm import check_llm_settings
from skillbank.automl.llm.endpoint import Endpoint, endpoint_of
from skillbank.automl.settings import Algorithm, SearchSettings
from skillbank.errors import RequestInvalid

KEY = "sk-very-secret-123"


def settings(algorithm: Algorithm = Algorithm.LLM, **given: Any) -> SearchSettings:
    values = {"llm_endpoint": "http://localhost:8000/v1", "llm_model": "small", **given}
    return SearchSettings(algorithm=algorithm, **values)


@pytest.mark.parametrize("algorithm", [Algorithm.LLM, Algorithm.HYBRID, Algorithm.AUTORESEARCH])
def test_without_endpoint_and_model_both_are_named_with_an_example(algorithm: Algorithm) -> None:
    with pytest.raises(RequestInvalid) as refused:
        check_llm_settings(SearchSettings(algorithm=algorithm))

    text = str(refused.value)
    assert f"algorithm '{algorithm}' needs an endpoint with a language model" in text
    assert "automl.llm_endpoint: none was given" in text
    assert "--automl-set llm_endpoint=http://localhost:8000/v1" in text
    assert "automl.llm_model: none was given" in text
    assert "--automl-set algorithm=bayesian" in text


def test_an_algorithm_that_asks_no_model_needs_no_endpoint() -> None:
    check_llm_settings(SearchSettings(algorithm=Algorithm.BAYESIAN))


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000/v1",
        "ftp://host/v1",
        "http://",
        "http://host:99999/v1",
        "http://[::1/v1",
        "http://a host/v1",
        "file:///etc/passwd",
        "just words",
    ],
)
def test_what_is_no_url_of_a_service_is_refused(url: str) -> None:
    with pytest.raises(RequestInvalid, match=r"automl\.llm_endpoint: .*http://localhost:8000/v1"):
        check_llm_settings(settings(llm_endpoint=url))


@pytest.mark.parametrize("url", [f"https://me:{KEY}@host/v1", f"https://host/v1?api_key={KEY}"])
def test_a_url_that_may_hold_a_secret_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(RequestInvalid) as refused:
        check_llm_settings(settings(llm_endpoint=url))

    assert KEY not in str(refused.value)
    assert "automl.llm_api_key=env:NAME" in str(refused.value)


@pytest.mark.parametrize("algorithm", [Algorithm.LLM, Algorithm.RANDOM])
def test_a_key_in_plain_text_is_refused_and_not_repeated(algorithm: Algorithm) -> None:
    with pytest.raises(RequestInvalid) as refused:
        check_llm_settings(settings(algorithm, llm_api_key=KEY))

    assert KEY not in str(refused.value)
    assert "automl.llm_api_key=env:NAME" in str(refused.value)
    assert "automl.llm_api_key=file:PATH" in str(refused.value)


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("env:NO_SUCH_VARIABLE", "the variable NO_SUCH_VARIABLE is empty or not set"),
        ("file:/no/such/key", "the file /no/such/key cannot be read: No such file"),
        ("file:keys/mine", "depends on the folder that a job runs in; give the whole path"),
        ("env:", "no secret is taken in plain text"),
    ],
)
def test_a_reference_that_leads_to_no_key_says_why(reference: str, told: str) -> None:
    with pytest.raises(RequestInvalid, match=told):
        check_llm_settings(settings(llm_api_key=reference))


@pytest.mark.parametrize("content", ["two words", "one\ntwo", "schlüssel", "a\x00b"])
def test_what_cannot_be_a_key_is_refused_without_repeating_it(tmp_path: Path, content: str) -> None:
    (tmp_path / "key").write_text(content)

    with pytest.raises(RequestInvalid, match="expected one line of ASCII") as refused:
        check_llm_settings(settings(llm_api_key=f"file:{tmp_path / 'key'}"))

    assert content not in str(refused.value)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(RequestInvalid, match="cannot be read: it is not text"):
        check_llm_settings(settings(llm_api_key=f"file:{tmp_path / 'key'}"))


def test_a_key_is_read_from_a_variable_or_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    (tmp_path / "key").write_text(f"{KEY}\n")

    for reference in ("env:MY_KEY", f"file:{tmp_path / 'key'}"):
        endpoint = endpoint_of(settings(llm_api_key=reference))

        assert endpoint.authorization == f"Bearer {KEY}"
        assert KEY not in repr(endpoint)


def test_without_a_key_nothing_is_authorized() -> None:
    assert endpoint_of(settings()).authorization is None


@pytest.mark.parametrize(
    "base",
    ["http://host:1/v1", "http://host:1/v1/", " http://host:1/v1/chat/completions "],
)
def test_chat_completions_are_asked_for_below_the_base_url(base: str) -> None:
    endpoint = endpoint_of(settings(llm_endpoint=base, llm_temperature=0.2, llm_max_tokens=9))

    assert endpoint == Endpoint(
        "http://host:1/v1/chat/completions", "small", None, temperature=0.2, max_tokens=9
    )


def test_planning_a_search_loads_no_http_client() -> None:
    code = "import sys, skillbank.automl.llm; print('httpx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
