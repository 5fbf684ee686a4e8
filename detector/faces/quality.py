"""Judge how far one face can be trusted to be recognised.

A detector finds faces in backs of heads, wheels, flowers and heads that the picture's edge cuts above the
mouth, and their vectors match each other. So each face is measured (pixels between the eyes, sharpness of
the aligned crop, turn of the head, how well the landmarks fit any head at all, whether its eyes and mouth
are inside the picture) and what lies beyond a limit becomes a fault: `low_detection_score`, `too_small`,
`blurred`, `incomplete`, `extreme_pose`. A face with faults is reported and never searched. The limits and
what they were measured on: docs/networks.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.faces.alignment import TEMPLATE, mapped, misfit, similarity
from detector.faces.yunet import Detection
from detector.imagery import Pixels
from detector.signals import FaceQuality

EYES_APART = float(np.linalg.norm(TEMPLATE[1] - TEMPLATE[0]))

CORE = (slice(28, 100), slice(24, 88))
"""Rows and columns of an aligned crop that lie on the face and not on hair or background."""

NEEDED = np.array([[36.0, 46.0], [76.0, 46.0], [41.0, 93.0], [71.0, 93.0]])
"""Outer ends of both eyes, and both corners of the mouth, in an aligned crop: all must lie inside the
picture."""


FLAT_VARIANCE = 25.0
"""Grey levels squared: below it there is more noise of the sensor and the encoder than face."""


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """Beyond these a face has a fault. pixels: between the eyes. contrast: standard deviation of grey
    levels. yaw and misfit: as in `FaceQuality` and `alignment.misfit`."""

    score: float = 0.8
    pixels: float = 9.0
    sharpness: float = 0.9
    contrast: float = 3.0
    yaw: float = 0.52
    misfit: float = 0.32


def judge(
    face: Detection, crop: Pixels, size: tuple[int, int], scale: float, limits: QualityLimits
) -> FaceQuality:
    """`face` in pixels of the decoded array, whose `size` is (width, height); `crop` is that face aligned;
    `scale` is decoded over full size."""
    pixels = float(np.linalg.norm(face.points[1] - face.points[0])) / scale
    sharp, turn, fit = sharpness(crop), yaw(face.points), misfit(face.points)
    faults = {
        "low_detection_score": face.score < limits.score,
        "too_small": pixels < limits.pixels,
        "blurred": sharp < limits.sharpness or float(_middle(crop).std()) < limits.contrast,
        "incomplete": not _inside(face, size),
        "extreme_pose": abs(turn) > limits.yaw or fit > limits.misfit,
    }
    score = face.score * min(1.0, pixels / 32) * min(1.0, sharp / 4) * max(0.0, 1 - abs(turn))
    named = tuple(name for name, present in faults.items() if present)
    return FaceQuality(float(min(1.0, score)), pixels, sharp, turn, named)


def sharpness(crop: Pixels) -> float:
    """Detail in the middle of the aligned crop, in percent: the variance of its Laplacian over its own
    variance, so that a dark picture is not taken for an unsharp one. A small face that was scaled up is
    unsharp too."""
    middle = _middle(crop)
    return 100 * float(cv2.Laplacian(middle, cv2.CV_32F).var()) / (float(middle.var()) + FLAT_VARIANCE)


def _middle(crop: Pixels) -> NDArray[np.float32]:
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[CORE], np.float32)


def yaw(points: NDArray[np.float32]) -> float:
    """Where the nose stands between the sides of the face: 0 frontal, near -0.5 or 0.5 half turned, -1 to
    1."""
    upright = mapped(similarity(points), points)
    middle = upright[[0, 1, 3, 4], 0].mean()
    return float(np.clip((upright[2, 0] - middle) / EYES_APART, -1.0, 1.0))


def _inside(face: Detection, size: tuple[int, int]) -> bool:
    """Whether eyes and mouth lie within the picture, by where the aligned template lies in it."""
    spots = mapped(_inverse(similarity(face.points)), NEEDED)
    return bool((spots >= 0).all() and (spots <= np.array(size)).all())


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(cv2.invertAffineTransform(matrix), np.float64)
