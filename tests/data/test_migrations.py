from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.dialects import sqlite

from data.store import NewReference, Store
from data.store.database import Database
from data.store.migrate import NEWEST, _config
from data.store.tables import UtcDateTime, metadata
from detector.errors import StoreError

Clock = Callable[[], datetime]


def test_the_migrations_build_the_tables_of_the_code(store: Store, store_url: str, clock: Clock) -> None:
    database = Database(store_url, clock)
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        for name, table in metadata.tables.items():
            constraints = inspect(connection).get_pk_constraint(name)
            assert constraints["name"] == f"pk_{name}"
            assert constraints["constrained_columns"] == [column.name for column in table.primary_key]
    database.close()


def test_the_newest_schema_is_the_one_that_the_migrations_end_at() -> None:
    """Opening compares with the constant alone and does not load Alembic."""
    assert ScriptDirectory.from_config(_config()).get_current_head() == NEWEST


def test_an_up_to_date_store_is_opened_without_alembic(store: Store, store_url: str) -> None:
    script = (
        "import sys; from datetime import UTC, datetime; from data.store import Store;"
        "Store.open(sys.argv[1], clock=lambda: datetime.now(UTC)).close(); assert 'alembic' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, store_url], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_opening_again_changes_nothing(store_url: str, clock: Clock) -> None:
    with Store.open(store_url, clock=clock) as first:
        added = first.talents.add("a", "Ada")
    with Store.open(store_url, clock=clock) as second:
        assert second.talents.list() == [added]
        assert second.audit.verify() == []


def test_a_newer_schema_is_refused_untouched(store_url: str, clock: Clock) -> None:
    with Store.open(store_url, clock=clock):
        pass
    database = Database(store_url, clock)
    with database.locked() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="9999") as caught:
        Store.open(store_url, clock=clock)
    assert caught.value.code == "store_newer"
    with database.reading() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
    database.close()


def test_sqlite_keeps_what_it_acknowledged(store: Store, store_url: str, clock: Clock) -> None:
    database = Database(store_url, clock)
    with database.reading() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        }
    database.close()
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "busy_timeout": 30_000,
    }


def test_processes_that_open_a_new_store_at_once_all_succeed(
    tmp_path: Path, store_url: str, clock: Clock
) -> None:
    script = (
        "import sys; from datetime import UTC, datetime; from data.store import NewReference, Store\n"
        "sys.stdin.readline()\n"
        "Store.open(sys.argv[1], clock=lambda: datetime.now(UTC)).talents.add(sys.argv[2], 'Name')"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, store_url, str(number)], stdin=subprocess.PIPE, text=True
        )
        for number in range(3)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0, 0, 0]
    with Store.open(store_url, clock=clock) as store:
        assert [talent.ref for talent in store.talents.list()] == ["0", "1", "2"]
        assert store.audit.verify() == []


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("no url", "no database URL"),
        ("nosuch://host/db", "no driver"),
        ("sqlite://", "name a folder"),
        ("sqlite:////proc/nowhere/store.sqlite3", "can't be made"),
    ],
)
def test_an_unusable_database_is_a_sentence(url: str, says: str, clock: Clock) -> None:
    with pytest.raises(StoreError) as caught:
        Store.open(url, clock=clock)
    assert says in caught.value.detail


def test_a_file_that_is_no_database_is_a_sentence(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "store.sqlite3").write_bytes(b"this is a text, not a database" * 100)
    with pytest.raises(StoreError, match="not a database"):
        Store.open(f"sqlite:///{tmp_path / 'store.sqlite3'}", clock=clock)


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX permissions")
def test_only_the_owner_can_read_what_is_kept(
    store: Store, tmp_path: Path, new_reference: Callable[..., NewReference]
) -> None:
    store.references.add(store.talents.add("a", "Ada").id, new_reference())
    state = tmp_path / "state"
    kept = [state, *(path for path in state.rglob("*") if path.is_file())]
    assert len(kept) >= 4
    assert [path.name for path in kept if path.stat().st_mode & 0o077] == []


def test_a_moment_needs_its_zone(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="time zone"):
        UtcDateTime().process_bind_param(datetime(2026, 1, 1), sqlite.dialect())  # noqa: DTZ001 - the fault


def test_moments_are_kept_with_their_zone(tmp_path: Path) -> None:
    moment = datetime(2026, 1, 1, 12, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    with Store.open(f"sqlite:///{tmp_path / 'other.sqlite3'}", clock=lambda: moment) as store:
        added = store.talents.add("a", "Ada")
        assert added.created_at == store.talents.get(added.id).created_at == moment
        assert store.audit.list()[0].at == moment
        assert store.audit.verify() == []
