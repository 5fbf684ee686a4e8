"""Copies: same bytes, near hashes with and without a face that agrees, signals without a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.candidates import Candidates, CopyCandidate
from detector.copying import SAME_BYTES, match_copies
from detector.matches import Band, CopyClass, CopyMatch, FaceMatch, ScoredCandidate
from detector.matching import match
from detector.signals import SignalId, SignalKind
from tests.detector.matching_world import COPY_TABLES, DHASH, FACE, PHASH, POLICY, picture

FILE = SignalId(SignalKind.HASH, "sha256", "1", "bytes")
TOWER = SignalId(SignalKind.IMAGE, "tower", "1", "none")


def near(
    similarity: float, signal: SignalId = PHASH, *, talent: str = "ana", reference: str = "r1"
) -> CopyCandidate:
    return CopyCandidate(talent, reference, signal, similarity)


def seen(talent: str | None = None, band: Band = Band.MATCH, *, usable: bool = True) -> FaceMatch:
    found = () if talent is None else (ScoredCandidate(talent, f"{talent}-1", FACE, 0.7, 4.0, band),)
    return FaceMatch(found, None, None, (), usable)


def only(candidates: list[CopyCandidate], faces: list[FaceMatch]) -> CopyMatch:
    (found,) = match_copies(candidates, faces, COPY_TABLES)
    return found


def test_the_same_bytes_are_a_copy_whatever_the_faces_say() -> None:
    exact = CopyCandidate("ana", "r1", FILE, 1.0, exact=True)
    found = only([near(0.99), exact], [seen("bea")])
    assert (found.band, found.copy_class, found.strength) == (Band.MATCH, CopyClass.EXACT, SAME_BYTES)
    assert found.signal == FILE


def test_very_near_on_every_hash_with_the_right_face_is_reencoded() -> None:
    found = only([near(0.97), near(0.96, DHASH)], [seen("ana")])
    assert (found.band, found.copy_class) == (Band.MATCH, CopyClass.REENCODED)
    assert found.signal == PHASH
    assert found.strength == pytest.approx(13.65)


@pytest.mark.parametrize("candidates", [[near(0.97)], [near(0.97), near(0.9, DHASH)], [near(0.9)]])
def test_near_with_the_right_face_is_a_routine_edit(candidates: list[CopyCandidate]) -> None:
    found = only(candidates, [seen("bea"), seen("ana", Band.POSSIBLE)])
    assert (found.band, found.copy_class) == (Band.MATCH, CopyClass.ROUTINE_EDIT)


def test_very_near_with_another_face_hints_at_a_changed_face() -> None:
    found = only([near(0.97), near(0.96, DHASH)], [seen("bea")])
    assert (found.band, found.copy_class) == (Band.POSSIBLE, CopyClass.ALTERED)


def test_the_right_talent_below_possible_does_not_agree() -> None:
    found = only([near(0.97), near(0.96, DHASH)], [seen("ana", Band.NO_MATCH)])
    assert (found.band, found.copy_class) == (Band.POSSIBLE, CopyClass.ALTERED)


def test_near_with_another_face_is_a_hint_without_a_class() -> None:
    found = only([near(0.97), near(0.9, DHASH)], [seen("bea")])
    assert (found.band, found.copy_class) == (Band.POSSIBLE, None)


@pytest.mark.parametrize("faces", [[], [seen("ana", usable=False)]])
def test_near_without_a_usable_face_is_a_hint_without_a_class(faces: list[FaceMatch]) -> None:
    found = only([near(0.99), near(0.99, DHASH)], faces)
    assert (found.band, found.copy_class) == (Band.POSSIBLE, None)


def test_far_hashes_are_no_copy() -> None:
    assert match_copies([near(0.84), near(0.5, DHASH)], [seen("ana")], COPY_TABLES) == ()


def test_a_signal_without_a_table_claims_nothing() -> None:
    assert match_copies([near(0.999, TOWER)], [seen("ana")], COPY_TABLES) == ()
    assert match_copies([near(0.999)], [seen("ana")], {}) == ()


def test_there_is_one_match_per_reference_strongest_first() -> None:
    candidates = [near(0.9, reference="r2"), near(0.95, reference="r1"), near(0.93, DHASH, reference="r1")]
    found = match_copies(candidates, [seen("ana")], COPY_TABLES)
    assert [item.reference_id for item in found] == ["r1", "r2"]
    assert found[0].similarity == 0.95


def test_copies_are_judged_by_the_faces_of_the_same_picture() -> None:
    signals, found = picture({"ana": 0.8})
    policy_tables = COPY_TABLES
    candidates = Candidates(found.faces, (near(0.97), near(0.97, DHASH)))
    copies = match_copies(candidates.copies, match(signals, candidates, POLICY).faces, policy_tables)
    assert [item.copy_class for item in copies] == [CopyClass.REENCODED]


@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from([PHASH, DHASH]), st.sampled_from(["r1", "r2"])), max_size=6
    ),
    st.sampled_from([[], [seen("ana")], [seen("bea")], [seen(usable=False)]]),
)
def test_a_match_needs_a_face_that_agrees(
    hits: list[tuple[float, SignalId, str]], faces: list[FaceMatch]
) -> None:
    candidates = [near(similarity, signal, reference=reference) for similarity, signal, reference in hits]
    found = match_copies(candidates, faces, COPY_TABLES)
    assert len(found) == len({item.reference_id for item in found})
    for item in found:
        assert (item.band is Band.MATCH) == (faces == [seen("ana")])
        assert item.similarity >= COPY_TABLES[item.signal].near
