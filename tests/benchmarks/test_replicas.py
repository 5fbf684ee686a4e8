"""Similarity of replicas beside real pictures: counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.replicas import Measured, lines, more_often

REAL = Measured(("a", "a", "b", "c"), np.array([0.6, 0.7, 0.8, 0.9]), np.array([-0.1, 0.0, 0.1, np.nan]))
MADE = Measured(("a", "d", "d"), np.array([0.5, 0.75, 0.95]), np.array([0.05, np.nan, np.nan]))


def test_the_chance_that_a_replica_has_more() -> None:
    assert more_often(np.array([0.5, 0.75, 0.95]), REAL.nearest) == pytest.approx((0 + 2 + 4) / 12)
    assert more_often(np.array([1.0]), REAL.nearest) == 1
    assert more_often(np.array([0.0]), REAL.nearest) == 0


def test_a_lead_needs_several_references() -> None:
    assert REAL.several.talents == ("a", "a", "b")
    assert MADE.several.talents == ("a",)


def test_replicas_above_nearly_all_real_pictures_are_counted_with_their_talents() -> None:
    text = "\n".join(lines(REAL, MADE))
    assert "replicas: 3 pictures of 2 talents" in text
    assert "above 95% of the real: 1 replicas = 33.3%, of 1 talents" in text
    assert "its lead over the mean template (3 real, 1 replicas of 1 talents)" in text
