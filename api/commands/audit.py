"""`lookalike audit list|verify|checkpoint|new-key`: the chain of everything that happened, and whether it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from api.commands.session import opened
from api.exits import Exit
from api.terminal import note, print_json, print_table, say

if TYPE_CHECKING:
    from api.composition import Application
    from data.checkpoints import Checkpoint
    from data.store.chain import AuditEvent

JSON = typer.Option(False, "--json", help="Print JSON.")
COLUMNS = ("number", "at", "action", "subject", "details")


def register(app: typer.Typer) -> None:
    """Add the command group to the command line."""
    group = typer.Typer(
        no_args_is_help=True, help="The audit chain: read it, check it, sign where it stands."
    )
    group.command("list")(list_events)
    group.command("verify")(verify)
    group.command("checkpoint")(checkpoint)
    group.command("new-key")(new_key)
    app.add_typer(group, name="audit")


def list_events(
    ctx: typer.Context,
    subject: str | None = typer.Option(None, "--subject", help="Only what happened to this id."),
    after: int = typer.Option(0, "--after", min=0, help="Only events with a greater number."),
    limit: int = typer.Option(1000, "--limit", min=1, help="At most so many."),
    as_json: bool = JSON,
) -> None:
    """List events, oldest first."""
    with opened(ctx) as application:
        rows = [
            _row(event) for event in application.store.audit.list(subject=subject, after=after, limit=limit)
        ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        row["details"] = " ".join(f"{name}={value}" for name, value in row["details"].items())
    print_table(COLUMNS, ([row[name] for name in COLUMNS] for row in rows))


def verify(
    ctx: typer.Context,
    checkpoints: list[Path] | None = typer.Option(
        None, "--checkpoint", metavar="FILE", help="The chain must lead to this checkpoint. Repeatable."
    ),
    public_key: str | None = typer.Option(
        None,
        "--public-key",
        metavar="HEX",
        help="Who signed the checkpoints; else the key of audit_key_file.",
    ),
    as_json: bool = JSON,
) -> None:
    """Check every event and the chain between them. Ends with 1 when one was altered, removed, moved or cut off."""
    with opened(ctx) as application:
        signed = _checkpoints(application, checkpoints or [], public_key)
        faults = application.store.audit.verify(signed)
        number, last = application.store.audit.head()
    if as_json:
        listed = [{"number": one.number, "detail": one.detail} for one in faults]
        print_json(
            {
                "whole": not faults,
                "events": number,
                "hash": last,
                "checkpoints": len(signed),
                "faults": listed,
            }
        )
    else:
        for fault in faults:
            say(f"event {fault.number} {fault.detail}")
        counted = f"{number} events, {len(signed)} checkpoints"
        note(f"{counted}: {len(faults)} fault(s)" if faults else f"{counted}: whole; the last hash is {last}")
    raise typer.Exit(Exit.FAILED if faults else Exit.CLEAN)


def checkpoint(
    ctx: typer.Context,
    out: Path | None = typer.Option(
        None, "--out", metavar="FILE", help="Write it there; else it is printed."
    ),
) -> None:
    """Sign where the chain stands now. Keep the result somewhere else than the database."""
    import json

    from data.checkpoints import read_key

    with opened(ctx) as application:
        key = read_key(_key_file(application, None))
        signed = application.store.audit.checkpoint(key)
    if out is None:
        print_json(signed.as_json())
        return
    _write(out, json.dumps(signed.as_json(), indent=2) + "\n")
    note(f"event {signed.number}, signed with {signed.public_key}: {out}")


def new_key(
    ctx: typer.Context,
    file: Path | None = typer.Argument(
        None, metavar="[FILE]", help="A new file; else that of audit_key_file."
    ),
) -> None:
    """Make the key that checkpoints are signed with, and print its public half: give that to who checks them."""
    from data.checkpoints import write_new_key

    with opened(ctx) as application:
        path = _key_file(application, file)
    say(write_new_key(path))
    note(
        f"the private key is in {path}: set audit_key_file to it, and keep it from whoever runs the database"
    )


def _write(path: Path, text: str) -> None:
    from detector.errors import UsageError

    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"the checkpoint can't be written to {path} ({error.strerror})") from error


def _key_file(application: Application, given: Path | None) -> Path:
    from detector.errors import UsageError

    path = given or application.settings.audit_key_file
    if path is None:
        raise UsageError(
            "no file of an audit key is known; set audit_key_file, and see `lookalike audit new-key`"
        )
    return path


def _checkpoints(application: Application, files: list[Path], public_key: str | None) -> list[Checkpoint]:
    from data.checkpoints import public_of, read_checkpoint, read_key

    if not files:
        return []
    trusted = public_key or public_of(read_key(_key_file(application, None)))
    return [read_checkpoint(file, trusted.strip().lower()) for file in files]


def _row(event: AuditEvent) -> dict[str, Any]:
    return {
        "number": event.number,
        "at": event.at.isoformat(timespec="seconds"),
        "action": event.action,
        "subject": event.subject,
        "details": dict(event.details),
        "hash": event.hash,
    }
