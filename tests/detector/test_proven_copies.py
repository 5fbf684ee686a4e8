"""What a proof makes of a copy candidate: the classes, who gets a human's look, and what is no copy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.calibration import CopyCalibration, Monotone
from detector.candidates import CopyCandidate
from detector.copying import PROVEN_AT_MOST, match_copies, shortlist
from detector.matches import Band, CopyClass, CopyMatch, FaceMatch, ScoredCandidate
from detector.proofs import Polygon, Proof
from detector.signals import Box, SignalId, SignalKind
from tests.detector.matching_world import COPY_TABLES, DHASH, FACE, PHASH

LOCAL = SignalId(SignalKind.LOCAL, "sift", "1", "none")
TOWER = SignalId(SignalKind.IMAGE, "tower", "1", "none")
LINE = Monotone(((0.0, 0.0), (1.0, 14.0)))
TABLES = {
    **COPY_TABLES,
    LOCAL: CopyCalibration(LOCAL, LINE, near=0.55, very_near=0.97),
    TOWER: CopyCalibration(TOWER, LINE, near=0.9, very_near=0.95, looser=0.4),
}
LARGE = 10_000_000
"""Talents of a registry in which nothing below a table's `shortlist` is looked at."""

WHOLE: Polygon = ((0, 0), (1, 0), (1, 1), (0, 1))
CLEAN = Proof(
    inliers=80,
    agreement=1.0,
    filled=0.0,
    mirrored=False,
    rotation=0.0,
    query_region=WHOLE,
    reference_region=WHOLE,
    query_share=1.0,
    reference_share=1.0,
    face_agreement=1.0,
    face_box=Box(0.3, 0.2, 0.3, 0.4),
    face_at=0,
)
NEAR = (CopyCandidate("ana", "r1", PHASH, 0.97), CopyCandidate("ana", "r1", DHASH, 0.97))
FAR = (CopyCandidate("ana", "r1", TOWER, 0.5), CopyCandidate("ana", "r1", PHASH, 0.6))


def seen(talent: str, band: Band = Band.MATCH, *, usable: bool = True) -> FaceMatch:
    return FaceMatch((ScoredCandidate(talent, "x", FACE, 0.7, 4.0, band),), None, None, (), usable)


ANA, BEA = (seen("ana"),), (seen("bea"),)


def judged(
    proof: Proof | None, faces: tuple[FaceMatch, ...] = ANA, candidates: tuple[CopyCandidate, ...] = FAR
) -> CopyMatch | None:
    found = match_copies(candidates, faces, TABLES, {"r1": proof})
    return found[0] if found else None


def classed(
    proof: Proof, faces: tuple[FaceMatch, ...] = ANA, candidates: tuple[CopyCandidate, ...] = FAR
) -> tuple[Band, CopyClass | None]:
    found = judged(proof, faces, candidates)
    assert found is not None
    assert (found.proof, found.signal, found.similarity) == (proof, LOCAL, proof.agreement)
    return found.band, found.copy_class


def test_a_near_hash_without_a_proof_is_the_same_template_and_no_copy() -> None:
    assert judged(None, candidates=NEAR) is None
    assert judged(replace(CLEAN, agreement=0.4, face_agreement=0.5), candidates=NEAR) is None
    assert match_copies(NEAR, ANA, TABLES) != ()  # while geometry cannot speak, hash and face do


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, CopyClass.ROUTINE_EDIT),
        ({"mirrored": True}, CopyClass.ROUTINE_EDIT),
        ({"reference_share": 0.5}, CopyClass.CROPPED),
        ({"query_share": 0.3}, CopyClass.EMBEDDED),
        ({"query_share": 0.3, "reference_share": 0.5}, CopyClass.EMBEDDED),
    ],
)
def test_the_areas_make_the_class(change: dict[str, float], expected: CopyClass) -> None:
    assert classed(replace(CLEAN, **change)) == (Band.MATCH, expected)


def test_reencoded_is_very_near_on_every_hash_and_alike_everywhere() -> None:
    assert classed(CLEAN, candidates=NEAR) == (Band.MATCH, CopyClass.REENCODED)
    for edited in ({"agreement": 0.9}, {"mirrored": True}, {"rotation": 90.0}):
        assert classed(replace(CLEAN, **edited), candidates=NEAR)[1] is CopyClass.ROUTINE_EDIT


def test_somebody_elses_face_in_the_references_place_is_a_changed_face() -> None:
    swapped = replace(CLEAN, agreement=0.93, face_agreement=0.75)
    assert classed(swapped, BEA) == (Band.MATCH, CopyClass.ALTERED)
    assert classed(CLEAN, BEA) == (Band.MATCH, CopyClass.ALTERED)


def test_a_face_that_looks_different_goes_to_a_human_even_when_it_is_like_the_talents() -> None:
    different = replace(CLEAN, agreement=0.93, face_agreement=0.75)
    assert classed(different) == (Band.POSSIBLE, CopyClass.ALTERED)
    assert classed(replace(different, face_at=None), ()) == (Band.POSSIBLE, CopyClass.ALTERED)
    assert classed(different, (seen("bea", usable=False),)) == (Band.POSSIBLE, CopyClass.ALTERED)


def test_a_crop_without_the_face_is_still_the_references_body() -> None:
    body = replace(CLEAN, face_agreement=None, face_box=None, face_at=None, reference_share=0.3)
    assert classed(body, ()) == (Band.MATCH, CopyClass.CROPPED)


