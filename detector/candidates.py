"""Candidates: raw evidence from the indexes. Never a verdict, never calibrated; that is `detector.matching`."""

from __future__ import annotations

from dataclasses import dataclass

from detector.signals import SignalId


@dataclass(frozen=True, slots=True)
class FaceCandidate:
    """One talent that one face may be.

    similarity: cosine to the talent's nearest reference, -1 to 1. template_similarity: cosine to the talent's mean
    template. references: how many references of the talent the template is made of. commonness: how much more than
    usual that template resembles people in general (`detector.commonness`).
    """

    talent_id: str
    reference_id: str
    signal: SignalId
    similarity: float
    template_similarity: float
    references: int
    commonness: float = 0.0


@dataclass(frozen=True, slots=True)
class CopyCandidate:
    """One reference that the whole picture may be a copy of.

    similarity: 1 - distance / bits for a hash, the cosine for an image embedding. turn: which of the eight flips and
    quarter turns of the query matched (0 = upright). exact: the encoded bytes are the same.
    """

    talent_id: str
    reference_id: str
    signal: SignalId
    similarity: float
    turn: int = 0
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Candidates:
    """What the indexes found for one picture: per face (in the picture's order), and for the picture as a whole."""

    faces: tuple[tuple[FaceCandidate, ...], ...]
    copies: tuple[CopyCandidate, ...]
