"""One contract for every index: each passes the same seeded suite and agrees with the numpy oracle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import NotFound, SignalMismatch, UsageError
from detector.signals import SignalId, SignalKind
from indexer.exact import ExactHashIndex, ExactIndex
from indexer.faiss_index import FaissIndex
from indexer.hash_index import HashIndex
from indexer.ports import Hit, VectorIndex, Vectors

FACE = SignalId(SignalKind.FACE, "net", "1", "aligned")
HASH = SignalId(SignalKind.HASH, "phash", "1", "grey")
OTHER = SignalId(SignalKind.FACE, "net", "2", "aligned")


def unit_vectors(seed: int, n: int) -> Vectors:
    drawn = np.random.default_rng(seed).normal(size=(n, 16)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def codes(seed: int, n: int) -> Vectors:
    return np.random.default_rng(seed).integers(0, 256, size=(n, 8), dtype=np.uint8)


def turned(stored: Vectors) -> Vectors:
    """Queries whose upright row is `stored` and whose other turns lie far off (complements and shifts)."""
    return np.stack(
        [np.roll(stored, turn, axis=1) ^ (0xFF * (turn > 0)) for turn in range(8)], axis=1
    ).astype(np.uint8)


@dataclass(frozen=True)
class Contender:
    make: Callable[[SignalId], VectorIndex]
    oracle: Callable[[SignalId], VectorIndex]
    signal: SignalId
    stored: Callable[[int, int], Vectors]
    as_queries: Callable[[Vectors], Vectors]

    def filled(self, n: int, seed: int = 1) -> VectorIndex:
        return self._fill(self.make(self.signal), n, seed)

    def oracle_filled(self, n: int, seed: int = 1) -> VectorIndex:
        return self._fill(self.oracle(self.signal), n, seed)

    def queries(self, seed: int, n: int) -> Vectors:
        return self.as_queries(self.stored(seed, n))

    def _fill(self, index: VectorIndex, n: int, seed: int) -> VectorIndex:
        index.add(self.signal, [f"r{i}" for i in range(n)], self.stored(seed, n))
        return index


EMBEDDINGS = (ExactIndex, FACE, unit_vectors, lambda vectors: vectors)
HASHES = (ExactHashIndex, HASH, codes, turned)
CONTENDERS = {
    "exact": Contender(ExactIndex, *EMBEDDINGS),
    "faiss": Contender(FaissIndex, *EMBEDDINGS),
    "exact-hash": Contender(ExactHashIndex, *HASHES),
    "hash": Contender(HashIndex, *HASHES),
}
contenders = pytest.mark.parametrize("contender", CONTENDERS.values(), ids=CONTENDERS.keys())


def assert_agree(found: list[list[Hit]], expected: list[list[Hit]], everything: list[list[Hit]]) -> None:
    """Same similarities rank by rank, each true for its id. Where others just as near were left out, ids may differ,
    and so may the turn: of equally near turns, one may have been left out as well."""
    assert [len(hits) for hits in found] == [len(hits) for hits in expected]
    for hits, truths, all_hits in zip(found, expected, everything, strict=True):
        true_of = {hit.id: hit for hit in all_hits}
        assert len({hit.id for hit in hits}) == len(hits)
        assert [hit.similarity for hit in hits] == pytest.approx([hit.similarity for hit in truths], abs=1e-5)
        assert [hit.similarity for hit in hits] == pytest.approx(
            [true_of[hit.id].similarity for hit in hits], abs=1e-5
        )
        listed = {hit.id for hit in hits}
        tied = {hit.similarity for hit in all_hits if hit.id not in listed}
        assert [hit.turn for hit in hits if hit.similarity not in tied] == [
            true_of[hit.id].turn for hit in hits if hit.similarity not in tied
        ]


@contenders
@pytest.mark.parametrize("n", [0, 1, 2, 3, 63, 64, 65, 500])
@pytest.mark.parametrize("k", [1, 7, 1000])
def test_agrees_with_the_oracle(contender: Contender, n: int, k: int) -> None:
    queries = contender.queries(2, 5)
    index, oracle = contender.filled(n), contender.oracle_filled(n)
    found = index.search(contender.signal, queries, k)
    assert [len(hits) for hits in found] == [min(n, k)] * 5
    everything = oracle.search(contender.signal, queries, max(n, 1))
    assert_agree(found, oracle.search(contender.signal, queries, k), everything)


@contenders
def test_never_filled_answers_nothing(contender: Contender) -> None:
    index = contender.make(contender.signal)
    assert index.search(contender.signal, contender.queries(1, 2), 3) == [[], []]
    assert len(index) == 0
    assert list(index.ids) == []


@contenders
def test_no_queries_no_answers(contender: Contender) -> None:
    assert contender.filled(3).search(contender.signal, contender.queries(1, 0), 3) == []


@contenders
def test_finds_what_was_added_at_full_similarity(contender: Contender) -> None:
    index = contender.filled(40)
    own = contender.as_queries(contender.stored(1, 40))
    best = [hits[0] for hits in index.search(contender.signal, own, 1)]
    assert [hit.id for hit in best] == [f"r{i}" for i in range(40)]
    assert [hit.similarity for hit in best] == pytest.approx([1.0] * 40, abs=1e-5)


@contenders
def test_adding_an_id_again_replaces_it(contender: Contender) -> None:
    index = contender.filled(3)
    new = contender.stored(9, 1)
    index.add(contender.signal, ["r1"], new)
    assert len(index) == 3
    assert index.search(contender.signal, contender.as_queries(new), 1)[0][0].id == "r1"
    assert np.array_equal(index.take(["r1"]), new)


@contenders
def test_of_equal_ids_in_one_call_the_last_wins(contender: Contender) -> None:
    index = contender.filled(2)
    vectors = contender.stored(9, 3)
    index.add(contender.signal, ["new", "r0", "new"], vectors)
    assert len(index) == 3
    assert np.array_equal(index.take(["new", "r0"]), vectors[[2, 1]])


@contenders
def test_what_was_removed_is_never_found(contender: Contender) -> None:
    index = contender.filled(10)
    assert index.remove(["r0", "r9", "absent"]) == 2
    found = {hit.id for hits in index.search(contender.signal, contender.queries(3, 4), 100) for hit in hits}
    assert found == {f"r{i}" for i in range(1, 9)}
    assert "r0" not in index
    assert "r1" in index


@contenders
def test_removing_everything_leaves_an_index_that_works(contender: Contender) -> None:
    index = contender.filled(2)
    index.remove(["r0", "r1"])
    assert index.search(contender.signal, contender.queries(1, 1), 1) == [[]]
    index.add(contender.signal, ["again"], contender.stored(1, 1))
    assert index.search(contender.signal, contender.queries(1, 1), 1)[0][0].id == "again"


@contenders
def test_take_gives_copies_in_the_order_asked(contender: Contender) -> None:
    index = contender.filled(5)
    taken = index.take(["r3", "r0", "r3"])
    assert np.array_equal(taken, contender.stored(1, 5)[[3, 0, 3]])
    taken[:] = 0
    assert np.array_equal(index.take(["r3"]), contender.stored(1, 5)[[3]])


@contenders
def test_take_of_an_absent_id_is_an_error(contender: Contender) -> None:
    with pytest.raises(NotFound, match="'gone'"):
        contender.filled(2).take(["r0", "gone"])


@contenders
def test_another_signal_is_a_typed_error(contender: Contender) -> None:
    index = contender.filled(2)
    with pytest.raises(SignalMismatch) as searched:
        index.search(OTHER, contender.queries(1, 1), 1)
    with pytest.raises(SignalMismatch) as added:
        index.add(OTHER, ["x"], contender.stored(1, 1))
    assert {searched.value.code, added.value.code} == {"signal_mismatch"}
    assert len(index) == 2


@contenders
def test_another_dimension_is_a_typed_error(contender: Contender) -> None:
    index = contender.filled(2)
    with pytest.raises(SignalMismatch) as searched:
        index.search(contender.signal, contender.queries(1, 1)[..., :-1], 1)
    with pytest.raises(SignalMismatch) as added:
        index.add(contender.signal, ["x"], contender.stored(1, 1)[:, :-1])
    with pytest.raises(SignalMismatch) as flat:
        index.search(contender.signal, contender.queries(1, 1)[0, ..., 0], 1)
    assert {searched.value.code, added.value.code, flat.value.code} == {"dimension_mismatch"}


@contenders
def test_another_type_is_a_typed_error(contender: Contender) -> None:
    index = contender.filled(2)
    with pytest.raises(SignalMismatch) as searched:
        index.search(contender.signal, contender.queries(1, 1).astype(np.float64), 1)
    with pytest.raises(SignalMismatch) as added:
        index.add(contender.signal, ["x"], contender.stored(1, 1).astype(np.float64))
    assert {searched.value.code, added.value.code} == {"bad_vector"}


@contenders
def test_ids_and_vectors_come_in_pairs(contender: Contender) -> None:
    with pytest.raises(UsageError):
        contender.filled(2).add(contender.signal, ["x", "y"], contender.stored(1, 1))


@contenders
@pytest.mark.parametrize("k", [0, -1])
def test_a_search_asks_for_at_least_one(contender: Contender, k: int) -> None:
    with pytest.raises(UsageError):
        contender.filled(2).search(contender.signal, contender.queries(1, 1), k)


@pytest.mark.parametrize("name", ["exact", "faiss"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(name: str, value: float) -> None:
    contender = CONTENDERS[name]
    bad = contender.stored(1, 1)
    bad[0, 0] = value
    with pytest.raises(SignalMismatch) as refused:
        contender.filled(2).add(FACE, ["x"], bad)
    assert refused.value.code == "bad_vector"
    with pytest.raises(SignalMismatch):
        contender.filled(2).search(FACE, bad, 1)


@pytest.mark.parametrize("make", [ExactHashIndex, HashIndex])
def test_a_turned_copy_is_found_and_says_which_turn(make: Callable[[SignalId], VectorIndex]) -> None:
    index = make(HASH)
    stored = codes(1, 3)
    index.add(HASH, ["a", "b", "c"], stored)
    query = codes(2, 8)[np.newaxis]
    query[0, 5] = stored[1]
    query[0, 5, 0] ^= 0b11
    assert index.search(HASH, query, 1) == [[Hit("b", 1.0 - 2 / 64, 5)]]


@pytest.mark.parametrize("make", [FaissIndex, HashIndex])
def test_an_erased_vector_leaves_no_bytes_behind(make: type[FaissIndex] | type[HashIndex]) -> None:
    signal, stored = (FACE, unit_vectors(1, 6)) if make is FaissIndex else (HASH, codes(1, 6))
    index = make(signal)
    index.add(signal, list("abcdef"), stored)
    backing = index.matrix.base
    index.remove(["b", "f"])
    held = backing.tobytes()
    assert [row.tobytes() in held for row in stored] == [True, False, True, True, True, False]


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.integers(0, 7), max_size=5)),
        st.tuples(st.just("remove"), st.lists(st.integers(0, 7), max_size=5)),
        st.tuples(st.just("search"), st.integers(1, 9)),
    ),
    max_size=25,
)


@pytest.mark.parametrize("name", ["faiss", "hash"])
@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_any_order_of_changes_agrees_with_the_oracle(name: str, steps: list[tuple[str, Any]]) -> None:
    contender = CONTENDERS[name]
    index, oracle = contender.make(contender.signal), contender.oracle(contender.signal)
    for seed, (step, argument) in enumerate(steps):
        if isinstance(argument, int):
            queries = contender.queries(seed, 3)
            found = index.search(contender.signal, queries, argument)
            expected = oracle.search(contender.signal, queries, argument)
            assert_agree(found, expected, oracle.search(contender.signal, queries, 9))
            continue
        names = [f"r{number}" for number in argument]
        for each in (index, oracle):
            if step == "add":
                each.add(contender.signal, names, contender.stored(seed, len(names)))
            else:
                each.remove(names)
        assert sorted(index.ids) == sorted(oracle.ids)
        assert len(index) == len(oracle)
