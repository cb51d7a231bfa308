"""`skillbank mcp`: serve the bank to agents."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Annotated

import typer

from skillbank.cli.options import Options
from skillbank.cli.output import DONE, print_aside
from skillbank.errors import RequestInvalid

if TYPE_CHECKING:
    from skillbank.mcp.server import SkillServer
    from skillbank.settings import AgentLimits


@dataclass(frozen=True, kw_only=True)
class ServerOptions(Options):
    """What `mcp` takes."""

    http: Annotated[
        bool, typer.Option("--http", help="Serve over HTTP instead of stdin and stdout.")
    ] = False
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where --http listens.")] = (
        "127.0.0.1"
    )
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="Its port; 0: a free one.")
    ] = 8765
    tokens: Annotated[
        list[str] | None,
        typer.Option(
            "--token",
            metavar="[AGENT=]REFERENCE",
            help="Where an agent's token is, env:NAME or file:PATH; may be repeated.",
        ),
    ] = None
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Offer only what changes nothing.")
    ] = False
    allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PLACE",
            help="Folder, beginning of a URL, or env:NAME that requests may name; may be repeated "
            "[the current folder].",
        ),
    ] = None
    agent: Annotated[
        str, typer.Option(metavar="NAME", help="Whose jobs those of a caller without name are.")
    ] = "agent"
    max_running: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Most jobs of an agent at once [4]."),
    ] = None
    max_jobs_per_day: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Most jobs of an agent in 24 hours [100]."),
    ] = None
    max_gpu_hours: Annotated[
        float | None,
        typer.Option(min=0, metavar="HOURS", help="Most GPU hours of an agent in 24 hours [24]."),
    ] = None


def mcp(options: ServerOptions) -> int:
    """Serve skills and jobs to agents over MCP."""
    with _explain_missing_extra():
        import anyio

        from skillbank.mcp.server import quiet_logs

    quiet_logs()
    _check_options(options)
    server = _make_server(options)
    if options.http:
        _serve_http(server, options)
        return DONE
    if sys.stdin.isatty():
        print_aside("serving MCP to whoever writes to stdin, which should be an agent; see --help.")
    # Ctrl-C ends the process: the thread that reads stdin cannot be woken.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    anyio.run(server.serve_stdio)
    return DONE


def _check_options(options: ServerOptions) -> None:
    """Refuse what would mean nothing."""
    given = {field.name: field.default for field in fields(options)}
    names = {"host": "--host", "port": "--port", "tokens": "--token"}
    idle = [flag for name, flag in names.items() if getattr(options, name) != given[name]]
    if idle and not options.http:
        raise RequestInvalid(
            f"mcp: {', '.join(idle)} say how to listen, and without --http nothing listens; add "
            "--http, or leave them out."
        )


def _make_server(options: ServerOptions) -> SkillServer:
    from skillbank.mcp.ledger import read_agent
    from skillbank.mcp.places import read_places
    from skillbank.mcp.server import SkillServer

    client = options.client()
    places = read_places(client.root, options.allow or [])
    if not places.folders:
        print_aside(
            "warning: the current folder holds a whole home, so agents may name no folder of "
            "data; name some with '--allow FOLDER'."
        )
    return SkillServer(
        client,
        places,
        _read_limits(options),
        agent=read_agent(options.agent),
        read_only=options.read_only,
    )


def _read_limits(options: ServerOptions) -> AgentLimits:
    """Limits of the environment, each unless an option says otherwise."""
    from skillbank.settings import read_agent_limits

    given = {
        "running": options.max_running,
        "jobs_per_day": options.max_jobs_per_day,
        "gpu_hours_per_day": options.max_gpu_hours,
    }
    return replace(
        read_agent_limits(), **{name: most for name, most in given.items() if most is not None}
    )


def _serve_http(server: SkillServer, options: ServerOptions) -> None:
    from skillbank.mcp.http import (
        LOOPBACK,
        PATH,
        listen,
        make_app,
        make_token,
        names_of,
        read_tokens,
        serve,
    )

    tokens = read_tokens(options.tokens or [], options.agent)
    if not tokens:
        path = options.client().root / "agents" / f"{options.agent}.token"
        tokens = {options.agent: make_token(path)}
        print_aside(f"token: in {path}, which only you can read; send it as a bearer token.")
    listening = listen(options.host, options.port)
    app = make_app(server, tokens, names_of(options.host))
    if options.host not in (*LOOPBACK, "::1"):
        print_aside(
            f"warning: {options.host} can be reached from other machines, and what is sent is not "
            "encrypted; put a server that speaks HTTPS in front of it."
        )
    host = f"[{options.host}]" if ":" in options.host else options.host
    print_aside(f"serving MCP at http://{host}:{listening.getsockname()[1]}{PATH}")
    serve(app, listening)


@contextmanager
def _explain_missing_extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("skillbank"):
            raise
        raise RequestInvalid(
            f"mcp: the MCP library is not installed ({error.name} is missing); run "
            f"'{sys.executable} -m pip install \"skillbank[mcp]\"'."
        ) from error


COMMANDS = (mcp,)
