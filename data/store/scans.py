"""Scans: many pictures in one job, as those who order it see it.

    create(NewScan) ─▶ queued ─ a worker (data.store.scan_work) ─▶ running ─▶ succeeded · failed · cancelled
    cancel(id): at once where nobody works on it, else at the worker's next batch
    resume(id): a failed scan goes on with the pictures that have no row yet

The rows of a scan are stored one by one as they are made, so a half-done scan can be read. A row holds ids of talents;
the references that agencies use are put in when it is read, so that an erasure leaves none behind.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy import Row as SqlRow

from data.store.chain import canonical
from data.store.database import Change, Concerns, Database
from data.store.ids import SCAN, new_id
from data.store.rows import chunks, plain
from data.store.service_tables import scan, scan_item
from data.store.tables import talent
from detector.access import name_key
from detector.errors import Conflict, NotFound, UsageError
from detector.finding import Row
from detector.naming import talents_in

CREATED, FINISHED, CANCELLED, RESUMED = "scan.created", "scan.finished", "scan.cancelled", "scan.resumed"
"""The audit's actions; `scan.finished` is an event as well."""


class ScanState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        return self in (ScanState.SUCCEEDED, ScanState.FAILED, ScanState.CANCELLED)


class ItemKind(StrEnum):
    """Where an item's bytes come from: an upload, a web address; or nowhere (its line in the feed was wrong)."""

    FILE = "file"
    URL = "url"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class NewItem:
    """One picture of a scan. `source` is what its row is called; `location` the web address, or of a bad item the
    JSON of its error; `columns` what the feed says of its use."""

    source: str
    kind: ItemKind
    location: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewScan:
    """What is ordered. `use` holds texts by the names of `api.uses.USE_COLUMNS`; `as_of` None: the moment of the
    order. `client` None: of nobody in particular."""

    key_id: str
    label: str
    items: Sequence[NewItem]
    client: str | None = None
    use: Mapping[str, str] = field(default_factory=dict)
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan as it stands. `as_of` is the moment that every verdict of it speaks of, whenever a picture is checked."""

    id: str
    key_id: str
    client: str | None
    label: str
    state: ScanState
    use: Mapping[str, str]
    as_of: datetime
    total: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    error: str | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan is. `failed`: pictures that could not be checked; `verdicts` counts the others."""

    total: int
    checked: int
    failed: int
    flagged: int
    verdicts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ScanRow:
    """One picture's result. `finding_id` where it was flagged and kept."""

    number: int
    row: Row = field(repr=False)
    finding_id: str | None


class Scans:
    """Repository of scans and their results."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def new_id(self) -> str:
        """An id for a scan whose uploads are to be kept before it is created."""
        return new_id(SCAN, self._database.clock())

    def create(self, new: NewScan, scan_id: str | None = None) -> Scan:
        """Order a scan. Raises UsageError when there is nothing in it."""
        if not new.items:
            raise UsageError(
                "the scan holds no picture: send files, web addresses or a feed", code="empty_scan"
            )
        scan_id = scan_id or self.new_id()
        with self._database.change(CREATED, scan_id, {"pictures": len(new.items)}) as change:
            change.connection.execute(insert(scan).values(_columns(scan_id, new, change.at)))
            for start in range(0, len(new.items), _AT_ONCE):
                rows = [
                    _item_columns(scan_id, number, item)
                    for number, item in enumerate(new.items[start : start + _AT_ONCE], start=start)
                ]
                change.connection.execute(insert(scan_item), rows)
        return self.get(scan_id)

    def get(self, scan_id: str) -> Scan:
        """Raises NotFound."""
        with self._database.reading() as connection:
            return find(connection, scan_id)

    def page(self, client: str | None, before: str | None, limit: int) -> list[Scan]:
        """Newest first; of one client, or of all with None. `before`: the id of the last scan of the page before."""
        query = select(scan).order_by(scan.c.id.desc()).limit(limit)
        if client is not None:
            query = query.where(scan.c.client_key == name_key(client))
        if before is not None:
            query = query.where(scan.c.id < before)
        with self._database.reading() as connection:
            return [_scan(row) for row in connection.execute(query)]

    def progress(self, scan_ids: Sequence[str]) -> dict[str, Progress]:
        """Counts of each of these scans that exists."""
        with self._database.reading() as connection:
            return counted(connection, scan_ids)

    def rows(self, scan_id: str, after: int, limit: int) -> list[ScanRow]:
        """Results of pictures numbered above `after` (-1: from the first), in order; those without one are left out."""
        query = (
            select(scan_item.c.number, scan_item.c.row, scan_item.c.finding_id)
            .where(scan_item.c.scan_id == scan_id, scan_item.c.number > after, scan_item.c.row.is_not(None))
            .order_by(scan_item.c.number)
            .limit(limit)
        )
        with self._database.reading() as connection:
            found = [(row.number, json.loads(row.row), row.finding_id) for row in connection.execute(query)]
            refs = _refs(connection, [row for _, row, _ in found])
        return [ScanRow(number, with_refs(row, refs), finding_id) for number, row, finding_id in found]

    def cancel(self, scan_id: str) -> Scan:
        """Stop a scan. What has been checked stays. Raises NotFound, Conflict when it has ended."""
        with self._database.change(CANCELLED, scan_id) as change:
            found = locked(change.connection, scan_id)
            if ScanState(found.state).is_final:
                raise Conflict(f"the scan {scan_id} has ended already: {found.state}", code="scan_ended")
            change.connection.execute(_of(scan_id).values(cancel_requested_at=change.at))
            if found.lease_until is None or found.lease_until < change.at:
                finish(change, scan_id, ScanState.CANCELLED)
        return self.get(scan_id)

    def resume(self, scan_id: str) -> Scan:
        """Let a failed scan go on with what has no row yet. Raises NotFound, Conflict when it has not failed."""
        with self._database.change(RESUMED, scan_id) as change:
            found = locked(change.connection, scan_id)
            if found.state != ScanState.FAILED:
                raise Conflict(
                    f"only a failed scan can be resumed; this one is {found.state}", code="scan_not_failed"
                )
            fresh = {"state": str(ScanState.QUEUED), "finished_at": None, "error": None, "attempts": 0}
            change.connection.execute(_of(scan_id).values(fresh))
        return self.get(scan_id)


_AT_ONCE = 1000
"""Rows per statement."""


def find(connection: Connection, scan_id: str) -> Scan:
    """The scan with this id. Raises NotFound."""
    row = connection.execute(select(scan).where(scan.c.id == scan_id)).one_or_none()
    if row is None:
        raise NotFound(f"no scan has the id {scan_id!r}")
    return _scan(row)


def locked(connection: Connection, scan_id: str) -> SqlRow[Any]:
    """The scan's row, which nobody else changes until this transaction ends. Raises NotFound."""
    row = connection.execute(select(scan).where(scan.c.id == scan_id).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"no scan has the id {scan_id!r}")
    return row


