"""The refine step: who gets the full look, and that the verdicts are those of the full look at every face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.calibration import read_tables
from detector.calibration import CopyCalibration, FaceCalibration, Monotone
from detector.candidates import Candidates, CopyCandidate, FaceCandidate
from detector.decoding import DecodeLimits, decode
from detector.extractor import SignalExtractor
from detector.faces.networks import FaceNetworks
from detector.matching import MatchPolicy, match
from detector.screening import MARGIN, Seen, may_be_somebody, refined, relevant
from detector.signals import Box, Face, FaceQuality, FirstLook, SignalId, SignalKind, Signals, SignalSet

FACE = SignalId(SignalKind.FACE, "fake", "1", "plain")
HASH = SignalId(SignalKind.HASH, "fake", "1", "plain")
MADE_BY = SignalSet(FACE, None, (HASH,))
LINE = Monotone(((0.0, 0.0), (1.0, 100.0)))
POLICY = MatchPolicy(
    FaceCalibration(FACE, 0.5, LINE, Monotone(((0.0, 0.0), (30.0, -9.0)))), registry_size=100
)
POSSIBLE = POLICY.bands.possible / 100
"""As a similarity: strength is a hundred times it."""


def face(similarity: float, *, faults: tuple[str, ...] = ()) -> Face:
    """Its vector holds the similarity to the only talent that the fake search knows."""
    quality = FaceQuality(1.0, 60.0, 10.0, 0.0, faults)
    vector = np.array([similarity], np.float32)
    first = FirstLook(np.zeros((2, 2, 3), np.uint8), vector)
    return Face(Box(0, 0, 50, 50), ((0.0, 0.0),) * 5, 0.9, quality, vector, first)


@dataclass
class FakeSearch:
    """Finds one talent by every face; one copy wherever there are hashes to look for it by."""

    asked: list[int] = field(default_factory=list)

    def __call__(self, signals: Sequence[Signals]) -> list[Candidates]:
        self.asked.append(sum(len(one.faces) for one in signals))
        return [Candidates(tuple(map(self._found, one.faces)), self._copies(one)) for one in signals]

    def _found(self, one: Face) -> tuple[FaceCandidate, ...]:
        similarity = float(one.vector[0])
        return (FaceCandidate("ana", "ref_ana", FACE, similarity, similarity, references=1),)

    def _copies(self, one: Signals) -> tuple[CopyCandidate, ...]:
        return (CopyCandidate("ana", "ref_ana", HASH, 0.99),) if one.hashes else ()


def seen(*pictures: Sequence[Face], search: FakeSearch) -> list[Seen]:
    codes = {HASH: np.zeros((8, 8), np.uint8)}
    signals = [Signals(tuple(faces), None, codes, MADE_BY) for faces in pictures]
    return [Seen(*pair) for pair in zip(signals, search(signals), strict=True)]


def gains(by: float) -> tuple[list[Face], object]:
    """A second look by which every face gains that much, and the faces it was asked for."""
    asked: list[Face] = []

    def refine(faces: Sequence[Face]) -> list[Face]:
        asked.extend(faces)
        return [replace(one, vector=one.vector + np.float32(by), first=None) for one in faces]

    return asked, refine


def similarities(found: Sequence[Seen]) -> list[list[float]]:
    return [[round(item[0].similarity, 4) for item in one.candidates.faces] for one in found]


def test_only_faces_near_possible_are_looked_at_again_and_every_answer_stays_in_its_place() -> None:
    search, (asked, refine) = FakeSearch(), gains(0.01)
    pictures = [[face(0.0), face(POSSIBLE)], [], [face(0.9), face(0.05), face(POSSIBLE - 0.01)]]
    found = refined(seen(*pictures, search=search), refine, search, POLICY)
    assert [one.vector[0] for one in asked] == pytest.approx([POSSIBLE, 0.9, POSSIBLE - 0.01])
    rounded = round(POSSIBLE + 0.01, 4), round(POSSIBLE, 4)
    assert similarities(found) == [[0.0, rounded[0]], [], [0.91, 0.05, rounded[1]]]
    assert search.asked == [5, 3]
    assert [[one.first is None for one in item.signals.faces] for item in found] == [
        [False, True],
        [],
        [True, False, True],
    ]


def test_copies_are_kept_and_not_looked_for_again() -> None:
    search, (_, refine) = FakeSearch(), gains(0.0)
    before = seen([face(0.9)], [face(0.0)], search=search)
    after = refined(before, refine, search, POLICY)
    assert [one.candidates.copies for one in after] == [one.candidates.copies for one in before]
    assert [one.signals.hashes.keys() for one in after] == [{HASH}, {HASH}]


def test_a_face_that_is_not_usable_is_nobody_and_nothing_is_searched_for_nobody() -> None:
    search, (asked, refine) = FakeSearch(), gains(0.5)
    found = refined(
        seen([face(0.9, faults=("blurred",))], [face(0.0)], search=search), refine, search, POLICY
    )
    assert asked == []
    assert similarities(found) == [[0.9], [0.0]]
    assert search.asked == [2]


def test_other_networks_candidates_are_refused() -> None:
    foreign = replace(FakeSearch()._found(face(0.9))[0], signal=HASH)
    with pytest.raises(Exception, match="cannot be compared"):
        may_be_somebody(face(0.9), [foreign], POLICY)


@settings(deadline=None)
@given(
    st.lists(st.floats(-0.5, 0.9), max_size=6),
    st.floats(-MARGIN / 100, MARGIN / 100 - 1e-4, exclude_min=True),
)
def test_the_matches_are_those_of_the_full_look_at_every_face(first: list[float], gain: float) -> None:
    """As long as no face gains more than the margin by it."""
    search, (_, refine) = FakeSearch(), gains(gain)
    one = seen([face(similarity) for similarity in first], search=search)
    (screened,) = refined(one, refine, search, POLICY)
    (both,) = seen([face(similarity + gain) for similarity in first], search=search)
    ours, full = (match(item.signals, item.candidates, POLICY) for item in (screened, both))
    names = [[item.assigned and item.assigned.band for item in matched.faces] for matched in (ours, full)]
    doubts = [[item.doubts for item in matched.faces] for matched in (ours, full)]
    assert names[0] == names[1]
    assert doubts[0] == doubts[1]


class Cosines:
    """Every face against one reference of each talent, by plain cosine."""

    def __init__(self, references: dict[str, Face], signal: SignalId) -> None:
        self._references = references
        self._signal = signal

    def __call__(self, signals: Sequence[Signals]) -> list[Candidates]:
        return [Candidates(tuple(map(self._found, one.faces)), ()) for one in signals]

    def _found(self, one: Face) -> tuple[FaceCandidate, ...]:
        pairs = ((name, float(one.vector @ kept.vector)) for name, kept in self._references.items())
        return tuple(FaceCandidate(name, name, self._signal, at, at, references=1) for name, at in pairs)


@pytest.mark.weights
@pytest.mark.evaluation
def test_real_faces_get_the_matches_of_both_passes(weights_dir: Path, eval_dir: Path) -> None:
    """On street photographs of 15 people, one reference each, and of others; at thresholds of 1,000 talents."""
    networks = FaceNetworks(*sorted(weights_dir.glob("face_*.onnx")))
    extractor = SignalExtractor(networks, kinds=())
    people = sorted(path for path in (eval_dir / "lfw").iterdir() if len(list(path.glob("*.jpg"))) > 2)[:15]
    images = [
        [decode(path.read_bytes(), DecodeLimits()) for path in sorted(one.glob("*.jpg"))[:3]]
        for one in people
    ]
    references = extractor.extract([of[0] for of in images])
    search = Cosines(
        {
            one.name: max(found.faces, key=lambda item: item.box.area)
            for one, found in zip(people, references, strict=True)
        },
        networks.signal,
    )
    probes = [image for of in images for image in of[1:]]
    policy = MatchPolicy(read_tables().face(networks.signal), registry_size=1000)
    screened, both = extractor.screen(probes), extractor.extract(probes)
    first = [Seen(*pair) for pair in zip(screened, search(screened), strict=True)]
    ours = refined(first, extractor.refine, search, policy)
    full = [Seen(*pair) for pair in zip(both, search(both), strict=True)]
    matched = [[match(one.signals, one.candidates, policy) for one in found] for found in (ours, full)]
    assigned = [[item.assigned for one in found for item in one.faces] for found in matched]
    again = [face.first is None and face.quality.usable for one in ours for face in one.signals.faces]
    assert sum(item is not None for item in assigned[1]) >= 20
    assert not all(again)
    for one, other in zip(*assigned, strict=True):
        assert (one is None) is (other is None)
        if one and other:
            assert one.talent_id == other.talent_id
            assert one.strength == pytest.approx(other.strength, abs=1e-3)


@pytest.mark.weights
def test_two_looks_give_the_vector_of_both_passes_at_once(weights_dir: Path, sample_dir: Path) -> None:
    extractor = SignalExtractor(FaceNetworks(*sorted(weights_dir.glob("face_*.onnx"))), kinds=())
    images = [decode(path.read_bytes(), DecodeLimits()) for path in sorted(sample_dir.glob("*.jpg"))]
    both = [face for one in extractor.extract(images) for face in one.faces]
    first = [face for one in extractor.screen(images) for face in one.faces]
    assert sum(face.quality.usable for face in both) >= 4
    for face, screened, refined_one in zip(both, first, extractor.refine(first), strict=True):
        assert (screened.first is not None) == face.quality.usable
        assert refined_one.first is None
        if face.quality.usable:
            assert float(refined_one.vector @ face.vector) > 0.99999
            assert 0.5 < float(screened.vector @ face.vector) < 0.9999
        else:
            assert not screened.vector.any()


def test_what_cannot_matter_is_dropped_and_kept_when_every_talent_is_to_be_listed() -> None:
    weak = Monotone(((0.0, 0.0), (1.0, 5.0)))  # nothing is so rare that a registry of 100 is small for it
    table = CopyCalibration(HASH, weak, near=0.9, very_near=0.95)
    policy = replace(POLICY, copies={HASH: table})
    copies = tuple(
        CopyCandidate("ana", reference, HASH, similarity, exact=exact)
        for reference, similarity, exact in (
            ("a", 0.95, False),
            ("b", 0.5, False),
            ("b", 0.91, False),
            ("c", 0.5, False),
            ("d", 0.2, True),
        )
    )
    (one,) = seen([face(0.9), face(0.0), face(0.9, faults=("blurred",))], search=FakeSearch())
    one = replace(one, candidates=replace(one.candidates, copies=copies))
    kept = relevant(one, policy, every_talent=False).candidates
    assert [len(found) for found in kept.faces] == [1, 0, 0]
    assert [copy.reference_id for copy in kept.copies] == ["a", "b", "b", "d"]
    assert [len(found) for found in relevant(one, policy, every_talent=True).candidates.faces] == [1, 1, 1]


@settings(deadline=None)
@given(st.lists(st.floats(-0.5, 0.9), max_size=6))
def test_dropping_changes_no_match(similarities_of: list[float]) -> None:
    (one,) = seen([face(similarity) for similarity in similarities_of], search=FakeSearch())
    kept = relevant(one, POLICY, every_talent=False)
    before, after = (match(item.signals, item.candidates, POLICY) for item in (one, kept))
    assert [(item.assigned, item.margin, item.doubts) for item in before.faces] == [
        (item.assigned, item.margin, item.doubts) for item in after.faces
    ]
    assert before.copies == after.copies
