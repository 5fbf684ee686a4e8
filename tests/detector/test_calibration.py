"""Calibration: strictly monotone maps, thresholds from rates and registry sizes, and the tables that ship."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from detector.calibration import Monotone, false_match_rate, identification_rate
from detector.errors import UsageError
from tests.detector.matching_world import CALIBRATION

RATES = st.floats(1e-4, 0.5)
SIZES = st.integers(1, 1_000_000)


def test_between_knots_it_is_straight_and_goes_straight_on_beyond() -> None:
    rising = Monotone(((0.0, 0.0), (1.0, 10.0), (2.0, 12.0)))
    assert [rising(x) for x in (-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0)] == pytest.approx(
        [-10.0, 0.0, 5.0, 10.0, 11.0, 12.0, 14.0]
    )


@pytest.mark.parametrize(
    "knots",
    [
        ((0.0, 0.0),),
        ((0.0, 0.0), (0.0, 1.0)),
        ((0.0, 0.0), (1.0, 0.0)),
        ((0.0, 0.0), (1.0, 1.0), (2.0, 1.0)),
        ((0.0, 0.0), (1.0, 1.0), (2.0, 0.5)),
        ((0.0, 1.0), (1.0, 0.5), (2.0, 0.7)),
        ((1.0, 0.0), (0.0, 1.0)),
    ],
)
def test_a_plateau_a_turn_or_one_knot_is_refused(knots: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="knots"):
        Monotone(knots)


@given(st.floats(-1, 1), st.floats(-1, 1))
def test_a_higher_score_is_always_a_higher_strength(one: float, other: float) -> None:
    assume(abs(one - other) > 1e-9)
    strength = CALIBRATION.strength
    assert (strength(one) < strength(other)) == (one < other)


@given(st.floats(-15, 15))
def test_the_inverse_undoes_it(strength: float) -> None:
    falling = CALIBRATION.log_false_match
    assert falling.inverse()(falling(strength)) == pytest.approx(strength, abs=1e-6)


@given(RATES, SIZES)
def test_false_match_and_identification_rate_are_inverse(fpir: float, size: int) -> None:
    assert identification_rate(false_match_rate(fpir, size), size) == pytest.approx(fpir, rel=1e-6)


def test_one_comparison_errs_as_often_as_a_search_of_one() -> None:
    assert false_match_rate(0.01, 1) == pytest.approx(0.01)
    assert false_match_rate(0.01, 100) == pytest.approx(1 - 0.99 ** (1 / 100))
    assert false_match_rate(0.01, 0) == pytest.approx(0.01)


@pytest.mark.parametrize("fpir", [0.0, 1.0, -0.1, math.nan])
def test_a_rate_outside_zero_and_one_is_refused(fpir: float) -> None:
    with pytest.raises(UsageError, match="false-positive identification rate"):
        false_match_rate(fpir, 10)


@given(RATES, RATES, SIZES)
def test_a_stricter_rate_never_asks_for_less(one: float, other: float, size: int) -> None:
    loose, strict = max(one, other), min(one, other)
    assert CALIBRATION.threshold(strict, size) >= CALIBRATION.threshold(loose, size)


@given(RATES, SIZES, SIZES)
def test_a_larger_registry_never_asks_for_less(fpir: float, one: int, other: int) -> None:
    small, large = min(one, other), max(one, other)
    assert CALIBRATION.threshold(fpir, large) >= CALIBRATION.threshold(fpir, small)


@given(RATES, st.integers(1, 5000))
def test_the_rate_of_a_threshold_is_the_rate_asked_for(fpir: float, size: int) -> None:
    assume(false_match_rate(fpir, size) < 0.99)
    assert CALIBRATION.fpir(CALIBRATION.threshold(fpir, size), size) == pytest.approx(fpir, rel=1e-3)


def test_the_table_for_people_has_a_row_per_size() -> None:
    table = CALIBRATION.table((50, 500), (0.01, 0.003))
    assert [size for size, _ in table] == [50, 500]
    assert all(strict > loose for _, (loose, strict) in table)
    assert all(large > small for small, large in pairwise(row[0] for _, row in table))
