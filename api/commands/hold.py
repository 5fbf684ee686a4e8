"""`lookalike hold place|release|list`: what may not be erased while it is needed as evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from api.commands.session import opened
from api.terminal import note, print_json, print_table, say

if TYPE_CHECKING:
    from api.composition import Application
    from data.store.holds import Hold

JSON = typer.Option(False, "--json", help="Print JSON.")
SUBJECT = typer.Argument(..., metavar="SUBJECT", help="A talent (reference or id), or the id of a finding.")
COLUMNS = ("id", "subject", "reason", "placed_at", "released_at", "release_reason")


def register(app: typer.Typer) -> None:
    """Add the command group to the command line."""
    group = typer.Typer(no_args_is_help=True, help="Legal holds: what may not be erased.")
    group.command("place")(place)
    group.command("release")(release)
    group.command("list")(list_holds)
    app.add_typer(group, name="hold")


def place(
    ctx: typer.Context,
    subject: str = SUBJECT,
    reason: str = typer.Option(..., "--reason", help="Why; kept with the hold."),
) -> None:
    """Keep a talent, or a finding with its picture, from being erased."""
    with opened(ctx) as application:
        hold = application.store.holds.place(_subject(application, subject), reason)
    say(f"{hold.id}  {hold.subject}")


def release(
    ctx: typer.Context,
    subject: str = SUBJECT,
    reason: str = typer.Option(..., "--reason", help="Why; kept with the hold."),
) -> None:
    """End a hold. What had to wait for it goes with the next `lookalike retention run`."""
    with opened(ctx) as application:
        hold = application.store.holds.release(_subject(application, subject), reason)
    say(f"{hold.id}  {hold.subject}  released")
    note("next: lookalike retention run")


def list_holds(
    ctx: typer.Context,
    everything: bool = typer.Option(False, "--all", help="The released ones as well."),
    as_json: bool = JSON,
) -> None:
    """List the holds in force."""
    with opened(ctx) as application:
        rows = [_row(hold) for hold in application.store.holds.list(released=everything)]
    if as_json:
        print_json(rows)
    else:
        print_table(COLUMNS, ([row[name] for name in COLUMNS] for row in rows))


def _subject(application: Application, given: str) -> str:
    from data.store.ids import FINDING

    return given if given.startswith(f"{FINDING}_") else application.registration.talent(given).id


def _row(hold: Hold) -> dict[str, Any]:
    return {name: _plain(getattr(hold, name)) for name in COLUMNS}


def _plain(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if hasattr(value, "isoformat") else value
