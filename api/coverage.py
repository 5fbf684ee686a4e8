"""Whether every reference can be found by the networks that run now, or which have to be made anew first.

After a change of network the references have vectors of the old one only. Nobody must be missed silently: while
faces lack, checking and enrolling are refused (or, with the setting answer_partially, say so); while only another
signal lacks, what is said is which copies can't be found yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from data.store import Store
from detector.consent import holds_biometric
from detector.errors import SignalMismatch
from detector.signals import SignalId, SignalKind


@dataclass(frozen=True, slots=True)
class Gap:
    """References that have no vector of a signal in use. Counted are those that may be searched now."""

    signal: SignalId
    lacking: int
    total: int

    @property
    def faces(self) -> bool:
        return self.signal.kind is SignalKind.FACE

    def __str__(self) -> str:
        return (
            f"reindex needed: {self.lacking} of {self.total} references have no vector of {self.signal} and can't be "
            f"found by it; run `lookalike reindex`"
        )


def gaps(store: Store, signals: Sequence[SignalId], at: datetime) -> list[Gap]:
    """One per signal that some reference lacks, whose talent's biometric consent holds at `at`."""
    having, counts = store.coverage.counts(), store.references.counts()
    references = sum(counts.values())
    lacked = [signal for signal in signals if having.get(signal, 0) < references]
    if not lacked:
        return []
    lacking = {signal: store.coverage.lacking_by_talent([signal]) for signal in lacked}
    findable = _findable(store, sorted(counts), at)
    total = sum(counts[talent] for talent in findable)
    found = [
        Gap(signal, sum(count for talent, count in talents.items() if talent in findable), total)
        for signal, talents in lacking.items()
    ]
    return [gap for gap in found if gap.lacking]


def require_faces(found: Sequence[Gap], *, partially: bool) -> None:
    """Raise SignalMismatch with code `reindex_needed` when faces lack and that was not agreed to."""
    for gap in found:
        if gap.faces and not partially:
            raise SignalMismatch(
                f"{gap}, or set answer_partially = true to answer without them", code="reindex_needed"
            )


def _findable(store: Store, talents: Sequence[str], at: datetime) -> frozenset[str]:
    records, people = store.consents.of_talents(talents), store.talents.many(talents)
    return frozenset(
        talent for talent in talents if holds_biometric(records[talent], at, minor=people[talent].minor)
    )
