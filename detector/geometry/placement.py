"""Placement: the one way of laying a reference over a query that most of their keypoints agree on.

    keypoints ─ each other's nearest ─▶ pairs ─ vote ─▶ pairs of one placement ─ MAGSAC ─▶ homography

Each pair of keypoints already says where the whole reference lies (by their places, sizes and directions), so
the vote needs no chance: every pair's placement is held against all other pairs. Most pictures that are no
copies end there. The homography is then fitted by MAGSAC++ (Barath et al., 2020; OpenCV's USAC) to what agreed,
and refused where it folds or crushes a picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.geometry.features import Array, LocalFeatures

Homography = NDArray[np.float64]
Indexes = NDArray[np.intp]

RATIO = 0.92
"""A keypoint's nearest must be nearer than this share of the distance to the second."""

AGREE_PLACE = 0.08
"""How far, of the query's longer side, a pair may lie from where another pair puts it."""

AGREE_SCALE = 0.6
"""How far sizes may differ, natural log."""

AGREE_ANGLE = 25.0
"""How far directions may differ, degrees."""

EXACT = 3.0
"""MAGSAC's largest error, pixels of the query as described."""

FEWEST = 5
"""Pairs that must agree before a homography is fitted, and after."""

LARGEST_GROWTH = 16.0
"""A reference may be shrunk or enlarged so much, each side."""

LARGEST_STRETCH = 2.5
"""One side may grow so much more than the other: a collage squashes its cells."""

LARGEST_TILT = 2.5
"""How much nearer one corner may lie than another, seen in perspective."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Row i of both is one pair: indexes of keypoints of the query and the reference."""

    query: Indexes
    reference: Indexes

    def __len__(self) -> int:
        return len(self.query)

    def only(self, rows: Indexes) -> Pairs:
        return Pairs(self.query[rows], self.reference[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """How a reference lies over a query. homography: the reference's described pixels to the query's; inliers:
    pairs that it brings together, spots counted once."""

    homography: Homography
    inliers: int


def unit(descriptors: NDArray[np.uint8]) -> Array:
    """float32 rows of length one, so that inner products are cosines."""
    rows = descriptors.astype(np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    return np.asarray(rows / np.maximum(lengths, 1e-6)[:, None], np.float32)


def mutual(similar: Array) -> Pairs:
    """Pairs that are each other's nearest and stand out from the second. similar: cosines (query, reference)."""
    forth, back = similar.argmax(1), similar.argmax(0)
    rows = np.flatnonzero(back[forth] == np.arange(len(forth)))
    columns = forth[rows]
    rivals = similar[rows]
    best = rivals[np.arange(len(rows)), columns]
    rivals[np.arange(len(rows)), columns] = -1.0
    # squared distances of unit vectors are 2 - 2 cosine
    clear = (1 - best) <= RATIO**2 * (1 - rivals.max(1, initial=-1.0))
    return Pairs(rows[clear], columns[clear])


def vote(query: LocalFeatures, reference: LocalFeatures, pairs: Pairs) -> Pairs:
    """The pairs that agree with the placement that most pairs agree with."""
    if len(pairs) < FEWEST:
        return pairs.only(np.zeros(0, np.intp))
    theirs, ours = (
        side.points[at] @ np.array([1, 1j], np.complex64)
        for side, at in ((reference, pairs.reference), (query, pairs.query))
    )
    growth = np.log(query.scales[pairs.query] / reference.scales[pairs.reference])
    turn = np.deg2rad(query.angles[pairs.query] - reference.angles[pairs.reference])
    placement = np.exp(growth + 1j * turn)
    put = placement[:, None] * (theirs[None, :] - theirs[:, None]) + ours[:, None]
    near = np.abs(put - ours[None, :]) < AGREE_PLACE * max(query.width, query.height)
    near &= np.abs(growth[:, None] - growth[None, :]) < AGREE_SCALE
    apart = np.abs((turn[:, None] - turn[None, :] + np.pi) % (2 * np.pi) - np.pi)
    near &= apart < np.deg2rad(AGREE_ANGLE)
    return pairs.only(np.flatnonzero(near[near.sum(1).argmax()]))


def fit(query: LocalFeatures, reference: LocalFeatures, pairs: Pairs) -> Placement | None:
    """The homography of the pairs that agreed; None when it is no way to lay one picture over another."""
    if len(pairs) < FEWEST:
        return None
    theirs, ours = reference.points[pairs.reference], query.points[pairs.query]
    fitted, inside = cv2.findHomography(theirs, ours, cv2.USAC_MAGSAC, EXACT, maxIters=300, confidence=0.99)
    if fitted is None:
        return None
    matrix = np.asarray(fitted, np.float64)
    if not plausible(matrix, reference.width, reference.height):
        return None
    kept = inside.ravel().astype(bool)
    inliers = min(_spots(ours[kept]), _spots(theirs[kept]))
    return Placement(matrix, inliers) if inliers >= FEWEST else None


def plausible(homography: Homography, width: int, height: int) -> bool:
    """Whether a picture of this size is neither folded, turned over, crushed nor tilted beyond use."""
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]], np.float64)
    put = corners @ homography.T
    depth = put[:, 2] * np.sign(homography[2, 2])
    if not np.isfinite(put).all() or depth.min() <= 0 or depth.max() > LARGEST_TILT * depth.min():
        return False
    quad = put[:, :2] / put[:, 2:]
    sides = np.roll(quad, -1, axis=0) - quad
    turns = sides[:, 0] * np.roll(sides[:, 1], -1) - sides[:, 1] * np.roll(sides[:, 0], -1)
    if turns.min() <= 0:  # a corner that turns the other way: folded, or seen from behind
        return False
    growth = np.hypot(*sides.T) / np.array([width, height, width, height])
    in_bounds = growth.max() <= LARGEST_GROWTH and growth.min() >= 1 / LARGEST_GROWTH
    return bool(in_bounds and growth.max() <= LARGEST_STRETCH * growth.min())


def _spots(points: Array) -> int:
    """How many lie apart: one spot described in two directions counts once."""
    return len({(int(x / 4), int(y / 4)) for x, y in points.tolist()})
