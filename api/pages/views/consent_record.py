"""One consent record in words: its terms by section, what changed between versions, what ends next. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from typing import Any

from api.pages.views.consent_form import ENDINGS, term_value
from api.pages.views.terms import CARRIED, TERMS, sections_of
from api.pages.views.timeline import effective_end
from api.pages.views.vocabulary import Entry, Section, Term
from detector.moments import zone_of
from detector.record import (
    DEFECTS,
    REPLICA_KINDS,
    WARNINGS,
    ConsentRecord,
    ConsentStatus,
    defects,
    status,
    warnings,
)

UNSAID = "not stated"

WEIGHTY = frozenset(
    {
        "scope.media",
        "scope.assets",
        "scope.campaigns",
        "scope.products",
        "scope.alterations",
        "purpose.code",
        "purpose.description",
        "duration.valid_from",
        "duration.valid_to",
        "territory.include",
    }
)
"""Terms on which a replica's record must not be silent, so that silence is shown."""

MEANINGS: Mapping[ConsentStatus, str] = {
    ConsentStatus.DRAFT: "Not signed, not offered: it counts for nothing yet.",
    ConsentStatus.OFFERED: "Put to the talent and not signed: it counts for nothing yet.",
    ConsentStatus.SIGNED: "Signed, but its first day is not on record.",
    ConsentStatus.SCHEDULED: "Signed; its first day is still to come.",
    ConsentStatus.ACTIVE: "Signed and inside its term.",
    ConsentStatus.SUSPENDED: "In dispute: it authorises nothing and accuses nobody.",
    ConsentStatus.EXPIRED: "Its term is over.",
    ConsentStatus.REVOKED: "The talent took it back.",
    ConsentStatus.SUPERSEDED: "A newer version is on record, and only that one counts.",
}
"""What each status says, for a person."""


@dataclass(frozen=True, slots=True)
class Stated:
    """One term as it is on record; `said` False: the record is silent on it."""

    label: str
    text: str
    explains: str
    said: bool = True


@dataclass(frozen=True, slots=True)
class Part:
    """A section of the record, with the terms that it states."""

    title: str
    terms: tuple[Stated, ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """A term that another version states otherwise."""

    label: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A defect (the record counts as no consent) or a warning (a person should look)."""

    code: str
    text: str
    void: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """A record that counts now, or will, and ends. `days` from now; `revoked`: by a revocation."""

    record: ConsentRecord
    at: datetime
    days: int
    revoked: bool


def parts_of(record: ConsentRecord) -> tuple[Part, ...]:
    """The record's terms by section; a section that says nothing is left out."""
    found = (Part(section.title, _stated_terms(record, section)) for section in sections_of(record.kind))
    return tuple(part for part in found if part.terms)


def changes(older: ConsentRecord, newer: ConsentRecord) -> tuple[Changed, ...]:
    """What the newer version states otherwise."""
    told = ((term.label, _told(older, term), _told(newer, term)) for term in (*TERMS.values(), *_LIFE))
    return tuple(
        Changed(label, before or UNSAID, after or UNSAID) for label, before, after in told if before != after
    )


def remarks(record: ConsentRecord) -> tuple[Remark, ...]:
    """Defects, then warnings."""
    void = tuple(Remark(code, _sentence(DEFECTS[code]), True) for code in defects(record))
    return void + tuple(Remark(code, _sentence(WARNINGS[code]), False) for code in warnings(record))


def endings(records: Iterable[ConsentRecord], now: datetime, limit: int) -> Sequence[Ending]:
    """Of the records (newest versions) that hold or will hold, those that end first. A void one holds never."""
    held = (ConsentStatus.ACTIVE, ConsentStatus.SCHEDULED, ConsentStatus.SUSPENDED)
    found = [
        Ending(record, end, (end - now).days, end != record.ends_at)
        for record in records
        if (end := effective_end(record)) is not None
        and end >= now
        and status(record, now) in held
        and not defects(record)
    ]
    return sorted(found, key=lambda ending: (ending.at, ending.record.consent_id))[:limit]


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _stated_terms(record: ConsentRecord, section: Section) -> tuple[Stated, ...]:
    found = ((term, _told(record, term)) for term in section.terms)
    return tuple(
        Stated(term.label, text or UNSAID, term.explains, bool(text))
        for term, text in found
        if text or _is_missed(record, term)
    )


def _is_missed(record: ConsentRecord, term: Term) -> bool:
    unpaid = term.path == "pay.amount" and record.pay is None
    return record.kind in REPLICA_KINDS and (unpaid or term.path in WEIGHTY)


def _told(record: ConsentRecord, term: Term) -> str:
    """The term's value for a person; empty where the record is silent."""
    value = term_value(record, term)
    if value is None or (value in ((), False) and term.entry is not Entry.MAYBE):
        return ""
    zone = zone_of(record.duration.timezone) if record.duration else UTC
    return _spoken(term, value, zone)


def _spoken(term: Term, value: Any, zone: tzinfo) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return _day(value.astimezone(zone), term.path in ENDINGS)
    named = dict(term.options)
    if isinstance(value, tuple):
        return ", ".join(named.get(str(one), str(one)) for one in value)
    return named.get(str(value), str(value))


def _day(moment: datetime, ends: bool) -> str:
    edge = time.max if ends else time.min
    return f"{moment:%d %b %Y}" if moment.time() == edge else f"{moment:%d %b %Y, %H:%M %Z}"


_LIFE = tuple(
    Term(path, path.rpartition(".")[2].replace("_", " ").capitalize(), "") for path in sorted(CARRIED)
)
"""Terms that are no field of the form."""
