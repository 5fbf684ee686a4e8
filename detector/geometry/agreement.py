"""Agreement: once a reference lies over a query, how much of it looks the same there.

    small grey reference, query ─ warped into the reference's frame ─▶ correlation around every spot ─▶ Agreement

Keypoints alone cannot tell a copy from another picture before the same wall, or of the same face: dozens of
them match. Looked at spot by spot, a copy agrees nearly everywhere and the other picture in parts. Correlation
around a spot ignores brightness and contrast; a spot that is flat in both pictures says nothing and is not
counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.geometry.features import Array, Bytes
from detector.geometry.placement import Homography

WINDOW = 13
"""Side of the square around a spot, pixels of the small reference."""

STRIDE = 6
"""Distance between spots, pixels."""

ALIKE = 0.7
"""Correlation from which a spot looks the same."""

TEXTURED = 8.0
"""Deviation of grey values from which a spot shows something, of 255."""

FLAT = 1.5
"""Deviation below which a spot was filled by a machine: no camera sees so little where there was something."""

NARROW = 5
"""Side of the square that is asked whether it is filled, pixels."""

FEWEST_SPOTS = 8
"""Fewer textured spots say nothing."""

Mask = NDArray[np.bool_]
Spots = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """share: of the textured spots, those that look the same. filled: of them, those where the query is flat (a
    band, a blot). spots: how many were textured."""

    share: float
    filled: float
    spots: int


def agreement(reference: Bytes, query: Bytes, homography: Homography) -> Agreement:
    """Compare two grey pictures. homography: the reference's pixels to the query's, as they are handed in."""
    warped, inside = _warped(query, homography, reference.shape)
    ours, theirs = _softened(reference), _softened(warped)
    weight = inside.astype(np.float32)
    area = np.maximum(_boxed(weight), np.float32(1.0))
    spots = _spots(inside, area)
    mine, their = (_boxed(side * weight)[spots] / area[spots] for side in (ours, theirs))
    own, other, both = (
        _boxed(first * second * weight)[spots] / area[spots] - means
        for first, second, means in (
            (ours, ours, mine * mine),
            (theirs, theirs, their * their),
            (ours, theirs, mine * their),
        )
    )
    return _judged(both, own, other, _narrow_variance(theirs)[spots])


def _judged(both: Spots, own: Spots, other: Spots, narrow: Spots) -> Agreement:
    """From covariance and the two variances at every spot, and the query's variance close around it."""
    textured = np.maximum(own, other) > TEXTURED**2
    count = int(textured.sum())
    if count < FEWEST_SPOTS:
        return Agreement(0.0, 0.0, count)
    alike = both[textured] > ALIKE * np.sqrt(np.maximum(own, 0)[textured] + 4) * np.sqrt(
        np.maximum(other, 0)[textured] + 4
    )
    filled = ~alike & (narrow[textured] < FLAT**2)
    return Agreement(float(alike.mean()), float(filled.mean()), count)


def _narrow_variance(grey: Array) -> Array:
    size = (NARROW, NARROW)
    mean = cv2.boxFilter(grey, -1, size)
    return np.asarray(cv2.boxFilter(grey * grey, -1, size) - mean * mean, np.float32)


def _warped(query: Bytes, homography: Homography, shape: tuple[int, ...]) -> tuple[Bytes, Mask]:
    """The query in the reference's frame, and where it covers it. Reduced first where it is larger, so that
    nothing aliases."""
    height, width = shape
    zoom = _zoom(homography, width, height)
    shrink = np.diag([1.0, 1.0, 1.0])
    if zoom > 1.2:
        size = tuple(max(1, round(length / zoom)) for length in query.shape[::-1])
        shrink = np.diag([size[0] / query.shape[1], size[1] / query.shape[0], 1.0])
        query = np.asarray(cv2.resize(query, size, interpolation=cv2.INTER_AREA), np.uint8)
    matrix = _centred(shrink @ homography)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    put = cv2.warpPerspective(query, matrix, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE)
    ones = np.full(query.shape, 255, np.uint8)
    inside = cv2.warpPerspective(
        ones, matrix, (width, height), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    )
    return np.asarray(put, np.uint8), np.asarray(inside) > 0


def _centred(homography: Homography) -> Homography:
    """OpenCV counts from the middle of the first pixel, sizes from its corner."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    return np.asarray(np.linalg.inv(half) @ homography @ half, np.float64)


def _zoom(homography: Homography, width: int, height: int) -> float:
    """How many of the query's pixels one of the reference's is long, in its middle."""
    x, y = width / 2, height / 2
    spots = np.array([[x, y, 1], [x + 1, y, 1], [x, y + 1, 1]]) @ homography.T
    (middle, right, below) = spots[:, :2] / spots[:, 2:]
    across, down = right - middle, below - middle
    return float(np.sqrt(abs(across[0] * down[1] - across[1] * down[0])))


def _softened(grey: Bytes) -> Array:
    return np.asarray(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.0), np.float32)


def _boxed(values: Array) -> Array:
    """Sums over the window around every pixel."""
    summed = cv2.boxFilter(values, -1, (WINDOW, WINDOW), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(summed, np.float32)


def _spots(inside: Mask, area: Array) -> Mask:
    """A lattice of spots of which at least a third of the window is covered."""
    lattice = np.zeros(inside.shape, bool)
    lattice[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE] = True
    return np.asarray(lattice & inside & (area > WINDOW**2 / 3), bool)
