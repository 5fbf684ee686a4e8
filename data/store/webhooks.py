"""Webhooks: who wants to be told of which events, where, and with which secret the messages are signed.

A secret is shown once, when it is made; in the database the vault seals it. For a while after `rotate` the one before
signs too, so that a receiver can change over at its leisure. A webhook speaks with the rights of the key that made it,
as they are now: a key that ended is told nothing more.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from data.store.chain import canonical
from data.store.database import Database
from data.store.ids import WEBHOOK, new_id
from data.store.keys import ApiKey, key_of_row
from data.store.service_tables import api_key, webhook
from data.vault import Vault
from detector.access import Principal
from detector.errors import Conflict, NotFound
from detector.events import EventType, manages, reaches_alike, require_tellable

SECRET_BYTES = 32
MOST = 20
"""Webhooks that one key may have."""

KEPT_BEFORE = timedelta(days=1)
"""How long the secret before a rotation signs too, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """One subscription, without its secret. `disabled_reason`: `gone` (the receiver answered 410), `by_hand`."""

    id: str
    key_id: str
    url: str
    events: tuple[EventType, ...]
    created_at: datetime
    previous_until: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None


@dataclass(frozen=True, slots=True)
class WebhookChange:
    """What is to be changed; None: stays as it is."""

    url: str | None = None
    events: tuple[EventType, ...] | None = None
    enabled: bool | None = None


class Webhooks:
    """Repository of webhooks. Whether a web address may be told is asked before (`api.webhooks`)."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault

    def create(self, owner: Principal, url: str, events: Sequence[EventType]) -> tuple[Webhook, str]:
        """Subscribe; returns the webhook and its secret, which can't be had again. Raises UsageError, Forbidden,
        Conflict when the key has too many."""
        require_tellable(owner, events)
        secret = _new_secret()
        webhook_id = new_id(WEBHOOK, self._database.clock())
        with self._database.change("webhook.created", webhook_id, {"key": owner.key_id}) as change:
            _require_few(change.connection, owner.key_id)
            row = {
                "id": webhook_id,
                "key_id": owner.key_id,
                "url": url,
                "events": _listed(events),
                "secret": self._sealed(webhook_id, secret),
                "created_at": change.at,
            }
            change.connection.execute(insert(webhook).values(row))
            return _webhook(_row(change.connection, webhook_id)), secret

    def get(self, webhook_id: str, seen_by: Principal) -> Webhook:
        """Raises NotFound, also for what the key may not see."""
        with self._database.reading() as connection:
            return _webhook(_seen(connection, webhook_id, seen_by))

    def list(self, seen_by: Principal) -> Sequence[Webhook]:
        """Those that the key may see, oldest first."""
        query = select(webhook).where(webhook.c.deleted_at.is_(None)).order_by(webhook.c.id)
        with self._database.reading() as connection:
            owners = _owners(connection)
            rows = connection.execute(query).all()
        return [_webhook(row) for row in rows if manages(seen_by, owners[row.key_id].principal)]

    def update(self, webhook_id: str, wanted: WebhookChange, by: Principal) -> Webhook:
        """Change it. From now on it speaks for the key that changed it, if that sees the very same as the one before
        (whose key may be about to end); an admin's change leaves it the rights it had. Raises NotFound, UsageError,
        Forbidden."""
        details = {"key": by.key_id, "fields": ",".join(sorted(_given(wanted)))}
        with self._database.change("webhook.updated", webhook_id, details) as change:
            before = _seen(change.connection, webhook_id, by)
            owner = _owners(change.connection)[before.key_id].principal
            speaker = by if reaches_alike(by, owner) else owner
            require_tellable(speaker, wanted.events if wanted.events is not None else events_of(before))
            values = _columns(wanted, before, change.at) | {"key_id": speaker.key_id}
            change.connection.execute(update(webhook).where(webhook.c.id == webhook_id).values(values))
            return _webhook(_row(change.connection, webhook_id))

    def rotate(self, webhook_id: str, by: Principal, keep: timedelta = KEPT_BEFORE) -> tuple[Webhook, str]:
        """A new secret; the one before signs too for as long as `keep`. Raises NotFound."""
        secret = _new_secret()
        with self._database.change("webhook.rotated", webhook_id, {"key": by.key_id}) as change:
            before = _seen(change.connection, webhook_id, by)
            values = {
                "secret": self._sealed(webhook_id, secret),
                "previous_secret": before.secret if keep else None,
                "previous_until": change.at + keep if keep else None,
            }
            change.connection.execute(update(webhook).where(webhook.c.id == webhook_id).values(values))
            return _webhook(_row(change.connection, webhook_id)), secret

    def delete(self, webhook_id: str, by: Principal) -> None:
        """End it, and forget its secrets. Raises NotFound."""
        with self._database.change("webhook.deleted", webhook_id, {"key": by.key_id}) as change:
            _seen(change.connection, webhook_id, by)
            values = {"deleted_at": change.at, "secret": b"", "previous_secret": None, "previous_until": None}
            change.connection.execute(update(webhook).where(webhook.c.id == webhook_id).values(values))

    def secrets_of(self, webhook_id: str, at: datetime) -> Sequence[str]:
        """The secrets that sign at this moment, the newest first. Raises NotFound, VaultError."""
        with self._database.reading() as connection:
            row = _row(connection, webhook_id)
        sealed = [row.secret]
        if row.previous_secret is not None and at < row.previous_until:
            sealed.append(row.previous_secret)
        return [self._vault.unseal(each, context(webhook_id)).decode() for each in sealed]

    def _sealed(self, webhook_id: str, secret: str) -> bytes:
        return self._vault.seal(secret.encode(), context(webhook_id))


def context(webhook_id: str) -> str:
    """What a secret is sealed as."""
    return f"secret of webhook {webhook_id}"


def secrets() -> Select[Any]:
    """Every webhook that has secrets, with them as they are kept."""
    columns = select(webhook.c.id, webhook.c.secret, webhook.c.previous_secret)
    return columns.where(webhook.c.deleted_at.is_(None)).order_by(webhook.c.id)


def disable(connection: Connection, webhook_id: str, reason: str, at: datetime) -> None:
    """Stop it, in somebody's transaction."""
    values = {"disabled_at": at, "disabled_reason": reason}
    connection.execute(update(webhook).where(webhook.c.id == webhook_id).values(values))


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(token_bytes(SECRET_BYTES)).decode()


