"""Consents page by page, also by their status, which no column holds: it is computed at the moment asked about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from data.store import Store
from data.store.consents import ConsentFilter
from detector.record import ConsentRecord, ConsentStatus, status

CHUNK = 200
"""Records that are looked through together."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list is to show: the filter, and a status as of a moment (None: any)."""

    filter: ConsentFilter
    status: ConsentStatus | None
    at: datetime

    def fits(self, record: ConsentRecord) -> bool:
        return self.status is None or status(record, self.at) is self.status


def consent_page(
    store: Store, asked: Asked, after: str | None, limit: int
) -> tuple[list[ConsentRecord], bool]:
    """The newest versions of at most `limit` consents in the order of their ids, and whether more follow."""
    found: list[ConsentRecord] = []
    while len(found) <= limit:
        portion = store.consents.page(asked.filter, after, CHUNK)
        found.extend(record for record in portion if asked.fits(record))
        if len(portion) < CHUNK:
            break
        after = portion[-1].consent_id
    return found[:limit], len(found) > limit
