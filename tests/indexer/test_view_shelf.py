"""Several vectors per reference: the shelf against the obvious answer, and through changes and snapshots."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import SignalMismatch
from indexer.registry import Registry
from indexer.view_shelf import ViewShelf


def views(world: Any, count: int) -> Any:
    return np.stack([world.unit(16) for _ in range(count)])


def change(world: Any, number: int, name: str, vector: Any) -> Any:
    feed = world.feed()
    feed.put(name, f"talent of {name}", {world.image: vector} if vector is not None else {})
    if vector is None:
        feed.remove(name)
    (*_, made) = feed.since(0, world.image, 10)
    return made


def filled(world: Any, held: dict[str, Any]) -> ViewShelf:
    shelf = ViewShelf(world.image)
    shelf.apply([change(world, at, name, vector) for at, (name, vector) in enumerate(held.items())])
    return shelf


def obvious(held: dict[str, Any], query: Any) -> list[tuple[str, float]]:
    best = {
        name: float((np.atleast_2d(vector) @ np.atleast_2d(query).T).max()) for name, vector in held.items()
    }
    return sorted(best.items(), key=lambda item: (-item[1], item[0]))


@pytest.mark.parametrize("top", [1, 4, 50])
def test_a_reference_is_as_near_as_its_nearest_pair_of_views(world: Any, top: int) -> None:
    held = {f"r{n}": views(world, 1 + n % 5) for n in range(30)}
    queries = [views(world, count) for count in (1, 3, 5, 1)]
    shelf = filled(world, held)
    for query, found in zip(queries, shelf.nearest(queries, top), strict=True):
        expected = obvious(held, query)
        assert found == [name for name, _ in expected[:top]]
        compared = shelf.compare(query, found)
        assert [
            (copy.reference_id, pytest.approx(copy.similarity, abs=1e-6)) for copy in compared
        ] == expected[:top]
        assert all(copy.talent_id == f"talent of {copy.reference_id}" for copy in compared)


def test_one_vector_is_one_view(world: Any) -> None:
    held = {"a": world.unit(16), "b": views(world, 2)}
    shelf = filled(world, held)
    query = world.unit(16)
    assert shelf.nearest([query], 5) == [[name for name, _ in obvious(held, query)]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4)), max_size=25), st.integers(0, 2**31))
def test_any_history_answers_as_what_is_left(
    make_world: Any, history: list[tuple[int, int]], seed: int
) -> None:
    """Each step puts a reference with so many views, or removes it (0)."""
    world = make_world(seed)
    shelf, held = ViewShelf(world.image), {}
    for at, (number, count) in enumerate(history):
        name, vector = f"r{number}", views(world, count) if count else None
        held.pop(name, None)
        held |= {} if vector is None else {name: vector}
        shelf.apply([change(world, at, name, vector)])
    restored = ViewShelf(world.image)
    restored.restore(shelf.contents())
    query = views(world, 2)
    for one in (shelf, restored):
        assert len(one) == len(held)
        assert one.nearest([query], 10) == [[name for name, _ in obvious(held, query)]]
        assert one.talents == {f"talent of {name}" for name in held}
    assert sorted(row for row in shelf.contents().ids) == sorted(
        f"{name}#{view}" for name, vector in held.items() for view in range(len(vector))
    )


def test_vectors_of_another_length_are_refused_and_nothing_of_them_is_taken(world: Any) -> None:
    shelf = filled(world, {"a": views(world, 2)})
    wrong = np.ones((2, 7), np.float32) / np.sqrt(7).astype(np.float32)
    changes = [change(world, 1, "b", views(world, 3)), change(world, 2, "c", wrong)]
    with pytest.raises(SignalMismatch):
        shelf.apply(changes)
    assert len(shelf) == 1
    assert shelf.nearest([views(world, 1)], 5) == [["a"]]


def test_the_registry_finds_a_reference_by_any_of_its_views(world: Any) -> None:
    feed = world.fill(world.feed(), 20, 2)
    several = views(world, 4)
    feed.put("card", "t", world.vectors() | {world.image: several})
    registry = Registry.open(world.made_by, feed)
    for view in several:
        like = world.vectors() | {world.image: np.stack([world.unit(16), view])}
        (answer,) = registry.search([world.seen(like=like)], 1)
        (first, *_) = [copy for copy in answer.copies if copy.signal == world.image]
        assert (first.reference_id, first.similarity) == ("card", pytest.approx(1, abs=1e-6))
