"""The outbox: from an event to its messages, and from a message to delivered or dead.

    event (written with the change) ─ fan_out ─▶ one delivery per webhook that is to be told
    claim(now) ─▶ Due: due deliveries, leased to this worker ─ sent ─▶ settle(due, Delivered | Failed)

A delivery is tried until it is delivered or its attempts are used up (dead). A worker that dies with a lease leaves it
to the next one when the lease passes, so a message may come twice, under the same id. Nothing here is audited but what
a person did; deliveries are no change of the truth.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from data.store.database import Database
from data.store.ids import DELIVERY, new_id
from data.store.keys import key_of_row
from data.store.rows import chunks
from data.store.service_tables import api_key, delivery, event, webhook
from data.store.webhooks import disable, events_of
from detector.access import Principal
from detector.errors import Conflict, NotFound
from detector.events import EventType, is_told

LEASE = timedelta(minutes=2)
"""Longer than any attempt takes."""

KEPT = timedelta(days=90)
"""How long events and their deliveries are kept; longer than the earliest notice of an expiring consent."""

_AT_ONCE = 200


class DeliveryState(StrEnum):
    """`dead`: given up; a person may have it sent again."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Due:
    """One message to be sent now, for the `attempt`-th time."""

    delivery_id: str
    webhook_id: str
    url: str
    event_id: str
    kind: EventType
    at: datetime
    payload: Mapping[str, Any] = field(repr=False)
    attempt: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver took it."""

    status: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The receiver did not take it. `again_at` None: no further attempt; `gone`: it wants no more messages at all."""

    error: str
    status: int | None = None
    again_at: datetime | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """How far one message got."""

    id: str
    event_id: str
    webhook_id: str
    type: EventType
    state: DeliveryState
    attempts: int
    next_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime
    delivered_at: datetime | None


