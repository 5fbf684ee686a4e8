"""Until when what was taken of a person may be kept: a rule over the biometric consents. Pure.

    a release holds, or may hold later (draft, not begun, in dispute) ─▶ nothing is due
    erasure was requested                                             ─▶ the person goes, as by an erasure
    every release ended by its retention date, its term or withdrawal ─▶ templates and pictures go

None of the three: the person is kept as registered, as no release was ever on record.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from detector.consent import holds_biometric
from detector.moments import aware
from detector.record import ConsentRecord, ConsentStatus, current, status
from detector.terms import ConsentKind


class Overdue(StrEnum):
    """Why something may not be kept any longer."""

    ERASURE_REQUESTED = "erasure_requested"
    RELEASE_WITHDRAWN = "release_withdrawn"
    RETENTION_PASSED = "retention_passed"


_ENDED = {
    ConsentStatus.REVOKED: Overdue.RELEASE_WITHDRAWN,
    ConsentStatus.EXPIRED: Overdue.RETENTION_PASSED,
}


def overdue(records: Sequence[ConsentRecord], at: datetime, *, minor: bool = False) -> Overdue | None:
    """Why a talent's templates may not be kept at that moment; None while they may. `records`: all of the talent's.

    `minor` as in `holds_biometric`: a release that no guardian signed doesn't hold, and doesn't end either.
    """
    if holds_biometric(records, at, minor=minor):
        return None
    releases = [one for one in current(records) if one.kind is ConsentKind.BIOMETRIC_ENROLMENT]
    if any(_erasure_requested(one, aware(at)) for one in releases):
        return Overdue.ERASURE_REQUESTED
    ends = [_ENDED.get(status(one, at)) for one in releases]
    reasons = [reason for reason in ends if reason is not None]
    return min(reasons) if reasons and len(reasons) == len(ends) else None


def _erasure_requested(record: ConsentRecord, now: datetime) -> bool:
    asked = record.privacy.erasure_requested_at
    return asked is not None and asked <= now
