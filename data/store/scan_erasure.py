"""What an erasure takes from the rows of scans: everything that was said of one talent.

A row stays, since every picture of a scan has one; it says no more of the talent than of a stranger. A row that is
written after the erasure by a worker that checked before it is treated the same (`without_erased`).
"""

from __future__ import annotations

import hashlib
import json

from sqlalchemy import Connection, select, update

from data.store.rows import chunks
from data.store.service_tables import scan_item
from data.store.tables import talent
from detector.decision import Severity, Verdict
from detector.finding import Row
from detector.naming import talents_in, without_talent


def forget_in_scans(connection: Connection, talent_id: str) -> None:
    """Take a talent out of every row of every scan. For the transaction of the erasure."""
    place = (scan_item.c.scan_id, scan_item.c.number)
    named = select(*place, scan_item.c.row).where(scan_item.c.row.contains(talent_id, autoescape=True))
    for found in connection.execute(named).all():
        left = forgotten(json.loads(found.row), talent_id)
        which = (scan_item.c.scan_id == found.scan_id, scan_item.c.number == found.number)
        columns = {"row": json.dumps(left, separators=(",", ":")), "verdict": left["verdict"]}
        connection.execute(update(scan_item).where(*which).values(columns))


def without_erased(connection: Connection, row: Row) -> Row:
    """The row without those who were erased since it was made; the very row when nobody was."""
    erased = select(talent.c.id).where(talent.c.erased_at.is_not(None))
    for some in chunks(sorted(talents_in(row))):
        for talent_id in connection.execute(erased.where(talent.c.id.in_(some))).scalars():
            row = forgotten(row, talent_id)
    return row


def forgotten(row: Row, talent_id: str) -> Row:
    """The row as far as it speaks of others; where it spoke of nobody else, a picture with nobody in it."""
    if talent_id not in talents_in(row):
        return row
    left = without_talent(row, talent_id)
    return (
        {**row, **{name: value for name, value in _NOBODY.items() if name in row}} if left is None else left
    )


_NOBODY: Row = {
    "faces": [],
    "copies": [],
    "ingredients": [],
    "credentials": None,
    "verdict": str(Verdict.NO_MATCH),
    "severity": str(Severity.NONE),
    "decision": {
        "verdict": str(Verdict.NO_MATCH),
        "qualifier": None,
        "severity": str(Severity.NONE),
        "row": 4,
        "talent": None,
        "reasons": [{"code": "talent_erased", "detail": "The talent was erased after the check."}],
        "consents": [],
        "inputs_sha256": hashlib.sha256(b"").hexdigest(),
        "signal": None,
        "threshold": None,
    },
}
"""What is left where a row spoke of nobody else: row 4 of the decision table. Its inputs are gone, so their hash is that
of nothing."""