def _listed(events: Sequence[EventType]) -> str:
    return canonical(sorted(set(map(str, events))))


def _given(wanted: WebhookChange) -> Mapping[str, Any]:
    fields = {"url": wanted.url, "events": wanted.events, "enabled": wanted.enabled}
    return {name: value for name, value in fields.items() if value is not None}


def _columns(wanted: WebhookChange, before: Row[Any], at: datetime) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if wanted.url is not None:
        columns["url"] = wanted.url
    if wanted.events is not None:
        columns["events"] = _listed(wanted.events)
    if wanted.enabled is True:
        columns |= {"disabled_at": None, "disabled_reason": None}
    elif wanted.enabled is False and before.disabled_at is None:
        columns |= {"disabled_at": at, "disabled_reason": "by_hand"}
    return columns


def _require_few(connection: Connection, key_id: str) -> None:
    held = select(func.count()).select_from(webhook)
    mine = held.where(webhook.c.key_id == key_id, webhook.c.deleted_at.is_(None))
    if connection.execute(mine).scalar_one() >= MOST:
        raise Conflict(f"the key has {MOST} webhooks already; delete one first", code="too_many_webhooks")


def _row(connection: Connection, webhook_id: str) -> Row[Any]:
    query = select(webhook).where(webhook.c.id == webhook_id, webhook.c.deleted_at.is_(None))
    row = connection.execute(query).one_or_none()
    if row is None:
        raise _missing(webhook_id)
    return row


def _seen(connection: Connection, webhook_id: str, principal: Principal) -> Row[Any]:
    row = _row(connection, webhook_id)
    if not manages(principal, _owners(connection)[row.key_id].principal):
        raise _missing(webhook_id)
    return row


def _missing(webhook_id: str) -> NotFound:
    return NotFound(f"no webhook has the id {webhook_id!r}")


def _owners(connection: Connection) -> Mapping[str, ApiKey]:
    return {row.id: key_of_row(row) for row in connection.execute(select(api_key))}


def _webhook(row: Row[Any]) -> Webhook:
    columns = {name: getattr(row, name) for name in Webhook.__dataclass_fields__}
    return Webhook(**columns | {"events": events_of(row)})


def events_of(row: Row[Any]) -> tuple[EventType, ...]:
    """The events that a row of the table subscribes to."""
    return tuple(EventType(name) for name in json.loads(row.events))
