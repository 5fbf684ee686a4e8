"""The pipeline with real rules and small fakes at its ports: what travels, what stays out, what fails alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pytest

from detector.calibration import CopyCalibration, FaceCalibration, Monotone
from detector.candidates import Candidates, CopyCandidate, FaceCandidate
from detector.decision import TalentStanding, Verdict
from detector.errors import InputError, UndecodablePicture
from detector.finding import Finding, to_row
from detector.imagery import DecodedImage
from detector.matches import CopyClass, Doubt
from detector.matching import MatchPolicy
from detector.origin import synthetic_class
from detector.pipeline import Detector, DetectorPorts, Submission
from detector.record import ConsentRecord, parse_record, revised
from detector.signals import Box, Face, FaceQuality, SignalId, SignalKind, Signals, SignalSet
from detector.use import Medium, SyntheticClass, Use

AT = datetime(2026, 11, 1, tzinfo=UTC)
FACE = SignalId(SignalKind.FACE, "fake", "1", "plain")
HASH = SignalId(SignalKind.HASH, "fake", "1", "plain")
IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype"
GENERATED = SyntheticClass.AI_GENERATED
MADE_BY = SignalSet(face=FACE, image=None, hashes=(), absent={SignalKind.IMAGE: "the clip extra is missing"})
LANDMARKS = ((0.0, 0.0),) * 5


def face(x: float = 0.0, faults: tuple[str, ...] = ()) -> Face:
    quality = FaceQuality(score=1.0, pixels=60.0, sharpness=10.0, yaw=0.0, faults=faults)
    return Face(Box(x, 0, 50, 50), LANDMARKS, 0.9, quality, np.zeros(4, dtype=np.float32))


def candidate(talent: str, similarity: float) -> FaceCandidate:
    return FaceCandidate(talent, f"ref_{talent}", FACE, similarity, similarity, references=1)


def biometric(talent: str) -> ConsentRecord:
    return parse_record(
        {
            "consent_id": f"bio_{talent}",
            "kind": "biometric_enrolment",
            "grantor": {"role": "self"},
            "form": {"signed_at": "2026-01-01T00:00:00Z"},
            "privacy": {"retention_until": "2030-01-01T00:00:00Z"},
        },
        talent_id=talent,
    )


@dataclass
class FakeNetworks:
    """Finds the faces that the test put in, by the first byte of the picture's bytes."""

    faces: Mapping[bytes, tuple[Face, ...]]
    made_by: SignalSet = MADE_BY
    seen: list[str] = field(default_factory=list)

    def extract(self, images: Sequence[DecodedImage]) -> list[Signals]:
        self.seen += [image.sha256 for image in images]
        return [Signals(self.faces.get(_key(image), ()), None, {}, MADE_BY) for image in images]


def _key(image: DecodedImage) -> bytes:
    return bytes([int(image.pixels[0, 0, 0])])


def fake_decode(data: bytes, *, source: str) -> DecodedImage:
    if data == b"broken":
        raise UndecodablePicture(f"{source}: not a picture")
    pixels = np.full((10, 20, 3), data[0], dtype=np.uint8)
    return DecodedImage(pixels, 200, 100, "PNG", data.hex())


@dataclass
class FakeSearch:
    """Answers with the candidates of each face, in the order in which the faces come."""

    answers: Mapping[int, tuple[FaceCandidate, ...]]
    registry_size: int = 100
    copies: tuple[CopyCandidate, ...] = ()

    def search(self, signals: Sequence[Signals], top: int) -> list[Candidates]:
        return [
            Candidates(tuple(self.answers.get(int(face.box.x), ())[:top] for face in one.faces), self.copies)
            for one in signals
        ]


@dataclass
class FakeBook:
    """The consent book and the file look-up, over plain dictionaries."""

    by_talent: Mapping[str, Sequence[ConsentRecord]] = field(default_factory=dict)
    erased: frozenset[str] = frozenset()
    files: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)

    def standing(self, talent_ids: Sequence[str], at: datetime) -> Mapping[str, TalentStanding]:
        return {name: TalentStanding(name, erased=name in self.erased) for name in talent_ids}

    def records(self, talent_ids: Sequence[str]) -> Mapping[str, Sequence[ConsentRecord]]:
        return {name: self.by_talent.get(name, ()) for name in talent_ids}

    def clients_of_domain(self, domain: str) -> Sequence[str]:
        return ("Acme",) if domain == "acme.example" else ()

    def references_of_files(self, sha256s: Sequence[str]) -> Mapping[str, Sequence[tuple[str, str]]]:
        return {name: self.files[name] for name in sha256s if name in self.files}


def policy(registry_size: int) -> MatchPolicy:
    """Strength is 100 times the score; a face of nobody reaches 30 with a false match rate of e^-9."""
    line = Monotone(((0.0, 0.0), (1.0, 100.0)))
    table = FaceCalibration(FACE, 0.5, line, Monotone(((0.0, 0.0), (30.0, -9.0), (100.0, -30.0))))
    near = CopyCalibration(HASH, line, near=0.9, very_near=0.95)
    return MatchPolicy(table, registry_size, copies={HASH: near})


