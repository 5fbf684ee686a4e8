"""Local features: a few hundred well-spread RootSIFT keypoints of a picture, and the picture itself, small and grey.

    pixels ─ grey, bounded ─▶ SIFT ─ spread out ─▶ LocalFeatures

SIFT enlarges a picture twofold before it looks, so a picture brought to 256 pixels is seen as others see one
of 512. Positions are in pixels of the described picture, from its corner; everything that is told to people is
a fraction of a picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.imagery import Pixels
from detector.signals import Box, SignalId, SignalKind

Array = NDArray[np.float32]
Bytes = NDArray[np.uint8]

LOCAL = SignalId(SignalKind.LOCAL, "rootsift", "opencv-1", "grey224.n220.bits4.thumb96.face48")
"""What is kept of a reference for the proof. Another size, selection or coding is another id."""

LEVELS = 15
"""A descriptor's element is kept in four bits: 0 to 15."""

LARGEST = 0.3
"""What an element of 15 stands for; greater ones are cut off. An element is the root of a share of the gradient."""

CONTRASTS = (0.015, 0.004)
"""SIFT's threshold of contrast; the second where the first finds little, as in a blurred picture."""

GROWTH = 0.5
"""Large keypoints are preferred by this power of their size: they survive reduction and blur, and are fewer."""

CELLS = 8
"""Keypoints are spread over so many cells along the longer side."""

FACE_SIDE = 48
"""Both sides of the face that is kept of a reference, pixels."""

FACE_MARGIN = 0.1
"""What is kept around a face, as a share of its box on each side."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How closely to look. side: longer side that a picture is reduced to, pixels. smallest: what it is enlarged to at
    least. keypoints: kept at most. kept_side: longer side of the small grey picture."""

    side: int
    keypoints: int
    kept_side: int
    smallest: int = 160


REFERENCE = Effort(side=224, keypoints=220, kept_side=96)
QUERY = Effort(side=288, keypoints=330, kept_side=288)


@dataclass(frozen=True, slots=True, eq=False)
class FacePatch:
    """The face of a reference. box: as fractions of the picture; grey: uint8 (FACE_SIDE, FACE_SIDE)."""

    box: Box
    grey: Bytes


@dataclass(frozen=True, slots=True, eq=False)
class LocalFeatures:
    """Keypoints of one picture, `width` by `height` pixels as described.

    points: float32 (n, 2), x and y. scales: float32 (n,), diameters in pixels. angles: float32 (n,), degrees.
    descriptors: uint8 (n, 128), 0 to 15. grey: the picture, small, uint8 (rows, columns). face: None where none
    is known.
    """

    width: int
    height: int
    points: Array
    scales: Array
    angles: Array
    descriptors: Bytes
    grey: Bytes
    face: FacePatch | None = None

    def __len__(self) -> int:
        return len(self.points)

    def mirrored(self) -> LocalFeatures:
        """What the mirrored picture's features are, without looking at it. The face is left out."""
        points = np.column_stack((self.width - self.points[:, 0], self.points[:, 1])).astype(np.float32)
        angles = ((180.0 - self.angles) % 360.0).astype(np.float32)
        turned, flipped = self.descriptors[:, _MIRRORED], np.ascontiguousarray(self.grey[:, ::-1])
        return LocalFeatures(self.width, self.height, points, self.scales, angles, turned, flipped)


def _mirrored_order() -> NDArray[np.intp]:
    """SIFT describes 4 by 4 cells of 8 directions, along the keypoint's own direction: a mirror exchanges the
    rows of cells and the sense of the directions."""
    cells = np.arange(128).reshape(4, 4, 8)
    return cells[::-1, :, (-np.arange(8)) % 8].ravel()


_MIRRORED = _mirrored_order()


