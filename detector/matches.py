"""Matches: candidates after calibration. Evidence with a strength and a band; still no verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from detector.proofs import Proof
from detector.signals import SignalId


class Band(StrEnum):
    """Where a strength lies: at or above the threshold, near it, or below both."""

    MATCH = "match"
    POSSIBLE = "possible"
    NO_MATCH = "no_match"


class Doubt(StrEnum):
    """Why a match that is strong enough still needs a human (row 3 of the decision table)."""

    WEAK = "weak_match"
    SMALL_MARGIN = "small_margin"
    POOR_QUALITY = "poor_quality"
    CONTESTED = "one_talent_two_faces"


class CopyClass(StrEnum):
    """How a picture relates to the reference it copies."""

    EXACT = "exact"
    REENCODED = "reencoded"
    ROUTINE_EDIT = "routine_edit"
    CROPPED = "cropped"
    EMBEDDED = "embedded"
    ALTERED = "face_or_body_changed"


@dataclass(frozen=True, slots=True)
class ScoredCandidate:
    """A candidate with its calibrated strength (a log-likelihood ratio, natural log; 0 = as likely as not)."""

    talent_id: str
    reference_id: str
    signal: SignalId
    similarity: float
    strength: float
    band: Band


@dataclass(frozen=True, slots=True)
class FaceMatch:
    """What one face matched. `candidates` are sorted, strongest first; `assigned` is the one this face was given
    (one talent to one face per picture), None when nothing reached even `possible`."""

    candidates: tuple[ScoredCandidate, ...]
    assigned: ScoredCandidate | None
    margin: float | None
    doubts: tuple[Doubt, ...]
    usable: bool


@dataclass(frozen=True, slots=True)
class CopyMatch:
    """A reference that this picture copies. `copy_class` None: the hashes hint at it, nothing can prove it. `proof`:
    what geometry measured; then `signal` is that of the local features, and `similarity` how much looks alike."""

    talent_id: str
    reference_id: str
    signal: SignalId
    similarity: float
    strength: float
    band: Band
    copy_class: CopyClass | None
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Matches:
    """All matches of one picture. `thresholds` maps str(signal id) to what was required: a strength for faces, a
    similarity for copies."""

    faces: tuple[FaceMatch, ...]
    copies: tuple[CopyMatch, ...]
    thresholds: Mapping[str, float] = field(default_factory=dict)
