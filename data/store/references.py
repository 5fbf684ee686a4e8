"""References: consented pictures of talents, the face taken from each, and the vectors of its signals.

A reference is written with its vectors, its picture's file, its numbered change and its audit event, or not
at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select

from data.blobs import Blobs, StagedBlob
from data.store.chain import canonical
from data.store.database import Change, Database
from data.store.holds import refuse_held
from data.store.ids import REFERENCE, new_id
from data.store.rows import chunks, plain
from data.store.tables import blob, reference, reference_signal, signal
from data.store.talents import present
from data.store.vectors import Array, Templates
from detector.errors import Conflict, NotFound
from detector.signals import Box, FaceQuality, SignalId

Landmarks = tuple[tuple[float, float], ...]

SignalRow = tuple[str, dict[str, Any]]
"""The name of a signal, and the columns of its vector."""


@dataclass(frozen=True, slots=True, eq=False)
class NewReference:
    """A reference to be written. `picture` is the encoded file; `signals` holds float32 or uint8 arrays by
    signal id.

    source: where the picture came from, for a person to recognise it by. box, landmarks: of the talent's
    face.
    """

    picture: bytes = field(repr=False)
    source: str
    box: Box
    landmarks: Landmarks
    quality: FaceQuality
    signals: Mapping[SignalId, Array] = field(repr=False)
    detection_score: float | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """One kept reference, without its vectors (`References.vectors`) and picture (`References.picture`)."""

    id: str
    talent_id: str
    sha256: str
    source: str
    box: Box
    landmarks: Landmarks
    quality: FaceQuality
    detection_score: float | None
    created_at: datetime


class References:
    """Repository of references. Also answers `detector.ports.FileLookup`."""

    def __init__(
        self, database: Database, blobs: Blobs, templates: Templates, forget: Callable[[], None]
    ) -> None:
        """`forget` throws away the caches on the disk that may hold what was removed."""
        self._database = database
        self._blobs = blobs
        self._templates = templates
        self._forget = forget

    def add(self, talent_id: str, new: NewReference) -> Reference:
        """Keep a reference. Raises NotFound (no such talent), Conflict (erased, or the same file is its
        reference already), ValueError (a vector that is not finite float32 or uint8)."""
        reference_id = new_id(REFERENCE, self._database.clock())
        rows = self._signal_rows(reference_id, new.signals)
        with (
            self._blobs.stage(new.picture) as staged,
            self._database.change("reference.added", reference_id, {"talent": talent_id}) as change,
        ):
            present(change.connection, talent_id)
            _refuse_twice(change.connection, talent_id, staged.sha256)
            added = _reference_of(new, reference_id, talent_id, staged.sha256, change.at)
            _insert(change, added, staged, rows)
            change.log("put", reference_id, talent_id)
            staged.keep()
        return added

    def get(self, reference_id: str) -> Reference:
        """Raises NotFound."""
        found = self.many([reference_id])
        if reference_id not in found:
            raise _missing(reference_id)
        return found[reference_id]

    def many(self, reference_ids: Sequence[str]) -> Mapping[str, Reference]:
        """Those of the ids that exist, by id."""
        queries = (select(reference).where(reference.c.id.in_(some)) for some in chunks(reference_ids))
        return {row.id: reference_of(row) for row in self._rows(queries)}

    def list(self, talent_id: str | None = None) -> list[Reference]:
        """References of one talent, or all of them, oldest first."""
        query = select(reference).order_by(reference.c.created_at, reference.c.id)
        if talent_id is not None:
            query = query.where(reference.c.talent_id == talent_id)
        return [reference_of(row) for row in self._rows([query])]

    def page(self, talent_id: str, after: str | None, limit: int) -> Sequence[Reference]:
        """At most `limit` references of a talent in the order of their ids, from behind the id `after` on."""
        query = (
            select(reference).where(reference.c.talent_id == talent_id).order_by(reference.c.id).limit(limit)
        )
        return [
            reference_of(row)
            for row in self._rows([query if after is None else query.where(reference.c.id > after)])
        ]

    def counts_of(self, talent_ids: Sequence[str]) -> Mapping[str, int]:
        """How many references each of these talents has."""
        counted = select(reference.c.talent_id, func.count().label("references")).group_by(
            reference.c.talent_id
        )
        some = (counted.where(reference.c.talent_id.in_(ids)) for ids in chunks(talent_ids))
        return dict.fromkeys(talent_ids, 0) | {row.talent_id: row.references for row in self._rows(some)}

    def counts(self) -> Mapping[str, int]:
        """How many references each talent has; talents without any are left out."""
        counted = func.count().label("references")
        query = select(reference.c.talent_id, counted).group_by(reference.c.talent_id)
        return {row.talent_id: row.references for row in self._rows([query])}

    def by_sha256(self, sha256: str, talent_id: str | None = None) -> Sequence[Reference]:
        """References that are the file with this SHA-256 (hex): one per talent at most."""
        query = select(reference).where(reference.c.sha256 == sha256).order_by(reference.c.id)
        if talent_id is not None:
            query = query.where(reference.c.talent_id == talent_id)
        return [reference_of(row) for row in self._rows([query])]

    def references_of_files(self, sha256s: Sequence[str]) -> Mapping[str, Sequence[tuple[str, str]]]:
        """For each SHA-256 that is a reference's: its (talent id, reference id) pairs."""
        columns = select(reference.c.sha256, reference.c.talent_id, reference.c.id).order_by(reference.c.id)
        found: dict[str, list[tuple[str, str]]] = {}
        for row in self._rows(columns.where(reference.c.sha256.in_(some)) for some in chunks(sha256s)):
            found.setdefault(row.sha256, []).append((row.talent_id, row.id))
        return found

    def picture(self, reference_id: str) -> bytes:
        """The encoded picture. Raises NotFound, or StoreError when its file is missing or damaged."""
        return self._blobs.read(self.get(reference_id).sha256)

    def vectors(self, reference_id: str) -> Mapping[SignalId, Array]:
        """The reference's vectors by signal id, read-only. Raises NotFound."""
        columns = (reference_signal.c.dtype, reference_signal.c.shape, reference_signal.c.vector)
        query = select(signal.c.name, *columns).join_from(signal, reference_signal)
        rows = self._rows([query.where(reference_signal.c.reference_id == reference_id)])
        if not rows:
            self.get(reference_id)
        return {SignalId.parse(row.name): self._templates.array(reference_id, row.name, row) for row in rows}

    def vectors_of(self, reference_ids: Sequence[str], signal_id: SignalId) -> Mapping[str, Array]:
        """The vectors of one signal, read-only, of those of the references that have one."""
        columns = (reference_signal.c.dtype, reference_signal.c.shape, reference_signal.c.vector)
        query = (
            select(reference_signal.c.reference_id, *columns)
            .join_from(signal, reference_signal)
            .where(signal.c.name == str(signal_id))
        )
        some = (query.where(reference_signal.c.reference_id.in_(ids)) for ids in chunks(reference_ids))
        named, rows = str(signal_id), self._rows(some)
        return {row.reference_id: self._templates.array(row.reference_id, named, row) for row in rows}

    def put_vectors(self, reference_id: str, signals: Mapping[SignalId, Array]) -> None:
        """Add or replace vectors of a reference: another network came. Emits a put. Raises NotFound,
        ValueError."""
        rows = self._signal_rows(reference_id, signals)
        with self._database.change("reference.reindexed", reference_id, {"signals": len(rows)}) as change:
            talent_id = _talent_of(change.connection, reference_id)
            for name, columns in rows:
                key = _signal_key(change.connection, name)
                _delete_vectors(change.connection, reference_id, key)
                _insert_vector(change.connection, reference_id, key, columns)
            change.log("put", reference_id, talent_id)

    def remove(self, reference_id: str) -> None:
        """Delete a reference, its vectors and, if no other reference needs it, its picture. Raises
        NotFound, LegalHold."""
        with self._database.change("reference.removed", reference_id) as change:
            talent_id = _talent_of(change.connection, reference_id)
            refuse_held(change.connection, talent_id)
            change.details["talent"] = talent_id
            drop(change, reference_id)
        sweep_rows(self._database, self._blobs)
        self._database.truncate_log()
        self._forget()

    def _signal_rows(self, reference_id: str, signals: Mapping[SignalId, Array]) -> Sequence[SignalRow]:
        columns = self._templates.columns
        return [(str(name), columns(reference_id, name, array)) for name, array in signals.items()]

    def _rows(self, queries: Iterable[Select[Any]]) -> Sequence[Row[Any]]:
        with self._database.reading() as connection:
            return [row for query in queries for row in connection.execute(query)]