def detect(
    submissions: Sequence[Submission],
    *,
    faces: Mapping[bytes, tuple[Face, ...]] | None = None,
    answers: Mapping[int, tuple[FaceCandidate, ...]] | None = None,
    book: FakeBook | None = None,
    copies: tuple[CopyCandidate, ...] = (),
    today: datetime = AT,
    top: int = 0,
) -> list[Finding]:
    kept = book or FakeBook({"ana": [biometric("ana")], "bea": [biometric("bea")]})
    ports = DetectorPorts(
        decode=fake_decode,
        extractor=FakeNetworks(faces or {b"a": (face(1),)}),
        search=FakeSearch(answers or {1: (candidate("ana", 0.8), candidate("bea", 0.1))}, copies=copies),
        book=kept,
        files=kept,
        policy=policy,
        clock=lambda: today,
    )
    return Detector(ports, top=top).detect(submissions, AT)


def test_one_finding_per_submission_in_order_and_a_bad_one_fails_alone() -> None:
    unreadable = InputError("gone.jpg: no such file", code="missing_file")
    batch = [
        Submission("1", b"a"),
        Submission("2", b"broken"),
        Submission("3", unreadable),
        Submission("4", b"z"),
    ]
    found = detect(batch)
    assert [one.source for one in found] == ["1", "2", "3", "4"]
    assert [one.error and one.error.code for one in found] == [None, "not_an_image", "missing_file", None]
    assert found[1].sha256 is not None
    assert found[2].sha256 is None
    assert found[3].verdict is Verdict.NOT_APPLICABLE


def test_an_empty_batch_is_no_error() -> None:
    assert detect([]) == []


def test_a_strong_face_without_a_use_consent_is_flagged() -> None:
    (found,) = detect([Submission("1", b"a", Use(client="Acme", medium=Medium.PRINT))])
    assert found.faces[0].match.assigned is not None
    assert found.faces[0].match.assigned.talent_id == "ana"
    assert (found.verdict, found.faces[0].decision.row) == (Verdict.NO_CONSENT, 19)
    assert found.faces[0].decision.signal == str(FACE)
    assert found.faces[0].decision.threshold == found.thresholds[str(FACE)]


def test_a_talent_without_biometric_consent_is_not_even_a_candidate() -> None:
    (found,) = detect([Submission("1", b"a")], book=FakeBook({"bea": [biometric("bea")]}), top=5)
    assert found.verdict is Verdict.NO_MATCH
    assert found.talent_ids == {"bea"}


def test_an_erased_talent_is_not_even_a_candidate() -> None:
    book = FakeBook({"ana": [biometric("ana")]}, erased=frozenset({"ana"}))
    (found,) = detect([Submission("1", b"a")], book=book, top=5)
    assert (found.verdict, found.talent_ids) == (Verdict.NO_MATCH, frozenset())


def test_top_lists_candidates_below_threshold_and_default_does_not() -> None:
    (listed,) = detect([Submission("1", b"a")], top=5)
    (short,) = detect([Submission("1", b"a")])
    assert [item.talent_id for item in listed.faces[0].listed] == ["ana", "bea"]
    assert [item.talent_id for item in short.faces[0].listed] == ["ana"]


def test_an_unusable_face_is_reported_and_accuses_nobody() -> None:
    (found,) = detect([Submission("1", b"a")], faces={b"a": (face(1, ("incomplete",)),)})
    assert found.faces[0].decision.verdict is Verdict.NOT_APPLICABLE
    assert found.faces[0].quality.faults == ("incomplete",)


def test_the_very_file_of_a_reference_is_an_exact_copy_even_without_a_face() -> None:
    book = FakeBook({"ana": [biometric("ana")]}, files={b"z".hex(): [("ana", "ref_1")]})
    (found,) = detect([Submission("1", b"z", Use(client="Acme"))], book=book)
    assert found.copies[0].match.copy_class is CopyClass.EXACT
    assert found.verdict is Verdict.NO_CONSENT


def test_a_face_in_a_proven_copy_is_judged_as_the_copy() -> None:
    book = FakeBook({"ana": [biometric("ana")]}, files={b"a".hex(): [("ana", "ref_1")]})
    (found,) = detect([Submission("1", b"a", Use(client="Acme"))], book=book)
    assert found.faces[0].decision == found.copies[0].decision


def test_one_talent_is_given_to_one_face() -> None:
    answers = {1: (candidate("ana", 0.9),), 2: (candidate("ana", 0.8),)}
    (found,) = detect([Submission("1", b"a")], faces={b"a": (face(2), face(1))}, answers=answers)
    given = [item.match.assigned for item in found.faces]
    assert [item and item.talent_id for item in given] == [None, "ana"]
    assert Doubt.CONTESTED in found.faces[1].match.doubts


def test_both_faces_that_match_one_talent_are_left_to_a_human() -> None:
    answers = {1: (candidate("ana", 0.9),), 2: (candidate("ana", 0.8),)}
    (found,) = detect([Submission("1", b"a")], faces={b"a": (face(2), face(1))}, answers=answers)
    decisions = [item.decision for item in found.faces]
    assert [decision.talent_id for decision in decisions] == ["ana", "ana"]
    assert {decision.qualifier for decision in decisions} == {Doubt.CONTESTED}
    assert {decision.row for decision in decisions} == {3}


