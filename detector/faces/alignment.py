"""Bring a face into the place where SFace expects it: five landmarks onto a template, 112 x 112 pixels.

The transform is the least-squares similarity (turn, uniform scale, shift; never a mirror). With points as
complex numbers it is one division: w - mean(w) = a (z - mean(z)). What was measured of the filter: docs/thresholds.md.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.imagery import Pixels

SIZE = 112
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]],
    np.float64,
)
"""Where the five landmarks lie in an aligned crop: the template that the ArcFace family is trained with."""

SHRUNK_BELOW = 0.75
"""Scale of the alignment under which sampling alone skips too much. Nearer to one the filter only blurs."""

MARGIN = 2
"""Pixels of the crop that are kept around it while it is shrunk, so that its border is sampled from the picture."""


def similarity(points: NDArray[np.floating], onto: NDArray[np.float64] = TEMPLATE) -> NDArray[np.float64]:
    """The (2, 3) matrix that maps `points` (n, 2) onto `onto` (n, 2) with the least squared error."""
    z = points[:, 0].astype(np.float64) + 1j * points[:, 1]
    w = onto[:, 0] + 1j * onto[:, 1]
    centred = z - z.mean()
    a = np.vdot(centred, w - w.mean()) / max(float(np.vdot(centred, centred).real), 1e-12)
    b = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def mapped(matrix: NDArray[np.floating], points: NDArray[np.floating]) -> NDArray[np.float64]:
    """`points` (n, 2) under a (2, 3) matrix."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float64)


def misfit(points: NDArray[np.floating]) -> float:
    """How far the landmarks stay from the template after the best similarity: root mean square, as a
    fraction of the template's distance between the eyes. Frontal faces are near 0.08."""
    off = mapped(similarity(points), points) - TEMPLATE
    eyes = float(np.linalg.norm(TEMPLATE[1] - TEMPLATE[0]))
    return float(np.sqrt((off**2).sum(axis=1).mean())) / eyes


def aligned(pixels: Pixels, points: NDArray[np.floating]) -> Pixels:
    """The face as RGB, shape (112, 112, 3); black where it reaches beyond the picture. A face that is much larger than
    that is first shrunk by an area filter: sampling alone looks at few of its pixels, and texture turns into noise."""
    return sampled(*_shrunk(pixels, np.asarray(points, np.float64)))


def sampled(pixels: Pixels, points: NDArray[np.floating]) -> Pixels:
    """The same by sampling alone, as OpenCV's FaceRecognizerSF aligns."""
    return np.asarray(
        cv2.warpAffine(pixels, similarity(points), (SIZE, SIZE), flags=cv2.INTER_LINEAR), np.uint8
    )


def _shrunk(pixels: Pixels, points: NDArray[np.float64]) -> tuple[Pixels, NDArray[np.float64]]:
    """The part of the picture that the crop shows, reduced to the crop's resolution, with the landmarks in it; the
    picture itself when the face is not much larger than the crop."""
    matrix = similarity(points)
    factor = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if factor >= SHRUNK_BELOW:
        return pixels, points
    (left, top), (right, bottom) = _shown(matrix, pixels.shape[1], pixels.shape[0], MARGIN / factor)
    if right <= left or bottom <= top:
        return pixels, points
    part = pixels[top:bottom, left:right]
    size = (max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor)))
    small = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    return small, _rescaled(points - (left, top), (part.shape[1], part.shape[0]), size)


def _rescaled(points: NDArray[np.float64], old: tuple[int, int], new: tuple[int, int]) -> NDArray[np.float64]:
    """Where `points` lie after a resize of (width, height) `old` to `new`; a pixel's middle is at whole numbers."""
    return np.asarray((points + 0.5) * (np.array(new) / np.array(old)) - 0.5, np.float64)


def _shown(
    matrix: NDArray[np.float64], width: int, height: int, margin: float
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Upper left and lower right of the pixels that the crop of `matrix` shows, `margin` around them, within the
    picture."""
    corners = np.array([[0, 0], [SIZE, 0], [0, SIZE], [SIZE, SIZE]], np.float64)
    seen = mapped(np.asarray(cv2.invertAffineTransform(matrix), np.float64), corners)
    bounds = np.array([width, height])
    low = np.clip(np.floor(seen.min(axis=0) - margin), 0, bounds).astype(int)
    high = np.clip(np.ceil(seen.max(axis=0) + margin), 0, bounds).astype(int)
    return (int(low[0]), int(low[1])), (int(high[0]), int(high[1]))
