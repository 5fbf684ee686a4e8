"""The numbered changes that every vector index replays: `put` with a reference's vector, `remove` without."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, and_, or_, select

from data.store.database import Database, read_ledger
from data.store.tables import change, reference, reference_signal, signal
from data.store.vectors import Array, Templates
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

    def __init__(self, database: Database, templates: Templates) -> None:
        self._database = database
        self._templates = templates

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
            rows = connection.execute(query).all()
        return [self._change(row, str(signal_id)) for row in rows]

    def _change(self, row: Row[Any], signal_name: str) -> Change:
        if row.op == REMOVE:
            return Change(row.number, row.op, row.reference_id, row.talent_id, None, None)
        vector = self._templates.array(row.reference_id, signal_name, row)
        return Change(row.number, row.op, row.reference_id, row.talent_id, vector, row.quality)
