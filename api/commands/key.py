"""`lookalike key create|list|revoke`: who may call the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from api.commands.session import opened
from api.terminal import note, print_json, print_table, say
from api.uses import parse_moment
from detector.access import Role
from detector.errors import UsageError

if TYPE_CHECKING:
    from data.store.keys import ApiKey

JSON = typer.Option(False, "--json", help="Print JSON instead of a table.")
COLUMNS = ("id", "name", "role", "client", "agency", "created_at", "expires_at", "revoked_at")


def register(app: typer.Typer) -> None:
    """Add the command group to the command line."""
    group = typer.Typer(no_args_is_help=True, help="Keys for the service.")
    group.command("create")(create)
    group.command("list")(list_keys)
    group.command("revoke")(revoke)
    app.add_typer(group, name="key")


def create(
    ctx: typer.Context,
    role: Role = typer.Option(..., "--role", help="What the key is for."),
    name: str = typer.Option(..., "--name", help="The system or person that will hold it."),
    client: str | None = typer.Option(
        None, "--client", help="It sees only this client's scans and findings. A scanner needs one."
    ),
    agency: str | None = typer.Option(
        None, "--agency", help="It sees only this agency's talents. A registrar needs one."
    ),
    expires_at: str | None = typer.Option(
        None, "--expires-at", metavar="DATE", help="When it ends by itself."
    ),
    as_json: bool = JSON,
) -> None:
    """Make a key. It is printed once and stored as a digest."""
    from data.store.keys import NewKey

    ends = _moment(expires_at)
    with opened(ctx) as application:
        key, token = application.store.keys.create(NewKey(role, name, client, agency, ends))
    if as_json:
        print_json({**_row(key), "key": token})
    else:
        say(token)
        note(f"{key.id}, role {key.role}: keep it now, it can't be shown again")


def list_keys(ctx: typer.Context, as_json: bool = JSON) -> None:
    """List all keys, without their secrets."""
    with opened(ctx) as application:
        rows = [_row(key) for key in application.store.keys.list()]
    if as_json:
        print_json(rows)
    else:
        print_table(COLUMNS, [list(row.values()) for row in rows])


def revoke(ctx: typer.Context, key_id: str = typer.Argument(..., metavar="KEY_ID")) -> None:
    """End a key now, in every process."""
    with opened(ctx) as application:
        key = application.store.keys.revoke(key_id)
    say(f"{key.id} revoked")


def _moment(text: str | None) -> Any:
    try:
        return None if text is None else parse_moment(text)
    except ValueError as error:
        raise UsageError(f"--expires-at: {error}") from error


def _row(key: ApiKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in COLUMNS}
