"""The proof that a picture holds a reference, or a part of it, as numbers and regions that a person can check.

    Prover(query) ─ prove(reference) ─▶ placement, plain or mirrored ─▶ agreement ─▶ regions, percent of area ─▶ Proof

A `Proof` is what was measured; whether it suffices is `detector.copying`'s to say. A placement on few keypoints is
refined first (docs/copies.md has the measurements).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detector.geometry.agreement import FEWEST_SPOTS, Agreement, agreement
from detector.geometry.features import LocalFeatures
from detector.geometry.placement import (
    FEWEST,
    Homography,
    Pairs,
    Placement,
    fit,
    mutual,
    plausible,
    unit,
    vote,
)
from detector.geometry.refinement import refined
from detector.proofs import Polygon, Proof
from detector.signals import Box

SURE = 12
"""Inliers from which a placement is exact enough."""

_WHOLE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


class Prover:
    """One query, described once, against references."""

    def __init__(self, query: LocalFeatures) -> None:
        self._sides = (query, query.mirrored())
        self._descriptors = np.concatenate([unit(side.descriptors) for side in self._sides])

    def prove(self, reference: LocalFeatures) -> Proof | None:
        """What was measured of the better of plain and mirrored; None where nothing lies over anything."""
        if min(len(self._sides[0]), len(reference)) < FEWEST:
            return None
        similar = np.split(self._descriptors @ unit(reference.descriptors).T, 2)
        voted = [
            vote(side, reference, mutual(block)) for side, block in zip(self._sides, similar, strict=True)
        ]
        most = max(map(len, voted))
        # a picture that is its own mirror image, nearly, has as many pairs either way: what looks alike decides
        measured = [
            self._measured(reference, pairs, mirrored=bool(side))
            for side, pairs in enumerate(voted)
            if len(pairs) >= max(FEWEST, most / 2)
        ]
        found = [proof for proof in measured if proof is not None]
        return max(found, key=lambda proof: (proof.agreement, proof.inliers), default=None)

    def _measured(self, reference: LocalFeatures, pairs: Pairs, *, mirrored: bool) -> Proof | None:
        query = self._sides[mirrored]
        placement = fit(query, reference, pairs)
        return None if placement is None else _proof(query, reference, placement, mirrored=mirrored)


def _proof(
    query: LocalFeatures, reference: LocalFeatures, placement: Placement, *, mirrored: bool
) -> Proof | None:
    lying = _between_fractions(placement.homography, reference, query)
    if placement.inliers < SURE:
        lying = _refined(query, reference, lying)
    over = _clipped(_moved(_WHOLE, lying))
    if len(over) < 3:
        return None
    under = _moved(over, np.asarray(np.linalg.inv(lying), np.float64))
    whole = _agreement(reference.grey, query.grey, lying, Box(0, 0, 1, 1))
    face, face_box = _face(query, reference, lying, over)
    return Proof(
        inliers=placement.inliers,
        agreement=whole.share,
        filled=whole.filled,
        mirrored=mirrored,
        rotation=_rotation(placement.homography, reference),
        query_region=_flipped(over) if mirrored else over,
        reference_region=under,
        query_share=_area(over),
        reference_share=_area(under),
        face_agreement=face,
        face_box=_flipped_box(face_box) if mirrored and face_box else face_box,
    )


def _refined(query: LocalFeatures, reference: LocalFeatures, lying: Homography) -> Homography:
    """The same, made exact by the small pictures; as it was where that makes it no way to lay one over the other."""
    theirs, ours = _scaling(reference.grey), _scaling(query.grey)
    found = refined(reference.grey, query.grey, ours @ lying @ np.linalg.inv(theirs))
    height, width = reference.grey.shape
    if not plausible(found, width, height):
        return lying
    return np.asarray(np.linalg.inv(ours) @ found @ theirs, np.float64)


def _scaling(grey: NDArray[np.uint8]) -> Homography:
    """From fractions of a picture to its pixels."""
    return np.diag([grey.shape[1], grey.shape[0], 1.0])


def _between_fractions(homography: Homography, reference: LocalFeatures, query: LocalFeatures) -> Homography:
    """The same homography from fractions of the reference to fractions of the query."""
    theirs = np.diag([reference.width, reference.height, 1.0])
    ours = np.diag([1 / query.width, 1 / query.height, 1.0])
    return np.asarray(ours @ homography @ theirs, np.float64)


def _agreement(
    reference: NDArray[np.uint8], query: NDArray[np.uint8], lying: Homography, part: Box
) -> Agreement:
    """part: what `reference` shows of the whole reference, as fractions."""
    height, width = reference.shape
    from_pixels = np.array(
        [[part.width / width, 0, part.x], [0, part.height / height, part.y], [0, 0, 1.0]], np.float64
    )
    to_pixels = np.diag([query.shape[1], query.shape[0], 1.0])
    return agreement(reference, query, to_pixels @ lying @ from_pixels)


def _face(
    query: LocalFeatures, reference: LocalFeatures, lying: Homography, over: Polygon
) -> tuple[float | None, Box | None]:
    """How much of the reference's face looks alike, and where it should be in the query; None where it is unknown,
    outside the query or shows nothing."""
    if reference.face is None:
        return None, None
    box = reference.face.box
    place = _moved(tuple((box.x + x * box.width, box.y + y * box.height) for x, y in _WHOLE), lying)
    if _area(_clipped(place)) < 0.6 * _area(place):
        return None, None
    found = _agreement(reference.face.grey, query.grey, lying, box)
    return (None if found.spots < FEWEST_SPOTS else found.share), _around(place)


def _moved(polygon: Polygon, homography: Homography) -> Polygon:
    put = np.column_stack((np.array(polygon, np.float64), np.ones(len(polygon)))) @ homography.T
    return tuple((float(x), float(y)) for x, y in put[:, :2] / put[:, 2:])


def _clipped(polygon: Polygon) -> Polygon:
    """What of a convex polygon lies in the unit square."""
    for axis in (0, 1):
        for bound, sense in ((0.0, 1.0), (1.0, -1.0)):
            polygon = _cut(polygon, axis, bound, sense)
    return polygon


def _cut(polygon: Polygon, axis: int, bound: float, sense: float) -> Polygon:
    """The part of a convex polygon on one side of a line along an axis (Sutherland and Hodgman, 1974)."""
    kept: list[tuple[float, float]] = []
    for start, end in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        here, there = sense * (start[axis] - bound), sense * (end[axis] - bound)
        if here >= 0:
            kept.append(start)
        if (here >= 0) is not (there >= 0):
            part = here / (here - there)
            kept.append((start[0] + part * (end[0] - start[0]), start[1] + part * (end[1] - start[1])))
    return tuple(kept)


def _area(polygon: Polygon) -> float:
    if len(polygon) < 3:
        return 0.0
    x, y = np.array(polygon, np.float64).T
    return min(1.0, float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2))


def _around(polygon: Polygon) -> Box:
    x, y = np.array(polygon, np.float64).T
    return Box(float(x.min()), float(y.min()), float(np.ptp(x)), float(np.ptp(y)))


def _flipped(polygon: Polygon) -> Polygon:
    return tuple((1.0 - x, y) for x, y in polygon)


def _flipped_box(box: Box) -> Box:
    return Box(1.0 - box.x - box.width, box.y, box.width, box.height)


def _rotation(homography: Homography, reference: LocalFeatures) -> float:
    """How the reference's upright is turned in the query (in its mirror, where mirrored), degrees clockwise, -180
    to 180."""
    x, y = reference.width / 2, reference.height / 2
    ends = np.array([[x, y, 1], [x, y + 1, 1]]) @ homography.T
    (middle, below) = ends[:, :2] / ends[:, 2:]
    across, down = below - middle
    return math.degrees(math.atan2(-across, down))
