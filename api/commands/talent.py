"""`lookalike talent add|list|show|update|erase`: the registered people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from api.commands.session import opened
from api.terminal import day_of, note, print_facts, print_json, print_table, say

if TYPE_CHECKING:
    from data.store import Reference

TALENT = typer.Argument(..., metavar="TALENT", help="The talent's reference or id.")
JSON = typer.Option(False, "--json", help="Print JSON instead of a table.")
COLUMNS = ("talent_ref", "id", "name", "agency", "minor", "references", "biometric_consent")
CONSENT_COLUMNS = ("consent_id", "version", "kind", "client", "status", "to")
REFERENCE_COLUMNS = ("id", "source", "eye_distance", "created_at")


def register(app: typer.Typer) -> None:
    """Add the command group to the command line."""
    group = typer.Typer(no_args_is_help=True, help="Register people and look them up.")
    group.command("add")(add)
    group.command("list")(list_talents)
    group.command("show")(show)
    group.command("update")(update)
    group.command("erase")(erase)
    app.add_typer(group, name="talent")


def add(
    ctx: typer.Context,
    ref: str = typer.Argument(..., metavar="REF", help="Your own reference for the person; unique."),
    name: str = typer.Argument(..., metavar="NAME"),
    agency: str | None = typer.Option(None, "--agency", help="The agency that represents the person."),
    minor: bool = typer.Option(False, "--minor", help="The person is under age: a guardian signs."),
    wants_every_report: bool = typer.Option(
        False, "--wants-every-report", help="Report every use, also by clients nobody knows."
    ),
    as_json: bool = JSON,
) -> None:
    """Register a person."""
    with opened(ctx) as application:
        talent = application.store.talents.add(
            ref, name, agency=agency, minor=minor, wants_every_report=wants_every_report
        )
        row = application.registration.talent_row(talent)
    if as_json:
        print_json(row)
    else:
        say(f"{talent.ref}  {talent.id}  {talent.name}")
        note("next: lookalike enroll TALENT FILE… --release-signed-at DATE --retain-until DATE")


def list_talents(ctx: typer.Context, as_json: bool = JSON) -> None:
    """List everybody registered, with their references and whether a biometric consent is in force."""
    with opened(ctx) as application:
        rows = application.registration.talent_rows()
    if as_json:
        print_json(rows)
    else:
        print_table(COLUMNS, ([row[name] for name in COLUMNS] for row in rows))


def show(ctx: typer.Context, talent: str = TALENT, as_json: bool = JSON) -> None:
    """Show one person with references and consents."""
    with opened(ctx) as application:
        person = application.registration.talent(talent)
        row = application.registration.talent_row(person)
        references = [_reference(kept) for kept in application.store.references.list(person.id)]
        consents = application.registration.consent_rows(person.id)
    if as_json:
        print_json({**row, "references": references, "consents": consents})
        return
    print_facts(row)
    for title, columns, rows in (
        ("REFERENCES", REFERENCE_COLUMNS, references),
        ("CONSENTS", CONSENT_COLUMNS, consents),
    ):
        say(f"\n{title}")
        print_table(columns, ([_shown(name, line[name]) for name in columns] for line in rows))


def update(
    ctx: typer.Context,
    talent: str = TALENT,
    name: str | None = typer.Option(None, "--name"),
    agency: str | None = typer.Option(None, "--agency", help="An empty text: none."),
    minor: bool | None = typer.Option(None, "--minor/--adult"),
    wants_every_report: bool | None = typer.Option(None, "--wants-every-report/--wants-known-clients-only"),
    as_json: bool = JSON,
) -> None:
    """Change what is kept of a person."""
    given = {"name": name, "agency": agency, "minor": minor, "wants_every_report": wants_every_report}
    changes = {key: value for key, value in given.items() if value is not None}
    with opened(ctx) as application:
        person = application.registration.talent(talent)
        row = application.registration.talent_row(application.store.talents.update(person.id, **changes))
    if as_json:
        print_json(row)
    else:
        print_facts(row)


def erase(
    ctx: typer.Context,
    talent: str = TALENT,
    yes: bool = typer.Option(False, "--yes", help="Don't ask. Needed where nobody can be asked."),
    as_json: bool = JSON,
) -> None:
    """Erase a person: references, pictures, vectors, names, and what findings say of them. There is no way back.

    Consent records and the audit chain stay, under the id alone. A legal hold stops it.
    """
    with opened(ctx) as application:
        person = application.registration.talent(talent)
        if not yes:
            typer.confirm(f"Erase {person.ref}, {person.name}, for good?", abort=True, err=True)
        references = len(application.store.references.list(person.id))
        tombstone = application.store.talents.erase(person.id)
    if as_json:
        print_json({"id": tombstone.id, "erased_at": str(tombstone.erased_at), "references": references})
    else:
        say(f"{tombstone.id}  erased, with {references} references")
        note("backups still hold what they held: docs/privacy.md tells what to do with them")


def _shown(name: str, value: Any) -> Any:
    return day_of(value) if name in ("from", "to", "created_at") else value


def _reference(kept: Reference) -> dict[str, Any]:
    return {
        "id": kept.id,
        "source": kept.source,
        "sha256": kept.sha256,
        "eye_distance": round(kept.quality.pixels, 1),
        "sharpness": round(kept.quality.sharpness, 1),
        "quality": round(kept.quality.score, 3),
        "created_at": kept.created_at.isoformat(timespec="seconds"),
    }