def finish(change: Change, scan_id: str, state: ScanState, error: str | None = None) -> None:
    """End a scan in this transaction, and tell of it. The audit event is the transaction's own."""
    ended = {
        "state": str(state),
        "finished_at": change.at,
        "error": error,
        "worker": None,
        "lease_until": None,
    }
    change.connection.execute(_of(scan_id).values(ended))
    found = find(change.connection, scan_id)
    counts = counted(change.connection, [scan_id])[scan_id]
    payload = {
        "scan": scan_id,
        "state": str(state),
        "client": found.client,
        "total": counts.total,
        "checked": counts.checked,
        "failed": counts.failed,
        "flagged": counts.flagged,
        "as_of": found.as_of.isoformat(),
    }
    change.emit(FINISHED, scan_id, payload, Concerns(client=found.client))


def counted(connection: Connection, scan_ids: Sequence[str]) -> dict[str, Progress]:
    """Counts by scan."""
    found: dict[str, Progress] = {}
    for some in chunks(scan_ids):
        totals = select(scan.c.id, scan.c.total).where(scan.c.id.in_(some))
        for row in connection.execute(totals):
            found[row.id] = Progress(row.total, 0, 0, 0, {})
        for row in connection.execute(_counts(some)):
            found[row.scan_id] = _with_group(found[row.scan_id], row)
    return found


def _counts(scan_ids: Sequence[str]) -> Any:
    groups = (scan_item.c.scan_id, scan_item.c.status, scan_item.c.verdict)
    figures = (func.count().label("pictures"), func.count(scan_item.c.finding_id).label("flagged"))
    return (
        select(*groups, *figures)
        .where(scan_item.c.scan_id.in_(scan_ids), scan_item.c.checked_at.is_not(None))
        .group_by(*groups)
    )


def _with_group(so_far: Progress, group: Any) -> Progress:
    """A scan's counts with those of one status and verdict."""
    verdicts = dict(so_far.verdicts)
    if group.verdict is not None:
        verdicts[group.verdict] = group.pictures
    return Progress(
        so_far.total,
        so_far.checked + group.pictures,
        so_far.failed + (group.pictures if group.status == "error" else 0),
        so_far.flagged + group.flagged,
        verdicts,
    )


def _of(scan_id: str) -> Any:
    return update(scan).where(scan.c.id == scan_id)


def _columns(scan_id: str, new: NewScan, at: datetime) -> dict[str, Any]:
    client = (new.client or "").strip() or None
    return {
        "id": scan_id,
        "key_id": new.key_id,
        "client": client,
        "client_key": None if client is None else name_key(client),
        "label": plain(new.label),
        "state": str(ScanState.QUEUED),
        "use": canonical(dict(new.use)),
        "as_of": new.as_of or at,
        "total": len(new.items),
        "created_at": at,
        "attempts": 0,
    }


def _item_columns(scan_id: str, number: int, item: NewItem) -> dict[str, Any]:
    return {
        "scan_id": scan_id,
        "number": number,
        "source": plain(item.source),
        "kind": str(item.kind),
        "location": plain(item.location),
        "columns": canonical(dict(item.columns)),
    }


def _scan(row: SqlRow[Any]) -> Scan:
    columns = {name: value for name, value in row._mapping.items() if name in Scan.__dataclass_fields__}
    return Scan(**columns | {"state": ScanState(row.state), "use": json.loads(row.use)})


def _refs(connection: Connection, rows: Sequence[Row]) -> dict[str, str]:
    """References of the talents that these rows name."""
    named = sorted(frozenset().union(*map(talents_in, rows)))
    query = select(talent.c.id, talent.c.ref)
    found: dict[str, str] = {}
    for some in chunks(named):
        found |= {row.id: row.ref for row in connection.execute(query.where(talent.c.id.in_(some)))}
    return found


def with_refs(row: Row, refs: Mapping[str, str]) -> Row:
    """The row with the references of these talents beside their ids, and of no others."""
    faces = [
        {**face, "candidates": [_named(candidate, refs) for candidate in face["candidates"]]}
        for face in row["faces"]
    ]
    copies = [_named(copy, refs) for copy in row["copies"]]
    made_from = [_named(ingredient, refs) for ingredient in row.get("ingredients", ())]
    return {**row, "faces": faces, "copies": copies, "ingredients": made_from}


def _named(part: Row, refs: Mapping[str, str]) -> Row:
    return {**part, "talent_ref": refs.get(part["talent"])}
