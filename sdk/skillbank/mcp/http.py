"""The MCP server over streamable HTTP: on loopback, with a token per agent."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Mapping
from hmac import compare_digest
from pathlib import Path

import uvicorn
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.provider import AccessToken
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.routing import Route

from skillbank.errors import RequestInvalid
from skillbank.mcp.ledger import read_agent
from skillbank.mcp.server import SkillServer
from skillbank.settings import forget_secret, read_secret

PATH = "/mcp"
MOST_REQUEST_BYTES = 1_000_000
"""Largest body of a request; a larger one is answered 413."""

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_LEAST_LETTERS = 16
_GRACE_S = 1  # for requests that are being answered when the server is told to end


class TokenVerifier:
    """Says whose token one is; every known one is compared, each in constant time.

    Args:
        tokens: Agent -> its token.
    """

    def __init__(self, tokens: Mapping[str, SecretStr]) -> None:
        self._tokens = dict(tokens)

    async def verify_token(self, token: str) -> AccessToken | None:
        """The agent whose token it is, None when nobody's."""
        given = token.encode()
        agents = [
            agent
            for agent, known in self._tokens.items()
            if compare_digest(known.get_secret_value().encode(), given)
        ]
        # The token itself goes no further.
        return AccessToken(token="", client_id=agents[0], scopes=[]) if agents else None


def make_app(server: SkillServer, tokens: Mapping[str, SecretStr], hosts: list[str]) -> Starlette:
    """The web application.

    Args:
        server: What is served.
        tokens: Agent -> its token.
        hosts: Names that a request may give for this machine, without port.
    """
    security = TransportSecuritySettings(
        allowed_hosts=[name for host in hosts for name in (host, f"{host}:*")],
        allowed_origins=[
            f"{scheme}://{name}"
            for scheme in ("http", "https")
            for host in hosts
            for name in (host, f"{host}:*")
        ],
    )
    sessions = StreamableHTTPSessionManager(
        server.protocol,
        json_response=True,
        stateless=True,  # a server that was restarted goes on where it was
        security_settings=security,
        max_request_body_size=MOST_REQUEST_BYTES,
    )
    endpoint = RequireAuthMiddleware(StreamableHTTPASGIApp(sessions), [])
    backend = BearerAuthBackend(TokenVerifier(tokens))
    return Starlette(
        routes=[Route(PATH, endpoint=endpoint)],
        middleware=[Middleware(AuthenticationMiddleware, backend=backend)],
        lifespan=lambda _: sessions.run(),
    )


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        RequestInvalid: The address cannot be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise RequestInvalid(
            f"--host {host} --port {port}: cannot listen there: {why}; name another port, or "
            "'--port 0' for a free one."
        ) from error


def serve(app: Starlette, listening: socket.socket) -> None:
    """Serve until interrupted."""
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=_GRACE_S
    )
    logging.getLogger("uvicorn.error").addFilter(_is_failure)
    uvicorn.Server(config).run(sockets=[listening])


def _is_failure(record: logging.LogRecord) -> bool:
    """Tell whether a log record is more than a request that the end of the server cut off."""
    kind = record.exc_info[0] if record.exc_info else None
    return kind is None or not issubclass(kind, asyncio.CancelledError)


def names_of(host: str) -> list[str]:
    """Names that requests to a host may give for it."""
    own = f"[{host}]" if ":" in host else host
    beyond = [] if own in LOOPBACK else [own, socket.gethostname()]
    return [*LOOPBACK, *beyond]


def read_tokens(references: list[str], agent: str) -> dict[str, SecretStr]:
    """Tokens that `[AGENT=]env:NAME` or `[AGENT=]file:PATH` lead to.

    Args:
        references: Where they are kept.
        agent: Whose one without a name is.

    Raises:
        RequestInvalid: There is none, it is too short, or two are one agent's, or two agents'.
    """
    tokens: dict[str, SecretStr] = {}
    for reference in references:
        name, equals, rest = reference.partition("=")
        named = bool(equals) and not name.startswith(("env:", "file:"))
        owner, where = (read_agent(name), rest) if named else (agent, reference)
        token = read_secret(where, "--token")
        if len(token.get_secret_value()) < _LEAST_LETTERS:
            raise RequestInvalid(
                f"--token: the token of agent {owner!r} is shorter than {_LEAST_LETTERS} letters; "
                "make one with 'openssl rand -hex 32'."
            )
        if owner in tokens or token in tokens.values():
            raise RequestInvalid(
                f"--token: agent {owner!r} has two tokens, or shares one with another agent; give "
                "each agent one of its own: '--token AGENT=file:PATH'."
            )
        tokens[owner] = token
    for reference in references:  # the jobs that agents start have no need of them
        if "env:" in reference:
            forget_secret(reference[reference.index("env:") :])
    return tokens


def make_token(path: Path) -> SecretStr:
    """The token that a file holds which only its owner can read; made on first use."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        path.chmod(0o600)
    else:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
    return read_secret(f"file:{path}", "--token")
