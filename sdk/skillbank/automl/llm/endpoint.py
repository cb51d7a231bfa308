"""Where a language model is asked, as the settings of a search say; asks nothing itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import urlsplit

from skillbank.automl.settings import SearchSettings
from skillbank.errors import RequestInvalid, SkillbankError, SpecInvalid
from skillbank.settings import read_secret

_CHAT = "/chat/completions"
_EXAMPLE = "http://localhost:8000/v1"
_KEY = "automl.llm_api_key"


class EndpointFailed(SkillbankError):
    """The service did not answer, or failed, in a way that may pass.

    Attributes:
        retry_after_s: Seconds after which the service wants to be asked again; 0: it did not say.
    """

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Endpoint:
    """A model of a service.

    Attributes:
        url: Where chat completions are asked for.
        model: Name of the model.
        key_reference: `env:NAME` or `file:PATH` of the service's key, never the key; None: none.
        temperature: Sampling temperature.
        max_tokens: Longest answer.
    """

    url: str
    model: str
    key_reference: str | None = None
    temperature: float = 0.7
    max_tokens: int = 4096

    @property
    def authorization(self) -> str | None:
        """Value of the Authorization header, read anew each time so that nothing keeps it.

        Raises:
            RequestInvalid: The reference leads to no key.
        """
        if self.key_reference is None:
            return None
        return f"Bearer {read_secret(self.key_reference, _KEY).get_secret_value()}"


def check_llm_settings(settings: SearchSettings) -> None:
    """Refuse, before anything runs, a search whose model cannot be asked.

    A search of another algorithm passes, unless it holds a key in plain text.

    Raises:
        RequestInvalid: It lists every setting that is missing or cannot be used.
    """
    problems = list(_problems(settings))
    if problems:
        raise SpecInvalid(problems, "the AutoML settings")


def endpoint_of(settings: SearchSettings) -> Endpoint:
    """The model that the settings name.

    Raises:
        RequestInvalid: As `check_llm_settings`.
    """
    check_llm_settings(settings)
    base = (settings.llm_endpoint or "").strip().rstrip("/")
    return Endpoint(
        url=base if base.endswith(_CHAT) else base + _CHAT,
        model=(settings.llm_model or "").strip(),
        key_reference=settings.llm_api_key,
        temperature=settings.llm_temperature,
        max_tokens=settings.llm_max_tokens,
    )


def _problems(settings: SearchSettings) -> Iterator[str]:
    if settings.llm_api_key is not None:
        yield from _key_problem(settings.llm_api_key, must_exist=settings.algorithm.needs_endpoint)
    if not settings.algorithm.needs_endpoint:
        return
    asks = f"algorithm {settings.algorithm.value!r} needs an endpoint with a language model"
    other = "or let another algorithm search, with --automl-set algorithm=bayesian"
    if not (settings.llm_endpoint or "").strip():
        yield (
            f"automl.llm_endpoint: none was given, and {asks}; give the base URL of an "
            f"OpenAI-compatible service, such as --automl-set llm_endpoint={_EXAMPLE}, {other}."
        )
    else:
        yield from _url_problem(str(settings.llm_endpoint).strip())
    if not (settings.llm_model or "").strip():
        yield (
            f"automl.llm_model: none was given, and {asks}; name one that the service has, such "
            f"as --automl-set llm_model=qwen3, {other}."
        )
    if find_spec("httpx") is None:
        yield f"httpx is not installed, and {asks}: run \"pip install 'skillbank[automl]'\"."


def _key_problem(reference: str, *, must_exist: bool) -> Iterator[str]:
    if not must_exist and reference.startswith(("env:", "file:")):
        return
    try:
        read_secret(reference, _KEY)
    except RequestInvalid as error:
        yield str(error)


def _url_problem(url: str) -> Iterator[str]:
    """What is wrong with a URL; one that may hold a secret is not repeated."""
    expected = f"expected a base URL such as {_EXAMPLE}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        yield f"automl.llm_endpoint: this is no URL: {error}; {expected}."
        return
    if parts.username or parts.password or parts.query or parts.fragment:
        yield (
            "automl.llm_endpoint: the URL holds a user, a password, a query or a fragment, which "
            f"logs would repeat; {expected}, and the key in {_KEY}=env:NAME."
        )
    elif parts.scheme not in {"http", "https"} or not host or not url.isascii() or " " in url:
        yield f"automl.llm_endpoint: {url!r} is no URL of a service; {expected}."
