"""Answers to requests that carried an idempotency key, so that a repeated one is answered again and not done again.

    begin ─▶ New                      this call does it
          ─▶ Under way                another call is doing it now
          ─▶ Answered                 what the first call was answered
    finish, or forget when it failed

A row that was begun and never finished (its process died) may be taken over after a while. Rows go after a day.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from data.store.database import Database
from data.store.service_tables import idempotent_request as requests

KEPT = timedelta(days=1)
ABANDONED = timedelta(minutes=10)
"""No call takes this long; its process is gone."""

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A POST with an idempotency key. `operation` is its method, path and query."""

    key_id: str
    idempotency_key: str
    operation: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What the first call was answered. `body` None: it held a secret and was not kept, or somebody
    in it was erased."""

    operation: str
    request_sha256: str
    status: int
    headers: Sequence[Header]
    body: bytes | None


@dataclass(frozen=True, slots=True)
class UnderWay:
    """The first call is not answered yet."""


class Requests:
    """Repository of the answers. Nothing here is audited: what a call did is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, attempt: Attempt) -> Answered | UnderWay | None:
        """None: this call is the first and does the work; finish or forget it."""
        now = self._database.clock()
        with self._database.exclusively() as connection:
            _expire(connection, now)
            found = _find(connection, attempt)
            if found is None:
                connection.execute(insert(requests).values(**_new(attempt, now)))
        return found

    def finish(self, attempt: Attempt, answered: Answered) -> None:
        """Keep the answer."""
        values = {
            "request_sha256": answered.request_sha256,
            "status": answered.status,
            "headers": json.dumps(list(answered.headers)),
            "body": answered.body,
        }
        with self._database.exclusively() as connection:
            connection.execute(update(requests).where(*_same(attempt)).values(values))

    def forget(self, attempt: Attempt) -> None:
        """The work was not done: the next call with this key does it."""
        with self._database.exclusively() as connection:
            connection.execute(delete(requests).where(*_same(attempt), requests.c.status.is_(None)))


def forget_answers(connection: Connection, words: Sequence[str]) -> None:
    """Drop the bodies of answers in which one of these words stands: somebody was erased. That they were answered stays
    known, so that nothing is done twice."""
    written = [
        json.dumps(word, ensure_ascii=ascii_only)[1:-1].encode()
        for word in words
        for ascii_only in (False, True)
    ]
    kept = select(requests.c.key_id, requests.c.idempotency_key, requests.c.body)
    for row in connection.execute(kept.where(requests.c.body.is_not(None))).all():
        if any(word in row.body for word in written):
            its = _same(Attempt(row.key_id, row.idempotency_key, ""))
            connection.execute(update(requests).where(*its).values(body=None))


def _expire(connection: Connection, now: datetime) -> None:
    gone = requests.c.created_at < now - KEPT
    dead = requests.c.status.is_(None) & (requests.c.created_at < now - ABANDONED)
    connection.execute(delete(requests).where(gone | dead))


def _find(connection: Connection, attempt: Attempt) -> Answered | UnderWay | None:
    row = connection.execute(select(requests).where(*_same(attempt))).one_or_none()
    if row is None:
        return None
    if row.status is None:
        return UnderWay()
    headers = [(str(name), str(value)) for name, value in json.loads(row.headers)]
    return Answered(row.operation, row.request_sha256, row.status, headers, row.body)


def _same(attempt: Attempt) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return (
        requests.c.key_id == attempt.key_id,
        requests.c.idempotency_key == attempt.idempotency_key,
    )


def _new(attempt: Attempt, now: datetime) -> dict[str, object]:
    return {
        "key_id": attempt.key_id,
        "idempotency_key": attempt.idempotency_key,
        "operation": attempt.operation,
        "request_sha256": "",
        "created_at": now,
    }