class Outbox:
    """Repository of events on their way."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def fan_out(self) -> int:
        """Make the deliveries of new events; returns how many. Safe to be called by several workers at once."""
        waiting = select(event).where(event.c.fanned_out.is_(False)).order_by(event.c.number).limit(_AT_ONCE)
        if not self._any(waiting):
            return 0
        with self._database.exclusively() as connection:
            listeners = _listeners(connection, self._database.clock())
            rows = connection.execute(waiting).all()
            made = [one for row in rows for one in self._deliveries(row, listeners)]
            if made:
                connection.execute(insert(delivery), made)
            done = event.c.number.in_([row.number for row in rows])
            connection.execute(update(event).where(done).values(fanned_out=True))
        return len(made)

    def claim(self, limit: int) -> Sequence[Due]:
        """Take due deliveries for this worker, the longest due first; those of webhooks that ended are given up."""
        now = self._database.clock()
        if not self._any(_due(now)):
            return []
        with self._database.exclusively() as connection:
            speaking = {row.id: row for row, _ in _listeners(connection, now)}
            rows = connection.execute(_due(now).limit(limit)).all()
            _give_up(connection, [row.id for row in rows if row.webhook_id not in speaking])
            claimed = [row for row in rows if row.webhook_id in speaking]
            _lease(connection, [row.id for row in claimed], now + LEASE)
        return [_as_due(row, speaking[row.webhook_id]) for row in claimed]

    def settle(self, due: Due, came_to: Delivered | Failed) -> None:
        """Write down what an attempt came to, unless another worker has taken the delivery over meanwhile."""
        now = self._database.clock()
        with self._database.exclusively() as connection:
            _settle(connection, due, _columns(came_to, now))
        if isinstance(came_to, Failed) and came_to.gone:
            self._disable(due.webhook_id)

    def deliveries(
        self,
        webhook_id: str,
        states: Collection[DeliveryState] = (),
        after: str | None = None,
        limit: int = 50,
    ) -> Sequence[Delivery]:
        """Deliveries of a webhook, the newest first, from behind the id `after` on."""
        query = (
            _with_type()
            .where(delivery.c.webhook_id == webhook_id)
            .order_by(delivery.c.id.desc())
            .limit(limit)
        )
        if states:
            query = query.where(delivery.c.state.in_(sorted(states)))
        if after is not None:
            query = query.where(delivery.c.id < after)
        with self._database.reading() as connection:
            return [_delivery(row) for row in connection.execute(query)]

    def send_again(self, webhook_id: str, delivery_id: str, by: Principal) -> Delivery:
        """Have a message sent again, from the first attempt on. Raises NotFound; Conflict when it waits to be sent."""
        details = {"webhook": webhook_id, "key": by.key_id}
        with self._database.change("delivery.repeated", delivery_id, details) as change:
            if _found(change.connection, webhook_id, delivery_id).state is DeliveryState.PENDING:
                raise Conflict(f"the delivery {delivery_id} is waiting to be sent already")
            values = {"state": "pending", "attempts": 0, "next_at": change.at, "delivered_at": None}
            change.connection.execute(update(delivery).where(delivery.c.id == delivery_id).values(values))
            return _found(change.connection, webhook_id, delivery_id)

    def prune(self) -> int:
        """Forget events that are older than `KEPT`, with their deliveries; returns how many."""
        old = event.c.at < self._database.clock() - KEPT
        if not self._any(select(event.c.id).where(old)):
            return 0
        with self._database.exclusively() as connection:
            ids = list(connection.execute(select(event.c.id).where(old, event.c.fanned_out)).scalars())
            for some in chunks(ids):
                connection.execute(delete(delivery).where(delivery.c.event_id.in_(some)))
                connection.execute(delete(event).where(event.c.id.in_(some)))
        return len(ids)

    def counts(self) -> Mapping[DeliveryState, int]:
        """How many deliveries are in each state."""
        counted = select(delivery.c.state, func.count().label("found")).group_by(delivery.c.state)
        with self._database.reading() as connection:
            found = {row.state: row.found for row in connection.execute(counted)}
        return {state: found.get(str(state), 0) for state in DeliveryState}

    def _deliveries(
        self, row: Row[Any], listeners: Sequence[tuple[Row[Any], Principal]]
    ) -> list[dict[str, Any]]:
        now = self._database.clock()
        return [
            {
                "id": new_id(DELIVERY, now),
                "event_id": row.id,
                "webhook_id": hook.id,
                "state": str(DeliveryState.PENDING),
                "attempts": 0,
                "next_at": now,
                "created_at": now,
            }
            for hook, owner in listeners
            if hook.created_at <= row.at and _wants(hook, owner, row)
        ]

    def _disable(self, webhook_id: str) -> None:
        with self._database.change("webhook.disabled", webhook_id, {"reason": "gone"}) as change:
            disable(change.connection, webhook_id, "gone", change.at)

    def _any(self, query: Any) -> bool:
        """Whether there is something to do: asked first, since most looks find nothing and need no lock."""
        with self._database.reading() as connection:
            return connection.execute(query.limit(1)).first() is not None


def _wants(hook: Row[Any], owner: Principal, row: Row[Any]) -> bool:
    kinds = [kind for kind in events_of(hook) if kind == row.type]
    return any(is_told(owner, kind, row.client, row.agency) for kind in kinds)


def _listeners(connection: Connection, now: datetime) -> Sequence[tuple[Row[Any], Principal]]:
    """Every webhook that is told anything now, with the key that it speaks for."""
    keys = {row.id: key_of_row(row) for row in connection.execute(select(api_key))}
    listening = select(webhook).where(webhook.c.deleted_at.is_(None), webhook.c.disabled_at.is_(None))
    rows = connection.execute(listening.order_by(webhook.c.id)).all()
    return [(row, keys[row.key_id].principal) for row in rows if keys[row.key_id].usable(now)]


def _due(now: datetime) -> Any:
    return (
        select(delivery, event.c.type, event.c.at, event.c.payload)
        .join(event, event.c.id == delivery.c.event_id)
        .where(delivery.c.state == str(DeliveryState.PENDING), delivery.c.next_at <= now)
        .order_by(delivery.c.next_at, delivery.c.id)
    )


def _lease(connection: Connection, ids: Sequence[str], until: datetime) -> None:
    values = {"next_at": until, "attempts": delivery.c.attempts + 1}
    connection.execute(update(delivery).where(delivery.c.id.in_(ids)).values(values))


def _give_up(connection: Connection, ids: Sequence[str]) -> None:
    values = {
        "state": "dead",
        "next_at": None,
        "last_error": "the webhook was disabled, or its key has ended",
    }
    connection.execute(update(delivery).where(delivery.c.id.in_(ids)).values(values))


def _as_due(row: Row[Any], hook: Row[Any]) -> Due:
    return Due(
        delivery_id=row.id,
        webhook_id=hook.id,
        url=hook.url,
        event_id=row.event_id,
        kind=EventType(row.type),
        at=row.at,
        payload=json.loads(row.payload),
        attempt=row.attempts + 1,
    )


def _settle(connection: Connection, due: Due, values: Mapping[str, Any]) -> None:
    its = (
        delivery.c.id == due.delivery_id,
        delivery.c.state == str(DeliveryState.PENDING),
        delivery.c.attempts == due.attempt,
    )
    connection.execute(update(delivery).where(*its).values(values))


def _columns(came_to: Delivered | Failed, now: datetime) -> dict[str, Any]:
    if isinstance(came_to, Delivered):
        done = {"state": "delivered", "delivered_at": now, "next_at": None, "last_error": None}
        return done | {"last_status": came_to.status}
    state = DeliveryState.DEAD if came_to.again_at is None else DeliveryState.PENDING
    failed = {"state": str(state), "next_at": came_to.again_at, "last_status": came_to.status}
    return failed | {"last_error": came_to.error}


def _with_type() -> Any:
    return select(delivery, event.c.type).join(event, event.c.id == delivery.c.event_id)


def _found(connection: Connection, webhook_id: str, delivery_id: str) -> Delivery:
    its = (delivery.c.id == delivery_id, delivery.c.webhook_id == webhook_id)
    row = connection.execute(_with_type().where(*its)).one_or_none()
    if row is None:
        raise NotFound(f"the webhook {webhook_id} has no delivery {delivery_id!r}")
    return _delivery(row)


def _delivery(row: Row[Any]) -> Delivery:
    columns = {name: getattr(row, name) for name in Delivery.__dataclass_fields__}
    return Delivery(**columns | {"type": EventType(row.type), "state": DeliveryState(row.state)})
