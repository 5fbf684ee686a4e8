"""Bring a face into the place where SFace expects it: five landmarks onto a template, 112 x 112 pixels.

The transform is the least-squares similarity (turn, uniform scale, shift; never a mirror). With points as
complex numbers it is one division: w - mean(w) = a (z - mean(z)).
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
    """The face as RGB, shape (112, 112, 3); black where it reaches beyond the picture."""
    return np.asarray(
        cv2.warpAffine(pixels, similarity(points), (SIZE, SIZE), flags=cv2.INTER_LINEAR), np.uint8
    )
