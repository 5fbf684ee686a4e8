"""What time takes from the store beside templates: pictures of findings that were settled long ago, and what a legal
hold kept of somebody who has been erased since.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, update

from data.blobs import Blobs
from data.store.database import Database
from data.store.finding_erasure import forget_talent, sweep_evidence
from data.store.service_tables import finding, finding_talent
from data.store.tables import legal_hold, talent
from detector.review import BENIGN, ReviewState

SETTLED = frozenset({*BENIGN, ReviewState.RESOLVED, ReviewState.SUPPRESSED})
"""States in which nobody has anything left to do."""


class Retention:
    """Repository of what is over its date. Who decides the dates: `api.retention`."""

    def __init__(self, database: Database, evidence: Blobs) -> None:
        self._database = database
        self._evidence = evidence

    def settled_evidence(self, before: datetime) -> int:
        """How many findings were settled before that moment, still have their picture, and are under no hold."""
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).where(_settled(before))).scalar_one()

    def drop_evidence(self, before: datetime) -> int:
        """Delete those pictures; the findings stay. Returns how many."""
        if not self.settled_evidence(before):
            return 0
        with self._database.change("evidence.expired", "findings", {"before": before.isoformat()}) as change:
            gone = change.connection.execute(update(finding).where(_settled(before)).values(picture=None))
            change.details["pictures"] = gone.rowcount
        self._swept()
        return gone.rowcount

    def left_of_erased(self) -> list[str]:
        """Ids of erased talents whom findings still name although no hold is on those (any more)."""
        with self._database.reading() as connection:
            return list(connection.execute(_left_of_erased()).scalars())

    def forget_erased(self) -> int:
        """Take them out of those findings; returns how many findings there were."""
        if not self.left_of_erased():
            return 0
        with self._database.change("evidence.released", "findings") as change:
            count = sum(forget_talent(change.connection, name) for name in _named(change.connection))
            change.details["findings"] = count
        self._swept()
        return count

    def _swept(self) -> None:
        sweep_evidence(self._database, self._evidence)
        self._database.truncate_log()


def _named(connection: Connection) -> list[str]:
    return list(connection.execute(_left_of_erased()).scalars())


def _left_of_erased() -> Select[Any]:
    named = (
        select(finding_talent.c.talent_id).join(talent, talent.c.id == finding_talent.c.talent_id).distinct()
    )
    free = ~_held(finding_talent.c.finding_id)
    return named.where(talent.c.erased_at.is_not(None), free).order_by(finding_talent.c.talent_id)


def _settled(before: datetime) -> ColumnElement[bool]:
    return (
        finding.c.picture.is_not(None)
        & finding.c.state.in_(sorted(map(str, SETTLED)))
        & (func.coalesce(finding.c.reviewed_at, finding.c.created_at) < before)
        & ~_held(finding.c.id)
    )


def _held(finding_id: ColumnElement[str]) -> ColumnElement[bool]:
    on_it = select(legal_hold.c.id).where(legal_hold.c.subject == finding_id)
    return on_it.where(legal_hold.c.released_at.is_(None)).exists()
