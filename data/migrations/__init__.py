"""Alembic's scripts. `data.store.migrate` runs them when a store is opened; nobody needs the `alembic`
command."""
