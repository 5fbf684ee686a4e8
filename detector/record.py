"""The consent record: what one talent granted to one client, kept append-only.

    document ─ parse_record ─▶ ConsentRecord ─ status, defects ─▶ does it count? ─▶ detector.consent.decide

Three judgements never mix. A *fault* is malformed: the record is refused, with every fault named at once. A
*defect* is well-formed but void (a replica consent without pay, say): the record is kept as evidence and
counts as no consent. A *warning* counts, and a person should look. Nothing is ever overwritten: a change is a
new version that supersedes the old."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails

from detector.errors import InvalidRecord
from detector.moments import aware, localise, zone_of
from detector.terms import (
    ANY,
    AiTerms,
    ConsentKind,
    Duration,
    Form,
    Grantee,
    Grantor,
    GrantorRole,
    Group,
    Life,
    Pay,
    Privacy,
    Purpose,
    Scope,
    Subject,
    Territory,
    Text,
)

REPLICA_KINDS = frozenset({ConsentKind.AI_EDIT, ConsentKind.REPLICA_CREATE, ConsentKind.REPLICA_USE})
"""Kinds that need scope, purpose, pay and duration, in a separate and conspicuous consent."""

USE_KINDS = REPLICA_KINDS | {ConsentKind.PHOTO_USE}
"""Kinds that grant something to a client; the others let somebody keep or learn from pictures."""

LONGEST_TERM_YEARS, LONGEST_TERM_YEARS_MINOR = 10, 5

DEFECTS: Mapping[str, str] = {
    "scope_missing": "it does not say what may be used",
    "scope_incomplete": 'its scope is silent on a field (write a list, or "any" where no limit is meant)',
    "purpose_missing": "it states no purpose",
    "pay_missing": "it states no pay",
    "pay_unacknowledged": "it is unpaid and nobody acknowledged that",
    "duration_missing": "it does not say from when until when it holds",
    "not_separate": "it is not separate from the representation agreement",
    "not_conspicuous": "it is not clear and conspicuous",
    "agent_alone": "an agent alone cannot grant a replica; the talent must sign as well",
    "authority_missing": "an agent signed and no power of attorney is named",
    "guardian_missing": "the talent is a minor and no guardian signed",
    "estate_missing": "the talent has died and the estate did not sign",
    "estate_for_living": "an estate signed and the talent is not marked as having died",
}
"""Why a kept record counts as no consent, by code."""

WARNINGS: Mapping[str, str] = {
    "term_over_10_years": "it runs for more than ten years",
    "term_over_5_years_minor": "it runs for more than five years and the talent is a minor",
    "open_ended": "it has no end",
    "purpose_unspecific": 'its purpose is "any", which may not be a reasonably specific description',
    "document_missing": "the SHA-256 of the signed document is not on record",
    "retention_unstated": "it does not say until when the template may be kept",
    "retroactive_revocation": "its revocation takes effect before it was declared",
    "guardian_for_adult": "a guardian signed for somebody who is not marked as a minor",
}
"""What a person should look at, by code. A record with warnings still counts."""


class ConsentStatus(StrEnum):
    """draft → offered → signed → (scheduled | active) → expired | revoked | superseded. SUSPENDED stands in
    for signed, scheduled and active while a dispute lasts; SIGNED is left for a record whose beginning is not
    on record."""

    DRAFT = "draft"
    OFFERED = "offered"
    SIGNED = "signed"
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"


class ConsentRecord(Group):
    """One version of one consent. `supersedes` is the version of the same consent that this one replaces."""

    kind: ConsentKind
    consent_id: Text
    version: Annotated[int, Field(ge=1, strict=True)] = 1
    supersedes: Annotated[int, Field(ge=1, strict=True)] | None = Field(None, validate_default=True)
    talent_id: Text
    subject: Subject = Subject()
    grantor: Grantor
    grantee: Grantee | None = Field(None, validate_default=True)
    scope: Scope | None = None
    purpose: Purpose | None = None
    pay: Pay | None = None
    duration: Duration | None = None
    territory: Territory | None = None
    ai: AiTerms = AiTerms()
    form: Form = Form()
    life: Life = Life()
    privacy: Privacy = Privacy()

    def __hash__(self) -> int:
        """Of what tells records apart; hashing every term of every record would be the cost of a decision."""
        return hash((self.consent_id, self.version, self.talent_id, self.kind))

    @field_validator("supersedes")
    @classmethod
    def _earlier_version(cls, supersedes: int | None, info: ValidationInfo) -> int | None:
        version = info.data.get("version", 1)
        if supersedes is None:
            return version - 1 if version > 1 else None
        if supersedes >= version:
            raise ValueError(f"must be an earlier version than {version}")
        return supersedes

    @field_validator("grantee")
    @classmethod
    def _somebody(cls, grantee: Grantee | None, info: ValidationInfo) -> Grantee | None:
        if grantee is None and info.data.get("kind") in USE_KINDS:
            raise ValueError(f"is missing: a {info.data['kind']} consent is granted to a client")
        return grantee

    @property
    def starts_at(self) -> datetime | None:
        """The first moment of the term. A replica consent must state it; any other begins with its
        signature."""
        stated = self.duration.valid_from if self.duration else None
        return stated if stated or self.kind in REPLICA_KINDS else self.form.signed_at

    @property
    def ends_at(self) -> datetime | None:
        """The last moment of the term, inclusive; None when open. A biometric consent ends with its
        retention."""
        ends = [self.duration.valid_to if self.duration else None]
        if self.kind is ConsentKind.BIOMETRIC_ENROLMENT:
            ends.append(self.privacy.retention_until)
        return min((end for end in ends if end is not None), default=None)

    def signed_by(self, at: datetime) -> bool:
        """Whether it had been signed by then."""
        return self.form.signed_at is not None and self.form.signed_at <= aware(at)

    def suspended(self, at: datetime) -> bool:
        """Whether it is under dispute at that moment."""
        start, end = self.life.suspended_at, self.life.suspended_until
        return start is not None and start <= aware(at) and (end is None or aware(at) < end)


def status(record: ConsentRecord, at: datetime, superseded: bool = False) -> ConsentStatus:
    """The record's status as of `at`. `superseded`: a newer version of the same consent is on record."""
    now = aware(at)
    if superseded:
        return ConsentStatus.SUPERSEDED
    if not record.signed_by(now):
        offered = record.life.offered_at
        return ConsentStatus.OFFERED if offered and offered <= now else ConsentStatus.DRAFT
    return _status_signed(record, now)


