"""API keys: made once, shown once, stored as a digest.

    lk_<id>_<secret>        the id finds the row, the digest of the secret is compared in constant time

A key is revoked or expires; its row stays, since findings and reviews name it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from data.store.database import Database
from data.store.ids import KEY, new_id
from data.store.service_tables import api_key
from detector.access import Principal, Role
from detector.errors import Conflict, NotFound, UsageError

PREFIX = "lk"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret."""

    id: str
    name: str
    role: Role
    client: str | None
    agency: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @property
    def principal(self) -> Principal:
        return Principal(self.id, self.name, self.role, self.client, self.agency)

    def usable(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key is to be. A registrar needs an agency, a scanner a client."""

    role: Role
    name: str
    client: str | None = None
    agency: str | None = None
    expires_at: datetime | None = None


class Keys:
    """Repository of keys. Which names exist is no secret; secrets never leave `create`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, new: NewKey) -> tuple[ApiKey, str]:
        """Make a key; returns it and the text that its holder sends, which can't be had again. Raises UsageError."""
        _require_whole(new)
        secret = secrets.token_urlsafe(32)
        key_id = new_id(KEY, self._database.clock())
        with self._database.change("key.created", key_id, {"role": str(new.role)}) as change:
            row = {
                "id": key_id,
                "name": new.name.strip(),
                "role": str(new.role),
                "client": _name(new.client),
                "agency": _name(new.agency),
                "created_at": change.at,
                "expires_at": new.expires_at,
            }
            change.connection.execute(insert(api_key).values(secret_sha256=_digest(secret), **row))
        return self.get(key_id), f"{PREFIX}_{key_id.removeprefix(f'{KEY}_')}_{secret}"

    def get(self, key_id: str) -> ApiKey:
        """The key with this id, revoked or not. Raises NotFound."""
        row = self._row(key_id)
        if row is None:
            raise NotFound(f"no key has the id {key_id!r}; see `lookalike key list`")
        return key_of_row(row)

    def list(self) -> list[ApiKey]:
        """All keys, oldest first."""
        with self._database.reading() as connection:
            return [key_of_row(row) for row in connection.execute(select(api_key).order_by(api_key.c.id))]

    def authenticate(self, token: str) -> ApiKey | None:
        """The usable key that this text is, or None."""
        prefix, _, rest = token.partition("_")
        short, _, secret = rest.partition("_")
        row = (
            self._row(f"{KEY}_{short}") if prefix == PREFIX and short.isalnum() and short.isascii() else None
        )
        expected = row.secret_sha256 if row is not None else _digest("")
        matches = hmac.compare_digest(expected, _digest(secret))
        if row is None or not matches:
            return None
        key = key_of_row(row)
        return key if key.usable(self._database.clock()) else None

    def revoke(self, key_id: str) -> ApiKey:
        """End a key now. Raises NotFound, Conflict when it has ended already."""
        with self._database.change("key.revoked", key_id) as change:
            if self.get(key_id).revoked_at is not None:
                raise Conflict(f"the key {key_id} was revoked before")
            change.connection.execute(
                update(api_key).where(api_key.c.id == key_id).values(revoked_at=change.at)
            )
        return self.get(key_id)

    def refused(self, key_id: str, operation: str, why: str) -> None:
        """Put on the audit chain that a call was refused. `operation` is the route's name, never the caller's text."""
        with self._database.change("access.refused", key_id, {"operation": operation, "why": why}):
            pass

    def _row(self, key_id: str) -> Row[Any] | None:
        with self._database.reading() as connection:
            return connection.execute(select(api_key).where(api_key.c.id == key_id)).one_or_none()


def _require_whole(new: NewKey) -> None:
    if not new.name.strip():
        raise UsageError("the key needs a name, such as the system or person that will hold it")
    if new.role is Role.REGISTRAR and not _name(new.agency):
        raise UsageError("a registrar's key needs an agency: it registers that agency's talents only")
    if new.role is Role.SCANNER and not _name(new.client):
        raise UsageError("a scanner's key needs a client: it checks and sees that client's pictures only")


def _name(text: str | None) -> str | None:
    return (text or "").strip() or None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "backslashreplace")).hexdigest()


def key_of_row(row: Row[Any]) -> ApiKey:
    """The key that a row of the table is."""
    fields = {name: value for name, value in row._mapping.items() if name != "secret_sha256"}
    return ApiKey(**{**fields, "role": Role(row.role)})
