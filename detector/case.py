"""The question put to a consent record: one match under one use, and the three answers each of its terms can
give.

The third answer is what keeps the rules honest: a use that leaves a restricted field unknown never satisfies
it, and never breaks it. Dates that are unknown are bounded by those that are known (published after it was
made, before it was seen)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from enum import Enum, StrEnum

from detector.decision import Evidence, Reason, Severity, Verdict
from detector.moments import first_instant, last_instant
from detector.reasons import Qualifier
from detector.record import ConsentRecord
from detector.terms import fold
from detector.use import SyntheticClass, Use


class Limb(StrEnum):
    """The two ways a likeness can be used."""

    PHOTO = "photo"
    REPLICA = "replica"


class Answer(Enum):
    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"


class Ground(Enum):
    """What a failing term comes to, in the order of the table: row (as a photograph, as a replica), verdict,
    qualifier, severity."""

    REVOKED = (10, 10, Verdict.REVOKED, None, Severity.HIGH)
    NOT_GRANTED = (12, 12, Verdict.OUT_OF_SCOPE, Qualifier.USE_NOT_GRANTED, Severity.HIGH)
    DEFECTIVE = (13, 13, Verdict.NO_CONSENT, Qualifier.DEFECTIVE_RECORD, Severity.HIGH)
    SUSPENDED = (13, 13, Verdict.NO_CONSENT, Qualifier.SUSPENDED, Severity.HIGH)
    NOT_PRIOR = (14, 14, Verdict.NO_CONSENT, Qualifier.NOT_PRIOR, Severity.HIGH)
    TOO_EARLY = (8, 15, Verdict.NOT_YET_VALID, None, Severity.MEDIUM)
    TOO_LATE = (8, 15, Verdict.EXPIRED, None, Severity.MEDIUM)
    SCOPE = (8, 16, Verdict.OUT_OF_SCOPE, None, Severity.MEDIUM)

    def __init__(
        self,
        row_photo: int,
        row_replica: int,
        verdict: Verdict,
        qualifier: Qualifier | None,
        severity: Severity,
    ) -> None:
        self.rows = {Limb.PHOTO: row_photo, Limb.REPLICA: row_replica}
        self.verdict = verdict
        self.qualifier = qualifier
        self.severity = severity

    @property
    def order(self) -> int:
        return list(Ground).index(self)


@dataclass(frozen=True, slots=True)
class Term:
    """One term of a record, asked of one use. `detail` matters when it does not hold."""

    code: str
    answer: Answer
    ground: Ground
    detail: str = ""

    @property
    def reason(self) -> Reason:
        return Reason(self.code, self.detail)


@dataclass(frozen=True, slots=True)
class Case:
    """The question put to every record. A day without a time is a day of `zone`, the record's own; `clients` are
    folded names (one when the client is known, those of the domain otherwise); `creations` are consents to make a
    replica for this client."""

    evidence: Evidence
    use: Use
    minor: bool
    now: datetime
    clients: frozenset[str]
    host: str | None
    creations: tuple[ConsentRecord, ...] = ()
    zone: tzinfo = UTC

    @property
    def earliest(self) -> datetime | None:
        """The earliest the picture can have been published, None when nothing tells."""
        moment = self.use.published_at or self.use.made_at
        start = None if moment is None else first_instant(moment, self.zone)
        latest = self.latest
        return None if start is not None and latest is not None and latest < start else start

    @property
    def latest(self) -> datetime | None:
        """The latest the picture can have been first published, None when nothing tells."""
        dates = (self.use.published_at, self.use.seen_at)
        return min((last_instant(moment, self.zone) for moment in dates if moment is not None), default=None)

    @property
    def seen(self) -> datetime | None:
        """The last time it is certain to have been seen, None when nothing tells."""
        return None if self.use.seen_at is None else first_instant(self.use.seen_at, self.zone)

    @property
    def edited(self) -> bool | None:
        """Whether the picture is an AI edit of a photograph (True), generated (False), or not known which."""
        if self.evidence.synthetic is SyntheticClass.AI_GENERATED:
            return False
        if self.evidence.synthetic is SyntheticClass.AI_EDITED or self.evidence.copy_class is not None:
            return True
        return None


def names_client(record: ConsentRecord, clients: frozenset[str]) -> bool:
    """Whether one of these folded names is the grantee or an affiliate."""
    grantee = record.grantee
    return grantee is not None and not clients.isdisjoint(map(fold, (grantee.client, *grantee.affiliates)))


def owns_host(record: ConsentRecord, host: str | None) -> bool:
    """Whether the host is one of the client's domains, or below one."""
    domains = record.grantee.domains if record.grantee else ()
    return host is not None and any(host == domain or host.endswith(f".{domain}") for domain in domains)


def fits_client(record: ConsentRecord, case: Case) -> bool:
    """Whether the record is for the client of this use, by name or, where no client is named, by its
    domain."""
    return names_client(record, case.clients) or (case.use.client is None and owns_host(record, case.host))
