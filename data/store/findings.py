"""Findings: flagged pictures, kept for people to decide on, each with its picture while it is needed.

    add(NewFinding) ─▶ one transaction: row, whom it names, audit event, finding.created in the outbox, the file
    page(FindingFilter, …) ─▶ the queue          review(id, version, Judgement, key) ─▶ the next version, or Conflict

A finding that repeats one which a person called benign begins as `suppressed`: it is kept, and waits in no queue.
Only flagged rows are taken: of a stranger's face nothing is kept here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy import Row as SqlRow

from data.blobs import Blobs, StagedBlob
from data.store.chain import canonical
from data.store.database import Change, Concerns, Database
from data.store.ids import FINDING, new_id
from data.store.repeats import benign_before
from data.store.rows import chunks, plain
from data.store.service_tables import evidence, finding, finding_talent, review
from data.store.tables import talent
from detector.access import name_key
from detector.decision import Severity
from detector.errors import NotFound, StaleVersion
from detector.finding import Row
from detector.naming import is_flagged, severity_of, talents_in, without_talent
from detector.review import Judgement, ReviewState, require_allowed

CREATED, REVIEWED = "finding.created", "finding.reviewed"
"""Events of a finding; the audit's actions have the same names."""


@dataclass(frozen=True, slots=True)
class NewFinding:
    """A flagged row to be kept. `picture` is the encoded file, None where the service never had it (a check by
    signals); `client` is whose finding it is, None: of nobody in particular."""

    row: Row = field(repr=False)
    key_id: str
    client: str | None = None
    scan_id: str | None = None
    picture: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class KeptFinding:
    """One finding as it stands. `row` is of docs/finding.schema.json; `talents` are all whom it names; `picture` says
    whether its picture is kept; `repeats` is the finding whose review made this one benign."""

    id: str
    created_at: datetime
    key_id: str
    client: str | None
    scan_id: str | None
    source: str
    sha256: str
    verdict: str
    severity: str
    row: Row = field(repr=False)
    picture: bool
    state: ReviewState
    version: int
    reviewed_at: datetime | None
    repeats: str | None
    talents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Review:
    """One decision on a finding: version 1 is the first."""

    finding_id: str
    version: int
    at: datetime
    key_id: str
    outcome: ReviewState
    note: str | None
    document: str | None
    document_sha256: str | None

    def without_grounds(self) -> Review:
        """For who only looks: what was decided and when, not on what ground."""
        return replace(self, note=None, document=None, document_sha256=None)


@dataclass(frozen=True, slots=True)
class StagedFinding:
    """A finding whose picture is on the disk already."""

    new: NewFinding
    _picture: StagedBlob | None

    def keep(self, change: Change, finding_id: str | None = None) -> str | None:
        """Write it and its event in this transaction; returns its id. The audit event is the transaction's own.

        None, and nothing is written, when all whom it names were erased since the check.
        """
        row = _of_those_present(change.connection, self.new.row)
        if row is None or not is_flagged(row):
            return None
        # the picture shows whoever was erased meanwhile as well
        picture = self._picture if row is self.new.row else None
        if picture is not None:
            _keep_picture(change, picture)
        finding_id = finding_id or new_id(FINDING, change.at)
        _insert(change, finding_id, replace(self.new, row=row), picture.sha256 if picture else None)
        return finding_id


class _NobodyLeftError(Exception):
    """Undoes the transaction of a finding that names nobody any more."""


