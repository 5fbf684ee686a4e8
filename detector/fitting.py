"""Fitting the calibration table of a face signal: from scores whose truth is known to strengths and thresholds.

    comparisons (same person, other people) ─ logistic fit ─▶ strength ─ tail of the others ─▶ false match rate

The rate is read off the comparisons of two people as far as they reach, and goes on from there along a straight
line in its logarithm. Pure: numbers in, a table out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.calibration import FaceCalibration, Monotone
from detector.errors import UsageError
from detector.signals import SignalId

Floats = NDArray[np.float32]

RATES = (0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5)
"""False match rates that a table has a knot at, as far as the comparisons reach."""

STRAIGHT = 4
"""The last so many knots are taken for a straight line; beyond them the table goes on along it."""

FARTHEST = 1e-7

ERRORS = 10
"""A rate is measured where at least so many comparisons lie beyond it."""


@dataclass(frozen=True, eq=False)
class Comparisons:
    """Scores of usable faces against their own talent, and against other people."""

    mated: Floats
    impostor: Floats


def measured_rates(impostor: int) -> tuple[float, ...]:
    """Those of RATES that so many comparisons of two people can measure."""
    return tuple(rate for rate in RATES if rate * impostor >= ERRORS)


def fit(
    signal: SignalId, found: Comparisons, template_weight: float, rates: Sequence[float] = RATES
) -> FaceCalibration:
    """The table, its numbers rounded as they are written. Raises UsageError when the scores don't rise from other
    people to the same person, or have no tail."""
    apart = float(found.mated.min()) > float(found.impostor.max())
    slope, offset = _discriminant(found) if apart else _logistic(found)
    try:
        strength = Monotone(((0.0, round(offset, 3)), (1.0, round(slope + offset, 3))))
        knots = _knots(strength, found.impostor, rates)
        rounded = tuple((round(x, 3), round(y, 3)) for x, y in knots)
        return FaceCalibration(signal, template_weight, strength, Monotone(rounded))
    except ValueError as error:
        raise UsageError(
            f"no table can be fitted to these scores ({error}): are the people labelled rightly?",
            code="not_separable",
        ) from error


def _knots(strength: Monotone, impostor: Floats, rates: Sequence[float]) -> list[tuple[float, float]]:
    tail = -np.sort(-impostor)
    knots = [(strength(float(tail[int(rate * len(tail))])), math.log(rate)) for rate in rates]
    return [*knots, _far_knot(knots)]


def _logistic(found: Comparisons) -> tuple[float, float]:
    """Slope and offset of the log-likelihood ratio, both classes weighing the same, by Newton's method."""
    x = np.concatenate([found.mated, found.impostor]).astype(np.float64)
    own = np.concatenate([np.ones(len(found.mated)), np.zeros(len(found.impostor))])
    weight = np.where(own == 1, 0.5 / len(found.mated), 0.5 / len(found.impostor))
    design = np.stack([x, np.ones_like(x)], axis=1)
    theta = np.array([10.0, -4.0])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(design @ theta, -500, 500)))
        gradient = design.T @ (weight * (own - chance))
        curvature = (design * (weight * chance * (1 - chance))[:, None]).T @ design
        theta = theta + np.linalg.solve(curvature + 1e-9 * np.eye(2), gradient)
    return float(theta[0]), float(theta[1])


def _discriminant(found: Comparisons) -> tuple[float, float]:
    """The same where no score of other people reaches any of the same person: a logistic fit has no end there, so both
    are taken for normal, with one variance."""
    own, other = found.mated.astype(np.float64), found.impostor.astype(np.float64)
    variance = (own.var() + other.var()) / 2 + 1e-6
    slope = (own.mean() - other.mean()) / variance
    return float(slope), float(-slope * (own.mean() + other.mean()) / 2)


def _far_knot(knots: Sequence[tuple[float, float]]) -> tuple[float, float]:
    straight = knots[-STRAIGHT:]
    if not straight[-1][0] > straight[0][0]:
        raise ValueError("the rate does not fall as the score rises")
    slope = float(np.polyfit([x for x, _ in straight], [y for _, y in straight], 1)[0])
    x, y = knots[-1]
    return x + (math.log(FARTHEST) - y) / slope, math.log(FARTHEST)
