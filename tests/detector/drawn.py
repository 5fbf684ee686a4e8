"""Drawn pictures that geometry can hold on to: shapes, strokes and grain from a seed, no two alike."""

from __future__ import annotations

import cv2
import numpy as np

from detector.imagery import Pixels


def scene(seed: int, width: int = 320, height: int = 260, shapes: int = 70) -> Pixels:
    """RGB uint8 (height, width, 3)."""
    rng = np.random.default_rng(seed)
    canvas = np.full((height, width, 3), rng.integers(90, 160, 3), np.uint8)
    for _ in range(shapes):
        middle = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(rng.integers(4, 30)), int(rng.integers(4, 30)))
        shade = tuple(int(value) for value in rng.integers(0, 256, 3))
        cv2.ellipse(canvas, middle, axes, float(rng.integers(180)), 0, 360, shade, cv2.FILLED, cv2.LINE_AA)
        cv2.line(canvas, middle, (int(rng.integers(width)), int(rng.integers(height))), shade, 1, cv2.LINE_AA)
    grain = rng.normal(0, 4, canvas.shape)
    return np.clip(canvas + grain, 0, 255).astype(np.uint8)


def pasted(canvas: Pixels, picture: Pixels, left: int, top: int) -> Pixels:
    """`picture` upon a copy of `canvas`."""
    made = canvas.copy()
    made[top : top + len(picture), left : left + picture.shape[1]] = picture
    return made


def resized(picture: Pixels, width: int, height: int) -> Pixels:
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