def drop(change: Change, reference_id: str) -> None:
    """Delete the rows of one reference and log the removal. The picture's file is for `sweep_rows`, after the
    commit."""
    talent_id = _talent_of(change.connection, reference_id)
    _delete_vectors(change.connection, reference_id)
    change.connection.execute(delete(reference).where(reference.c.id == reference_id))
    change.log("remove", reference_id, talent_id)


def sweep_rows(database: Database, blobs: Blobs) -> int:
    """Delete pictures that no reference needs any more; returns how many. Safe to repeat after a crash at any
    point."""
    unneeded = select(blob.c.sha256).where(
        ~select(reference.c.id).where(reference.c.sha256 == blob.c.sha256).exists()
    )
    with database.reading() as connection:
        if connection.execute(unneeded.limit(1)).first() is None:
            return 0
    with database.exclusively() as connection:
        swept = connection.execute(unneeded).scalars().all()
        for sha256 in swept:
            blobs.discard(sha256)
            connection.execute(delete(blob).where(blob.c.sha256 == sha256))
    return len(swept)


def blob_names(connection: Connection) -> frozenset[str]:
    """SHA-256 of every picture that the database knows of."""
    return frozenset(connection.execute(select(blob.c.sha256)).scalars())


def _refuse_twice(connection: Connection, talent_id: str, sha256: str) -> None:
    same = select(reference.c.id).where(reference.c.talent_id == talent_id, reference.c.sha256 == sha256)
    present_already = connection.execute(same).scalar()
    if present_already is not None:
        raise Conflict(f"the same picture is reference {present_already} of talent {talent_id} already")


