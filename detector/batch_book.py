"""Whose records one batch needs, read once, and who may be found at all: row 4 of the table, before anything is matched.

candidates ─ whose? ─▶ standing, records ─ may they be found, then and today? ─▶ the candidates that remain
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from detector.candidates import Candidates
from detector.consent import holds_biometric
from detector.decision import TalentStanding
from detector.ports import ConsentBook
from detector.record import ConsentRecord


@dataclass(frozen=True, slots=True)
class BatchBook:
    """The part of the consent book that one batch needs. at: the moment that the verdicts speak of; today: now."""

    standing: Mapping[str, TalentStanding]
    records: Mapping[str, Sequence[ConsentRecord]]
    at: datetime
    today: datetime
    _asked: dict[str, bool] = field(default_factory=dict)

    def findable(self, talent_id: str) -> bool:
        """Whether a talent may be found at all. Candidates are many and talents few, so each is judged once."""
        if talent_id not in self._asked:
            self._asked[talent_id] = self._may_be_found(talent_id)
        return self._asked[talent_id]

    def _may_be_found(self, talent_id: str) -> bool:
        """Row 4 of the table, before anything is matched: an erased or unenrolled talent is not even a candidate.

        A template may be used only under a consent that holds at the moment asked about and today: asking about the
        past does not bring back what was withdrawn since."""
        standing = self.standing.get(talent_id)
        if standing is None or standing.erased:
            return False
        records, minor = self.records.get(talent_id, ()), standing.minor
        return all(holds_biometric(records, moment, minor=minor) for moment in (self.at, self.today))

    @classmethod
    def read(
        cls, book: ConsentBook, candidates: Sequence[Candidates], at: datetime, today: datetime
    ) -> BatchBook:
        """What is known of every talent among the candidates of a batch."""
        talents = sorted({talent for evidence in candidates for talent in _talents(evidence)})
        return cls(book.standing(talents, at), book.records(talents), at, today)

    def of_findable(self, candidates: Candidates) -> Candidates:
        """Those candidates whose talents may be found."""
        return Candidates(
            tuple(tuple(item for item in face if self.findable(item.talent_id)) for face in candidates.faces),
            tuple(item for item in candidates.copies if self.findable(item.talent_id)),
        )


def _talents(candidates: Candidates) -> Iterator[str]:
    for face in candidates.faces:
        yield from (candidate.talent_id for candidate in face)
    yield from (candidate.talent_id for candidate in candidates.copies)
