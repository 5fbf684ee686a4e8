"""The numbered changes that every vector index replays: `put` with a reference's vector, `remove` without."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, and_, or_, select

from data.store.database import Database, read_ledger
from data.store.tables import change, reference, reference_signal, signal
from data.store.vectors import Array, decode
from detector.signals import SignalId

PUT = "put"
REMOVE = "remove"


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One change of one reference's vector. `vector` is None exactly for a removal; `quality` is the face's,
    0 to 1."""

    number: int
    op: str
    reference_id: str
    talent_id: str
    vector: Array | None = field(repr=False)
    quality: float | None


class Changes:
    """Feed of changes, in the order of their commits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def head(self) -> int:
        """The number of the newest change; 0 when there is none."""
        with self._database.reading() as connection:
            return read_ledger(connection).last_change

    def since(self, number: int, signal_id: SignalId, limit: int) -> list[Change]:
        """Changes of one signal numbered above `number`, oldest first, at most `limit`.

        A put whose reference is gone by now, or has no vector of this signal, is left out; its removal is
        not. The same reference may be put more than once, with the vector it has now.
        """
        made_by = select(signal.c.key).where(signal.c.name == str(signal_id)).scalar_subquery()
        its_vector = and_(
            reference_signal.c.reference_id == change.c.reference_id, reference_signal.c.signal_key == made_by
        )
        vector = (reference_signal.c.dtype, reference_signal.c.shape, reference_signal.c.vector)
        query = (
            select(change, *vector, reference.c.quality)
            .select_from(change)
            .outerjoin(reference_signal, its_vector)
            .outerjoin(reference, reference.c.id == change.c.reference_id)
            .where(change.c.number > number)
            .where(or_(change.c.op == REMOVE, reference_signal.c.vector.is_not(None)))
            .order_by(change.c.number)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [_change(row) for row in connection.execute(query)]


def _change(row: Row[Any]) -> Change:
    removed = row.op == REMOVE
    vector = None if removed else decode(row.dtype, row.shape, row.vector)
    return Change(
        row.number, row.op, row.reference_id, row.talent_id, vector, None if removed else row.quality
    )
