"""The database: one engine, and the only two ways to use it.

    with database.reading() as connection: ...                      one consistent snapshot (on SQLite)
    with database.change("talent.added", talent_id) as change: ...  one transaction, with its audit event

Every change first locks the single row of the ledger (SQLite: takes the write lock with BEGIN IMMEDIATE), and
gives it back by committing. Writers therefore go one after the other, on SQLite and on PostgreSQL alike,
which is what makes change numbers and the hash chain follow the order of commits: a follower that has read up
to number n never misses a smaller one. SQLite runs in WAL mode with synchronous FULL: what was acknowledged
is on the disk.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, func, insert, select, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from data.store import tables
from data.store.chain import AuditEvent, canonical
from data.store.ids import EVENT, new_id
from data.store.service_tables import event as event_table
from detector.errors import StoreError

Clock = Callable[[], datetime]
"""Says what time it is, with a time zone."""

BUSY_SECONDS = 30
"""How long a writer waits for the others before it gives up with a StoreError."""

_WRITES = "lookalike_writes"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The counters: the last change, and the last link of the audit chain."""

    last_change: int
    last_event: int
    last_hash: str


@dataclass(frozen=True, slots=True)
class Concerns:
    """Whom an event concerns beside those who see everything: a client, an agency."""

    client: str | None = None
    agency: str | None = None


@dataclass(slots=True)
class Change:
    """A change under way. `details` goes into its audit event: ids and plain facts only."""

    connection: Connection
    at: datetime
    last_number: int
    details: dict[str, str | int | bool | None] = field(default_factory=dict)

    def log(self, op: str, reference_id: str, talent_id: str) -> int:
        """Number a change that vector indexes must replay ('put' or 'remove'); returns its number."""
        self.last_number += 1
        row = {"op": op, "reference_id": reference_id, "talent_id": talent_id, "at": self.at}
        self.connection.execute(insert(tables.change).values(number=self.last_number, **row))
        return self.last_number

    def emit(self, kind: str, subject: str, payload: Mapping[str, Any], whom: Concerns = Concerns()) -> None:
        """Put an event in the outbox, in this transaction. `payload`: ids and plain facts, as JSON can hold them."""
        highest = select(func.coalesce(func.max(event_table.c.number), 0))
        row = {
            "number": self.connection.execute(highest).scalar_one() + 1,
            "id": new_id(EVENT, self.at),
            "type": kind,
            "at": self.at,
            "subject": subject,
            "client": whom.client,
            "agency": whom.agency,
            "payload": canonical(payload),
            "fanned_out": False,
        }
        self.connection.execute(insert(event_table).values(row))


class Database:
    """Owns the engine. `clock` gives the moment that a change is dated with."""

    def __init__(self, url: str, clock: Clock) -> None:
        self.url = _parsed(url)
        self.clock = clock
        self.engine = _engine(self.url)
        self._reader = self.engine
        if self.engine.dialect.name != "sqlite":  # SQLite's transactions are snapshots anyway
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one moment. Raises StoreError when the database can't be used."""
        with _translated(self.url), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def locked(self) -> Iterator[Connection]:
        """A connection that may write (on SQLite: alone); committed at the end unless an error passes
        through."""
        writer = self.engine.execution_options(**{_WRITES: True})
        with _translated(self.url), writer.begin() as connection:
            yield connection

    @contextmanager
    def exclusively(self) -> Iterator[Connection]:
        """Like `locked`, once the schema is there: also waits for the writers of any other database than
        SQLite."""
        with self.locked() as connection:
            read_ledger(connection, lock=True)
            yield connection

    @contextmanager
    def change(
        self, action: str, subject: str, details: Mapping[str, str | int | bool | None] | None = None
    ) -> Iterator[Change]:
        """One transaction with its audit event, written last. An error inside undoes all of it."""
        with self.locked() as connection:
            before = read_ledger(connection, lock=True)
            change = Change(connection, self.clock().astimezone(UTC), before.last_change, dict(details or {}))
            yield change
            _close(change, before, action, subject)

    def truncate_log(self) -> None:
        """Fold SQLite's write-ahead log into the database, so that deleted rows are in neither file."""
        if self.engine.dialect.name == "sqlite":
            with _translated(self.url), self.engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        self.engine.dispose()


def read_ledger(connection: Connection, *, lock: bool = False) -> Ledger:
    """The counters; with `lock`, no other writer reads them until this transaction ends."""
    query = select(tables.ledger.c.last_change, tables.ledger.c.last_event, tables.ledger.c.last_hash)
    row = connection.execute(query.with_for_update() if lock else query).one()
    return Ledger(row.last_change, row.last_event, row.last_hash)


def _close(change: Change, before: Ledger, action: str, subject: str) -> None:
    link = AuditEvent(before.last_event + 1, change.at, action, subject, change.details, before.last_hash, "")
    row = {
        "number": link.number,
        "at": link.at,
        "action": action,
        "subject": subject,
        "details": canonical(change.details),
        "previous": link.previous,
        "hash": link.computed_hash(),
    }
    change.connection.execute(insert(tables.audit_event).values(row))
    counters = {"last_change": change.last_number, "last_event": link.number, "last_hash": row["hash"]}
    change.connection.execute(update(tables.ledger).values(counters))


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError:
        raise StoreError(
            "the database setting is no database URL; write it "
            "like sqlite:////var/lib/lookalike/store.sqlite3"
        ) from None


def _engine(url: URL) -> Engine:
    try:
        # hide_parameters: an error message must never carry a name or a vector
        engine = create_engine(url, hide_parameters=True, pool_pre_ping=url.get_backend_name() != "sqlite")
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(f"no driver is installed for {url.drivername} databases ({error})") from None
    if url.get_backend_name() == "sqlite":
        _prepare_sqlite(engine, url)
    return engine


def _prepare_sqlite(engine: Engine, url: URL) -> None:
    name = url.database or ""
    if name and name != ":memory:" and not name.startswith("file:"):
        try:
            _create_private(Path(name))
        except OSError as error:
            raise StoreError(f"the database {name} can't be made: {error.strerror}") from error
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)


def _create_private(path: Path) -> None:
    """The file and its folder, for its owner alone: templates of faces lie in it. SQLite's log takes the same
    mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)


def _configure_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    # isolation_level None: the driver must not begin transactions of its own, _begin_sqlite does
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_SECONDS * 1000}",
        "synchronous = FULL",
        "foreign_keys = ON",
        "secure_delete = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")
    _write_ahead(connection)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to WAL. SQLite doesn't wait for its busy timeout here, so two first openings would trip each
    other."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _translated(url: URL) -> Iterator[None]:
    """Errors of the database become StoreError; the sentence names the database without its password."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"the database {_shown(url)} can't be used: {error.orig}") from error
    except PoolTimeout as error:
        raise StoreError(f"the database {_shown(url)} can't be used: {error}") from error


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)
