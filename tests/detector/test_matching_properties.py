"""Matching as rules that hold for any picture: one to one, stable, indifferent to order and to weaker candidates."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from detector.candidates import Candidates
from detector.matches import Band, Doubt, FaceMatch, ScoredCandidate
from detector.matching import assign, match
from tests.detector.matching_world import FACE, POLICY, face, face_candidates, picture, signals

TALENTS = ("ana", "bea", "cleo", "dora")
LEVELS = st.integers(0, 400).map(lambda level: level / 400)

Picture = list[dict[str, float]]


@st.composite
def pictures(draw: st.DrawFn, least: int = 0) -> Picture:
    """Up to four faces with similarities to some talents, all different, so that no tie decides."""
    faces = draw(st.lists(st.sets(st.sampled_from(TALENTS)).map(sorted), min_size=least, max_size=4))
    pairs = [(place, talent) for place, talents in enumerate(faces) for talent in talents]
    levels = draw(st.lists(LEVELS, min_size=len(pairs), max_size=len(pairs), unique=True))
    shown: Picture = [{} for _ in faces]
    for (place, talent), level in zip(pairs, levels, strict=True):
        shown[place][talent] = level
    return shown


def matched(shown: Picture) -> tuple[FaceMatch, ...]:
    return match(*picture(*shown), POLICY).faces


def names(faces: tuple[FaceMatch, ...]) -> list[str | None]:
    return [found.assigned.talent_id if found.assigned else None for found in faces]


@given(pictures())
def test_each_talent_has_one_face_and_each_face_one_of_its_candidates(shown: Picture) -> None:
    given_names = [name for name in names(matched(shown)) if name is not None]
    assert len(given_names) == len(set(given_names))
    for found in matched(shown):
        assert found.assigned is None or found.assigned in found.candidates


@given(pictures())
def test_nobody_below_possible_is_assigned(shown: Picture) -> None:
    for found in matched(shown):
        assert found.assigned is None or found.assigned.strength >= POLICY.bands.possible


@given(pictures())
def test_no_face_and_talent_would_both_rather_have_each_other(shown: Picture) -> None:
    faces = matched(shown)
    owners = {found.assigned.talent_id: found.assigned.strength for found in faces if found.assigned}
    for found in faces:
        own = found.assigned.strength if found.assigned else float("-inf")
        for item in found.candidates:
            if item.band is not Band.NO_MATCH and item.strength > own:
                assert owners[item.talent_id] > item.strength


@given(pictures(), st.randoms())
def test_the_order_of_faces_changes_nothing(shown: Picture, random: Random) -> None:
    order = list(range(len(shown)))
    random.shuffle(order)
    plain, shuffled = matched(shown), matched([shown[place] for place in order])
    for place, found in zip(order, shuffled, strict=True):
        assert found == plain[place]


@given(pictures(least=1), st.data())
def test_a_weaker_candidate_changes_no_assignment(shown: Picture, data: st.DataObject) -> None:
    lowest = min((level for item in shown for level in item.values()), default=1.0)
    place = data.draw(st.integers(0, len(shown) - 1))
    weaker = lowest * data.draw(st.floats(0, 0.99))
    extended = [dict(item) for item in shown]
    extended[place]["zoe"] = weaker
    after = [name if name != "zoe" else None for name in names(matched(extended))]
    assert after == names(matched(shown))


@given(pictures())
def test_candidates_are_sorted_and_their_strength_follows_the_score(shown: Picture) -> None:
    for found in matched(shown):
        strengths = [item.strength for item in found.candidates]
        assert strengths == sorted(strengths, reverse=True)
        by_similarity = sorted(found.candidates, key=lambda item: -item.similarity)
        assert list(found.candidates) == by_similarity


@given(pictures(), st.sets(st.integers(0, 3)))
def test_unusable_faces_never_touch_the_others(shown: Picture, unusable: set[int]) -> None:
    faces = [face(faults=("blurred",) if place in unusable else ()) for place in range(len(shown))]
    found = Candidates(tuple(face_candidates(item) for item in shown), ())
    result = match(signals(faces), found, POLICY).faces
    kept = [item for place, item in enumerate(shown) if place not in unusable]
    usable = tuple(item for place, item in enumerate(result) if place not in unusable)
    assert usable == matched(kept)
    for place, item in enumerate(result):
        if place in unusable:
            assert (item.assigned, item.candidates, item.doubts) == (None, (), (Doubt.POOR_QUALITY,))


@given(st.lists(st.lists(st.sampled_from(TALENTS), unique=True), max_size=3))
def test_equal_strengths_still_give_one_to_one(talents: list[list[str]]) -> None:
    scored = [
        [ScoredCandidate(talent, f"{talent}-1", FACE, 0.9, 8.0, Band.MATCH) for talent in listed]
        for listed in talents
    ]
    owned = [item.talent_id for item in assign(scored).values()]
    assert len(owned) == len(set(owned))
    assert len(owned) >= min(1, sum(map(len, talents)))
