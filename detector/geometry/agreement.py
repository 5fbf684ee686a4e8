"""Agreement: once a reference lies over a query, how much of it looks the same there.

    small grey reference, query ─ warped into the reference's frame ─▶ correlation around every spot ─▶ Agreement

Keypoints alone cannot tell a copy from another picture before the same wall, or of the same face: dozens of
them match. Looked at spot by spot, a copy agrees nearly everywhere and the other picture in parts. Correlation
around a spot ignores brightness and contrast; a spot that is flat in both pictures says nothing and is not
counted.
"""

from __future__ import annotations

from dataclasses import dataclass

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

FEWEST_SPOTS = 8
"""Fewer textured spots say nothing."""

SHADES = 9
"""Neighbouring grey values that count as one shade."""

HALF = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
"""From where OpenCV counts pixels, the middle of the first, to its corner."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Agreement:
    """share: of the textured spots, those that look the same. filled: of what looks different, the part that has
    one and the same shade in the query (a band, a blot). spots: how many were textured."""

    share: float
    filled: float
    spots: int


def agreement(reference: Bytes, query: Bytes, homography: Homography) -> Agreement:
    """Compare two grey pictures. homography: the reference's pixels to the query's, as they are handed in."""
    warped, inside = warped_into(query, homography, reference.shape)
    weight = inside.astype(np.float32)
    area = np.maximum(_boxed(weight), np.float32(1.0))
    textured, alike = _compared(_softened(reference), _softened(warped), weight, area)
    looked = textured & inside & (area > WINDOW**2 / 3)
    spots = looked & _lattice(looked.shape)
    count = int(spots.sum())
    if count < FEWEST_SPOTS:
        return Agreement(0.0, 0.0, count)
    return Agreement(float(alike[spots].mean()), _one_shade(warped[looked & ~alike]), count)


def _compared(ours: Array, theirs: Array, weight: Array, area: Array) -> tuple[Mask, Mask]:
    """Around every pixel: whether either picture shows something, and whether both show the same."""
    mine, their = _boxed(ours * weight) / area, _boxed(theirs * weight) / area
    own = np.maximum(_boxed(ours * ours * weight) / area - mine * mine, 0)
    other = np.maximum(_boxed(theirs * theirs * weight) / area - their * their, 0)
    both = _boxed(ours * theirs * weight) / area - mine * their
    return np.maximum(own, other) > TEXTURED**2, both > ALIKE * np.sqrt((own + 4) * (other + 4))


def _one_shade(values: Bytes) -> float:
    """The greatest share of these pixels within `SHADES` neighbouring values."""
    if values.size == 0:
        return 0.0
    counted = np.bincount(values, minlength=256)
    return float(np.convolve(counted, np.ones(SHADES)).max() / values.size)


def warped_into(query: Bytes, homography: Homography, shape: tuple[int, ...]) -> tuple[Bytes, Mask]:
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
    return np.asarray(np.linalg.inv(HALF) @ homography @ HALF, np.float64)


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


def _lattice(shape: tuple[int, ...]) -> Mask:
    """The spots that are looked at."""
    lattice = np.zeros(shape, bool)
    lattice[STRIDE // 2 :: STRIDE, STRIDE // 2 :: STRIDE] = True
    return lattice
