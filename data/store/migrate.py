"""Brings the schema of a database to the version this program knows, with Alembic, from the installed
package.

Two processes that open the same new database at once must not both build it: the second waits for the first
(SQLite: the write lock; PostgreSQL: an advisory lock) and then finds nothing left to do. A database of a
newer program is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

import data.migrations
from data.store.database import Database
from detector.errors import StoreError

if TYPE_CHECKING:
    from alembic.config import Config

NEWEST = "0003"
"""The schema of this program. A database that has it is opened without loading Alembic, which takes a quarter of a
second."""

_ADVISORY_LOCK = 0x6C6F6F6B
"""PostgreSQL's advisory locks are numbers; this one is "look"."""


def migrate(database: Database) -> None:
    """Upgrade to the newest schema. Raises StoreError (code `store_newer`) when the database is ahead of this
    program."""
    with database.reading() as connection:
        if _present(connection) == NEWEST:
            return
    from alembic import command  # noqa: PLC0415 - see NEWEST

    with database.locked() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        if _behind(connection):
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _present(connection: Connection) -> str | None:
    """The schema that the database has, as Alembic noted it; None for a new one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    noted: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return noted


def _behind(connection: Connection) -> bool:
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see NEWEST

    present = _present(connection)
    script = ScriptDirectory.from_config(_config())
    known = {revision.revision for revision in script.walk_revisions()}
    if present is not None and present not in known:
        raise StoreError(
            f"the database has schema {present}, which this version of Lookalike does not know; "
            "use the newer version that made it, or another database",
            code="store_newer",
        )
    return present != script.get_current_head()


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - see NEWEST

    config = Config()
    folder = str(Path(data.migrations.__path__[0]))
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
