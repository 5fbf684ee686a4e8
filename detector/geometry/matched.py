"""Which keypoints of two pictures lie on each other: what a person is shown beside a proof.

    features of both ─ each other's nearest ─ vote ─ MAGSAC ─▶ pairs of points, as fractions of each picture

The proof itself (`detector.geometry.proof`) only counts them."""

from __future__ import annotations

import numpy as np

from detector.geometry.features import LocalFeatures
from detector.geometry.placement import EXACT, Pairs, fit, mutual, unit, vote

Spot = tuple[float, float]


def matched_spots(query: LocalFeatures, reference: LocalFeatures) -> list[tuple[Spot, Spot]]:
    """Pairs (place in the query, place in the reference), fractions of width and height, of the better of plain and
    mirrored. Empty where the one doesn't lie over the other."""
    plain = _pairs(query, reference)
    turned = [((1.0 - x, y), theirs) for (x, y), theirs in _pairs(query.mirrored(), reference)]
    return max(plain, turned, key=len)


def _pairs(query: LocalFeatures, reference: LocalFeatures) -> list[tuple[Spot, Spot]]:
    if not len(query) or not len(reference):
        return []
    similar = unit(query.descriptors) @ unit(reference.descriptors).T
    pairs = vote(query, reference, mutual(similar))
    placement = fit(query, reference, pairs)
    return [] if placement is None else _brought_together(query, reference, pairs, placement.homography)


def _brought_together(
    query: LocalFeatures, reference: LocalFeatures, pairs: Pairs, homography: np.ndarray
) -> list[tuple[Spot, Spot]]:
    ours, theirs = query.points[pairs.query], reference.points[pairs.reference]
    put = np.column_stack((theirs, np.ones(len(theirs)))) @ homography.T
    near = np.hypot(*(put[:, :2] / put[:, 2:] - ours).T) <= EXACT
    return [
        (
            (float(x / query.width), float(y / query.height)),
            (float(u / reference.width), float(v / reference.height)),
        )
        for (x, y), (u, v) in zip(ours[near], theirs[near], strict=True)
    ]
