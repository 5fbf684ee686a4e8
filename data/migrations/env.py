"""Alembic runs this. The connection, already inside a transaction and holding the lock, comes from
`data.store.migrate`."""

from __future__ import annotations

from alembic import context

from data.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can alter almost nothing in place; batch mode copies the table instead
    render_as_batch=True,
)
context.run_migrations()
