"""Copies: which references the whole picture is a copy of, from the encoded bytes, hashes, geometry and the faces
found.

    copy candidates ─ shortlist ─▶ proofs (geometry, outside) ─ per reference ─▶ what the proof says ─▶ CopyMatch
                                                             └─ no proof to be had ─▶ hashes and faces

A perceptual hash sees composition, not identity: AI portraits of different people in one composition, face
swaps and try-on results collide at distance 0 to 4 of 64 bits. An image network sees likeness. So both only
shortlist, and geometry decides:

- the same bytes are a copy, whatever else was found;
- a reference that was looked for and does not lie over the picture, or does and does not look the same, is no
  copy, however near its hashes are: the same template, another picture;
- a proven copy whose face is another's is `face_or_body_changed`. Where the face only looks different, or much
  else of the picture does, it is that at `possible`: a human looks;
- any other proven copy has its class from the two areas: part of the reference fills the picture (`cropped`), the
  reference fills part of the picture (`embedded`), both are whole (`routine_edit`, or `reencoded` where nothing
  at all was edited). Where much of it is covered by one shade (a band of text), it has that class at `possible`:
  a plain garment put on by a machine looks no different.

Where geometry cannot speak (a reference without local features, a picture too plain), a near hash is a copy
only when a face of the picture is at least possibly the reference's talent, and otherwise a hint at
`possible`. Thresholds are looked up by signal id; a signal without a table makes no copy match."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from detector.calibration import CopyCalibration
from detector.candidates import CopyCandidate
from detector.matches import Band, CopyClass, CopyMatch, FaceMatch
from detector.proofs import Proof
from detector.signals import SignalId, SignalKind

Tables = Mapping[SignalId, CopyCalibration]
Proofs = Mapping[str, Proof | None]
"""By reference id: what geometry measured; None where it looked and nothing lies over anything; absent where it
could not speak."""

SAME_BYTES = 100.0
"""Strength of a byte-identical file: beyond what any measured table reaches, since a SHA-256 doesn't
collide by chance."""

PROVEN_AT_MOST = 20
"""References of one picture that geometry looks at."""

FULL = 0.85
"""Share of a picture's area from which it counts as whole: a turn by ten degrees cuts corners of a tenth."""

FEW_INLIERS = 12
"""Keypoints that must fit for the table's agreement to be a proof. With fewer, outlines alone may have met: two people
before a white wall agree at up to 0.84."""

AGREE_OF_FEW = 0.9
"""Agreement that is a proof however few keypoints fit."""

SAME_FACE = 0.95
"""Agreement from which a reference's face looks the same in the picture. Swapped faces and second photographs of the
same person stay below; edits of the whole picture stay above (docs/copies.md)."""

CHANGED = 0.2
"""Share of what lies over each other that may look different before something was changed in it."""

COVERED = 0.25
"""Share of what looks different that must have one shade to be a band or a blot upon the picture."""

ENOUGH_INLIERS = 15
"""Keypoints that must fit before an unproven likeness with the reference's own face is worth a human's look."""


def shortlist(
    candidates: Sequence[CopyCandidate], tables: Tables, registry_size: int
) -> tuple[CopyCandidate, ...]:
    """The candidates that geometry should look at: one per reference that is near enough by any signal, the likeliest
    first; what is near enough depends on how many talents there are. The very file needs no proof."""
    exact = {item.reference_id for item in candidates if item.exact}
    best: dict[str, tuple[float, CopyCandidate]] = {}
    for item in candidates:
        table = tables.get(item.signal)
        if table is None or item.reference_id in exact:
            continue
        if not table.worth_proving(item.similarity, registry_size):
            continue
        strength = table.strength(item.similarity)
        if item.reference_id not in best or strength > best[item.reference_id][0]:
            best[item.reference_id] = (strength, item)
    ranked = sorted(best.values(), key=lambda pair: (-pair[0], pair[1].reference_id))
    return tuple(item for _, item in ranked[:PROVEN_AT_MOST])


def match_copies(
    candidates: Sequence[CopyCandidate],
    faces: Sequence[FaceMatch],
    tables: Tables,
    proofs: Proofs | None = None,
) -> tuple[CopyMatch, ...]:
    """One match per reference that is proven, the very file, or near on at least one hash where nothing can be
    proven; strongest first."""
    evidence = _Evidence(faces, tables, proofs or {})
    by_reference: dict[str, list[CopyCandidate]] = {}
    for candidate in candidates:
        by_reference.setdefault(candidate.reference_id, []).append(candidate)
    found = (_reference(group, evidence) for group in by_reference.values())
    return tuple(sorted(_present(found), key=lambda item: (-item.strength, item.reference_id)))


@dataclass(frozen=True, slots=True)
class _Evidence:
    """All that is known of one picture besides its candidates."""

    faces: Sequence[FaceMatch]
    tables: Tables
    proofs: Proofs = field(default_factory=dict)

    @property
    def hashes(self) -> Tables:
        return {signal: table for signal, table in self.tables.items() if signal.kind is SignalKind.HASH}

    @property
    def proof_table(self) -> CopyCalibration | None:
        found = (table for signal, table in self.tables.items() if signal.kind is SignalKind.LOCAL)
        return next(found, None)


