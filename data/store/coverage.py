"""Which references have vectors of which signals: what a change of network has still to make, and what it left behind.

    lacking(signals) ─ a page of references ─▶ their vectors are made (References.put_vectors) ─▶ prune(signals)

Vectors of the old and the new network lie side by side until the old ones are pruned, so whoever still runs the old
one finds everybody.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, select

from data.store.database import Database
from data.store.references import Reference, reference_of
from data.store.rows import chunks
from data.store.tables import reference, reference_signal, signal
from detector.signals import SignalId

Cells = list[tuple[Any, ...]]


class Coverage:
    """Counts, and the references that lack something. Vectors themselves are the business of `References`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counts(self) -> Mapping[SignalId, int]:
        """How many references have a vector of each signal that any of them has."""
        key, having = reference_signal.c.signal_key, func.count().label("having")
        counted = select(key, having).group_by(key).subquery()
        query = select(signal.c.name, counted.c.having).join(counted, counted.c.signal_key == signal.c.key)
        return {SignalId.parse(name): count for name, count in self._cells(query.order_by(signal.c.name))}

    def lacking(self, signals: Collection[SignalId], after: str, limit: int) -> Sequence[Reference]:
        """References without a vector of at least one of these signals, by id, at most `limit` after the id
        `after`."""
        query = select(reference).where(_lacks(signals), reference.c.id > after)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(reference.c.id).limit(limit)).all()
        return [reference_of(row) for row in rows]

    def lacking_by_talent(self, signals: Collection[SignalId]) -> Mapping[str, int]:
        """How many such references each talent has; talents without any are left out."""
        counted = select(reference.c.talent_id, func.count()).where(_lacks(signals))
        return dict(self._cells(counted.group_by(reference.c.talent_id)))

    def signals_of(self, reference_ids: Sequence[str]) -> Mapping[str, frozenset[SignalId]]:
        """The signals that each of these references has vectors of."""
        query = select(reference_signal.c.reference_id, signal.c.name).join_from(signal, reference_signal)
        found: dict[str, set[SignalId]] = {name: set() for name in reference_ids}
        for some in chunks(reference_ids):
            for reference_id, name in self._cells(query.where(reference_signal.c.reference_id.in_(some))):
                found[reference_id].add(SignalId.parse(name))
        return {name: frozenset(signals) for name, signals in found.items()}

    def prune(self, wanted: Collection[SignalId]) -> Mapping[SignalId, int]:
        """Delete the vectors of every other signal of the wanted ones' kinds, where the reference has all the wanted
        ones of that kind; returns how many of each went.

        A reference that couldn't be made anew keeps what it has. Nothing is put or removed for those who follow: a
        reference stays one.
        """
        gone = {}
        for old in sorted(self.counts().keys() - set(wanted)):
            successors = [new for new in wanted if new.kind is old.kind]
            if successors and (count := self._drop(old, successors)):
                gone[old] = count
        if gone:
            self._database.truncate_log()
        return gone

    def _drop(self, old: SignalId, successors: Sequence[SignalId]) -> int:
        """One transaction with its audit event; none where nothing would go."""
        with self._database.reading() as connection:
            if not connection.execute(_replaced(old, successors).limit(1)).first():
                return 0
        with self._database.change("signal.pruned", "signals", {"signal": str(old)}) as change:
            ids = [str(found) for found in change.connection.execute(_replaced(old, successors)).scalars()]
            for some in chunks(ids):
                _delete(change.connection, old, some)
            change.details["vectors"] = len(ids)
        return len(ids)

    def _cells(self, query: Select[Any]) -> Cells:
        with self._database.reading() as connection:
            return [tuple(row) for row in connection.execute(query)]


def _has(signals: Collection[SignalId]) -> ColumnElement[int]:
    """How many of these signals a reference has vectors of."""
    names = [str(name) for name in signals]
    return (
        select(func.count())
        .select_from(reference_signal)
        .join(signal)
        .where(reference_signal.c.reference_id == reference.c.id, signal.c.name.in_(names))
        .correlate(reference)
        .scalar_subquery()
    )


def _lacks(signals: Collection[SignalId]) -> ColumnElement[bool]:
    return _has(signals) < len(set(signals))


def _replaced(old: SignalId, successors: Collection[SignalId]) -> Select[Any]:
    """References that have a vector of `old`, and of everything that takes its place."""
    return select(reference.c.id).where(_has([old]) == 1, _has(successors) == len(set(successors)))


def _delete(connection: Connection, old: SignalId, reference_ids: Sequence[str]) -> None:
    key = select(signal.c.key).where(signal.c.name == str(old)).scalar_subquery()
    connection.execute(
        delete(reference_signal).where(
            reference_signal.c.signal_key == key, reference_signal.c.reference_id.in_(reference_ids)
        )
    )
