"""The registry against the obvious answer, and as a follower of the store."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.candidates import Candidates, FaceCandidate
from detector.commonness import Commonness
from detector.errors import SignalMismatch
from detector.signals import SignalKind, SignalSet
from indexer.registry import Registry


def opened(world: Any, feed: Any) -> Registry:
    return Registry.open(world.made_by, feed)


def obvious(world: Any, feed: Any, face: Any, top: int) -> list[tuple[str, str, float, float, int]]:
    """Best reference, template similarity and count per talent, in plain loops; the top by either, best
    first."""
    of_talent = defaultdict(dict)
    for name, kept in feed.kept.items():
        of_talent[kept.talent_id][name] = kept
    scored = []
    for talent, references in of_talent.items():
        best = max(references, key=lambda name: float(references[name].vectors[world.face] @ face))
        mean = sum(kept.vectors[world.face] * kept.quality for kept in references.values())
        template = float(mean @ face / np.linalg.norm(mean))
        similarity = float(references[best].vectors[world.face] @ face)
        scored.append((talent, best, similarity, template, len(references)))
    nearest = {row[0] for row in sorted(scored, key=lambda row: -row[2])[:top]}
    nearest |= {row[0] for row in sorted(scored, key=lambda row: -row[3])[:top]}
    return sorted((row for row in scored if row[0] in nearest), key=lambda row: -row[2])


def flat(candidate: FaceCandidate) -> tuple[Any, ...]:
    return (
        candidate.talent_id,
        candidate.reference_id,
        pytest.approx(candidate.similarity, abs=1e-5),
        pytest.approx(candidate.template_similarity, abs=1e-5),
        candidate.references,
    )


def numbers(answer: Candidates) -> dict[tuple[Any, ...], float]:
    """Everything an answer says, as names with one number each."""
    said: dict[tuple[Any, ...], float] = {}
    for place, face in enumerate(answer.faces):
        for c in face:
            said[place, c.talent_id, c.reference_id, c.references] = c.similarity
            said[place, c.talent_id, "template"] = c.template_similarity
    said |= {(c.reference_id, c.talent_id, c.signal, c.turn): c.similarity for c in answer.copies}
    return said


@pytest.mark.parametrize(("talents", "references"), [(1, 1), (2, 1), (1, 30), (3, 3), (40, 4), (12, 60)])
@pytest.mark.parametrize("top", [1, 5])
def test_faces_get_the_top_talents_by_reference_and_by_template(
    world: Any, talents: int, references: int, top: int
) -> None:
    feed = world.fill(world.feed(), talents, references)
    faces = [world.unit() for _ in range(70)]
    (answer,) = opened(world, feed).search([world.seen(faces)], top)
    for face, candidates in zip(faces, answer.faces, strict=True):
        assert list(map(flat, candidates)) == obvious(world, feed, face, top)
        assert {candidate.signal for candidate in candidates} == {world.face}


def test_many_references_of_one_talent_do_not_crowd_out_the_second(world: Any) -> None:
    feed, face = world.feed(), world.unit()
    for number in range(500):
        feed.put(f"a{number}", "a", world.vectors(world.near(face, 0.1)))
    for talent in "bcd":
        feed.put(talent, talent, world.vectors(world.near(face, 2.0)))
    (answer,) = opened(world, feed).search([world.seen([face])], 2)
    assert list(map(flat, answer.faces[0])) == obvious(world, feed, face, 2)
    assert {candidate.talent_id for candidate in answer.faces[0]} > {"a"}


def test_answers_keep_the_order_of_pictures_and_faces(world: Any) -> None:
    feed = world.fill(world.feed(), 6, 2)
    known = {name: kept.vectors[world.face] for name, kept in feed.kept.items()}
    pictures = [world.seen([known["t1-r0"], known["t4-r1"]]), world.seen(), world.seen([known["t2-r0"]])]
    answers = opened(world, feed).search(pictures, 3)
    best = [[face[0].reference_id for face in answer.faces] for answer in answers]
    assert best == [["t1-r0", "t4-r1"], [], ["t2-r0"]]


def test_copies_name_reference_signal_similarity_and_turn(world: Any) -> None:
    feed = world.fill(world.feed(), 5, 2)
    like = dict(feed.kept["t3-r1"].vectors)
    like[world.phash] = np.roll(like[world.phash], 3, axis=0)
    (answer,) = opened(world, feed).search([world.seen(like=like)], 4)
    best = {}
    for copy in answer.copies:
        best.setdefault(copy.signal, copy)
    assert {copy.reference_id for copy in best.values()} == {"t3-r1"}
    assert {copy.talent_id for copy in best.values()} == {"t3"}
    assert [best[name].turn for name in (world.image, world.phash, world.dhash)] == [0, 3, 0]
    assert [best[name].similarity for name in best] == pytest.approx([1, 1, 1], abs=1e-6)
    assert len(answer.copies) >= 3 * 4


def test_a_reference_near_by_one_signal_is_compared_by_all(world: Any) -> None:
    feed = world.fill(world.feed(), 30, 2)
    like = dict(world.vectors())
    like[world.dhash] = feed.kept["t9-r0"].vectors[world.dhash]
    (answer,) = opened(world, feed).search([world.seen(like=like)], 1)
    by_signal = {copy.signal: copy for copy in answer.copies if copy.reference_id == "t9-r0"}
    stored = feed.kept["t9-r0"].vectors
    distances = np.bitwise_count(stored[world.phash][0] ^ like[world.phash]).sum(axis=1)
    assert by_signal[world.dhash].similarity == 1
    assert by_signal[world.phash].similarity == 1 - distances.min() / 64
    assert by_signal[world.phash].turn == distances.argmin()
    assert by_signal[world.image].similarity == pytest.approx(
        float(stored[world.image] @ like[world.image]), abs=1e-5
    )


def test_copies_come_nearest_first_within_each_signal(world: Any) -> None:
    (answer,) = opened(world, world.fill(world.feed(), 20, 2)).search([world.seen()], 5)
    for signal in (world.image, world.phash, world.dhash):
        of_signal = [copy.similarity for copy in answer.copies if copy.signal == signal]
        assert len(of_signal) >= 5
        assert of_signal == sorted(of_signal, reverse=True)


def test_an_empty_registry_answers_nothing(world: Any) -> None:
    registry = opened(world, world.feed())
    assert registry.search([world.seen([world.unit()]), world.seen()], 5) == [
        Candidates(((),), ()),
        Candidates((), ()),
    ]
    assert registry.search([], 5) == []
    assert registry.registry_size == 0


def test_the_size_is_the_number_of_talents_that_can_be_found(world: Any) -> None:
    feed = world.fill(world.feed(), 3, 2)
    registry = opened(world, feed)
    assert registry.registry_size == 3
    feed.remove("t1-r0")
    registry.refresh()
    assert registry.registry_size == 3
    feed.remove("t1-r1")
    registry.refresh()
    assert registry.registry_size == 2


def test_without_a_face_signal_the_size_counts_the_talents_with_copies(world: Any) -> None:
    feed = world.fill(world.feed(), 3, 2)
    made_by = SignalSet(None, None, (world.phash,), {SignalKind.FACE: "no weights"})
    registry = Registry.open(made_by, feed)
    assert registry.registry_size == 3
    (answer,) = registry.search([world.seen([world.unit()], made_by=made_by)], 2)
    assert answer.faces == ((),)
    assert {copy.signal for copy in answer.copies} == {world.phash}
    assert len(answer.copies) == 2


def test_a_signal_that_a_picture_lacks_is_not_searched(world: Any) -> None:
    feed = world.fill(world.feed(), 3, 2)
    made_by = SignalSet(world.face, None, (world.phash,))
    (answer,) = opened(world, feed).search([world.seen(made_by=made_by)], 2)
    assert {copy.signal for copy in answer.copies} == {world.phash}


def test_signals_of_another_network_are_a_typed_error(world: Any) -> None:
    registry = opened(world, world.fill(world.feed(), 2, 2))
    other = SignalSet(replace(world.face, revision="2"), world.image, (world.phash, world.dhash))
    with pytest.raises(SignalMismatch, match="net@2"):
        registry.search([world.seen(), world.seen(made_by=other)], 1)


def test_quality_weighs_the_template(world: Any) -> None:
    feed = world.feed()
    good, poor = np.eye(32, dtype=np.float32)[:2]
    feed.put("good", "t", world.vectors(good), quality=0.9)
    feed.put("poor", "t", world.vectors(poor), quality=0.3)
    (answer,) = opened(world, feed).search([world.seen([good, poor])], 1)
    assert [face[0].template_similarity for face in answer.faces] == pytest.approx([3 / 10**0.5, 1 / 10**0.5])


def test_unjudged_references_weigh_alike(world: Any) -> None:
    feed = world.feed()
    one, other = np.eye(32, dtype=np.float32)[:2]
    feed.put("one", "t", world.vectors(one), quality=None)
    feed.put("other", "t", world.vectors(other), quality=None)
    (answer,) = opened(world, feed).search([world.seen([one, other])], 1)
    assert [face[0].template_similarity for face in answer.faces] == pytest.approx([0.5**0.5, 0.5**0.5])


def test_quality_nought_and_opposite_vectors_still_give_a_template(world: Any) -> None:
    feed, face = world.feed(), world.unit()
    feed.put("a", "nought", world.vectors(face), quality=0.0)
    feed.put("b", "opposite", world.vectors(face), quality=1.0)
    feed.put("c", "opposite", world.vectors(-face), quality=1.0)
    (answer,) = opened(world, feed).search([world.seen([face])], 5)
    assert [candidate.template_similarity for candidate in answer.faces[0]] == pytest.approx([1, 1])


def test_a_reference_that_moves_to_another_talent_leaves_the_first(world: Any) -> None:
    feed, face = world.feed(), world.unit()
    feed.put("r", "first", world.vectors(face))
    registry = opened(world, feed)
    feed.put("r", "second", world.vectors(face))
    registry.refresh()
    (answer,) = registry.search([world.seen([face])], 5)
    assert [candidate.talent_id for candidate in answer.faces[0]] == ["second"]
    assert registry.registry_size == 1


def test_a_reference_without_a_face_vector_is_found_as_a_copy_only(world: Any) -> None:
    feed = world.feed()
    vectors = world.vectors()
    feed.put("r", "t", {name: vector for name, vector in vectors.items() if name != world.face})
    registry = opened(world, feed)
    (answer,) = registry.search([world.seen([vectors[world.face]], like=vectors)], 5)
    assert answer.faces == ((),)
    assert {copy.reference_id for copy in answer.copies} == {"r"}


def test_refresh_says_how_much_it_took_in_and_then_nothing(world: Any) -> None:
    feed = world.fill(world.feed(), 2, 2)
    registry = Registry(world.made_by, feed)
    assert registry.refresh() == 4 * 4
    assert registry.refresh() == 0
    assert registry.change_number == 4


def test_candidates_say_how_common_the_talent_s_template_is_now(world: Any) -> None:
    feed = world.fill(world.feed(), 6, 3)
    people = np.stack([world.unit() for _ in range(50)])
    measured = Commonness.measured(people, people[:5])
    following = Registry(world.made_by, feed, commonness=measured)
    following.refresh()
    face = world.unit()
    feed.put("t0-r1", "t1", world.vectors(face), 0.7)
    feed.remove("t2-r0")
    following.refresh()
    (answer,) = following.search([world.seen([face])], 6)
    assert len(answer.faces[0]) == 6
    for candidate in answer.faces[0]:
        own = [kept for kept in feed.kept.values() if kept.talent_id == candidate.talent_id]
        mean = sum(kept.vectors[world.face] * kept.quality for kept in own)
        template = np.asarray(mean / np.linalg.norm(mean), np.float32)
        assert candidate.commonness == pytest.approx(float(measured.of(template[None])[0]), abs=1e-5)
    (unmeasured,) = opened(world, feed).search([world.seen([face])], 6)
    assert {candidate.commonness for candidate in unmeasured.faces[0]} == {0.0}


def test_more_changes_than_one_page_holds(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.registry._PAGE", 7)
    feed = world.fill(world.feed(), 10, 5)
    for number in range(5):
        feed.remove(f"t{number}-r0")
    face = world.unit()
    (answer,) = opened(world, feed).search([world.seen([face])], 4)
    assert list(map(flat, answer.faces[0])) == obvious(world, feed, face, 4)


def test_a_vector_that_cannot_be_of_this_signal_is_an_error_and_changes_nothing(world: Any) -> None:
    feed = world.fill(world.feed(), 2, 2)
    registry = opened(world, feed)
    picture = world.seen([world.unit()])
    before = registry.search([picture], 3)
    feed.put("bad", "t9", {world.face: world.unit(31)})
    feed.remove("t0-r0")
    with pytest.raises(SignalMismatch):
        registry.refresh()
    assert registry.search([picture], 3) == before


STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "put", "remove", "refresh"]), st.integers(0, 11), st.integers(0, 3)),
    max_size=30,
)


@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_following_step_by_step_agrees_with_a_full_rebuild(
    make_world: Any, steps: list[tuple[str, int, int]]
) -> None:
    world = make_world(seed=7)
    feed = world.feed()
    following = Registry(world.made_by, feed)
    for step, reference, talent in steps:
        name = f"r{reference}"
        if step == "put":
            feed.put(name, f"t{talent}", world.vectors(), 0.1 + reference / 20)
        elif step == "remove" and name in feed.kept:
            feed.remove(name)
        elif step == "refresh":
            following.refresh()
    following.refresh()
    pictures = [world.seen([world.unit(), world.unit()])]
    rebuilt = Registry.open(world.made_by, feed)
    answers = [registry.search(pictures, 12)[0] for registry in (following, rebuilt)]
    assert numbers(answers[0]) == pytest.approx(numbers(answers[1]), abs=1e-5)
    assert following.registry_size == rebuilt.registry_size == len({k.talent_id for k in feed.kept.values()})


def test_readers_never_see_half_of_a_batch(world: Any) -> None:
    """Each batch moves one face from one reference to another of the same talent: there must always be
    one."""
    feed, face = world.feed(), world.unit()
    feed.put("r0", "t", world.vectors(face))
    registry = opened(world, feed)
    picture, stop, seen = world.seen([face]), threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            (answer,) = registry.search([picture], 3)
            seen.append([(c.references, round(c.similarity, 4)) for c in answer.faces[0]])

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(150):
        feed.put(f"r{number + 1}", "t", world.vectors(face))
        feed.remove(f"r{number}")
        if number % 3 == 0:
            registry.refresh()
    stop.set()
    for reader in readers:
        reader.join()
    assert seen
    assert {tuple(answer) for answer in seen} == {((1, 1.0),)}
