"""Scans as a worker sees them: one worker at a time holds a scan by a lease, and writes each row exactly once.

    waiting() ─▶ claim(id, worker) ─▶ Lease ─ unchecked ─▶ pictures ─ record ─▶ rows ─▶ finish, or release
                                       └ renew, every few seconds

A worker that dies renews nothing: its lease passes, and whoever claims the scan next goes on with the pictures that have
no row. Each row is written in a transaction that first makes sure of the lease, so a worker that was thought dead and
wakes up writes nothing (LeaseLost). A flagged picture's finding, its file and its row are one transaction: there is no
row without its finding, and no finding twice. Leases are told by the clocks of the machines, which must agree to some
seconds.

`attempts` counts how often a scan was taken up since its last row. It grows when a picture kills every worker that
touches it, and says when to treat that picture alone (`api.jobs.scan_runner`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, or_, select, update
from sqlalchemy import Row as SqlRow

from data.store.database import Database
from data.store.findings import CREATED, Findings, NewFinding
from data.store.ids import FINDING, new_id
from data.store.scan_erasure import without_erased
from data.store.scans import FINISHED, ItemKind, Scan, ScanState, find, finish, locked, with_refs
from data.store.service_tables import scan, scan_item
from detector.errors import LeaseLost, NotFound
from detector.finding import Row
from detector.naming import is_flagged


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a scan. `worker` is unique per claim; `attempts` as in the module's docstring, from 1."""

    scan: Scan
    worker: str
    seconds: float
    attempts: int


@dataclass(frozen=True, slots=True)
class ScanItem:
    """One picture that has no row yet."""

    number: int
    source: str
    kind: ItemKind
    location: str
    columns: dict[str, str]


@dataclass(frozen=True, slots=True)
class CheckedItem:
    """One picture's row. `picture`: its bytes, where the row is flagged and they were had."""

    number: int
    row: Row = field(repr=False)
    picture: bytes | None = field(default=None, repr=False)


class _NobodyLeftError(Exception):
    """Undoes the transaction of a finding whose people were all erased since the check."""


