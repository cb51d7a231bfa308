"""Asks an OpenAI-compatible service for a chat completion, with patience that has an end.

The format is the Chat Completions API: `POST {base}/chat/completions`. The service is not
trusted: its answer has a longest size and time, and what it says is text.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from skillbank.automl.llm.endpoint import Endpoint, EndpointFailed
from skillbank.errors import RequestInvalid

if TYPE_CHECKING:
    import httpx

_LONGEST_ANSWER_BYTES = 2_000_000
_SHOWN_CHARACTERS = 300
_OPTIONAL_SETTINGS = ("temperature", "max_tokens", "seed")
_NEW_NAME_OF_MAX_TOKENS = "max_completion_tokens"
_PASSING_STATUSES = frozenset({408, 409, 425, 429})  # and all from 500
_ADVICE = {
    401: "it refuses the key, or wants one: check automl.llm_api_key (env:NAME or file:PATH)",
    403: "the key may not use this model: check automl.llm_api_key and automl.llm_model",
    404: "it has no such address or model: check automl.llm_endpoint, which often ends in '/v1', "
    "and automl.llm_model",
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Message:
    """One message of a conversation; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True)
class Answer:
    """What a model said.

    Attributes:
        text: Its text, perhaps empty.
        is_cut: Whether it reached the longest answer and was cut there.
    """

    text: str
    is_cut: bool = False


@dataclass(frozen=True)
class Patience:
    """How long a service is waited for.

    Attributes:
        answer_s: For one answer, from the first byte sent to the last received.
        connect_s: For a connection.
        pauses_s: Between tries; there is one try more than pauses.
        longest_pause_s: A service that asks for a longer pause has failed.
        sleep: Waits so many seconds.
    """

    answer_s: float = 120.0
    connect_s: float = 10.0
    pauses_s: tuple[float, ...] = (1.0, 4.0)
    longest_pause_s: float = 30.0
    sleep: Callable[[float], None] = time.sleep


class ChatClient:
    """Asks one model.

    Args:
        endpoint: The model.
        patience: How long it is waited for.
    """

    def __init__(self, endpoint: Endpoint, patience: Patience | None = None) -> None:
        self._endpoint = endpoint
        self._patience = patience or Patience()
        self._refused: set[str] = set()  # settings that this model does not take

    def ask(self, messages: Sequence[Message], seed: int) -> Answer:
        """The model's answer to a conversation.

        Raises:
            EndpointFailed: The service did not answer after several tries.
            RequestInvalid: The service refuses; trying again would not help.
        """
        for pause_s in self._patience.pauses_s:
            try:
                return self._ask_once(messages, seed)
            except EndpointFailed as failure:
                wait_s = max(pause_s, failure.retry_after_s)
                if wait_s > self._patience.longest_pause_s:
                    raise
                self._patience.sleep(wait_s)
        return self._ask_once(messages, seed)

    def _ask_once(self, messages: Sequence[Message], seed: int) -> Answer:
        reply = self._post(self._body(messages, seed))
        while refused := self._refused_setting(reply):
            _log.warning("%s does not take %r: left out", self._endpoint.model, refused)
            self._refused.add(refused)
            reply = self._post(self._body(messages, seed))
        if reply.status in _PASSING_STATUSES or reply.status >= 500:
            raise EndpointFailed(f"HTTP {reply.status}: {reply.shown}", reply.retry_after_s)
        if reply.status != 200:
            advice = _ADVICE.get(reply.status, "check the settings automl.llm_*")
            raise RequestInvalid(
                f"{self._endpoint.url} refuses with HTTP {reply.status}: {reply.shown}; {advice}."
            )
        return self._read(reply)

    def _body(self, messages: Sequence[Message], seed: int) -> dict[str, Any]:
        settings: dict[str, float] = {
            "temperature": self._endpoint.temperature,
            "max_tokens": self._endpoint.max_tokens,
            "seed": seed,
        }
        if "max_tokens" in self._refused:
            settings[_NEW_NAME_OF_MAX_TOKENS] = self._endpoint.max_tokens
        kept = {name: value for name, value in settings.items() if name not in self._refused}
        said = [asdict(message) for message in messages]
        return {"model": self._endpoint.model, "messages": said, **kept}

    def _refused_setting(self, reply: _Reply) -> str | None:
        """A setting that a model does not take, such as the temperature of a reasoning model."""
        if reply.status not in {400, 422}:
            return None
        open_ = (name for name in _OPTIONAL_SETTINGS if name not in self._refused)
        return next((name for name in open_ if name in reply.text), None)

    def _post(self, body: Mapping[str, Any]) -> _Reply:
        import httpx  # here, since planning a search must not load it

        authorization = self._endpoint.authorization
        timeout = httpx.Timeout(self._patience.answer_s, connect=self._patience.connect_s)
        try:
            with (
                httpx.Client(timeout=timeout) as client,
                client.stream(
                    "POST",
                    self._endpoint.url,
                    json=body,
                    headers={"Authorization": authorization} if authorization else {},
                ) as response,
            ):
                content = self._receive(response)
        except httpx.RequestError as error:
            what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise EndpointFailed(f"{self._endpoint.url} did not answer ({what})") from None
        text = content.decode("utf-8", errors="replace")
        wait_s = _seconds(response.headers.get("Retry-After", ""))
        return _Reply(response.status_code, _without_key(text, authorization), wait_s)

    def _receive(self, response: httpx.Response) -> bytes:
        """The body, unless it is endless in size or in time."""
        end = time.monotonic() + self._patience.answer_s
        content = b""
        for part in response.iter_bytes():
            content += part
            if len(content) > _LONGEST_ANSWER_BYTES:
                raise EndpointFailed(f"the answer exceeds {_LONGEST_ANSWER_BYTES} bytes")
            if time.monotonic() > end:
                raise EndpointFailed(f"the answer takes over {self._patience.answer_s:g} s")
        return content

    def _read(self, reply: _Reply) -> Answer:
        try:
            choice = _Completion.model_validate_json(reply.text).choices[0]
        except (ValidationError, IndexError):
            raise RequestInvalid(
                f"{self._endpoint.url} answered what is no chat completion: {reply.shown}; "
                f"{_ADVICE[404]}."
            ) from None
        return Answer(choice.message.content or "", choice.finish_reason == "length")


@dataclass(frozen=True)
class _Reply:
    status: int
    text: str
    retry_after_s: float

    @property
    def shown(self) -> str:
        """Its beginning, fit for one line of an error."""
        words = " ".join(self.text.split())
        return repr(words[:_SHOWN_CHARACTERS]) if words else "no text"


class _Said(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Said
    finish_reason: str | None = None


class _Completion(BaseModel):
    choices: tuple[_Choice, ...]


def _without_key(text: str, authorization: str | None) -> str:
    """A text of the service, which may repeat the key that it was sent."""
    if authorization is None:
        return text
    return text.replace(authorization.removeprefix("Bearer "), "(hidden)")


def _seconds(retry_after: str) -> float:
    """Seconds of a Retry-After header; 0 for a date, which the pauses then stand for."""
    return float(retry_after) if retry_after.strip().isdecimal() else 0.0
