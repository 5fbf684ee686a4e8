"""Brings the schema of a database to the version this program knows, with Alembic, from the installed
package.

Two processes that open the same new database at once must not both build it: the second waits for the first
(SQLite: the write lock; PostgreSQL: an advisory lock) and then finds nothing left to do. A database of a
newer program is refused.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import data.migrations
from data.store.database import Database
from detector.errors import StoreError

_ADVISORY_LOCK = 0x6C6F6F6B
"""PostgreSQL's advisory locks are numbers; this one is "look"."""


def migrate(database: Database) -> None:
    """Upgrade to the newest schema. Raises StoreError (code `store_newer`) when the database is ahead of this
    program."""
    with database.reading() as connection:
        if not _behind(connection):
            return
    with database.locked() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        if _behind(connection):
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _behind(connection: Connection) -> bool:
    script = ScriptDirectory.from_config(_config())
    present = MigrationContext.configure(connection).get_current_revision()
    known = {revision.revision for revision in script.walk_revisions()}
    if present is not None and present not in known:
        raise StoreError(
            f"the database has schema {present}, which this version of Lookalike does not know; "
            "use the newer version that made it, or another database",
            code="store_newer",
        )
    return present != script.get_current_head()


def _config() -> Config:
    config = Config()
    folder = str(Path(data.migrations.__path__[0]))
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
