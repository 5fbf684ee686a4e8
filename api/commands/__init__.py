"""The command line: one Typer application, assembled from the modules of this folder.

Each module defines `register(app)` and imports what it computes with inside its functions, so that
`--help`, shell completion and a usage error cost no OpenVINO, FAISS or SQLAlchemy. The root callback
keeps what every command shares in `Invocation` (`ctx.obj`); a command opens the application with
`api.commands.session.opened(ctx)`. Errors are translated once, by `api.exits.TranslatingGroup`.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import typer

from api.commands import (
    audit,
    calibrate,
    check,
    consent,
    credentials,
    demo,
    doctor,
    enroll,
    evidence,
    hold,
    importer,
    key,
    reindex,
    retention,
    scan,
    serve,
    talent,
    vault,
    weights,
    worker,
)
from api.commands.session import begin
from api.exits import TranslatingGroup

HELP = """Is a registered model's likeness in this picture, and if so, does a consent record allow this use?

Start with `lookalike demo`, or: talent add, enroll, consent add, check.
Exit codes: 0 clean, 1 some inputs failed, 2 usage, 3 flagged, 4 nothing to check."""

app = typer.Typer(
    name="lookalike",
    cls=TranslatingGroup,
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lookalike {version('lookalike')}")
        raise typer.Exit


@app.callback()
def root(
    ctx: typer.Context,
    config: Path | None = typer.Option(
        None, "--config", metavar="FILE", help="Settings file; else LOOKALIKE_CONFIG, else ./lookalike.toml."
    ),
    debug: bool = typer.Option(False, "--debug", help="Show the traceback of an error."),
    _version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
    ),
) -> None:
    """Runs before every command."""
    begin(ctx, config)


_MODULES = (
    demo,
    talent,
    enroll,
    consent,
    importer,
    check,
    scan,
    credentials,
    evidence,
    serve,
    key,
    hold,
    retention,
    audit,
    vault,
    reindex,
    calibrate,
    weights,
    worker,
    doctor,
)

for _module in _MODULES:
    _module.register(app)
