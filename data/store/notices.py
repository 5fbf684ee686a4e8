"""Notices of consents that are about to end: an event so many days before, once for each consent, version and notice.

Expiry is a clock and no change of a record, so somebody must look: a worker does, every now and then. What was told is
known from the outbox itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from data.store.chain import canonical
from data.store.database import Concerns, Database
from data.store.service_tables import event
from data.store.tables import consent, talent
from detector.events import EventType
from detector.record import ConsentRecord, ConsentStatus, status

DAYS = (30, 7, 1)
"""Days before the end at which a notice is given, unless told otherwise."""

_COUNTING = frozenset(
    {ConsentStatus.ACTIVE, ConsentStatus.SCHEDULED, ConsentStatus.SIGNED, ConsentStatus.SUSPENDED}
)

Notice = tuple[ConsentRecord, Mapping[str, Any], Concerns]
"""A record, what is told of it, and whom it concerns."""


class Notices:
    """Looks which consents end soon."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def announce_expiring(self, days: Sequence[int] = DAYS) -> int:
        """Emit `consent.expiring` for what ends within `days` and was not announced yet; returns how many. Safe to be
        called by several workers at once."""
        at = self._database.clock()
        with self._database.reading() as connection:
            if not any(True for _ in _unannounced(connection, at, days)):
                return 0
        with self._database.change("notices.given", "consents") as change:
            notices = list(_unannounced(change.connection, at, days))
            for record, payload, whom in notices:
                change.emit(EventType.CONSENT_EXPIRING, record.consent_id, payload, whom)
            change.details["consents"] = len(notices)
        return len(notices)


def _unannounced(connection: Connection, at: datetime, days: Sequence[int]) -> Iterator[Notice]:
    for record, agency in _current(connection):
        notice = _notice(record, at, days)
        if notice is None:
            continue
        payload = _payload(record, notice)
        if not _was_told(connection, record, payload):
            yield record, payload, Concerns(record.grantee.client if record.grantee else None, agency)


def _notice(record: ConsentRecord, at: datetime, days: Sequence[int]) -> int | None:
    """The notice that is due: the shortest that the end lies within. None while the end is far off, or past."""
    if record.ends_at is None or status(record, at) not in _COUNTING:
        return None
    left = record.ends_at - at
    return next((limit for limit in sorted(days) if left <= timedelta(days=limit)), None)


def _payload(record: ConsentRecord, notice: int) -> Mapping[str, Any]:
    return {
        "consent": record.consent_id,
        "version": record.version,
        "talent": record.talent_id,
        "client": record.grantee.client if record.grantee else None,
        "kind": str(record.kind),
        "ends_at": record.ends_at.isoformat() if record.ends_at else None,
        "days": notice,
    }


def _was_told(connection: Connection, record: ConsentRecord, payload: Mapping[str, Any]) -> bool:
    told = select(event.c.id).where(
        event.c.subject == record.consent_id,
        event.c.type == str(EventType.CONSENT_EXPIRING),
        event.c.payload == canonical(payload),
    )
    return connection.execute(told.limit(1)).first() is not None


def _current(connection: Connection) -> Iterator[tuple[ConsentRecord, str | None]]:
    """The newest version of every consent whose talent is there, with the talent's agency."""
    newest = select(consent.c.consent_id, func.max(consent.c.version).label("version"))
    last = newest.group_by(consent.c.consent_id).subquery()
    same = (consent.c.consent_id == last.c.consent_id) & (consent.c.version == last.c.version)
    query = (
        select(consent.c.record, talent.c.agency)
        .join(last, same)
        .join(talent, talent.c.id == consent.c.talent_id)
        .where(talent.c.erased_at.is_(None))
        .order_by(consent.c.consent_id)
    )
    for row in connection.execute(query).all():
        try:
            yield ConsentRecord.model_validate(json.loads(row.record)), row.agency
        except ValueError:
            continue  # an altered record counts as none, and `consent list` and the audit tell of it
