"""The pool: what goes together, who is refused, and that everybody gets their own answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.http.pool import LONGEST_WAIT, Pool, PoolPlan
from detector.errors import Overloaded, SignalMismatch, StoreError

PATIENT = 20
"""Seconds after which a test that waits in vain fails."""


class Gated:
    """Doubles numbers once it is let; remembers the batches. Odd numbers below zero break."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun = threading.Semaphore(0)
        self.batches: list[list[int]] = []

    def __call__(self, batch: Sequence[int]) -> list[int]:
        self.begun.release()
        assert self.open.wait(PATIENT)
        self.batches.append(list(batch))
        if any(number < 0 for number in batch):
            raise ZeroDivisionError
        return [2 * number for number in batch]


@pytest.fixture
def gated() -> Gated:
    return Gated()


@pytest.fixture
def pool(gated: Gated) -> Iterator[Pool[int, int]]:
    """One worker, three that may wait, in batches of two of the same parity."""
    made = Pool(gated, PoolPlan(1, 2, 3, max_bytes=100), lambda number: number % 2)
    yield made
    gated.open.set()
    made.close()


def busy(pool: Pool[int, int], gated: Gated) -> Future[int]:
    """A call that the only worker is at, so that the next ones wait."""
    first = pool.submit(10)
    assert gated.begun.acquire(timeout=PATIENT)
    return first


def test_everybody_gets_their_own_answer_and_what_fits_goes_together(
    pool: Pool[int, int], gated: Gated
) -> None:
    first = busy(pool, gated)
    others = [pool.submit(number) for number in (1, 2, 3)]
    gated.open.set()
    assert [future.result(PATIENT) for future in (first, *others)] == [20, 2, 4, 6]
    assert gated.batches == [[10], [1, 3], [2]]


def test_beyond_its_capacity_a_call_is_refused_at_once(pool: Pool[int, int], gated: Gated) -> None:
    busy(pool, gated)
    waiting = [pool.submit(number) for number in (1, 2, 3)]
    for refused in (lambda: pool.submit(4), pool.require_room):
        with pytest.raises(Overloaded) as raised:
            refused()
        assert 1 <= raised.value.retry_after <= LONGEST_WAIT
    assert pool.waiting == 3
    gated.open.set()
    assert [future.result(PATIENT) for future in waiting] == [2, 4, 6]
    assert pool.submit(5).result(PATIENT) == 10


def test_bytes_are_bounded_too_but_one_is_always_let_in(pool: Pool[int, int], gated: Gated) -> None:
    busy(pool, gated)
    pool.submit(1, size=1000)
    with pytest.raises(Overloaded):
        pool.submit(2, size=1)


def test_one_that_breaks_in_company_breaks_alone(pool: Pool[int, int], gated: Gated) -> None:
    busy(pool, gated)
    broken, fine = pool.submit(-1), pool.submit(3)
    gated.open.set()
    assert fine.result(PATIENT) == 6
    with pytest.raises(ZeroDivisionError):
        broken.result(PATIENT)
    assert gated.batches[-2:] == [[-1], [3]]


@pytest.mark.parametrize(("error", "alone"), [(StoreError("down"), 0), (SignalMismatch("other"), 2)])
def test_a_lost_store_fails_for_all_and_foreign_signals_for_their_sender(
    error: Exception, alone: int
) -> None:
    batches: list[int] = []
    gate, begun = threading.Event(), threading.Event()

    def run(batch: Sequence[int]) -> list[int]:
        begun.set()
        assert gate.wait(PATIENT)
        batches.append(len(batch))
        raise error

    pool = Pool(run, PoolPlan(1, 4, 9))
    futures = [pool.submit(0)]
    assert begun.wait(PATIENT)
    futures += [pool.submit(1), pool.submit(2)]
    gate.set()
    assert [future.exception(PATIENT) for future in futures] == [error] * 3
    pool.close()
    assert batches == [1, 2] + [1] * alone


def test_who_stops_waiting_costs_nothing(pool: Pool[int, int], gated: Gated) -> None:
    busy(pool, gated)
    left = pool.submit(1)
    assert left.cancel()
    stayed = pool.submit(3)
    gated.open.set()
    assert stayed.result(PATIENT) == 6
    assert [1] not in gated.batches
    assert [1, 3] not in gated.batches


def test_a_closed_pool_answers_who_waits_and_lets_nobody_in(pool: Pool[int, int], gated: Gated) -> None:
    busy(pool, gated)
    waiting = pool.submit(1)
    gated.open.set()
    pool.close()
    assert waiting.result(0) == 2
    with pytest.raises(Overloaded):
        pool.submit(3)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 9), max_size=40), st.integers(1, 4), st.integers(1, 5))
def test_whatever_comes_each_call_gets_its_answer_in_company_of_its_own_kind(
    numbers: list[int], workers: int, batch: int
) -> None:
    seen: list[list[int]] = []

    def run(together: Sequence[int]) -> list[int]:
        seen.append(list(together))
        return [number * number for number in together]

    pool = Pool(run, PoolPlan(workers, batch, len(numbers) + 1), lambda number: number % 3)
    futures = [pool.submit(number) for number in numbers]
    pool.close()
    assert [future.result(0) for future in futures] == [number * number for number in numbers]
    assert all(len(together) <= batch and len({number % 3 for number in together}) == 1 for together in seen)
    assert sorted(number for together in seen for number in together) == sorted(numbers)