def _status_signed(record: ConsentRecord, now: datetime) -> ConsentStatus:
    revoked, start, end = record.life.effective_at, record.starts_at, record.ends_at
    if revoked is not None and revoked <= now:
        return ConsentStatus.REVOKED
    if end is not None and end < now:
        return ConsentStatus.EXPIRED
    if record.suspended(now):
        return ConsentStatus.SUSPENDED
    if start is None:
        return ConsentStatus.SIGNED
    return ConsentStatus.SCHEDULED if now < start else ConsentStatus.ACTIVE


def current(records: Iterable[ConsentRecord]) -> list[ConsentRecord]:
    """The newest version of each consent, by consent id. Identical records count once; two different records
    that claim the same newest version are both returned (`detector.consent` lets neither count)."""
    kept = sorted(set(records), key=Place)
    newest = {record.consent_id: record.version for record in kept}
    return [record for record in kept if record.version == newest[record.consent_id]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands in the total order of records, so that no answer depends on the order they came in.
    Two different records of one version are rare; only they are compared by everything they say."""

    record: ConsentRecord

    def __lt__(self, other: Place) -> bool:
        mine, theirs = self.record, other.record
        if (mine.consent_id, mine.version) != (theirs.consent_id, theirs.version):
            return (mine.consent_id, mine.version) < (theirs.consent_id, theirs.version)
        return mine.model_dump_json() < theirs.model_dump_json()


def revised(record: ConsentRecord, **changes: object) -> ConsentRecord:
    """The next version with these fields changed, validated anew. Raises InvalidRecord."""
    following = {"version": record.version + 1, "supersedes": record.version}
    return parse_record({**record.model_dump(), **following, **changes})


def revoked(
    record: ConsentRecord,
    revoked_at: datetime,
    *,
    effective_at: datetime | None = None,
    reason: str | None = None,
) -> ConsentRecord:
    """The next version, revoked. It takes effect at `effective_at`, at `revoked_at` when that is not
    given."""
    life = record.life.model_dump() | {
        "revoked_at": revoked_at,
        "effective_at": effective_at or revoked_at,
        "revocation_reason": reason,
    }
    return revised(record, life=life)


def defects(record: ConsentRecord) -> tuple[str, ...]:
    """Codes of `DEFECTS`: why this record counts as no consent. Empty when it counts."""
    found = _defects_of_grantor(record)
    if record.pay is not None and record.pay.unpaid and not record.pay.unpaid_acknowledged:
        found.append("pay_unacknowledged")
    if record.kind in REPLICA_KINDS:
        found.extend(_defects_of_replica(record))
    return tuple(sorted(found))


def _defects_of_grantor(record: ConsentRecord) -> list[str]:
    role, subject = record.grantor.role, record.subject
    checks = {
        "guardian_missing": subject.minor and not subject.estate and role is not GrantorRole.GUARDIAN,
        "estate_missing": subject.estate and role is not GrantorRole.ESTATE,
        "estate_for_living": role is GrantorRole.ESTATE and not subject.estate,
        "authority_missing": role is GrantorRole.AGENT and record.grantor.authority is None,
    }
    return [code for code, holds in checks.items() if holds]


def _defects_of_replica(record: ConsentRecord) -> list[str]:
    term, grantor = record.duration, record.grantor
    checks = {
        "scope_missing": record.scope is None,
        "scope_incomplete": record.scope is not None and bool(record.scope.unstated()),
        "purpose_missing": record.purpose is None,
        "pay_missing": record.pay is None,
        "duration_missing": term is None or term.valid_from is None or term.valid_to is None,
        "not_separate": not record.form.separate,
        "not_conspicuous": not record.form.conspicuous,
        "agent_alone": grantor.role is GrantorRole.AGENT and not grantor.countersigned,
    }
    return [code for code, holds in checks.items() if holds]


def warnings(record: ConsentRecord) -> tuple[str, ...]:
    """Codes of `WARNINGS`: what a person should look at. A record with warnings still counts."""
    uses = record.kind in USE_KINDS
    biometric = record.kind is ConsentKind.BIOMETRIC_ENROLMENT
    role, minor = record.grantor.role, record.subject.minor
    declared, effective = record.life.revoked_at, record.life.effective_at
    checks = {
        "term_over_10_years": _longer_than(record, LONGEST_TERM_YEARS),
        "term_over_5_years_minor": minor and _longer_than(record, LONGEST_TERM_YEARS_MINOR),
        "open_ended": uses and record.ends_at is None,
        "purpose_unspecific": record.purpose is not None and record.purpose.code.casefold() == ANY,
        "document_missing": record.form.signed_at is not None and record.form.document_sha256 is None,
        "retention_unstated": biometric and record.privacy.retention_until is None,
        "retroactive_revocation": declared is not None and effective is not None and effective < declared,
        "guardian_for_adult": role is GrantorRole.GUARDIAN and not minor,
    }
    return tuple(sorted(code for code, holds in checks.items() if holds))


def _longer_than(record: ConsentRecord, years: int) -> bool:
    start, end = record.starts_at, record.duration.valid_to if record.duration else None
    if start is None or end is None:
        return False
    day = (start.month, start.day, start.timetz().replace(tzinfo=None))
    last = end.astimezone(start.tzinfo)
    return (last.year - start.year, (last.month, last.day, last.timetz().replace(tzinfo=None))) >= (
        years,
        day,
    )


_BEGINNINGS = (
    ("duration", "valid_from"),
    ("form", "signed_at"),
    ("life", "offered_at"),
    ("life", "suspended_at"),
    ("life", "suspended_until"),
    ("life", "revoked_at"),
    ("life", "effective_at"),
    ("privacy", "erasure_requested_at"),
)
"""Moments that a date alone sets to its first instant."""

_ENDS = (("duration", "valid_to"), ("privacy", "retention_until"))
"""Moments that a date alone sets to its last instant."""


def parse_record(
    mapping: Mapping[str, Any], *, talent_id: str | None = None, consent_id: str | None = None
) -> ConsentRecord:
    """The record that a TOML or JSON document writes.

    `talent_id` and `consent_id` stand in where the document has none. Dates without a time are read in the
    time zone of the duration (UTC when there is none). Raises InvalidRecord with every fault as `path:
    sentence`."""
    document = _with_default(dict(mapping), talent_id=talent_id, consent_id=consent_id)
    faults = [
        f"{name}: is {document[name]!r}, but the record is being added for {given!r}"
        for name, given in (("talent_id", talent_id), ("consent_id", consent_id))
        if given is not None and document[name] != given
    ]
    try:
        record = ConsentRecord.model_validate(_localised(document))
    except ValidationError as error:
        faults = [*faults, *map(_fault, error.errors(include_url=False))]
    if faults:
        raise InvalidRecord(
            f"The consent record has {len(faults)} fault(s): {'; '.join(faults)}.", tuple(faults)
        )
    return record


def _with_default(document: dict[str, Any], **given: str | None) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None} | document


def _localised(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its dates as moments in its own time zone."""
    term = document.get("duration")
    try:
        zone = zone_of(term.get("timezone", "UTC") if isinstance(term, Mapping) else "UTC")
    except ValueError:
        zone = zone_of("UTC")  # reported as a fault of duration.timezone; the other dates are still checked
    for paths, end_of_day in ((_BEGINNINGS, False), (_ENDS, True)):
        for group, name in paths:
            terms = document.get(group)
            if isinstance(terms, Mapping) and name in terms:
                moment = localise(terms[name], zone, end_of_day=end_of_day)
                document[group] = {**terms, name: moment}
    return document


def _fault(error: ErrorDetails) -> str:
    """One fault as `path: sentence`."""
    path = ".".join(str(part) for part in error["loc"]) or "the record"
    return f"{path}: {_sentence(error)}"


def _sentence(error: ErrorDetails) -> str:
    context: Mapping[str, Any] = error.get("ctx", {})
    sentences = {
        "missing": "is missing",
        "extra_forbidden": "is no field of a consent record",
        "bool_type": "must be true or false",
        "enum": f"is {error['input']!r}, which is none of {context.get('expected', '')}",
        "string_too_short": f"needs at least {context.get('min_length')} characters",
        "string_pattern_mismatch": f"is {error['input']!r}, which does not fit {context.get('pattern')}",
        "timezone_aware": "needs a time zone",
        "value_error": str(context.get("error", "")),
    }
    return sentences.get(error["type"], error["msg"][:1].lower() + error["msg"][1:])