class Findings:
    """Repository of findings. `pictures` are the files of flagged pictures, apart from the references'."""

    def __init__(self, database: Database, pictures: Blobs) -> None:
        self._database = database
        self._pictures = pictures

    def add(self, new: NewFinding) -> KeptFinding | None:
        """Keep a finding; None when all whom it names were erased since the check. Raises ValueError when its row is
        not flagged, or speaks of another picture."""
        finding_id = new_id(FINDING, self._database.clock())
        try:
            with self.staged(new) as staged, self._database.change(CREATED, finding_id) as change:
                if staged.keep(change, finding_id) is None:
                    raise _NobodyLeftError
                return find(change.connection, finding_id)
        except _NobodyLeftError:
            return None

    @contextmanager
    def staged(self, new: NewFinding) -> Iterator[StagedFinding]:
        """For whoever writes a finding together with something else, in one transaction. Raises as `add`."""
        if not is_flagged(new.row):
            raise ValueError("the row is not flagged: nothing is kept of it")
        if new.picture is None:
            yield StagedFinding(new, None)
            return
        with self._pictures.stage(new.picture) as picture:
            if picture.sha256 != new.row["sha256"]:
                raise ValueError("the picture is not the one that the row speaks of")
            yield StagedFinding(new, picture)

    def benign(self, row: Row, client: str | None) -> KeptFinding | None:
        """The newest finding of the same picture and client whose review settles this row too; None if there is none."""
        with self._database.reading() as connection:
            before = benign_before(connection, row, _key_of(client), sorted(talents_in(row)))
            return None if before is None else find(connection, before)

    def get(self, finding_id: str) -> KeptFinding:
        """Raises NotFound."""
        with self._database.reading() as connection:
            return find(connection, finding_id)

    def picture(self, finding_id: str) -> bytes:
        """The flagged picture, encoded as it came. Raises NotFound when it is not kept (any more), StoreError when
        its file is missing or damaged."""
        with self._database.reading() as connection:
            row = _row(connection, finding_id)
        if row.picture is None:
            raise NotFound(f"the picture of the finding {finding_id} is not kept", code="picture_not_kept")
        return self._pictures.read(row.picture)

    def review(self, finding_id: str, version: int, judgement: Judgement, key_id: str) -> KeptFinding:
        """Decide on a finding, as it was when read at `version`.

        Raises NotFound, StaleVersion when somebody decided meanwhile, OutcomeNotAllowed, and UsageError when the
        judgement lacks what it needs.
        """
        details = {"outcome": str(judgement.outcome), "key": key_id}
        with self._database.change(REVIEWED, finding_id, details) as change:
            before = find(change.connection, finding_id)
            if before.version != version:
                raise StaleVersion(
                    f"the finding {finding_id} is at version {before.version} by now, not {version}: read it again"
                )
            _decide(change, before, require_allowed(before.state, judgement), key_id)
            return find(change.connection, finding_id)

    def history(self, finding_id: str) -> Sequence[Review]:
        """Every decision, oldest first. Raises NotFound."""
        query = select(review).where(review.c.finding_id == finding_id).order_by(review.c.version)
        with self._database.reading() as connection:
            _row(connection, finding_id)
            return [_review(row) for row in connection.execute(query)]


def find(connection: Connection, finding_id: str) -> KeptFinding:
    """The finding with this id. Raises NotFound."""
    return kept_of(connection, [_row(connection, finding_id)])[0]


def kept_of(connection: Connection, rows: Sequence[SqlRow[Any]]) -> list[KeptFinding]:
    """The findings of these rows of the table, in the same order, each with the talents that it names."""
    named: dict[str, list[str]] = {row.id: [] for row in rows}
    query = select(finding_talent).order_by(finding_talent.c.talent_id)
    for some in chunks(list(named)):
        for link in connection.execute(query.where(finding_talent.c.finding_id.in_(some))):
            named[link.finding_id].append(link.talent_id)
    return [_kept(row, tuple(named[row.id])) for row in rows]


def _row(connection: Connection, finding_id: str) -> SqlRow[Any]:
    row = connection.execute(select(finding).where(finding.c.id == finding_id)).one_or_none()
    if row is None:
        raise NotFound(f"no finding has the id {finding_id!r}")
    return row


def _kept(row: SqlRow[Any], talents: tuple[str, ...]) -> KeptFinding:
    columns = {
        name: value for name, value in row._mapping.items() if name in KeptFinding.__dataclass_fields__
    }
    read = {
        "row": json.loads(row.row),
        "picture": row.picture is not None,
        "state": ReviewState(row.state),
        "talents": talents,
    }
    return KeptFinding(**columns | read)


def _review(row: SqlRow[Any]) -> Review:
    return Review(**{**row._mapping, "outcome": ReviewState(row.outcome)})


