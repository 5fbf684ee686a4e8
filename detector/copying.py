"""Copies: which references the whole picture may be a copy of, from hashes, the encoded bytes and the faces
found.

    copy candidates ─ per reference ─▶ how near on each hash ─ do the faces agree? ─▶ CopyMatch

A perceptual hash sees composition, not identity: AI portraits of different people in one composition, face
swaps and try-on results collide at distance 0 to 4 of 64 bits. So a hash never proves a copy by itself
here:

- the same bytes are a copy, whatever else was found;
- a near hash is a copy when a face of the picture is at least possibly the reference's talent: two
  independent signals;
- a near hash in a picture whose usable faces are somebody else's is a hint, at `possible`: when every hash
  is very near, that the face or body was changed; else a hint without a class (perhaps only the same
  template);
- a near hash in a picture without a usable face is a hint without a class.

A signal without a table makes no copy match (its similarities mean nothing yet); it still serves as a
shortlist for the geometric proof. Thresholds are looked up by signal id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from detector.calibration import CopyCalibration
from detector.candidates import CopyCandidate
from detector.matches import Band, CopyClass, CopyMatch, FaceMatch
from detector.signals import SignalId

Tables = Mapping[SignalId, CopyCalibration]

SAME_BYTES = 100.0
"""Strength of a byte-identical file: beyond what any measured table reaches, since a SHA-256 doesn't
collide by chance."""


def match_copies(
    candidates: Sequence[CopyCandidate], faces: Sequence[FaceMatch], tables: Tables
) -> tuple[CopyMatch, ...]:
    """One match per reference that is near on at least one hash or the very file, strongest first."""
    by_reference: dict[str, list[CopyCandidate]] = {}
    for candidate in candidates:
        by_reference.setdefault(candidate.reference_id, []).append(candidate)
    found = (_reference(group, faces, tables) for group in by_reference.values())
    return tuple(sorted(_present(found), key=lambda item: (-item.strength, item.reference_id)))


def _present(found: Iterator[CopyMatch | None]) -> Iterator[CopyMatch]:
    return (item for item in found if item is not None)


def _reference(
    group: Sequence[CopyCandidate], faces: Sequence[FaceMatch], tables: Tables
) -> CopyMatch | None:
    exact = next((candidate for candidate in group if candidate.exact), None)
    if exact is not None:
        return _as_match(exact, SAME_BYTES, Band.MATCH, CopyClass.EXACT)
    near = [
        _Near.of(candidate, tables[candidate.signal]) for candidate in group if candidate.signal in tables
    ]
    near = [item for item in near if item.near]
    if not near:
        return None
    best = max(near, key=lambda item: item.strength)
    hashes = {item.candidate.signal for item in near if item.very_near}
    band, copy_class = _judge(_Faces.seen(best.candidate.talent_id, faces), hashes >= set(tables))
    return _as_match(best.candidate, best.strength, band, copy_class)


def _judge(faces: _Faces, very_near: bool) -> tuple[Band, CopyClass | None]:
    if faces.agree:
        return Band.MATCH, CopyClass.REENCODED if very_near else CopyClass.ROUTINE_EDIT
    if faces.any and very_near:
        return Band.POSSIBLE, CopyClass.ALTERED
    return Band.POSSIBLE, None


@dataclass(frozen=True, slots=True)
class _Near:
    """How near one hash of the picture is to the reference's."""

    candidate: CopyCandidate
    strength: float
    near: bool
    very_near: bool

    @classmethod
    def of(cls, candidate: CopyCandidate, table: CopyCalibration) -> _Near:
        similarity = candidate.similarity
        return cls(
            candidate, table.strength(similarity), similarity >= table.near, similarity >= table.very_near
        )


@dataclass(frozen=True, slots=True)
class _Faces:
    """What the faces of the picture say of one talent. any: a usable face was found. agree: one may be the
    talent."""

    any: bool
    agree: bool

    @classmethod
    def seen(cls, talent_id: str, faces: Sequence[FaceMatch]) -> _Faces:
        usable = [face for face in faces if face.usable]
        return cls(bool(usable), any(_may_be(talent_id, face) for face in usable))


def _may_be(talent_id: str, face: FaceMatch) -> bool:
    return any(item.talent_id == talent_id and item.band is not Band.NO_MATCH for item in face.candidates)


def _as_match(
    candidate: CopyCandidate, strength: float, band: Band, copy_class: CopyClass | None
) -> CopyMatch:
    return CopyMatch(
        talent_id=candidate.talent_id,
        reference_id=candidate.reference_id,
        signal=candidate.signal,
        similarity=candidate.similarity,
        strength=strength,
        band=band,
        copy_class=copy_class,
    )
