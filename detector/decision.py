"""Decisions: the outcome of the consent rules for one match under one use, with everything needed to compute
it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from detector.matches import CopyClass, Doubt
from detector.use import SyntheticClass

if TYPE_CHECKING:
    from detector.inputs import Inputs


class Verdict(StrEnum):
    NOT_APPLICABLE = "not_applicable"
    NO_MATCH = "no_match"
    AUTHORISED = "authorised"
    AUTHORISED_WITH_DEFECT = "authorised_with_defect"
    NEEDS_REVIEW = "needs_review"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    OUT_OF_SCOPE = "out_of_scope"
    REVOKED = "revoked"
    NO_CONSENT = "no_consent"

    @property
    def rank(self) -> int:
        """How bad it is among verdicts of one severity: later is worse."""
        return list(Verdict).index(self)


class Severity(StrEnum):
    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason. `code` is stable and documented in docs/consent.md; `detail` is a sentence for a person."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Considered:
    """One consent record that was looked at, and why it did or did not cover the use (codes of `Reason`)."""

    consent_id: str
    version: int
    kind: str
    status: str
    covers: bool
    why: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class TalentStanding:
    """What the rules must know of the talent, as of the moment asked about."""

    talent_id: str
    minor: bool = False
    erased: bool = False
    wants_every_report: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was matched, reduced to what the rules ask. A face match has copy_class None; a copy match has it
    set.

    usable: there is a usable face or a copy at all. matched: a registered talent reached at least `possible`.
    signal: str of the signal id behind the match, and the threshold that was applied to it."""

    usable: bool
    matched: bool
    doubts: tuple[Doubt, ...] = ()
    copy_class: CopyClass | None = None
    reference_id: str | None = None
    synthetic: SyntheticClass = SyntheticClass.UNKNOWN
    synthetic_source: str = ""
    signal: str | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on one match. `row` is the row of the decision table that decided (docs/consent.md);
    `qualifier` is the code behind the colon there (`photo_licence_only`); `inputs_sha256` hashes all inputs
    in canonical form, which are themselves in `inputs`."""

    verdict: Verdict
    qualifier: str | None
    severity: Severity
    row: int
    reasons: tuple[Reason, ...]
    considered: tuple[Considered, ...]
    as_of: datetime
    inputs_sha256: str
    talent_id: str | None = None
    signal: str | None = None
    threshold: float | None = None
    inputs: Inputs | None = field(default=None, compare=False, repr=False)