def _present(found: Iterator[CopyMatch | None]) -> Iterator[CopyMatch]:
    return (item for item in found if item is not None)


def _reference(group: Sequence[CopyCandidate], evidence: _Evidence) -> CopyMatch | None:
    exact = next((candidate for candidate in group if candidate.exact), None)
    if exact is not None:
        return _as_match(exact, SAME_BYTES, Band.MATCH, CopyClass.EXACT)
    table, reference_id = evidence.proof_table, group[0].reference_id
    if table is not None and reference_id in evidence.proofs:
        proof = evidence.proofs[reference_id]
        return None if proof is None else _proven(group, proof, table, evidence)
    return _hinted(group, evidence)


def _hinted(group: Sequence[CopyCandidate], evidence: _Evidence) -> CopyMatch | None:
    """What hashes and faces say where geometry cannot."""
    tables = evidence.hashes
    near = [item for item in _nearness(group, tables) if item.near]
    if not near:
        return None
    best = max(near, key=lambda item: item.strength)
    very_near = {item.candidate.signal for item in near if item.very_near} >= set(tables)
    band, copy_class = _judge(_Faces.seen(best.candidate.talent_id, evidence.faces), very_near)
    return _as_match(best.candidate, best.strength, band, copy_class)


def _judge(faces: _Faces, very_near: bool) -> tuple[Band, CopyClass | None]:
    if faces.agree:
        return Band.MATCH, CopyClass.REENCODED if very_near else CopyClass.ROUTINE_EDIT
    if faces.any and very_near:
        return Band.POSSIBLE, CopyClass.ALTERED
    return Band.POSSIBLE, None


def _proven(
    group: Sequence[CopyCandidate], proof: Proof, table: CopyCalibration, evidence: _Evidence
) -> CopyMatch | None:
    first = group[0]
    judged = _class_of(first.talent_id, proof, table, evidence.faces)
    if judged is None:
        return None
    band, copy_class = judged
    near = _nearness(group, evidence.hashes)
    unedited = len(near) > 0 and all(item.very_near for item in near) and proof.agreement >= table.very_near
    if copy_class is CopyClass.ROUTINE_EDIT and unedited and not proof.mirrored and abs(proof.rotation) < 1:
        copy_class = CopyClass.REENCODED
    return CopyMatch(
        talent_id=first.talent_id,
        reference_id=first.reference_id,
        signal=table.signal,
        similarity=proof.agreement,
        strength=table.strength(proof.agreement),
        band=band,
        copy_class=copy_class,
        proof=proof,
    )


def _class_of(
    talent_id: str, proof: Proof, table: CopyCalibration, faces: Sequence[FaceMatch]
) -> tuple[Band, CopyClass] | None:
    """Band and class of what was measured; None when it is no copy."""
    face = _face_says(talent_id, proof, faces)
    if proof.agreement < (table.near if proof.inliers >= FEW_INLIERS else AGREE_OF_FEW):
        known = proof.face_agreement is not None
        worth_a_look = known and face is _Says.SAME and proof.inliers >= ENOUGH_INLIERS
        return (Band.POSSIBLE, CopyClass.ALTERED) if worth_a_look else None
    if face is _Says.OTHER:
        return Band.MATCH, CopyClass.ALTERED
    different = 1.0 - proof.agreement > CHANGED
    if face is _Says.DIFFERENT or (different and proof.filled < COVERED):
        return Band.POSSIBLE, CopyClass.ALTERED
    return Band.POSSIBLE if different else Band.MATCH, _class_by_area(proof)


def _class_by_area(proof: Proof) -> CopyClass:
    if proof.query_share < FULL:
        return CopyClass.EMBEDDED
    return CopyClass.CROPPED if proof.reference_share < FULL else CopyClass.ROUTINE_EDIT


class _Says(Enum):
    """What the place of the reference's face says. OTHER: somebody else's face is there. DIFFERENT: it looks
    different, and whose it is nobody can tell, or it is like the talent's."""

    SAME = auto()
    OTHER = auto()
    DIFFERENT = auto()
    NOTHING = auto()


def _face_says(talent_id: str, proof: Proof, faces: Sequence[FaceMatch]) -> _Says:
    there = None if proof.face_at is None else faces[proof.face_at]
    looks_same = proof.face_agreement is None or proof.face_agreement >= SAME_FACE
    if there is not None and there.usable:
        if _may_be(talent_id, there):
            return _Says.SAME if looks_same else _Says.DIFFERENT
        return _Says.OTHER
    if proof.face_agreement is None:
        return _Says.NOTHING
    return _Says.SAME if looks_same else _Says.DIFFERENT


def _nearness(group: Sequence[CopyCandidate], tables: Tables) -> list[_Near]:
    return [
        _Near.of(candidate, tables[candidate.signal]) for candidate in group if candidate.signal in tables
    ]


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