def _keep_picture(change: Change, picture: StagedBlob) -> None:
    known = select(evidence.c.sha256).where(evidence.c.sha256 == picture.sha256)
    if change.connection.execute(known).first() is None:
        row = {"sha256": picture.sha256, "size": picture.size, "created_at": change.at}
        change.connection.execute(insert(evidence).values(row))
    picture.keep()


def _of_those_present(connection: Connection, row: Row) -> Row | None:
    """The row without those who were erased since; the very row when nobody was."""
    erased = select(talent.c.id).where(talent.c.erased_at.is_not(None))
    left: Row | None = row
    for some in chunks(sorted(talents_in(row))):
        for talent_id in connection.execute(erased.where(talent.c.id.in_(some))).scalars():
            left = None if left is None else without_talent(left, talent_id)
    return left


def _insert(change: Change, finding_id: str, new: NewFinding, picture: str | None) -> None:
    row, connection = new.row, change.connection
    talents = sorted(talents_in(row))
    repeats = _benign_before(connection, new, talents)
    severity = severity_of(row)
    columns = {
        "id": finding_id,
        "created_at": change.at,
        "key_id": new.key_id,
        "client": new.client,
        "client_key": _key_of(new.client),
        "scan_id": new.scan_id,
        "source": plain(row["source"]),
        "sha256": row["sha256"],
        "verdict": str(row["verdict"]),
        "severity": str(severity),
        "severity_rank": Severity.CRITICAL.rank - severity.rank,
        "row": canonical(row),
        "picture": picture,
        "state": str(ReviewState.SUPPRESSED if repeats else ReviewState.OPEN),
        "version": 0,
        "repeats": repeats,
    }
    connection.execute(insert(finding).values(columns))
    if talents:
        links = [{"finding_id": finding_id, "talent_id": talent_id} for talent_id in talents]
        connection.execute(insert(finding_talent), links)
    if repeats is None:
        _tell_created(change, finding_id, new, talents)


def _benign_before(connection: Connection, new: NewFinding, talents: Sequence[str]) -> str | None:
    """Only of a picture that was here: who sends signals alone says himself which picture they are of."""
    if new.picture is None:
        return None
    return benign_before(connection, new.row, _key_of(new.client), talents)


def _tell_created(change: Change, finding_id: str, new: NewFinding, talents: Sequence[str]) -> None:
    payload = {
        "finding": finding_id,
        "scan": new.scan_id,
        "client": new.client,
        "sha256": new.row["sha256"],
        "verdict": str(new.row["verdict"]),
        "severity": str(severity_of(new.row)),
        "talents": list(talents),
        "as_of": new.row["as_of"],
    }
    change.emit(CREATED, finding_id, payload, concerned(change.connection, new.client, talents))


def _decide(change: Change, before: KeptFinding, judgement: Judgement, key_id: str) -> None:
    version = before.version + 1
    decided = {"finding_id": before.id, "version": version, "at": change.at, "key_id": key_id}
    said = {
        "outcome": str(judgement.outcome),
        "note": judgement.note,
        "document": judgement.document,
        "document_sha256": judgement.document_sha256,
    }
    change.connection.execute(insert(review).values(decided | said))
    stands = {"state": str(judgement.outcome), "version": version, "reviewed_at": change.at}
    change.connection.execute(update(finding).where(finding.c.id == before.id).values(stands))
    payload = {
        "finding": before.id,
        "scan": before.scan_id,
        "client": before.client,
        "outcome": str(judgement.outcome),
        "before": str(before.state),
        "version": version,
        "key": key_id,
    }
    whom = concerned(change.connection, before.client, before.talents)
    change.emit(REVIEWED, before.id, payload, whom)


def concerned(connection: Connection, client: str | None, talents: Sequence[str]) -> Concerns:
    """Whom a finding concerns: its client, and the agency that all its talents are of, if it is one."""
    query = select(talent.c.agency).where(talent.c.id.in_(talents)).distinct()
    agencies = connection.execute(query).scalars().all()
    return Concerns(client, agencies[0] if len(agencies) == 1 else None)


def _key_of(client: str | None) -> str | None:
    return None if client is None else name_key(client)