def describe(pixels: Pixels, effort: Effort, face: Box | None = None) -> LocalFeatures:
    """Local features of RGB `pixels`, uint8 (rows, columns, 3). face: the box to keep a patch of, as fractions of
    the picture."""
    whole = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    grey = _bounded(whole, effort.smallest, effort.side)
    height, width = grey.shape
    kept, raw = _keypoints(grey, effort.keypoints)
    return LocalFeatures(
        width,
        height,
        np.array([point.pt for point in kept], np.float32).reshape(-1, 2) + np.float32(0.5),
        np.array([point.size for point in kept], np.float32),
        np.array([point.angle for point in kept], np.float32),
        _rooted(raw),
        _bounded(grey, 0, effort.kept_side),
        None if face is None else _patch(whole, face),
    )


def _keypoints(grey: Bytes, at_most: int) -> tuple[list[cv2.KeyPoint], Array]:
    """The chosen keypoints and their SIFT descriptors, float32 (n, 128)."""
    found: Sequence[cv2.KeyPoint] = ()
    for contrast in CONTRASTS:
        sift = cv2.SIFT.create(contrastThreshold=contrast, edgeThreshold=15, enable_precise_upscale=True)
        found = sift.detect(grey, None)
        if len(found) >= at_most / 3:
            break
    places = [(point.pt[0], point.pt[1]) for point in found]
    chosen = spread(places, [point.response * point.size**GROWTH for point in found], at_most)
    if not chosen:
        return [], np.zeros((0, 128), np.float32)
    kept, raw = sift.compute(grey, [found[at] for at in chosen])
    return list(kept), np.asarray(raw, np.float32)


def spread(points: Sequence[tuple[float, float]], strengths: Sequence[float], at_most: int) -> list[int]:
    """Indexes of the strongest of every cell, then the second of every cell, and so on."""
    order = sorted(range(len(points)), key=lambda at: -strengths[at])
    if len(order) <= at_most:
        return order
    side = max(max(point) for point in points) / CELLS + 1e-6
    taken: dict[tuple[int, int], int] = {}
    ranked = []
    for at in order:
        cell = (int(points[at][0] / side), int(points[at][1] / side))
        taken[cell] = taken.get(cell, 0) + 1
        ranked.append((taken[cell], at))
    return [at for _, at in sorted(ranked, key=lambda item: item[0])[:at_most]]


def _bounded(grey: Bytes, smallest: int, largest: int) -> Bytes:
    """The picture with its longer side between the two."""
    longer = max(grey.shape)
    wanted = min(max(longer, smallest), largest)
    if wanted == longer:
        return grey
    height, width = (max(8, round(length * wanted / longer)) for length in grey.shape)
    how = cv2.INTER_AREA if wanted < longer else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(grey, (width, height), interpolation=how), np.uint8)


def _patch(grey: Bytes, face: Box) -> FacePatch | None:
    """None where the box lies outside the picture."""
    height, width = grey.shape
    left, right = face.x - FACE_MARGIN * face.width, face.x + (1 + FACE_MARGIN) * face.width
    top, bottom = face.y - FACE_MARGIN * face.height, face.y + (1 + FACE_MARGIN) * face.height
    columns = slice(round(max(0.0, left) * width), round(min(1.0, right) * width))
    rows = slice(round(max(0.0, top) * height), round(min(1.0, bottom) * height))
    part = grey[rows, columns]
    if part.size == 0:
        return None
    box = Box(columns.start / width, rows.start / height, part.shape[1] / width, part.shape[0] / height)
    how = cv2.INTER_AREA if min(part.shape) > FACE_SIDE else cv2.INTER_LINEAR
    return FacePatch(box, np.asarray(cv2.resize(part, (FACE_SIDE, FACE_SIDE), interpolation=how), np.uint8))


def _rooted(raw: Array) -> Bytes:
    """RootSIFT (Arandjelović and Zisserman, 2012): the root of each element's share of the whole."""
    share = raw / np.maximum(raw.sum(1, keepdims=True), 1e-6)
    levels = np.minimum(np.sqrt(share) * (LEVELS / LARGEST) + 0.5, LEVELS)
    return np.asarray(levels, np.uint8)
