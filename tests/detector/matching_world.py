"""Small real values that the matching tests build pictures from: faces, candidates, calibration tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from detector.calibration import CopyCalibration, FaceCalibration, Monotone
from detector.candidates import Candidates, CopyCandidate, FaceCandidate
from detector.matching import MatchPolicy
from detector.signals import Box, Face, FaceQuality, SignalId, SignalKind, Signals, SignalSet

FACE = SignalId(SignalKind.FACE, "toy", "1", "none")
PHASH = SignalId(SignalKind.HASH, "phash", "1", "64")
DHASH = SignalId(SignalKind.HASH, "dhash", "1", "64")

CALIBRATION = FaceCalibration(
    signal=FACE,
    template_weight=0.5,
    strength=Monotone(((0.0, -10.0), (1.0, 10.0))),
    log_false_match=Monotone(((-10.0, -0.01), (0.0, -8.0), (10.0, -20.0))),
)
"""Strength is 20 similarity - 10. A registry of 100 at FPIR 1 % needs about 1.0, at 5 % about -0.5."""

POLICY = MatchPolicy(CALIBRATION, registry_size=100)


def copy_table(signal: SignalId) -> CopyCalibration:
    return CopyCalibration(signal, Monotone(((0.0, -30.0), (1.0, 15.0))), near=0.85, very_near=0.95)


COPY_TABLES = {signal: copy_table(signal) for signal in (PHASH, DHASH)}


def face(*, score: float = 1.0, faults: tuple[str, ...] = ()) -> Face:
    quality = FaceQuality(score=score, pixels=50.0, sharpness=100.0, yaw=0.0, faults=faults)
    vector = np.eye(1, 4, dtype=np.float32)[0]
    return Face(Box(0, 0, 10, 10), ((0.0, 0.0),) * 5, 0.9, quality, vector)


def signals(faces: Sequence[Face]) -> Signals:
    return Signals(tuple(faces), None, {}, SignalSet(FACE, None, (PHASH, DHASH)))


def candidate(talent: str, similarity: float, *, template: float | None = None) -> FaceCandidate:
    return FaceCandidate(
        talent_id=talent,
        reference_id=f"{talent}-1",
        signal=FACE,
        similarity=similarity,
        template_similarity=similarity if template is None else template,
        references=2,
    )


def face_candidates(scores: Mapping[str, float]) -> tuple[FaceCandidate, ...]:
    return tuple(candidate(talent, similarity) for talent, similarity in scores.items())


def picture(*scores: Mapping[str, float], copies: Sequence[CopyCandidate] = ()) -> tuple[Signals, Candidates]:
    """A picture with one usable face per mapping of talents to similarities."""
    found = Candidates(tuple(face_candidates(item) for item in scores), tuple(copies))
    return signals([face() for _ in scores]), found
