"""Exporting: a finding becomes a signed bundle, and the audit chain says so.

gather ─▶ plates, report, JSON ─ pack, sign ─▶ bytes ─▶ audit event evidence.exported with their SHA-256
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from api.evidence.bundle import About, pack
from api.evidence.gathering import Gathered, gather
from api.evidence.plates import Plate, draw_plate
from api.evidence.report import Printed, report_pdf
from data.checkpoints import public_of, read_key
from data.store import Store
from data.store.chain import AuditEvent
from data.store.findings import KeptFinding, Review
from detector.access import Principal
from detector.errors import Forbidden, UsageError

if TYPE_CHECKING:
    from api.composition import Application

_SUFFIXES = (
    (0, b"\xff\xd8\xff", "jpg"),
    (0, b"\x89PNG", "png"),
    (0, b"GIF8", "gif"),
    (8, b"WEBP", "webp"),
    (8, b"avif", "avif"),
    (8, b"heic", "heic"),
)

README = """Evidence of a flagged picture, made by Lookalike.

report.pdf        for people
picture.*         the flagged picture, byte for byte as it came
plates/           the picture beside what it matched
finding.json      what was found: scores, thresholds, signals, the claimed use, reviews
decisions.json    each decision with the inputs that it was made from
consents.json     the consent records that were considered, in full
credentials.json  what the file says of itself
audit.json        the audit events of the finding and of those consents
manifest.json     the SHA-256 of every other member, signed with Ed25519

To check: lookalike verify BUNDLE --public-key FILE
It needs no network and no registry. The public key must come from whoever made the bundle, on another way than this.
"""


def export(application: Application, finding_id: str, by: str) -> bytes:
    """The bundle, as the file that is to be kept. `by`: the key that asked, or `operator`.

    Raises NotFound, UsageError without a signing key, StoreError when a kept picture is damaged."""
    settings = application.settings
    if settings.audit_key_file is None:
        raise UsageError(
            "evidence is signed, and no key is known: set audit_key_file, and see `lookalike audit new-key`",
            code="no_signing_key",
        )
    key = read_key(settings.audit_key_file)
    gathered = gather(application.store, finding_id)
    made_at = application.clock()
    plates = list(_plates(application, gathered))
    printed = Printed(gathered, plates, made_at, public_of(key), settings.evidence_font)
    members = {**_documents(gathered), **_files(gathered, plates), "report.pdf": report_pdf(printed)}
    about = About(gathered.finding.id, made_at, f"lookalike {version('lookalike')}")
    bundle = pack(members, about, key)
    _record(application, gathered.finding.id, bundle, by)
    return bundle


def require_may_export(store: Store, caller: Principal, finding: KeptFinding) -> None:
    """Raise Forbidden for a key bound to a client, or to an agency that is not everybody's in the finding: a bundle
    holds the records of every client, and the names of the talents."""
    agencies = [talent.agency for talent in store.talents.many(finding.talents).values()]
    if caller.client is not None or not all(map(caller.sees_agency, agencies)):
        raise Forbidden(
            "evidence holds records of other clients and agencies: it takes a key that sees them all",
            code="evidence_not_yours",
        )


def _record(application: Application, finding_id: str, bundle: bytes, by: str) -> None:
    application.store.exports.note(finding_id, hashlib.sha256(bundle).hexdigest(), by)


def _plates(application: Application, gathered: Gathered) -> Iterator[Plate]:
    for matter in gathered.matters:
        shown = gathered.references.get(matter.match["reference"]) if matter.match else None
        plate = draw_plate(matter, gathered.picture, shown, application.decoder) if gathered.picture else None
        if plate is not None:
            yield plate


def _files(gathered: Gathered, plates: list[Plate]) -> Mapping[str, bytes]:
    files = {f"plates/{plate.of.replace('/', '-')}.jpg": plate.data for plate in plates}
    if gathered.picture is not None:
        files[f"picture.{_suffix(gathered.picture)}"] = gathered.picture
    return files


def _suffix(picture: bytes) -> str:
    for place, magic, suffix in _SUFFIXES:
        if picture[place : place + len(magic)] == magic:
            return suffix
    return "bin"


def _documents(gathered: Gathered) -> Mapping[str, bytes]:
    row = gathered.row
    return {
        "README.txt": README.encode(),
        "finding.json": _json(_finding(gathered.finding, gathered)),
        "decisions.json": _json([{"of": matter.of, **matter.decision} for matter in gathered.matters]),
        "consents.json": _json([record.model_dump(mode="json") for record in gathered.records]),
        "credentials.json": _json(row["credentials"]),
        "audit.json": _json([event_row(event) for event in gathered.events]),
    }


def _finding(finding: KeptFinding, gathered: Gathered) -> dict[str, Any]:
    named = [
        {"id": talent_id, "ref": ref, "name": name}
        for talent_id, (ref, name) in sorted(gathered.talents.items())
    ]
    return {
        "id": finding.id,
        "created_at": finding.created_at.isoformat(),
        "client": finding.client,
        "scan": finding.scan_id,
        "state": str(finding.state),
        "version": finding.version,
        "talents": named,
        "reviews": [_review(one) for one in gathered.history],
        "row": finding.row,
    }


def _review(one: Review) -> dict[str, Any]:
    return {
        "version": one.version,
        "at": one.at.isoformat(),
        "key": one.key_id,
        "outcome": str(one.outcome),
        "note": one.note,
        "document": one.document,
        "document_sha256": one.document_sha256,
    }


def event_row(event: AuditEvent) -> dict[str, Any]:
    return {
        "number": event.number,
        "at": event.at.isoformat(),
        "action": event.action,
        "subject": event.subject,
        "details": dict(event.details),
        "previous": event.previous,
        "hash": event.hash,
    }


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=2, sort_keys=True, ensure_ascii=True) + "\n").encode()
