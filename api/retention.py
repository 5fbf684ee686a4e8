"""What has passed its date, and erasing it: `lookalike retention run`, and once an hour in every worker.

    due(store, …) ─▶ what is over its date, each with the hold that stops it      run(store, …) ─▶ erases the rest

Templates and pictures of a talent go when no biometric release allows them any more, the whole person when erasure was
requested (`detector.retention`). Pictures of settled findings go after the setting evidence_days.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from data.store import Store
from detector.errors import Conflict, NotFound
from detector.retention import Overdue, overdue

log = logging.getLogger("lookalike.retention")

EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class DueTalent:
    """A talent of whom something has to go. `held`: why it may not, by a legal hold."""

    talent_id: str
    ref: str
    why: Overdue
    references: int
    held: str | None = None

    @property
    def whole(self) -> bool:
        """Whether the whole person goes, not only what was taken of pictures."""
        return self.why is Overdue.ERASURE_REQUESTED


@dataclass(frozen=True, slots=True)
class Due:
    """Everything that is over its date. `evidence`: pictures of settled findings; `released`: erased talents in findings
    whose hold has ended."""

    talents: tuple[DueTalent, ...] = ()
    evidence: int = 0
    released: int = 0


def due(store: Store, at: datetime, evidence_days: int = 0) -> Due:
    """What is over its date at that moment. evidence_days: 0 keeps pictures of findings without an end."""
    talents = store.talents.list()
    references = store.references.counts()
    records = store.consents.of_talents([one.id for one in talents])
    found = [
        DueTalent(one.id, one.ref, why, references.get(one.id, 0))
        for one in talents
        if (why := overdue(records[one.id], at, minor=one.minor))
        and (why is Overdue.ERASURE_REQUESTED or one.id in references)
    ]
    held = store.holds.on_talents([one.talent_id for one in found])
    return Due(
        tuple(
            DueTalent(one.talent_id, one.ref, one.why, one.references, held.get(one.talent_id))
            for one in found
        ),
        store.retention.settled_evidence(at - timedelta(days=evidence_days)) if evidence_days else 0,
        len(store.retention.left_of_erased()),
    )


def run(store: Store, at: datetime, evidence_days: int = 0) -> Due:
    """Erase what is over its date and not held; answers with what was due before."""
    found = due(store, at, evidence_days)
    for one in found.talents:
        if one.held is None:
            _erase(store, one)
    if found.evidence:
        store.retention.drop_evidence(at - timedelta(days=evidence_days))
    if found.released:
        store.retention.forget_erased()
    return found


def _erase(store: Store, one: DueTalent) -> None:
    """Another process may have erased or held the talent meanwhile: then nothing is left to do here."""
    try:
        if one.whole:
            store.talents.erase(one.talent_id)
            return
        for reference in store.references.list(one.talent_id):
            store.references.remove(reference.id)
    except (Conflict, NotFound) as error:
        log.info("nothing was erased of %s: %s", one.talent_id, error.code)


class Hourly:
    """Runs it at most once an hour, for a worker that looks every few seconds."""

    def __init__(self, store: Store, clock: Callable[[], datetime], evidence_days: int) -> None:
        self._store = store
        self._clock = clock
        self._days = evidence_days
        self._last: datetime | None = None

    def __call__(self) -> None:
        now = self._clock()
        if self._last is None or now - self._last >= EVERY:
            self._last = now
            run(self._store, now, self._days)
