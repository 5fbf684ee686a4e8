"""The audit log: append-only events, each chained to the one before by SHA-256.

    hash(n) = SHA-256(canonical JSON of event n, with hash(n-1) in it)

An event is written in the transaction of the change it tells of (`Database.change`). `verify` reads the chain
from its start and names every altered, removed or reordered row; the last hash is kept in the ledger too, so
that a cut tail is found as well. Whoever can rewrite the whole database can rewrite the chain: signed checkpoints,
kept elsewhere, show that too (`data.checkpoints`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, select

from data.checkpoints import Checkpoint, public_of, sign
from data.store.chain import GENESIS, AuditEvent
from data.store.database import Database, Ledger, read_ledger
from data.store.tables import audit_event
from detector.errors import Conflict

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class AuditFault:
    """What is wrong at one event number of the chain."""

    number: int
    detail: str


class AuditLog:
    """Reads the chain. Writing is part of every change, see `Database.change`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(self, *, subject: str | None = None, after: int = 0, limit: int = 1000) -> list[AuditEvent]:
        """Events in order, those numbered above `after`; of one subject if asked."""
        query = select(audit_event).where(audit_event.c.number > after)
        if subject is not None:
            query = query.where(audit_event.c.subject == subject)
        with self._database.reading() as connection:
            rows = connection.execute(query.order_by(audit_event.c.number).limit(limit))
            return [_event(row) for row in rows]

    def head(self) -> tuple[int, str]:
        """Number and hash of the last event; (0, GENESIS) while there is none."""
        with self._database.reading() as connection:
            ledger = read_ledger(connection)
        return ledger.last_event, ledger.last_hash

    def verify(self, checkpoints: Sequence[Checkpoint] = ()) -> Sequence[AuditFault]:
        """Every fault of the chain, in order, then every checkpoint it doesn't lead to; empty when it is whole."""
        with self._database.reading() as connection:
            faults = list(_faults(_events(connection), read_ledger(connection)))
            return [*faults, *_missed(connection, checkpoints)]

    def checkpoint(self, key: Ed25519PrivateKey) -> Checkpoint:
        """The chain's end, signed; that it was signed is the next event. Raises Conflict while there is no event."""
        number, last = self.head()
        if not number:
            raise Conflict("the audit chain has no event yet, so there is nothing to sign")
        with self._database.change("audit.checkpointed", "audit", {"event": number}) as change:
            change.details["key"] = public_of(key)
            return sign(number, last, change.at, key)


def _faults(events: Iterator[AuditEvent | AuditFault], ledger: Ledger) -> Iterator[AuditFault]:
    number, previous = 0, GENESIS
    for event in events:
        if isinstance(event, AuditFault):
            yield event
            number, previous = event.number, ""
            continue
        if event.number != number + 1:
            yield AuditFault(number + 1, f"events {number + 1} to {event.number - 1} are missing")
        elif previous and event.previous != previous:
            yield AuditFault(event.number, "does not follow the event before it: a row was altered or moved")
        if event.computed_hash() != event.hash:
            yield AuditFault(event.number, "its content is not what was written")
        number, previous = event.number, event.hash
    if (number, previous) != (ledger.last_event, ledger.last_hash):
        yield AuditFault(number, f"is the last event, but event {ledger.last_event} was written last")


def _missed(connection: Connection, checkpoints: Sequence[Checkpoint]) -> Iterator[AuditFault]:
    """A chain that was cut or made anew is whole in itself: what was signed before shows it."""
    for one in checkpoints:
        query = select(audit_event.c.hash).where(audit_event.c.number == one.number)
        found = connection.execute(query).scalar()
        if found is None:
            yield AuditFault(one.number, f"is missing, but was signed on {one.at}: the chain was cut")
        elif found != one.hash:
            yield AuditFault(
                one.number, f"is another than the one signed on {one.at}: the chain was made anew"
            )


def _events(connection: Connection) -> Iterator[AuditEvent | AuditFault]:
    rows = connection.execution_options(yield_per=_PAGE).execute(
        select(audit_event).order_by(audit_event.c.number)
    )
    for row in rows:
        try:
            yield _event(row)
        except ValueError:
            yield AuditFault(row.number, "its details are no longer JSON")


def _event(row: Row[Any]) -> AuditEvent:
    return AuditEvent(
        row.number, row.at, row.action, row.subject, json.loads(row.details), row.previous, row.hash
    )
