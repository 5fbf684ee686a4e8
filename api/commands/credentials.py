"""`lookalike credentials FILE…`: what these files say of themselves, without a registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from detector.credentials.reading import CredentialReader

BROKEN = frozenset({"invalid", "unreadable"})
"""States of a manifest that a person should look at."""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("credentials")(credentials)


def credentials(
    ctx: typer.Context,
    files: list[Path] = typer.Argument(..., metavar="FILE…", help="Pictures."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON object per file."),
) -> None:
    """Show what files say of themselves: C2PA manifest, metadata, traces of generators.

    Ends with 0 when all were read, 3 when a manifest does not hold, 1 when only files that can't be read are left.
    """
    from api.commands.session import configured
    from api.credentials import credential_reader
    from api.exits import Exit

    reader = credential_reader(configured(ctx).settings)
    found = [_read(file, reader) for file in files]
    for row in found:
        _print(row, as_json=as_json)
    manifests = [row["credentials"]["c2pa"] for row in found if row["credentials"]]
    if any(manifest and manifest["state"] in BROKEN for manifest in manifests):
        raise typer.Exit(Exit.FLAGGED)
    raise typer.Exit(Exit.FAILED if any(row["error"] for row in found) else Exit.CLEAN)


def _read(file: Path, reader: CredentialReader) -> dict[str, Any]:
    """The file's row: its credentials, or why it could not be read."""
    from data.sources import file_item
    from detector.credentials.rows import credentials_row
    from detector.errors import InputError

    try:
        read = credentials_row(reader.read(file_item(file).read()))
    except InputError as error:
        return {
            "source": str(file),
            "error": {"code": error.code, "detail": error.detail},
            "credentials": None,
        }
    return {"source": str(file), "error": None, "credentials": read}


def _print(row: dict[str, Any], *, as_json: bool) -> None:
    from api.reports.credentials import facts_of
    from api.reports.jsonl import to_line
    from api.reports.terminal import printable
    from api.terminal import say

    if as_json:
        typer.echo(to_line(row), nl=False)
        return
    say(printable(row["source"]))
    if row["error"]:
        say(f"  {printable(row['error']['detail'])} [{row['error']['code']}]")
        return
    facts = facts_of(row["credentials"]) or [("", "says nothing of itself")]
    for name, value in facts:
        say(f"  {name:20} {printable(value)}" if name else f"  {value}")
