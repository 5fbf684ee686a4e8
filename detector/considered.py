"""Which consent records count as on record for a decision, and the account a decision gives of each of them.

On record is the newest version of each consent of the talent that was signed at that moment. Everything else
is listed with the reason why it was left out, so that no record handed in is passed over in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from detector.case import Limb
from detector.coverage import Assessment
from detector.decision import Considered, Reason
from detector.reasons import meaning
from detector.record import ConsentRecord, Place, current, status


@dataclass(frozen=True, slots=True)
class Book:
    """The records of one decision, sorted: those that count as on record at that moment, and why others do
    not."""

    counted: tuple[ConsentRecord, ...]
    conflicting: frozenset[ConsentRecord]
    left_out: tuple[Considered, ...]


def book_of(records: Iterable[ConsentRecord], talent_id: str | None, now: datetime) -> Book:
    """Which records are on record at that moment (newest version, signed, the talent's own) and why others
    are not. Without a talent id, whose they are is not asked."""
    everything = sorted(set(records), key=Place)
    own = [record for record in everything if talent_id in (None, record.talent_id)]
    newest = current(own)
    counted = tuple(record for record in newest if record.signed_by(now))
    kept, mine, latest = set(counted), set(own), set(newest)
    left_out = tuple(
        _left_out(record, now, own=record in mine, newest=record in latest)
        for record in everything
        if record not in kept
    )
    versions = Counter(record.consent_id for record in newest)
    conflicting = frozenset(record for record in newest if versions[record.consent_id] > 1)
    return Book(counted, conflicting, left_out)


def _left_out(record: ConsentRecord, now: datetime, *, own: bool, newest: bool) -> Considered:
    if newest:
        return look(record, now, (meaning("not_signed"),))
    code = "superseded" if own else "other_talent"
    return look(record, now, (meaning(code),), superseded=own)


def considered(
    book: Book, assessed: Sequence[Assessment], limbs: Sequence[Limb], now: datetime
) -> tuple[Considered, ...]:
    """Every record of the book with whether it covers the use and why, sorted by id and version."""
    by_record = {found.record: found for found in assessed}
    heard = [_heard(record, by_record.get(record), limbs, now) for record in book.counted]
    return tuple(sorted((*heard, *book.left_out), key=place))


def _heard(
    record: ConsentRecord, found: Assessment | None, limbs: Sequence[Limb], now: datetime
) -> Considered:
    if found is None:
        return look(record, now, (meaning("other_kind"),))
    if found.limb not in limbs:
        return look(record, now, (meaning("other_limb"),))
    why = tuple(term.reason for term in (*found.failing, *found.unknown)) or (meaning("covered"),)
    return look(record, now, (*why, *found.disclosures), covers=found.covers)


def look(
    record: ConsentRecord,
    now: datetime,
    why: tuple[Reason, ...],
    *,
    covers: bool = False,
    superseded: bool = False,
) -> Considered:
    """The account of one record, with its status at that moment."""
    standing = status(record, now, superseded)
    return Considered(record.consent_id, record.version, record.kind, standing, covers, why)


def place(found: Considered) -> tuple[str, int, str, tuple[str, ...]]:
    """The order in which records are listed."""
    return (found.consent_id, found.version, found.kind, tuple(reason.detail for reason in found.why))
