"""The queues: huey (MIT, maintained) over SQLite beside the store, or over the store's own PostgreSQL.

    scans    one message per scan that wants a worker: the scan's id
    chores   what every worker does every few seconds

A message is a doorbell, not the work: what is to be done stands in the store, and who does it is settled there by a
lease (docs/adr/0005-jobs.md). A message that is lost, or comes twice, costs a few seconds and nothing else, so the queue
may be thrown away. Messages are JSON: huey's default, pickles, would run whatever somebody writes into the queue.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from typing import Any

from huey import Huey, PostgresHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer
from sqlalchemy.engine import make_url

from api.settings import Settings
from detector.errors import StoreError

SCANS, CHORES = "scans", "chores"

_TABLES = "lookalike_job"
_FILE = "jobs.sqlite3"
_READ_SECONDS = 1.0
"""How long a worker of a PostgreSQL queue listens before it looks whether it is to stop."""


class JsonSerializer(Serializer):  # type: ignore[misc] # huey has no types
    """Messages as JSON. Anything else in a queue is refused with ValueError."""

    def _serialize(self, data: Any) -> bytes:
        fields = data._asdict() if isinstance(data, Message) else data
        return json.dumps(fields, default=_encoded).encode()

    def _deserialize(self, data: bytes) -> Any:
        value = json.loads(bytes(data), object_hook=_decoded)
        return Message(**value) if isinstance(value, dict) and "name" in value else value


def _encoded(value: object) -> dict[str, str]:
    if isinstance(value, datetime):
        return {"$moment": value.isoformat()}
    raise TypeError(f"a message can't hold a {type(value).__name__}")


def _decoded(value: dict[str, Any]) -> Any:
    return datetime.fromisoformat(value["$moment"]) if value.keys() == {"$moment"} else value


def open_queue(settings: Settings, name: str) -> Huey:
    """The queue of this name, where these settings keep the store. Raises StoreError."""
    kept = {"results": False, "serializer": JsonSerializer()}
    url = make_url(settings.database_url)
    try:
        if url.get_backend_name() == "sqlite":
            return SqliteHuey(name, filename=_file(settings), fsync=False, timeout=30, **kept)
        dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        return PostgresHuey(name, dsn=dsn, table_prefix=_TABLES, read_timeout=_READ_SECONDS, **kept)
    except QUEUE_ERRORS as error:
        raise StoreError(f"the queue of jobs can't be opened: {type(error).__name__}") from error


def _file(settings: Settings) -> str:
    path = settings.state_dir / _FILE
    path.touch(mode=0o600)
    return str(path)


def _postgres_error() -> type[Exception]:
    try:
        from psycopg import Error
    except ImportError:
        return StoreError  # without the driver there is no such queue
    return Error


QUEUE_ERRORS = (sqlite3.Error, OSError, StoreError, _postgres_error())
"""What goes wrong where a queue can't be reached or written to."""
