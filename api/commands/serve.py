"""`lookalike serve`: the service over HTTP."""

from __future__ import annotations

from pathlib import Path

import typer

from api.commands.session import opened
from api.terminal import note
from detector.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("serve")(serve)


def serve(
    ctx: typer.Context,
    host: str = typer.Option("127.0.0.1", "--host", help="Address to listen on."),
    port: int = typer.Option(8000, "--port", min=0, max=65535, help="Port; 0 takes a free one."),
    processes: int = typer.Option(1, "--processes", min=1, max=64, help="Serving processes on one store."),
    tls_certificate: Path | None = typer.Option(
        None, "--tls-certificate", metavar="PEM", help="Serve HTTPS with this certificate chain."
    ),
    tls_key: Path | None = typer.Option(None, "--tls-key", metavar="PEM", help="Its private key."),
) -> None:
    """Serve the REST interface and the pages.

    Make a first key with `lookalike key create --role admin --name NAME`.
    """
    from api.http.serving import Endpoint, serve

    if (tls_certificate is None) != (tls_key is None):
        raise UsageError("HTTPS needs both --tls-certificate and --tls-key")
    with opened(ctx) as application:
        if not application.store.keys.list():
            note("no key exists yet: lookalike key create --role admin --name NAME")
        serve(application, Endpoint(host, port, processes, tls_certificate, tls_key))