def test_a_changed_body_goes_to_a_human() -> None:
    changed = replace(CLEAN, agreement=0.7, filled=0.1)
    assert classed(changed) == (Band.POSSIBLE, CopyClass.ALTERED)


def test_a_band_of_text_goes_to_a_human_as_the_edit_it_looks_like() -> None:
    banded = replace(CLEAN, agreement=0.7, filled=0.5)
    assert classed(banded) == (Band.POSSIBLE, CopyClass.ROUTINE_EDIT)
    assert classed(replace(banded, agreement=0.85)) == (Band.MATCH, CopyClass.ROUTINE_EDIT)


def test_the_references_own_face_upon_something_else_is_worth_a_look() -> None:
    pasted = replace(CLEAN, agreement=0.35)
    assert classed(pasted) == (Band.POSSIBLE, CopyClass.ALTERED)
    assert judged(replace(pasted, inliers=8)) is None
    assert judged(replace(pasted, face_agreement=0.8)) is None
    assert judged(replace(pasted, face_agreement=None)) is None


def test_few_points_prove_only_what_agrees_nearly_everywhere() -> None:
    few = replace(CLEAN, inliers=8, agreement=0.84, face_agreement=None, face_box=None, face_at=None)
    assert judged(few, ()) is None
    assert classed(replace(few, agreement=0.92), ()) == (Band.MATCH, CopyClass.ROUTINE_EDIT)
    assert classed(replace(few, inliers=12), ()) == (Band.MATCH, CopyClass.ROUTINE_EDIT)


def test_the_very_file_needs_no_proof() -> None:
    exact = CopyCandidate("ana", "r1", SignalId(SignalKind.HASH, "sha256", "1", "bytes"), 1.0, exact=True)
    assert shortlist([exact, *NEAR], TABLES, LARGE) == ()
    found = match_copies([exact, *NEAR], BEA, TABLES)
    assert [item.copy_class for item in found] == [CopyClass.EXACT]


def test_an_image_network_shortlists_and_claims_nothing() -> None:
    alike = CopyCandidate("ana", "r1", TOWER, 0.99)
    assert shortlist([alike], TABLES, LARGE) == (alike,)
    assert match_copies([alike], ANA, TABLES) == ()
    assert judged(None, candidates=(alike,)) is None
    assert judged(CLEAN, candidates=(alike,)) is not None


def test_in_a_small_registry_geometry_looks_at_what_is_less_near() -> None:
    faint = CopyCandidate("ana", "r1", TOWER, 0.3)  # strength 4.2: one unrelated pair in 67 is so alike
    assert shortlist([faint], TABLES, 2) == (faint,)
    assert shortlist([faint], TABLES, 6) == (faint,)
    assert shortlist([faint], TABLES, 7) == ()


@given(st.floats(-1, 1), st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_larger_registry_never_looks_at_more(similarity: float, one: int, other: int) -> None:
    table = TABLES[TOWER]
    if table.worth_proving(similarity, max(one, other)):
        assert table.worth_proving(similarity, min(one, other))
    if similarity >= table.shortlist:
        assert table.worth_proving(similarity, max(one, other))


def test_without_a_table_of_local_features_hashes_and_faces_speak() -> None:
    found = match_copies(NEAR, ANA, COPY_TABLES, {"r1": None})
    assert [item.copy_class for item in found] == [CopyClass.REENCODED]


@given(
    st.lists(
        st.tuples(st.sampled_from([PHASH, DHASH, TOWER, FACE]), st.floats(0, 1), st.integers(0, 40)),
        max_size=80,
    )
)
def test_the_shortlist_is_bounded_and_holds_each_reference_once(
    found: list[tuple[SignalId, float, int]],
) -> None:
    candidates = [
        CopyCandidate("ana", f"r{number}", signal, similarity) for signal, similarity, number in found
    ]
    chosen = shortlist(candidates, TABLES, LARGE)
    names = [item.reference_id for item in chosen]
    assert len(names) == len(set(names)) <= PROVEN_AT_MOST
    for item in chosen:
        assert item.similarity >= TABLES[item.signal].shortlist
    passing = {
        item.reference_id
        for item in candidates
        if item.signal in TABLES and item.similarity >= TABLES[item.signal].shortlist
    }
    assert len(names) == min(len(passing), PROVEN_AT_MOST)
    strengths = [TABLES[item.signal].strength(item.similarity) for item in chosen]
    assert strengths == sorted(strengths, reverse=True)


@given(
    st.builds(
        replace,
        st.just(CLEAN),
        agreement=st.floats(0, 1),
        filled=st.floats(0, 1),
        face_agreement=st.none() | st.floats(0, 1),
        query_share=st.floats(0.01, 1),
        reference_share=st.floats(0.01, 1),
        face_at=st.sampled_from([None, 0]),
    ),
    st.sampled_from([ANA, BEA, (seen("ana", usable=False),)]),
    st.sampled_from([NEAR, FAR]),
)
def test_a_changed_face_never_passes_for_a_routine_copy(
    proof: Proof, faces: tuple[FaceMatch, ...], candidates: tuple[CopyCandidate, ...]
) -> None:
    found = judged(proof, faces, candidates)
    other = proof.face_at == 0 and faces == BEA
    different = proof.face_agreement is not None and proof.face_agreement < 0.95
    if found is not None and (other or different):
        assert found.copy_class is CopyClass.ALTERED
    if found is not None and found.band is Band.MATCH and not other:
        assert proof.agreement >= 0.8