def _insert(change: Change, new: Reference, staged: StagedBlob, rows: Sequence[SignalRow]) -> None:
    connection = change.connection
    if connection.execute(select(blob.c.sha256).where(blob.c.sha256 == new.sha256)).first() is None:
        connection.execute(insert(blob).values(sha256=new.sha256, size=staged.size, created_at=change.at))
    connection.execute(insert(reference).values(_columns(new)))
    for name, columns in rows:
        _insert_vector(connection, new.id, _signal_key(connection, name), columns)


def _insert_vector(connection: Connection, reference_id: str, key: int, columns: dict[str, Any]) -> None:
    connection.execute(insert(reference_signal).values(reference_id=reference_id, signal_key=key, **columns))


def _delete_vectors(connection: Connection, reference_id: str, key: int | None = None) -> None:
    query = delete(reference_signal).where(reference_signal.c.reference_id == reference_id)
    connection.execute(query if key is None else query.where(reference_signal.c.signal_key == key))


def _signal_key(connection: Connection, name: str) -> int:
    key = connection.execute(select(signal.c.key).where(signal.c.name == name)).scalar()
    if key is None:
        key = (connection.execute(select(func.max(signal.c.key))).scalar() or 0) + 1
        connection.execute(insert(signal).values(key=key, name=name))
    return key


def _talent_of(connection: Connection, reference_id: str) -> str:
    found = connection.execute(select(reference.c.talent_id).where(reference.c.id == reference_id)).scalar()
    if found is None:
        raise _missing(reference_id)
    return str(found)


def _missing(reference_id: str) -> NotFound:
    return NotFound(f"no reference has the id {reference_id!r}; `lookalike talent show` lists them")


def _reference_of(
    new: NewReference, reference_id: str, talent_id: str, sha256: str, at: datetime
) -> Reference:
    return Reference(
        reference_id,
        talent_id,
        sha256,
        plain(new.source),
        new.box,
        new.landmarks,
        new.quality,
        new.detection_score,
        at,
    )


def _columns(item: Reference) -> dict[str, Any]:
    face = {
        "box": asdict(item.box),
        "landmarks": item.landmarks,
        "quality": asdict(item.quality),
        "detection_score": item.detection_score,
    }
    return {
        "id": item.id,
        "talent_id": item.talent_id,
        "sha256": item.sha256,
        "source": item.source,
        "face": canonical(face),
        "quality": item.quality.score,
        "created_at": item.created_at,
    }


def reference_of(row: Row[Any]) -> Reference:
    """One row of the table as a value."""
    face = json.loads(row.face)
    quality = {**face["quality"], "faults": tuple(face["quality"]["faults"])}
    return Reference(
        row.id,
        row.talent_id,
        row.sha256,
        row.source,
        Box(**face["box"]),
        tuple((x, y) for x, y in face["landmarks"]),
        FaceQuality(**quality),
        face["detection_score"],
        row.created_at,
    )
