"""Matching, example by example: bands, assignment, margin, doubts, unusable faces, errors."""

from __future__ import annotations

from dataclasses import replace

import pytest

from detector.candidates import Candidates
from detector.errors import SignalMismatch, UsageError
from detector.matches import Band, Doubt, FaceMatch
from detector.matching import SMALLEST_REGISTRY, MatchPolicy, match
from tests.detector.matching_world import (
    CALIBRATION,
    FACE,
    PHASH,
    POLICY,
    candidate,
    copy_table,
    face,
    picture,
    signals,
)


def given(found: FaceMatch) -> str | None:
    return found.assigned.talent_id if found.assigned else None


def test_a_strong_candidate_is_assigned_without_doubt() -> None:
    (found,) = match(*picture({"ana": 0.8, "bea": 0.2}), POLICY).faces
    assert given(found) == "ana"
    assert found.assigned is not None
    assert found.assigned.band is Band.MATCH
    assert found.margin == pytest.approx(12.0)
    assert found.doubts == ()


def test_candidates_are_sorted_by_strength_with_similarity_kept_raw() -> None:
    (found,) = match(*picture({"bea": 0.2, "ana": 0.8, "cleo": 0.5}), POLICY).faces
    assert [item.talent_id for item in found.candidates] == ["ana", "cleo", "bea"]
    assert [item.similarity for item in found.candidates] == [0.8, 0.5, 0.2]
    assert [item.strength for item in found.candidates] == pytest.approx([6.0, 0.0, -6.0])


def test_the_template_counts_in_the_strength() -> None:
    pictured = signals([face()]), Candidates(((candidate("ana", 0.8, template=0.6),),), ())
    (found,) = match(*pictured, POLICY).faces
    assert found.candidates[0].strength == pytest.approx(4.0)
    assert found.candidates[0].similarity == 0.8


def test_between_the_two_rates_a_match_is_possible_and_weak() -> None:
    (found,) = match(*picture({"ana": 0.48}), POLICY).faces
    assert found.assigned is not None
    assert found.assigned.band is Band.POSSIBLE
    assert found.doubts == (Doubt.WEAK,)


def test_below_both_rates_nobody_is_assigned_but_candidates_stay_listed() -> None:
    (found,) = match(*picture({"ana": 0.3}), POLICY).faces
    assert found.assigned is None
    assert found.margin is None
    assert found.doubts == ()
    assert [item.band for item in found.candidates] == [Band.NO_MATCH]
    assert found.usable


def test_a_strength_at_the_threshold_is_a_match() -> None:
    bands = POLICY.bands
    assert bands.of(bands.match) is Band.MATCH
    assert bands.of(bands.possible) is Band.POSSIBLE


def test_a_small_lead_over_the_second_talent_is_a_doubt() -> None:
    (found,) = match(*picture({"ana": 0.8, "bea": 0.75}), POLICY).faces
    assert given(found) == "ana"
    assert found.doubts == (Doubt.SMALL_MARGIN,)


def test_an_unusable_face_has_no_candidates_and_says_why() -> None:
    pictured = signals([face(faults=("blurred",))]), Candidates(((candidate("ana", 0.9),),), ())
    (found,) = match(*pictured, POLICY).faces
    assert found.assigned is None
    assert not found.usable
    assert found.doubts == (Doubt.POOR_QUALITY,)
    assert found.candidates == ()


def test_a_poor_but_usable_face_matches_with_a_doubt() -> None:
    policy = replace(POLICY, min_quality=0.4)
    pictured = signals([face(score=0.3)]), Candidates(((candidate("ana", 0.9),),), ())
    (found,) = match(*pictured, policy).faces
    assert given(found) == "ana"
    assert found.doubts == (Doubt.POOR_QUALITY,)


def test_one_talent_on_two_faces_goes_to_the_stronger_and_both_are_contested() -> None:
    first, second = match(*picture({"ana": 0.7}, {"ana": 0.9}), POLICY).faces
    assert (given(first), given(second)) == (None, "ana")
    assert first.doubts == (Doubt.CONTESTED,)
    assert second.doubts == (Doubt.CONTESTED,)


def test_a_rival_that_was_only_possible_does_not_cast_doubt_on_the_winner() -> None:
    first, second = match(*picture({"ana": 0.9}, {"ana": 0.48}), POLICY).faces
    assert given(first) == "ana"
    assert first.doubts == ()
    assert second.doubts == (Doubt.CONTESTED,)


def test_the_face_that_loses_gets_its_next_best_talent_and_a_doubt() -> None:
    first, second = match(*picture({"ana": 0.9}, {"ana": 0.8, "bea": 0.6}), POLICY).faces
    assert (given(first), given(second)) == ("ana", "bea")
    assert second.margin == pytest.approx(-4.0)
    assert second.doubts == (Doubt.SMALL_MARGIN, Doubt.CONTESTED)


def test_two_faces_of_two_talents_do_not_contest() -> None:
    first, second = match(*picture({"ana": 0.9, "bea": 0.5}, {"bea": 0.9, "ana": 0.5}), POLICY).faces
    assert (given(first), given(second)) == ("ana", "bea")
    assert first.doubts == second.doubts == ()


def test_an_unusable_face_contests_nothing() -> None:
    faces = signals([face(), face(faults=("blurred",))])
    pictured = faces, Candidates(((candidate("ana", 0.8),), (candidate("ana", 0.9),)), ())
    first, second = match(*pictured, POLICY).faces
    assert given(first) == "ana"
    assert first.doubts == ()
    assert given(second) is None


def test_a_picture_without_faces_matches_nothing() -> None:
    matches = match(*picture(), POLICY)
    assert matches.faces == ()
    assert matches.copies == ()


def test_the_thresholds_applied_are_named_by_signal() -> None:
    policy = replace(POLICY, copies={PHASH: copy_table(PHASH)})
    thresholds = match(*picture(), policy).thresholds
    assert thresholds == {str(FACE): policy.bands.match, str(PHASH): 0.85}


def test_candidates_of_another_signal_are_refused() -> None:
    strange = replace(candidate("ana", 0.9), signal=replace(FACE, revision="2"))
    with pytest.raises(SignalMismatch):
        match(signals([face()]), Candidates(((strange,),), ()), POLICY)


def test_possible_must_not_be_stricter_than_match() -> None:
    with pytest.raises(UsageError, match="possible_fpir"):
        MatchPolicy(CALIBRATION, 50, target_fpir=0.01, possible_fpir=0.001)


def test_a_tiny_registry_is_judged_like_a_small_one() -> None:
    tiny, small = replace(POLICY, registry_size=2), replace(POLICY, registry_size=SMALLEST_REGISTRY)
    assert tiny.bands == small.bands
    assert replace(POLICY, registry_size=0).bands == small.bands


def test_a_larger_registry_asks_for_more() -> None:
    small, large = POLICY.bands, replace(POLICY, registry_size=5000).bands
    assert large.match > small.match
    assert large.possible > small.possible