def test_asking_about_the_past_does_not_bring_back_a_withdrawn_template() -> None:
    withdrawn = revised(biometric("ana"), life={"revoked_at": "2026-11-10T00:00:00Z"})
    book = FakeBook({"ana": [biometric("ana"), withdrawn]})
    (then,) = detect([Submission("1", b"a")], book=book, today=AT)
    (now,) = detect([Submission("1", b"a")], book=book, today=datetime(2026, 11, 20, tzinfo=UTC))
    assert then.verdict is not Verdict.NO_MATCH
    assert now.verdict is Verdict.NO_MATCH


def test_a_second_face_of_the_talent_beside_an_edited_copy_is_left_to_a_human() -> None:
    answers = {1: (candidate("ana", 0.9),), 2: (candidate("ana", 0.8),)}
    faces = {b"a": (face(2), face(1))}
    copied = CopyCandidate("ana", "ref_1", HASH, 1.0)
    (found,) = detect([Submission("1", b"a")], faces=faces, answers=answers, copies=(copied,))
    assert found.copies[0].match.copy_class is CopyClass.REENCODED
    assert {item.decision.row for item in found.faces} == {3}
    (exact,) = detect(
        [Submission("1", b"a", Use(client="Acme"))],
        faces=faces,
        answers=answers,
        book=FakeBook({"ana": [biometric("ana")]}, files={b"a".hex(): [("ana", "ref_1")]}),
    )
    assert {item.decision.row for item in exact.faces} == {19}


@pytest.mark.parametrize(
    ("use", "copy_class", "expected"),
    [
        (Use(), None, SyntheticClass.UNKNOWN),
        (Use(declared_ai=False), None, SyntheticClass.CAPTURED),
        (Use(declared_ai=True), None, SyntheticClass.AI_GENERATED),
        (Use(declared_ai=True), CopyClass.EMBEDDED, SyntheticClass.AI_EDITED),
        (Use(labelled_ai=True), CopyClass.EXACT, SyntheticClass.AI_EDITED),
        (Use(declared_ai=False, labelled_ai=True), None, SyntheticClass.AI_GENERATED),
        (
            Use(declared_ai=False, digital_source_type=f"{IPTC}/trainedAlgorithmicMedia"),
            CopyClass.EXACT,
            GENERATED,
        ),
        (Use(digital_source_type="compositeWithTrainedAlgorithmicMedia"), None, SyntheticClass.AI_EDITED),
        (Use(declared_ai=False, digital_source_type="digitalCapture"), None, SyntheticClass.CAPTURED),
    ],
)
def test_a_claim_of_ai_outweighs_a_claim_of_none(
    use: Use, copy_class: CopyClass | None, expected: SyntheticClass
) -> None:
    assert synthetic_class(use, copy_class) is expected


def test_everybody_in_the_photograph_of_a_reference_is_in_a_photograph() -> None:
    answers = {1: (candidate("ana", 0.9),), 2: (candidate("bea", 0.9),)}
    book = FakeBook(
        {"ana": [biometric("ana")], "bea": [biometric("bea")]}, files={b"a".hex(): [("ana", "ref_1")]}
    )
    (found,) = detect([Submission("1", b"a")], faces={b"a": (face(1), face(2))}, answers=answers, book=book)
    assert "limb_unsure" not in {reason.code for item in found.faces for reason in item.decision.reasons}


def test_nobody_in_a_changed_copy_is_believed_to_be_captured() -> None:
    answers = {1: (candidate("bea", 0.9),)}
    (found,) = detect(
        [Submission("1", b"a", Use(client="Acme", declared_ai=False))],
        answers=answers,
        copies=(CopyCandidate("ana", "ref_1", HASH, 1.0),),
    )
    assert found.copies[0].match.copy_class is CopyClass.ALTERED
    assert "limb_unsure" in {reason.code for reason in found.faces[0].decision.reasons}


def test_the_domain_names_the_client() -> None:
    (found,) = detect([Submission("1", b"a", Use(domain="acme.example"))])
    assert "client_from_domain" in [reason.code for reason in found.faces[0].decision.reasons]


def test_a_declared_ai_picture_is_judged_as_a_replica() -> None:
    (found,) = detect([Submission("1", b"a", Use(client="Acme", declared_ai=True))])
    assert "as_replica" in [reason.code for reason in found.faces[0].decision.reasons]


def test_the_row_names_everything_and_holds_no_vector() -> None:
    (found,) = detect([Submission("1", b"a", Use(client="Acme"))])
    row = to_row(found, {"ana": "A-1"})
    assert row["status"] == "ok"
    assert row["faces"][0]["candidates"][0]["talent_ref"] == "A-1"
    assert row["faces"][0]["box_normalised"]["width"] == 0.25
    assert row["signals"]["absent"] == {"image": "the clip extra is missing"}
    assert row["as_of"] == AT.isoformat()
    assert "vector" not in repr(row)
