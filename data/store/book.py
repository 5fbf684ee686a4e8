"""The consent book: what the decision asks of the store (`detector.ports.ConsentBook`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from data.store.store import Store
from detector.decision import TalentStanding
from detector.record import ConsentRecord


class StoreConsentBook:
    """Reads standing and records afresh at each call: what another process committed counts at once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def standing(self, talent_ids: Sequence[str], at: datetime) -> Mapping[str, TalentStanding]:
        """Standing of those of the ids that exist. An erasure counts whatever moment is asked about: it is a
        promise to never again answer for the person."""
        return {
            talent_id: TalentStanding(
                talent_id,
                minor=found.minor,
                erased=found.erased_at is not None,
                wants_every_report=found.wants_every_report,
            )
            for talent_id, found in self._store.talents.many(talent_ids).items()
        }

    def records(self, talent_ids: Sequence[str]) -> Mapping[str, Sequence[ConsentRecord]]:
        """Every version of the records of these talents."""
        return self._store.consents.of_talents(talent_ids)

    def clients_of_domain(self, domain: str) -> Sequence[str]:
        """Clients whose records name this web domain or a parent of it."""
        return self._store.clients_of_domain(domain)