class ScanWork:
    """What workers do with scans."""

    def __init__(self, database: Database, findings: Findings) -> None:
        self._database = database
        self._findings = findings

    def waiting(self) -> list[str]:
        """Scans that nobody works on: new ones, those whose worker has died or stopped; the oldest first."""
        at = self._database.clock()
        query = select(scan.c.id).where(_unended(), _free(at)).order_by(scan.c.id)
        with self._database.reading() as connection:
            return list(connection.execute(query).scalars())

    def claim(self, scan_id: str, worker: str, seconds: float) -> Lease | None:
        """The lease, for so many seconds; None when the scan has ended or another worker holds it. Raises NotFound."""
        with self._database.locked() as connection:
            found = locked(connection, scan_id)
            at = self._database.clock()
            if ScanState(found.state).is_final or not _is_free(found, at):
                return None
            held = {
                "state": str(ScanState.RUNNING),
                "worker": worker,
                "lease_until": at + timedelta(seconds=seconds),
                "started_at": found.started_at or at,
                "attempts": found.attempts + 1,
            }
            connection.execute(update(scan).where(scan.c.id == scan_id).values(held))
            return Lease(find(connection, scan_id), worker, seconds, found.attempts + 1)

    def renew(self, lease: Lease) -> None:
        """Hold the lease for its seconds from now on. Raises LeaseLost."""
        with self._database.locked() as connection:
            self._hold(connection, lease)

    def release(self, lease: Lease) -> None:
        """Give a scan back that is not done, in good health: whoever comes next takes it. Raises LeaseLost."""
        with self._database.locked() as connection:
            _require(connection, lease)
            free = {"worker": None, "lease_until": None, "attempts": 0}
            connection.execute(update(scan).where(scan.c.id == lease.scan.id).values(free))

    def unchecked(self, scan_id: str, after: int, limit: int) -> list[ScanItem]:
        """Pictures without a row, numbered above `after` (-1: from the first), in order."""
        query = (
            select(scan_item)
            .where(
                scan_item.c.scan_id == scan_id, scan_item.c.checked_at.is_(None), scan_item.c.number > after
            )
            .order_by(scan_item.c.number)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [_item(row) for row in connection.execute(query)]

    def record(self, lease: Lease, checked: Sequence[CheckedItem]) -> bool:
        """Write the rows that aren't written yet, hold the lease on, and say whether the scan is to be cancelled.
        Raises LeaseLost."""
        flagged = [item for item in checked if is_flagged(item.row)]
        for item in flagged:
            self._record_flagged(lease, item)
        with self._database.locked() as connection:
            held = self._hold(connection, lease)
            at = self._database.clock()
            for item in checked:
                if not is_flagged(item.row):
                    _write(connection, lease, item, at, None)
            connection.execute(update(scan).where(scan.c.id == lease.scan.id).values(attempts=0))
            return held.cancel_requested_at is not None

    def finish(self, lease: Lease, state: ScanState, error: str | None = None) -> None:
        """End the scan. Raises LeaseLost."""
        details = {"state": str(state)}
        with self._database.change(FINISHED, lease.scan.id, details) as change:
            _require(change.connection, lease)
            finish(change, lease.scan.id, state, error)

    def _record_flagged(self, lease: Lease, item: CheckedItem) -> None:
        new = NewFinding(item.row, lease.scan.key_id, lease.scan.client, lease.scan.id, item.picture)
        finding_id = new_id(FINDING, self._database.clock())
        if self._is_written(lease.scan.id, item.number):
            return
        try:
            self._keep_with_row(lease, item, new, finding_id)
        except _NobodyLeftError:
            with self._database.locked() as connection:
                self._hold(connection, lease)
                _write(connection, lease, item, self._database.clock(), None)

    def _keep_with_row(self, lease: Lease, item: CheckedItem, new: NewFinding, finding_id: str) -> None:
        with self._findings.staged(new) as staged, self._database.change(CREATED, finding_id) as change:
            _require(change.connection, lease)
            if staged.keep(change, finding_id) is None:
                raise _NobodyLeftError
            if not _write(change.connection, lease, item, change.at, finding_id):
                raise LeaseLost(f"picture {item.number} of the scan {lease.scan.id} has a row already")

    def _is_written(self, scan_id: str, number: int) -> bool:
        which = (scan_item.c.scan_id == scan_id, scan_item.c.number == number)
        query = select(scan_item.c.checked_at).where(*which)
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one() is not None

    def _hold(self, connection: Connection, lease: Lease) -> SqlRow[Any]:
        held = _require(connection, lease)
        until = self._database.clock() + timedelta(seconds=lease.seconds)
        connection.execute(update(scan).where(scan.c.id == lease.scan.id).values(lease_until=until))
        return held


def _unended() -> Any:
    return scan.c.state.in_([str(ScanState.QUEUED), str(ScanState.RUNNING)])


def _free(at: datetime) -> Any:
    return or_(scan.c.lease_until.is_(None), scan.c.lease_until < at)


def _is_free(row: SqlRow[Any], at: datetime) -> bool:
    return row.lease_until is None or row.lease_until < at


def _require(connection: Connection, lease: Lease) -> SqlRow[Any]:
    """The scan's row, locked. A lease that has run out counts for as long as nobody else has taken the scan."""
    try:
        row = locked(connection, lease.scan.id)
    except NotFound as error:
        raise LeaseLost(error.detail) from error
    if row.worker != lease.worker:
        raise LeaseLost(f"the scan {lease.scan.id} is no longer this worker's")
    return row


def _write(
    connection: Connection, lease: Lease, item: CheckedItem, at: datetime, finding_id: str | None
) -> bool:
    """Write one row, if there is none; whether it was written."""
    row = without_erased(connection, item.row)
    values = {
        "row": json.dumps(with_refs(row, {}), separators=(",", ":")),
        "verdict": row["verdict"],
        "status": row["status"],
        "finding_id": finding_id,
        "checked_at": at,
    }
    which = (scan_item.c.scan_id == lease.scan.id, scan_item.c.number == item.number)
    statement = update(scan_item).where(*which, scan_item.c.checked_at.is_(None)).values(values)
    return connection.execute(statement).rowcount == 1


def _item(row: SqlRow[Any]) -> ScanItem:
    return ScanItem(row.number, row.source, ItemKind(row.kind), row.location, json.loads(row.columns))
