"""What an erasure takes from the findings: everything that was said of one talent.

A finding that names nobody else goes, with its decisions. One that names others too loses the talent's part of its
row, and the words of its decisions (they may name the person); the outcomes stay. The picture goes in both cases: the
talent is in it. Its file follows after the commit (`sweep_evidence`), which is safe to repeat after a crash. A finding
under a legal hold stays as it is until the hold is released.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, select, update

from data.blobs import Blobs
from data.store.chain import canonical
from data.store.database import Database
from data.store.holds import in_force
from data.store.rows import chunks
from data.store.service_tables import event, evidence, finding, finding_talent, review, scan_item
from detector.decision import Severity
from detector.events import EventType
from detector.finding import Row
from detector.naming import is_flagged, severity_of, without_talent


def forget_talent(connection: Connection, talent_id: str) -> int:
    """Take a talent out of every finding that is not held; returns how many there were. For the transaction of the
    erasure."""
    named = select(finding.c.id, finding.c.row).join(finding_talent)
    found = connection.execute(named.where(finding_talent.c.talent_id == talent_id)).all()
    held = in_force(connection, [row.id for row in found])
    rows = [row for row in found if row.id not in held]
    _forget_hashes(connection, [row.id for row in rows])
    for finding_id, text in rows:
        left = without_talent(json.loads(text), talent_id)
        if left is None or not is_flagged(left):
            _delete(connection, finding_id)
        else:
            _reduce(connection, finding_id, left)
    links = delete(finding_talent).where(finding_talent.c.talent_id == talent_id)
    connection.execute(links.where(finding_talent.c.finding_id.not_in(held)))
    return len(rows)


def _forget_hashes(connection: Connection, finding_ids: Sequence[str]) -> None:
    """Events that tell of these findings go on without the hash of the picture."""
    its = select(event.c.id, event.c.payload).where(event.c.type == EventType.FINDING_CREATED)
    for some in chunks(finding_ids):
        for row in connection.execute(its.where(event.c.subject.in_(some))).all():
            left = canonical(json.loads(row.payload) | {"sha256": None})
            connection.execute(update(event).where(event.c.id == row.id).values(payload=left))


def _delete(connection: Connection, finding_id: str) -> None:
    connection.execute(delete(review).where(review.c.finding_id == finding_id))
    connection.execute(delete(finding_talent).where(finding_talent.c.finding_id == finding_id))
    gone = {"finding_id": None}
    connection.execute(update(scan_item).where(scan_item.c.finding_id == finding_id).values(gone))
    connection.execute(delete(finding).where(finding.c.id == finding_id))


def _reduce(connection: Connection, finding_id: str, left: Row) -> None:
    severity = severity_of(left)
    columns = {
        "row": canonical(left),
        "verdict": str(left["verdict"]),
        "severity": str(severity),
        "severity_rank": Severity.CRITICAL.rank - severity.rank,
        "picture": None,
    }
    connection.execute(update(finding).where(finding.c.id == finding_id).values(columns))
    words = {"note": None, "document": None}
    connection.execute(update(review).where(review.c.finding_id == finding_id).values(words))


def sweep_evidence(database: Database, pictures: Blobs) -> int:
    """Delete pictures that no finding needs any more; returns how many."""
    unneeded = _unneeded()
    with database.reading() as connection:
        if connection.execute(unneeded.limit(1)).first() is None:
            return 0
    with database.exclusively() as connection:
        swept = list(connection.execute(unneeded).scalars())
        for sha256 in swept:
            pictures.discard(sha256)
            connection.execute(delete(evidence).where(evidence.c.sha256 == sha256))
    return len(swept)


def evidence_names(connection: Connection) -> frozenset[str]:
    """SHA-256 of every kept picture of a finding."""
    return frozenset(connection.execute(select(evidence.c.sha256)).scalars())


def _unneeded() -> Select[Any]:
    needed = select(finding.c.id).where(finding.c.picture == evidence.c.sha256).exists()
    return select(evidence.c.sha256).where(~needed)
