"""Pictures that are not here: judging begins at their signals, and comes to what a check of the picture comes to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from detector.candidates import Candidates, CopyCandidate
from detector.decision import Verdict
from detector.errors import SignalMismatch
from detector.faces.networks import EXCEEDS_MAX_FACES, FoundFace, limited
from detector.faces.yunet import Detection
from detector.finding import Finding, to_row
from detector.matches import CopyClass
from detector.pipeline import PICTURE_KEPT, Detector, DetectorPorts, Sighting, Submission
from detector.signals import Face, FaceQuality, SignalKind, Signals
from detector.use import Use
from tests.detector.test_pipeline import (
    AT,
    MADE_BY,
    FakeBook,
    FakeNetworks,
    FakeSearch,
    biometric,
    candidate,
    face,
    fake_decode,
)
from tests.detector.test_pipeline_proofs import CLEAN, NEAR, FakeProver, proving

USE = Use(client="Acme")
FACES = (face(1), face(2, ("blurred",)))


def detector(prover: FakeProver | None = None, copies: tuple[CopyCandidate, ...] = ()) -> Detector:
    kept = FakeBook({"ana": [biometric("ana")]}, files={"61": [("ana", "ref_1")]})
    ports = DetectorPorts(
        decode=fake_decode,
        extractor=FakeNetworks({b"a": FACES}),
        search=FakeSearch({1: (candidate("ana", 0.8),)}, copies=copies),
        book=kept,
        files=kept,
        policy=proving,
        clock=lambda: AT,
        prover=prover,
    )
    return Detector(ports)


def sighting(sha256: str = "ff", faces: tuple[Face, ...] = FACES) -> Sighting:
    return Sighting("1", sha256, 200, 100, Signals(faces, None, {}, MADE_BY), USE)


def judged(chosen: Detector, *sightings: Sighting) -> list[Finding]:
    return chosen.judge(sightings, AT)


def test_the_faces_are_judged_as_those_of_the_picture() -> None:
    (whole,) = detector().detect([Submission("1", b"a", USE)], AT)
    (apart,) = judged(detector(), sighting(sha256="61"))
    same = ("source", "sha256", "use", "width", "height", "faces", "copies", "decision", "unsearched_faces")
    rows = [to_row(found, {}) for found in (whole, apart)]
    assert {name: rows[0][name] for name in same} == {name: rows[1][name] for name in same}
    assert apart.decision
    assert apart.decision.verdict is not Verdict.NO_MATCH


def test_it_says_that_geometry_had_no_picture() -> None:
    (found,) = judged(detector(), sighting())
    assert found.signals.absent[SignalKind.LOCAL] == PICTURE_KEPT
    assert found.signals.absent[SignalKind.IMAGE] == MADE_BY.absent[SignalKind.IMAGE]


def test_no_proof_is_asked_for_and_a_near_hash_stays_a_hint() -> None:
    prover = FakeProver({"ref_1": CLEAN})
    (apart,) = judged(detector(prover, (NEAR,)), sighting())
    assert prover.asked == []
    assert [copy.match.proof for copy in apart.copies] == [None]


def test_the_very_file_is_known_by_its_digest() -> None:
    (found,) = judged(detector(), sighting(sha256="61", faces=()))
    assert [copy.match.copy_class for copy in found.copies] == [CopyClass.EXACT]


def test_several_come_back_in_order() -> None:
    found = judged(detector(), sighting("aa"), sighting("61"), sighting("bb", ()))
    assert [each.sha256 for each in found] == ["aa", "61", "bb"]
    assert [len(each.copies) for each in found] == [0, 1, 0]
    assert judged(detector()) == []


def test_signals_of_something_else_are_refused() -> None:
    class Strict(FakeSearch):
        def search(self, signals: Sequence[Signals], top: int) -> list[Candidates]:
            raise SignalMismatch("other vectors are indexed")

    kept = FakeBook()
    ports = DetectorPorts(fake_decode, FakeNetworks({}), Strict({}), kept, kept, proving)
    with pytest.raises(SignalMismatch):
        judged(Detector(ports), sighting())


def test_faces_that_were_not_searched_are_told_with_their_reasons() -> None:
    (found,) = judged(detector(), sighting())
    assert to_row(found, {})["unsearched_faces"] == [{"face": 1, "reasons": ["blurred"]}]


# The limit of faces


def _found(width: float, faults: tuple[str, ...] = ()) -> FoundFace:
    place = Detection(np.array([0, 0, width, 10], np.float32), np.zeros((5, 2), np.float32), 0.9)
    return FoundFace(place, FaceQuality(1, 40, 10, 0, faults), np.zeros((112, 112, 3), np.uint8))


def test_beyond_the_limit_the_smallest_usable_faces_are_left_out_and_say_so() -> None:
    faces = [_found(5), _found(30), _found(20), _found(40, ("blurred",))]
    kept = limited(faces, 2)
    assert [face.quality.faults for face in kept] == [(EXCEEDS_MAX_FACES,), (), (), ("blurred",)]
    assert [face.place for face in kept] == [face.place for face in faces]


@pytest.mark.parametrize("most", [None, 4, 9])
def test_within_the_limit_nothing_changes(most: int | None) -> None:
    faces = [_found(5), _found(30), _found(20), _found(40, ("blurred",))]
    assert limited(faces, most) == faces
