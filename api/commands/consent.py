"""`lookalike consent add|list|show|revoke|export`: what a talent granted to whom. Nothing is ever overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from api.commands.session import opened
from api.terminal import day_of, note, print_json, print_table, say

if TYPE_CHECKING:
    from detector.record import ConsentRecord

JSON = typer.Option(False, "--json", help="Print JSON.")
CONSENT = typer.Argument(..., metavar="CONSENT", help="The consent's id.")
LIST_COLUMNS = ("consent_id", "version", "talent_ref", "kind", "client", "status", "from", "to", "defects")

TERM_OF_OPTION: Mapping[str, str] = {
    "kind": "kind",
    "consent_id": "consent_id",
    "version": "version",
    "client": "grantee.client",
    "affiliates": "grantee.affiliates",
    "domains": "grantee.domains",
    "media": "scope.media",
    "assets": "scope.assets",
    "campaigns": "scope.campaigns",
    "products": "scope.products",
    "alterations": "scope.alterations",
    "purpose": "purpose.code",
    "description": "purpose.description",
    "amount": "pay.amount",
    "currency": "pay.currency",
    "unit": "pay.unit",
    "timezone": "duration.timezone",
    "valid_from": "duration.valid_from",
    "valid_to": "duration.valid_to",
    "territory": "territory.include",
    "signed_at": "form.signed_at",
    "grantor": "grantor.role",
    "separate": "form.separate",
    "conspicuous": "form.conspicuous",
    "retain_until": "privacy.retention_until",
}
"""Where in the record each option of `consent add` goes."""


def register(app: typer.Typer) -> None:
    """Add the command group to the command line."""
    group = typer.Typer(no_args_is_help=True, help="Record, look up and revoke consents.")
    group.command("add")(add)
    group.command("list")(list_consents)
    group.command("show")(show)
    group.command("revoke")(revoke)
    group.command("export")(export)
    app.add_typer(group, name="consent")


def _option(name: str, text: str | None, panel: str, *, metavar: str | None = None) -> Any:
    return typer.Option(None, name, help=text, rich_help_panel=panel, metavar=metavar)


RECORD, GRANTEE, TERMS, SIGNING = "The record", "Granted to", "Terms", "Signing"


def add(
    ctx: typer.Context,
    file: Path | None = typer.Argument(
        None, metavar="[FILE.toml|FILE.json]", help="The record; docs/consent.md shows one."
    ),
    talent: str | None = _option("--talent", "Reference or id; unless the file has talent_id.", RECORD),
    kind: str | None = _option(
        "--kind",
        "photo_use, ai_edit, replica_create, replica_use, training or biometric_enrolment.",
        RECORD,
    ),
    consent_id: str | None = _option("--id", "Your own id for it; else one is made.", RECORD),
    version: int | None = typer.Option(
        None, "--record-version", min=2, help="Replaces the version before.", rich_help_panel=RECORD
    ),
    client: str | None = _option("--client", "Who may use.", GRANTEE),
    affiliates: str | None = _option("--affiliates", "Names, with commas between.", GRANTEE),
    domains: str | None = _option("--domains", "The client's web hosts, with commas between.", GRANTEE),
    media: str | None = _option("--media", "ecommerce,social_paid,… or any.", TERMS),
    assets: str | None = _option("--assets", "Names, or any.", TERMS),
    campaigns: str | None = _option("--campaigns", "Names, or any.", TERMS),
    products: str | None = _option("--products", "Names, or any.", TERMS),
    alterations: str | None = _option("--alterations", "Words, or any.", TERMS),
    purpose: str | None = _option("--purpose", "One word, or any.", TERMS),
    description: str | None = _option("--description", "The purpose in a sentence, 20 characters up.", TERMS),
    amount: str | None = _option("--amount", "Pay, per unit.", TERMS),
    currency: str | None = _option("--currency", "Three letters, such as USD.", TERMS),
    unit: str | None = _option("--unit", "flat, hour, image, month or royalty.", TERMS),
    valid_from: str | None = _option("--from", "First day of the term.", TERMS, metavar="DATE"),
    valid_to: str | None = _option("--to", "Last day of the term.", TERMS, metavar="DATE"),
    timezone: str | None = _option("--timezone", "Of the term, an IANA name; else UTC.", TERMS),
    territory: str | None = _option("--territory", "US,GB,… or WORLD.", TERMS),
    signed_at: str | None = _option("--signed-at", "When it was signed.", SIGNING, metavar="DATE"),
    grantor: str | None = _option("--grantor", "self (the default), guardian, estate or agent.", SIGNING),
    document: Path | None = _option("--document", "The signed paper: its SHA-256 is kept.", SIGNING),
    separate: bool | None = _option(
        "--separate/--not-separate", "Separate from the representation agreement.", SIGNING
    ),
    conspicuous: bool | None = _option("--conspicuous/--not-conspicuous", "Clear and conspicuous.", SIGNING),
    retain_until: str | None = _option("--retain-until", "Of a biometric consent.", SIGNING, metavar="DATE"),
    terms: list[str] | None = typer.Option(
        None, "--set", metavar="GROUP.TERM=VALUE", help="Any other term: ai.label_required=true. Repeatable."
    ),
    as_json: bool = JSON,
) -> None:
    """Record a consent, from a file, from options, or from both (an option wins).

    Every fault is listed at once. A record that is well-formed but void is kept, and its defects are shown.
    """
    from api.consents import document_of, parse_terms

    given = {TERM_OF_OPTION[name]: value for name, value in ctx.params.items() if name in TERM_OF_OPTION}
    with opened(ctx) as application:
        written = document_of(file, given | parse_terms(terms or ()), document)
        record = application.registration.record_consent(written, talent)
        row = application.registration.consent_row(record)
    _confirm(record, row, as_json)


def list_consents(
    ctx: typer.Context,
    talent: str | None = typer.Option(None, "--talent", help="Only of this talent (reference or id)."),
    as_of: str | None = typer.Option(
        None, "--as-of", metavar="DATE", help="Status at that moment; else now."
    ),
    as_json: bool = JSON,
) -> None:
    """List the newest version of every consent with its status."""
    with opened(ctx) as application:
        rows = application.registration.consent_rows(talent, as_of)
    if as_json:
        print_json(rows)
    else:
        print_table(LIST_COLUMNS, ([_shown(name, row[name]) for name in LIST_COLUMNS] for row in rows))


def show(ctx: typer.Context, consent_id: str = CONSENT) -> None:
    """Show a consent in full as JSON: every version, each with its status, defects and warnings."""
    with opened(ctx) as application:
        print_json(application.registration.consent_versions(consent_id))


def revoke(
    ctx: typer.Context,
    consent_id: str = CONSENT,
    reason: str = typer.Option(..., "--reason", help="Why; kept with the record."),
    effective_at: str | None = typer.Option(
        None, "--effective-at", metavar="DATE", help="When it takes effect; at once if not given."
    ),
    as_json: bool = JSON,
) -> None:
    """Revoke a consent: a new version is appended, the old ones stay."""
    with opened(ctx) as application:
        record = application.registration.revoke(consent_id, reason, effective_at)
        row = application.registration.consent_row(record)
    _confirm(record, row, as_json)


class Format(StrEnum):
    """What a record can be exported as."""

    ODRL = "odrl"
    TRAINING_MINING = "training-mining"


def export(
    ctx: typer.Context,
    consent_id: str = CONSENT,
    form: Format = typer.Option(
        ..., "--format", help="W3C ODRL (JSON-LD), or a CAWG training-mining assertion."
    ),
    version: int | None = typer.Option(None, "--record-version", min=1, help="Else the newest."),
) -> None:
    """Print a consent as other systems read it, as of now. What counts as no consent grants nothing there either."""
    from detector.odrl import odrl
    from detector.training_mining import training_mining

    with opened(ctx) as application:
        record = application.store.consents.get(consent_id, version)
        newest = application.store.consents.get(consent_id)
        now = application.clock()
    exported = odrl if form is Format.ODRL else training_mining
    print_json(exported(record, now, superseded=record.version < newest.version))


def _confirm(record: ConsentRecord, row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(row)
        return
    say(f"{record.consent_id}  version {record.version}  {record.kind}  {row['status']}")
    for line in row["remarks"]:
        note(line)


def _shown(name: str, value: Any) -> Any:
    """A list as words, a moment as its day: the JSON has it to the microsecond."""
    if name in ("from", "to"):
        return day_of(value)
    return ", ".join(value) if isinstance(value, list) else value
