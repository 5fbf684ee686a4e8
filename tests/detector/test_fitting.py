"""Fitting a table to scores whose distributions are known, so that what it should say is known too."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.errors import UsageError
from detector.fitting import RATES, Comparisons, fit, measured_rates
from detector.signals import SignalId, SignalKind

SIGNAL = SignalId(SignalKind.FACE, "net", "1", "aligned")
OWN, OTHER = NormalDist(0.6, 0.1), NormalDist(0.05, 0.1)


def drawn(seed: int = 0, mated: int = 2_000, impostor: int = 200_000, own: NormalDist = OWN) -> Comparisons:
    random = np.random.default_rng(seed)
    return Comparisons(
        random.normal(own.mean, own.stdev, mated).astype(np.float32),
        random.normal(OTHER.mean, OTHER.stdev, impostor).astype(np.float32),
    )


def test_strength_is_the_log_likelihood_ratio_of_the_two_distributions() -> None:
    table = fit(SIGNAL, drawn(own=NormalDist(0.35, 0.1)), 0.75)
    for score in (0.0, 0.2, 0.4):
        truth = math.log(NormalDist(0.35, 0.1).pdf(score) / OTHER.pdf(score))
        assert table.strength(score) == pytest.approx(truth, abs=0.5)


@pytest.mark.parametrize("rate", [0.03, 0.01, 0.001, 3e-4])
def test_a_threshold_lets_through_what_was_asked_on_other_draws(rate: float) -> None:
    table, others = fit(SIGNAL, drawn(0), 0.75), drawn(1)
    score = table.strength.inverse()(table.threshold(rate, 1))
    assert float(np.mean(others.impostor > score)) == pytest.approx(rate, rel=0.35)


def test_beyond_what_was_measured_the_table_is_rather_too_strict() -> None:
    """A normal tail falls ever faster; a straight line does not."""
    table = fit(SIGNAL, drawn(impostor=20_000), 0.75, measured_rates(20_000))
    score = table.strength.inverse()(table.threshold(1e-6, 1))
    assert 1 - OTHER.cdf(score) < 1e-6


def test_as_few_as_are_demanded_give_nearly_the_thresholds_of_many() -> None:
    many, few = fit(SIGNAL, drawn(), 0.75), fit(SIGNAL, drawn(3, 100, 20_000), 0.75, measured_rates(20_000))
    for fpir in (0.05, 0.01):
        scores = [table.strength.inverse()(table.threshold(fpir, 100)) for table in (many, few)]
        assert scores[1] == pytest.approx(scores[0], abs=0.06)


@pytest.mark.parametrize(("impostor", "last"), [(99, None), (100, 0.1), (20_000, 1e-3), (1_000_000, 3e-5)])
def test_a_rate_is_measured_by_ten_errors_at_least(impostor: int, last: float | None) -> None:
    assert next(iter(reversed(measured_rates(impostor))), None) == last


def test_scores_that_lie_apart_still_give_a_finite_table() -> None:
    found = drawn(own=NormalDist(0.95, 0.01), impostor=20_000)
    assert found.mated.min() > found.impostor.max()
    table = fit(SIGNAL, found, 0.75, measured_rates(20_000))
    assert 0 < table.strength(0.95) < 1000
    assert OTHER.mean < table.strength.inverse()(0.0) < 0.95


def test_people_labelled_the_wrong_way_round_are_an_error() -> None:
    found = drawn(impostor=20_000)
    with pytest.raises(UsageError, match="labelled rightly") as caught:
        fit(SIGNAL, Comparisons(found.impostor, found.mated.repeat(10)), 0.75, measured_rates(20_000))
    assert caught.value.code == "not_separable"


def test_equal_scores_are_an_error_and_no_table() -> None:
    with pytest.raises(UsageError):
        fit(SIGNAL, Comparisons(np.full(100, 0.9, np.float32), np.full(20_000, 0.1, np.float32)), 0.75)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.2, 0.9), st.floats(0.03, 0.2), st.integers(0, 1_000))
def test_every_table_is_strictly_monotone(mean: float, spread: float, seed: int) -> None:
    table = fit(SIGNAL, drawn(seed, 200, 20_000, NormalDist(mean, spread)), 0.75, measured_rates(20_000))
    thresholds = [table.threshold(rate, 100) for rate in RATES]
    assert thresholds == sorted(thresholds)
    assert len(set(thresholds)) == len(RATES)
