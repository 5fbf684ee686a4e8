"""Proving the shortlisted copies of one picture, best first.

    picture, shortlist ─ features of the references (port) ─▶ describe the picture once ─▶ prove each ─▶ proofs

Nothing is described before a reference has features to be compared with, and nothing of the picture is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from detector.candidates import CopyCandidate
from detector.geometry.codec import Bytes, decode
from detector.geometry.features import LOCAL, QUERY, describe
from detector.geometry.placement import FEWEST
from detector.geometry.proof import Prover
from detector.imagery import DecodedImage
from detector.proofs import Proof
from detector.signals import Box, Face, SignalId

CLEAR = 0.95
"""Agreement from which a talent's further references are not looked at: nothing could be said better of the picture."""

DESCRIBED = 4 * FEWEST
"""Keypoints below which a picture is too plain for the lack of a proof to mean anything."""

AT_THE_FACE = 0.3
"""Overlap (intersection over union) from which a face lies where the reference's should."""


class FeatureLookup(Protocol):
    """Where the local features of references are kept."""

    def vectors_of(self, reference_ids: Sequence[str], signal: SignalId) -> Mapping[str, Bytes]:
        """The vectors of this signal of those references that have one."""
        ...


class GeometricProver:
    """Implements `detector.ports.CopyProver`."""

    def __init__(self, features: FeatureLookup) -> None:
        self._features = features

    def prove(
        self, image: DecodedImage, faces: Sequence[Face], shortlist: Sequence[CopyCandidate]
    ) -> Mapping[str, Proof | None]:
        """See `detector.ports.CopyProver`."""
        kept = self._features.vectors_of([item.reference_id for item in shortlist], LOCAL)
        if not kept:
            return {}
        query = describe(image.pixels, QUERY)
        if len(query) < DESCRIBED:
            return {}
        return dict(_proofs(Prover(query), kept, shortlist, [_fractions(face, image) for face in faces]))


def _proofs(
    prover: Prover, kept: Mapping[str, Bytes], shortlist: Sequence[CopyCandidate], faces: Sequence[Box]
) -> Iterator[tuple[str, Proof | None]]:
    settled: set[str] = set()
    for item in shortlist:
        data = kept.get(item.reference_id)
        if data is None:
            continue
        reference = decode(data)
        if len(reference) < DESCRIBED:
            continue
        found = None if item.talent_id in settled else prover.prove(reference)
        if found is not None and _clear(found):
            settled.add(item.talent_id)
        yield item.reference_id, None if found is None else replace(found, face_at=_face_at(found, faces))


def _clear(proof: Proof) -> bool:
    return proof.agreement >= CLEAR and (proof.face_agreement is None or proof.face_agreement >= CLEAR)


def _fractions(face: Face, image: DecodedImage) -> Box:
    return face.box.normalised(image.width, image.height)


def _face_at(proof: Proof, faces: Sequence[Box]) -> int | None:
    """Which of the picture's faces lies where the reference's should."""
    if proof.face_box is None:
        return None
    overlaps = [proof.face_box.overlap(face) for face in faces]
    best = max(range(len(faces)), key=overlaps.__getitem__, default=None)
    return best if best is not None and overlaps[best] >= AT_THE_FACE else None
