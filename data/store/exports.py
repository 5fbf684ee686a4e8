"""Exports: what left the store as evidence. Nothing is kept of it but the audit event."""

from __future__ import annotations

from data.store.database import Database
from data.store.findings import find

EXPORTED = "evidence.exported"


class Exports:
    """Writes down that evidence of a finding was handed out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, finding_id: str, sha256: str, by: str) -> None:
        """`sha256`: of the bundle; `by`: the key that asked for it, or `operator`. Raises NotFound."""
        with self._database.change(EXPORTED, finding_id, {"sha256": sha256, "key": by}) as change:
            find(change.connection, finding_id)
