"""`lookalike vault status|new-key|reseal`: the keys that templates, pictures and snapshots are encrypted with."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from api.commands.session import opened
from api.exits import Exit
from api.terminal import note, print_json, print_table, progress, say

if TYPE_CHECKING:
    from data.store.sealing import Resealed

COLUMNS = ("key", "state", "vectors", "pictures", "secrets")
INTERRUPTED = 130


def register(app: typer.Typer) -> None:
    """Add the command group to the command line."""
    group = typer.Typer(
        no_args_is_help=True, help="Encryption at rest: its keys, and what is sealed with which."
    )
    group.command("status")(status)
    group.command("new-key")(new_key)
    group.command("reseal")(reseal)
    app.add_typer(group, name="vault")


def status(ctx: typer.Context, as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """How many vectors and pictures are sealed with which key. Ends with 1 when a key that is needed is missing."""
    from api.encryption import key_rows

    with opened(ctx) as application:
        rows = key_rows(application.store)
    if as_json:
        print_json([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    else:
        print_table(COLUMNS, rows)
    raise typer.Exit(Exit.FAILED if any(row[1] == "missing" for row in rows) else Exit.CLEAN)


def new_key(
    ctx: typer.Context,
    file: Path | None = typer.Argument(
        None, metavar="[FILE]", help="Else that of the setting vault_key_file."
    ),
) -> None:
    """Add a key to the file, which is made if need be. Every process seals with it from now on."""
    from api.commands.session import configured
    from data.vault_keys import add_key
    from detector.errors import UsageError

    path = file or configured(ctx).settings.vault_key_file
    if path is None:
        raise UsageError("no file of keys is known; name one, or set vault_key_file")
    say(add_key(path))
    note(
        f"the key is in {path}: keep a copy apart from the backups of the store; next: lookalike vault reseal"
    )


def reseal(ctx: typer.Context) -> None:
    """Seal everything with the newest key that isn't yet; a stopped run goes on. Ends with 1 when something failed.

    Other processes go on meanwhile. Afterwards older keys may be taken out of the file, if no backup needs them.
    """
    from api.composition import discard_snapshot
    from indexer import snapshot

    done: Counter[str] = Counter()
    with opened(ctx) as application:
        sealing = application.store.sealing
        total = sum(count for key, count in sealing.vectors().items() if key != sealing.newest)
        try:
            with progress("sealing", total) as advance:
                for one in sealing.reseal():
                    _count(one, done)
                    advance(one.kind == "vector")
        except KeyboardInterrupt:
            note("\nInterrupted. `lookalike vault reseal` goes on with the rest.")
            raise typer.Exit(INTERRUPTED) from None
        if not snapshot.is_current(application.snapshot_path, application.vault):
            discard_snapshot(application.snapshot_path)
    note(
        f"{done['vector']} vectors, {done['picture']} pictures and {done['secret']} secrets sealed anew, "
        f"{done['failed']} failed"
    )
    raise typer.Exit(Exit.FAILED if done["failed"] else Exit.CLEAN)


def _count(one: Resealed, done: Counter[str]) -> None:
    if one.fault:
        note(one.fault)
    done["failed" if one.fault else one.kind] += 1
