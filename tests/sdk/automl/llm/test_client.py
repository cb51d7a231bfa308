"""Asking a service: what is sent, what is tried again, what is refused, and when patience ends."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.sdk.automl.llm.fake_endpoint import FakeEndpoint, Reply, says

from skillbank.automl.llm.client import Answer, ChatClient, Message, Patience
from skillbank.automl.llm.endpoint import Endpoint, EndpointFailed
from skillbank.errors import RequestInvalid, SkillbankError

KEY = "sk-very-secret-123"
QUESTION = [Message("system", "You tune."), Message("user", "What next?")]


class Naps:
    """Sleeps not at all, and remembers how long it should have."""

    def __init__(self) -> None:
        self.naps: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.naps.append(seconds)


def client_of(
    endpoint: FakeEndpoint, naps: Naps | None = None, key: str | None = None, wait_s: float = 20
) -> ChatClient:
    named = Endpoint(f"{endpoint.url}/chat/completions", "small", key, 0.3, 99)
    patience = Patience(answer_s=wait_s, pauses_s=(1.0, 4.0), sleep=naps or Naps())
    return ChatClient(named, patience)


def test_a_question_is_sent_as_the_api_wants_it(endpoint: FakeEndpoint) -> None:
    endpoint.script = [says("lower it")]

    answer = client_of(endpoint).ask(QUESTION, seed=7)

    assert answer == Answer("lower it")
    assert endpoint.paths == ["/v1/chat/completions"]
    assert endpoint.requests == [
        {
            "model": "small",
            "messages": [
                {"role": "system", "content": "You tune."},
                {"role": "user", "content": "What next?"},
            ],
            "temperature": 0.3,
            "max_tokens": 99,
            "seed": 7,
        }
    ]
    assert "Authorization" not in endpoint.headers[0]


def test_the_key_goes_into_the_header_and_is_read_anew_each_time(
    endpoint: FakeEndpoint, tmp_path: Path
) -> None:
    endpoint.script = [says("one"), says("two")]
    file = tmp_path / "key"
    client = client_of(endpoint, key=f"file:{file}")

    for key in (KEY, "sk-renewed"):
        file.write_text(key)
        client.ask(QUESTION, seed=0)

    sent = [headers["Authorization"] for headers in endpoint.headers]
    assert sent == [f"Bearer {KEY}", "Bearer sk-renewed"]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_what_may_pass_is_tried_again_after_growing_pauses(
    endpoint: FakeEndpoint, status: int
) -> None:
    naps = Naps()
    endpoint.script = [Reply("busy", status), Reply("busy", status), says("at last")]

    assert client_of(endpoint, naps).ask(QUESTION, seed=0).text == "at last"
    assert naps.naps == [1.0, 4.0]


def test_a_service_that_stays_down_has_failed_after_three_tries(endpoint: FakeEndpoint) -> None:
    endpoint.script = [Reply("out of order", 503)]

    with pytest.raises(EndpointFailed, match="HTTP 503: 'out of order'"):
        client_of(endpoint).ask(QUESTION, seed=0)

    assert len(endpoint.requests) == 3


@pytest.mark.parametrize(
    ("header", "naps_s"), [("7", [7.0]), ("0", [1.0]), ("Wed, 21 Oct 2026 07:28:00 GMT", [1.0])]
)
def test_the_pause_that_a_service_asks_for_is_kept(
    endpoint: FakeEndpoint, header: str, naps_s: Sequence[float]
) -> None:
    naps = Naps()
    endpoint.script = [Reply("slow down", 429, {"Retry-After": header}), says("now")]

    assert client_of(endpoint, naps).ask(QUESTION, seed=0).text == "now"
    assert naps.naps == naps_s


def test_a_service_that_wants_too_long_a_pause_has_failed_at_once(endpoint: FakeEndpoint) -> None:
    endpoint.script = [Reply("quota", 429, {"Retry-After": "3600"})]

    with pytest.raises(EndpointFailed, match="HTTP 429"):
        client_of(endpoint).ask(QUESTION, seed=0)

    assert len(endpoint.requests) == 1


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (401, "check automl.llm_api_key"),
        (403, "may not use this model"),
        (404, "often ends in '/v1'"),
        (400, "check the settings automl.llm_"),
        (302, "check the settings automl.llm_"),
    ],
)
def test_a_refusal_is_not_tried_again_and_says_what_to_check(
    endpoint: FakeEndpoint, status: int, advice: str
) -> None:
    endpoint.script = [Reply('{"error": {"message": "not for you"}}', status)]

    with pytest.raises(RequestInvalid, match=f"HTTP {status}.*not for you") as refused:
        client_of(endpoint).ask(QUESTION, seed=0)

    assert advice in str(refused.value)
    assert len(endpoint.requests) == 1


def test_a_service_that_repeats_the_key_does_not_get_it_into_an_error_or_a_log(
    endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    endpoint.script = [Reply(f"wrong key {KEY}", 500), Reply(f"wrong key {KEY}", 401)]
    client = client_of(endpoint, key="env:MY_KEY")

    with pytest.raises(RequestInvalid, match=r"wrong key \(hidden\)") as refused:
        client.ask(QUESTION, seed=0)

    assert endpoint.headers[1]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in f"{refused.value!r} {client!r} {vars(client)} {caplog.text}"


def test_an_answer_that_repeats_the_key_is_given_without_it(
    endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    endpoint.script = [says(f"you sent {KEY}")]

    answer = client_of(endpoint, key="env:MY_KEY").ask(QUESTION, seed=0)

    assert answer.text == "you sent (hidden)"


def test_a_port_where_nobody_listens_has_failed_after_three_tries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    naps = Naps()
    nobody = Endpoint("http://127.0.0.1:9/v1/chat/completions", "small")

    with pytest.raises(EndpointFailed, match=r"127\.0\.0\.1:9.* did not answer \(ConnectError"):
        ChatClient(nobody, Patience(sleep=naps)).ask(QUESTION, seed=0)

    assert naps.naps == [1.0, 4.0]


@pytest.mark.parametrize(
    "reply",
    [
        Reply("{", parts=1, pause_s=30),  # says nothing at all
        Reply(" ", parts=1000, pause_s=0.02),  # drips: each part comes in time, the whole does not
    ],
    ids=["silent", "dripping"],
)
def test_an_answer_that_does_not_come_in_time_has_failed(
    endpoint: FakeEndpoint, reply: Reply
) -> None:
    endpoint.script = [reply, reply, says("ready")]

    assert client_of(endpoint, wait_s=0.1).ask(QUESTION, seed=0).text == "ready"
    assert len(endpoint.requests) == 3


def test_an_endless_answer_has_failed(endpoint: FakeEndpoint) -> None:
    endpoint.script = [Reply("x" * 1_000_000, parts=4)]

    with pytest.raises(EndpointFailed, match="the answer exceeds 2000000 bytes"):
        client_of(endpoint).ask(QUESTION, seed=0)


@pytest.mark.parametrize(
    "body", ["", "<html>Welcome</html>", "{}", '{"choices": []}', '{"choices": [{"text": "x"}]}']
)
def test_what_is_no_chat_completion_is_refused_with_its_beginning(
    endpoint: FakeEndpoint, body: str
) -> None:
    endpoint.script = [Reply(body)]

    with pytest.raises(RequestInvalid, match="answered what is no chat completion") as refused:
        client_of(endpoint).ask(QUESTION, seed=0)

    assert (repr(body) if body else "no text") in str(refused.value)
    assert "often ends in '/v1'" in str(refused.value)


def test_an_answer_without_text_is_empty_and_one_that_was_cut_says_so(
    endpoint: FakeEndpoint,
) -> None:
    endpoint.script = [says(None, finish_reason="length")]

    assert client_of(endpoint).ask(QUESTION, seed=0) == Answer("", is_cut=True)


def test_settings_that_a_model_does_not_take_are_left_out_with_a_warning(
    endpoint: FakeEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    refusals = [
        "Unsupported parameter: 'max_tokens'; use 'max_completion_tokens'",
        "Unsupported value: 'temperature' does not support 0.3",
        "seed is not supported",
    ]
    endpoint.script = [*(Reply(text, 400) for text in refusals), says("fine"), says("again")]
    client = client_of(endpoint)

    assert client.ask(QUESTION, seed=0).text == "fine"
    assert client.ask(QUESTION, seed=0).text == "again"

    kept = [set(request) - {"model", "messages"} for request in endpoint.requests]
    assert kept[0] == {"max_tokens", "temperature", "seed"}
    assert kept[-2:] == [{"max_completion_tokens"}] * 2
    assert "small does not take 'temperature': left out" in caplog.text


def test_a_service_that_refuses_whatever_is_left_out_is_refused(endpoint: FakeEndpoint) -> None:
    endpoint.script = [Reply("bad: temperature, max_tokens, seed", 422)]

    with pytest.raises(SkillbankError, match="HTTP 422"):
        client_of(endpoint).ask(QUESTION, seed=0)

    assert len(endpoint.requests) == 4
