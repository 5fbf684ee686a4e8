"""Proofs in the pipeline: who is asked for one, and which faces a copy speaks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from detector.calibration import CopyCalibration, Monotone
from detector.candidates import CopyCandidate
from detector.decision import Verdict
from detector.finding import Finding
from detector.imagery import DecodedImage
from detector.matches import Band, CopyClass
from detector.matching import MatchPolicy
from detector.pipeline import Detector, DetectorPorts, Submission
from detector.proofs import Proof
from detector.signals import Face, SignalId, SignalKind
from detector.use import Use
from tests.detector.test_pipeline import (
    AT,
    HASH,
    FakeBook,
    FakeNetworks,
    FakeSearch,
    biometric,
    candidate,
    face,
    fake_decode,
    policy,
)

LOCAL = SignalId(SignalKind.LOCAL, "fake", "1", "plain")
WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
CLEAN = Proof(60, 1.0, 0.0, False, 0.0, WHOLE, WHOLE, 1.0, 1.0, 1.0, None, 0)
NEAR = CopyCandidate("ana", "ref_1", HASH, 0.99)
FACES = (face(1), face(2))
USE = Use(client="Acme", declared_ai=False)


@dataclass
class FakeProver:
    """Answers with the proofs it was given, and remembers what it was asked."""

    proofs: Mapping[str, Proof | None]
    asked: list[list[str]] = field(default_factory=list)

    def prove(
        self, image: DecodedImage, faces: Sequence[Face], shortlist: Sequence[CopyCandidate]
    ) -> Mapping[str, Proof | None]:
        self.asked.append([item.reference_id for item in shortlist])
        return self.proofs


def proving(registry_size: int) -> MatchPolicy:
    base = policy(registry_size)
    table = CopyCalibration(LOCAL, Monotone(((0.0, 0.0), (1.0, 14.0))), near=0.55, very_near=0.97)
    return replace(base, copies={**base.copies, LOCAL: table})


def detect(
    prover: FakeProver,
    copies: tuple[CopyCandidate, ...] = (NEAR,),
    *,
    faces: tuple[Face, ...] = FACES,
    book: FakeBook | None = None,
) -> Finding:
    kept = book or FakeBook({name: [biometric(name)] for name in ("ana", "bea")})
    answers = {1: (candidate("ana", 0.8),), 2: (candidate("bea", 0.8),)}
    ports = DetectorPorts(
        decode=fake_decode,
        extractor=FakeNetworks({b"a": faces}),
        search=FakeSearch(answers, copies=copies),
        book=kept,
        files=kept,
        policy=proving,
        clock=lambda: AT,
        prover=prover,
    )
    (found,) = Detector(ports).detect([Submission("1", b"a", USE)], AT)
    return found


def test_a_picture_near_no_reference_asks_for_no_proof() -> None:
    prover = FakeProver({})
    detect(prover, ())
    detect(prover, (replace(NEAR, similarity=0.05),))
    assert prover.asked == []


def test_no_proof_is_asked_for_a_talent_who_may_not_be_found() -> None:
    prover = FakeProver({"ref_1": CLEAN})
    found = detect(prover, book=FakeBook({"bea": [biometric("bea")]}))
    assert prover.asked == []
    assert found.copies == ()


def test_the_proof_travels_into_the_finding_and_its_threshold_is_named() -> None:
    found = detect(FakeProver({"ref_1": replace(CLEAN, reference_share=0.4)}))
    (copy,) = found.copies
    assert (copy.match.copy_class, copy.match.proof and copy.match.proof.inliers) == (CopyClass.CROPPED, 60)
    assert (copy.decision.signal, copy.decision.threshold) == (str(LOCAL), 0.55)


def test_a_near_hash_that_geometry_refutes_is_nothing() -> None:
    assert detect(FakeProver({"ref_1": None})).copies == ()
    assert detect(FakeProver({})).copies[0].match.copy_class is CopyClass.REENCODED


def test_a_copy_speaks_for_the_face_that_lies_in_it_and_for_no_other() -> None:
    inside = detect(FakeProver({"ref_1": CLEAN}))
    assert inside.faces[0].decision == inside.copies[0].decision
    beside = detect(FakeProver({"ref_1": replace(CLEAN, face_at=None, face_agreement=None)}))
    assert beside.faces[0].decision != beside.copies[0].decision


def test_the_face_of_a_doubtful_change_is_judged_on_its_own() -> None:
    changed = detect(FakeProver({"ref_1": replace(CLEAN, agreement=0.7)}))
    assert (changed.copies[0].match.band, changed.copies[0].match.copy_class) == (
        Band.POSSIBLE,
        CopyClass.ALTERED,
    )
    assert changed.copies[0].decision.verdict is Verdict.NEEDS_REVIEW
    assert changed.faces[0].decision.verdict is Verdict.NO_CONSENT
    assert changed.verdict is Verdict.NO_CONSENT
    assert "limb_unsure" in {reason.code for reason in changed.faces[0].decision.reasons}


def test_a_covered_copy_takes_its_untouched_face_to_the_human_too() -> None:
    banded = detect(FakeProver({"ref_1": replace(CLEAN, agreement=0.7, filled=0.5)}), faces=FACES[:1])
    assert banded.copies[0].match.copy_class is CopyClass.ROUTINE_EDIT
    assert banded.faces[0].decision == banded.copies[0].decision
    assert banded.verdict is Verdict.NEEDS_REVIEW


def test_another_face_in_the_references_place_makes_the_copy_a_replica() -> None:
    found = detect(FakeProver({"ref_1": replace(CLEAN, face_at=1, face_agreement=0.7, agreement=0.9)}))
    (copy,) = found.copies
    assert (copy.match.band, copy.match.copy_class) == (Band.MATCH, CopyClass.ALTERED)
    assert "as_replica" in {reason.code for reason in copy.decision.reasons}
