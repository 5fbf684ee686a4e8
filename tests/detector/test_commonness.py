"""How common a template is: against a population drawn at random, and what it does to a score."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.calibration import FaceCalibration, Monotone
from detector.commonness import MOST_ADDED, Commonness, Floats
from detector.signals import SignalId

DIMENSION = 16
MIDDLE = np.eye(DIMENSION, dtype=np.float32)[0]


def unit(vectors: np.ndarray) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def people(count: int, seed: int = 1, pull: float = 0.4) -> Floats:
    """Unit vectors that lean towards MIDDLE."""
    drawn = unit(np.random.default_rng(seed).normal(size=(count, DIMENSION)))
    return unit(drawn + pull * MIDDLE)


POPULATION = people(4000)
TEMPLATES = people(300, seed=2)
MEASURED = Commonness.measured(POPULATION, TEMPLATES)


def test_the_usual_template_is_neither_raised_nor_lowered() -> None:
    free = MEASURED.of(TEMPLATES)
    assert abs(float(free.mean())) < 0.02
    assert free.max() > 0.1


def test_it_is_the_cosine_that_few_of_the_population_exceed() -> None:
    template = unit(MIDDLE[None] + 0.5)
    reached = float(MEASURED.of(template)[0]) + MEASURED.typical
    exceeding = float((POPULATION @ template[0] > reached).mean())
    assert exceeding < 0.01
    assert float((POPULATION @ template[0] > reached - 0.3).mean()) > 0.02


def test_a_face_like_everybody_is_more_common_than_one_unlike_all() -> None:
    like, unlike = MEASURED.of(np.stack([MIDDLE, -MIDDLE]))
    assert like > 0.1
    assert unlike == pytest.approx(-MOST_ADDED)


@settings(deadline=None)
@given(st.integers(0, 10_000))
def test_no_template_is_raised_by_more_than_the_most(seed: int) -> None:
    anything = unit(np.random.default_rng(seed).normal(size=(5, DIMENSION)))
    assert (MEASURED.of(anything) >= np.float32(-MOST_ADDED)).all()


def test_others_change_nothing() -> None:
    together = MEASURED.of(TEMPLATES)
    alone = np.concatenate([MEASURED.of(one[None]) for one in TEMPLATES[:20]])
    assert np.abs(together[:20] - alone).max() < 1e-6


def test_a_score_goes_without_it() -> None:
    signal = SignalId.parse("face/toy@1/none")
    line = Monotone(((0.0, -10.0), (1.0, 10.0)))
    table = FaceCalibration(signal, 0.5, line, Monotone(((-10.0, -1.0), (10.0, math.log(1e-9)))))
    assert table.score(0.4, 0.6, 0.03) == pytest.approx(0.47)
    assert table.score(0.4, 0.6) == pytest.approx(0.5)
