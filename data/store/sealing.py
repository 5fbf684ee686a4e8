"""Which key everything is sealed with, and sealing it anew after a new key came.

    vectors() · pictures() · secrets() ─▶ how many per key        reseal() ─▶ one answer per thing that was sealed anew

Everything stays readable meanwhile: the vault opens what any of its keys sealed. Each page is its own transaction
under the writers' lock, so that nothing which is erased meanwhile is written back; a run that was stopped goes on
with what is left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select, tuple_, update

from data.blobs import Blobs
from data.store.database import Database
from data.store.service_tables import webhook
from data.store.tables import reference_signal, signal
from data.store.vectors import context
from data.store.webhooks import context as secret_context
from data.store.webhooks import secrets as webhook_secrets
from data.vault import Vault, key_of
from detector.errors import StoreError, UsageError

_VECTORS_AT_ONCE, _PICTURES_AT_ONCE = 500, 20
VECTOR, PICTURE, SECRET = "vector", "picture", "secret"

Counts = Mapping[str | None, int]
"""How many are sealed with each key, by its id; None: not sealed."""


@dataclass(frozen=True, slots=True)
class Resealed:
    """One thing that was sealed anew; `fault` says why it could not be."""

    kind: str
    subject: str
    fault: str | None = None


class Sealing:
    """Looks after what the vault has sealed. `folders`: where pictures lie."""

    def __init__(self, database: Database, vault: Vault, folders: Sequence[Blobs]) -> None:
        self._database = database
        self._vault = vault
        self._folders = folders

    @property
    def newest(self) -> str | None:
        """The id of the key that seals; None where nothing is encrypted. Raises VaultError."""
        return self._vault.ring.newest

    @property
    def keys(self) -> Sequence[str]:
        """The ids of the keys that are here, oldest first. Raises VaultError."""
        return list(self._vault.ring.ciphers)

    def vectors(self) -> Counts:
        """Vectors by their key."""
        key = reference_signal.c.vault_key
        with self._database.reading() as connection:
            rows = connection.execute(select(key, func.count()).group_by(key)).all()
        return {row[0]: row[1] for row in rows}

    def pictures(self) -> Counts:
        """Pictures by their key: looks into every file."""
        return Counter(key for folder in self._folders for _, key in _keys(folder, folder.names()))

    def secrets(self) -> Counts:
        """Webhooks' secrets by their key."""
        with self._database.reading() as connection:
            rows = connection.execute(webhook_secrets()).all()
        return Counter(key_of(kept) for row in rows for kept in (row.secret, row.previous_secret) if kept)

    def reseal(self) -> Iterator[Resealed]:
        """Seal everything with the newest key that isn't yet. Raises UsageError without a key; what can't be opened is
        left as it is, and told."""
        newest = self.newest
        if newest is None:
            raise UsageError("there is no key to seal with; make one with `lookalike vault new-key`")
        done: Counter[str] = Counter()
        try:
            parts = (
                self._reseal_vectors(newest),
                self._reseal_secrets(newest),
                self._reseal_pictures(newest),
            )
            for one in chain.from_iterable(parts):
                done["failed" if one.fault else f"{one.kind}s"] += 1
                yield one
        finally:
            if done:
                self._note(newest, done)

    def _note(self, newest: str, done: Mapping[str, int]) -> None:
        with self._database.change("vault.resealed", "vault", {"key": newest, **done}):
            pass  # the event is the change
        self._database.truncate_log()

    def _reseal_vectors(self, newest: str) -> Iterator[Resealed]:
        after: tuple[str, int] | None = ("", -1)
        while after is not None:
            with self._database.exclusively() as connection:
                rows = connection.execute(_vectors_of_others(newest, after)).all()
                answers = [self._reseal_vector(connection, row) for row in rows]
            yield from answers
            after = (rows[-1].reference_id, rows[-1].signal_key) if rows else None

    def _reseal_vector(self, connection: Connection, row: Row[Any]) -> Resealed:
        sealed_as = context(row.reference_id, row.name)
        try:
            sealed = self._vault.seal(self._vault.unseal(row.vector, sealed_as), sealed_as)
        except StoreError as error:
            return Resealed(VECTOR, row.reference_id, error.detail)
        its = (reference_signal.c.reference_id == row.reference_id) & (
            reference_signal.c.signal_key == row.signal_key
        )
        values = {"vector": sealed, "vault_key": key_of(sealed)}
        connection.execute(update(reference_signal).where(its).values(values))
        return Resealed(VECTOR, row.reference_id)

    def _reseal_secrets(self, newest: str) -> Iterator[Resealed]:
        with self._database.exclusively() as connection:
            rows = connection.execute(webhook_secrets()).all()
            answers = [
                self._reseal_secret(connection, row.id, column, kept)
                for row in rows
                for column, kept in (("secret", row.secret), ("previous_secret", row.previous_secret))
                if kept and key_of(kept) != newest
            ]
        yield from answers

    def _reseal_secret(self, connection: Connection, webhook_id: str, column: str, kept: bytes) -> Resealed:
        sealed_as = secret_context(webhook_id)
        try:
            sealed = self._vault.seal(self._vault.unseal(kept, sealed_as), sealed_as)
        except StoreError as error:
            return Resealed(SECRET, webhook_id, error.detail)
        connection.execute(update(webhook).where(webhook.c.id == webhook_id).values({column: sealed}))
        return Resealed(SECRET, webhook_id)

    def _reseal_pictures(self, newest: str) -> Iterator[Resealed]:
        for folder in self._folders:
            names = folder.names()
            while page := list(islice(names, _PICTURES_AT_ONCE)):
                with self._database.exclusively():
                    answers = [
                        _reseal_picture(folder, name) for name, key in _keys(folder, page) if key != newest
                    ]
                yield from answers


def _keys(folder: Blobs, names: Iterator[str] | Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Name and key of each file; one that was deleted meanwhile is left out."""
    for name in names:
        try:
            key = folder.key_of(name)
        except FileNotFoundError:
            continue
        yield name, key


def _reseal_picture(folder: Blobs, name: str) -> Resealed:
    try:
        folder.reseal(name)
    except StoreError as error:
        return Resealed(PICTURE, name, error.detail)
    return Resealed(PICTURE, name)


def _vectors_of_others(newest: str, after: tuple[str, int]) -> Any:
    """Vectors under another key or none, after this reference and signal."""
    place = (reference_signal.c.reference_id, reference_signal.c.signal_key)
    other = or_(reference_signal.c.vault_key.is_(None), reference_signal.c.vault_key != newest)
    return (
        select(*place, reference_signal.c.vector, signal.c.name)
        .join_from(reference_signal, signal)
        .where(other, tuple_(*place) > tuple_(*after))
        .order_by(*place)
        .limit(_VECTORS_AT_ONCE)
    )
