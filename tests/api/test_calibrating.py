"""Scores of labelled pictures: as the registry makes them, with and without what is known of a population."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from api.calibrating import Seen, compare
from api.population import Labelled
from detector.commonness import Commonness
from detector.signals import Box, Face, FaceQuality

QUALITY = FaceQuality(1.0, 60.0, 4.0, 0.0, ())


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def seen(person: str, vector: np.ndarray, *, reference: bool) -> Seen:
    face = Face(Box(0, 0, 9, 9), (), 0.9, QUALITY, vector)
    return Seen(Labelled(Path(person), frozenset({person}), person, reference), face)


def test_scores_go_without_the_commonness_of_each_person() -> None:
    drawn = unit(np.random.default_rng(4).normal(size=(300, 8)) + 0.3)
    pictures = [
        seen(name, drawn[at], reference=reference)
        for at, (name, reference) in enumerate([("ana", True), ("ben", True), ("ana", False), ("ben", False)])
    ]
    measured = Commonness.measured(drawn, drawn[:2])
    ana, ben = measured.of(drawn[:2])
    plain, corrected = compare(pictures), compare(pictures, measured)
    assert abs(float(ana - ben)) > 0.01
    assert plain.mated - corrected.mated == pytest.approx([ana, ben], abs=1e-5)
    assert plain.impostor - corrected.impostor == pytest.approx([ben, ana, ben, ana], abs=1e-5)
