"""The pictures that a picture is put together from: cells of a collage, the photograph in a screenshot or a banner.

    picture ─ small ─▶ lines along which it changes abruptly over nearly the whole height or width (seams)
            ─ cut there, and the parts again ─▶ panels, but for those that hold little but one colour

An image network sees a collage as one scene, so each panel is embedded beside the whole. Photographs have next to no
seams, so most pictures cost one embedding as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.imagery import Pixels

LOOKED_AT = 256
"""Longer side, in pixels, of the reduced picture in which seams are looked for."""

STEP = 10
"""Levels of any channel from one side of a seam to the other, two pixels apart."""

RATIO = 3
"""How many times more a seam's pixel steps than what is beside it does: edges in photographs are softer."""

SEAM = 0.5
"""The share of a line's pixels that must step so. Of photographs about one in a hundred has such a line."""

APART = 0.04
"""The least distance of a seam from the next one and from the edge, as a share of the picture's height or width."""

SMALLEST = 0.15
"""The least height and width of a panel, as shares of the picture's."""

BUSY = 0.3
"""The share of a panel's pixels that must not be of its commonest shade."""

MOST = 5
"""Panels kept, the largest: a bound on what one picture can cost."""

Span = tuple[int, int, int, int]
"""top, bottom, left, right in pixels of the small picture."""


def panels(picture: Pixels) -> list[Pixels]:
    """Views into an RGB picture, largest first; none when it is of one piece."""
    small = _reduced(picture)
    height, width = small.shape[:2]
    whole = (0, height, 0, width)
    parts = (span for span in _cut(small, whole, depth=2) if span != whole)
    found = [span for span in parts if _large(span, height, width) and _busy(small, span)]
    found.sort(key=lambda span: -_area(span))
    return [_view(picture, span, (height, width)) for span in found[:MOST]]


def _reduced(picture: Pixels) -> Pixels:
    scale = min(1.0, LOOKED_AT / max(picture.shape[:2]))
    size = (max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _cut(small: Pixels, span: Span, depth: int) -> Iterator[Span]:
    """The span's parts between its seams across and down, each part cut again; the span itself if it has none."""
    top, bottom, left, right = span
    part = small[top:bottom, left:right]
    across = _seams(part, round(APART * small.shape[0]))
    down = _seams(np.ascontiguousarray(part.transpose(1, 0, 2)), round(APART * small.shape[1]))
    if depth == 0 or not (down or across):
        yield span
        return
    for upper, lower in _between(top, bottom, across):
        for near, far in _between(left, right, down):
            yield from _cut(small, (upper, lower, near, far), depth - 1)


def _between(first: int, last: int, seams: list[int]) -> Iterator[tuple[int, int]]:
    edges = [first, *(first + seam for seam in seams), last]
    yield from pairwise(edges)


def _seams(part: Pixels, least: int) -> list[int]:
    """Rows at which nearly the whole line steps, the strongest chosen first, `least` from each other and the ends."""
    if len(part) < max(2 * least, 8):
        return []
    steps = _stepping(part)
    chosen: list[int] = []
    for place in np.argsort(-steps, kind="stable"):
        if steps[place] < SEAM:
            break
        seam = int(place) + 3
        if all(abs(seam - other) >= least for other in (*chosen, 0, len(part))):
            chosen.append(seam)
    return sorted(chosen)


def _stepping(part: Pixels) -> NDArray[np.float64]:
    """Per row from the third on, the share of its pixels that step: by STEP, and RATIO times what is beside it."""
    change = np.maximum.reduce(cv2.split(cv2.absdiff(part[2:], part[:-2])))
    beside = cv2.convertScaleAbs(np.maximum(change[:-4], change[4:]), alpha=RATIO)
    step = change[2:-2]
    return np.asarray(((step > STEP) & (step > beside)).mean(axis=1))


def _large(span: Span, height: int, width: int) -> bool:
    return span[1] - span[0] >= SMALLEST * height and span[3] - span[2] >= SMALLEST * width


def _busy(small: Pixels, span: Span) -> bool:
    top, bottom, left, right = span
    grey = small[top:bottom, left:right].mean(axis=2)
    commonest = 8 * np.bincount(grey.astype(np.int64).ravel() // 8, minlength=32).argmax() + 4
    return bool((np.abs(grey - commonest) > 10).mean() >= BUSY)


def _area(span: Span) -> int:
    return (span[1] - span[0]) * (span[3] - span[2])


def _view(picture: Pixels, span: Span, size: tuple[int, int]) -> Pixels:
    """The span of the small picture, in the full one, a pixel of the small one inside its seams."""
    down, across = picture.shape[0] / size[0], picture.shape[1] / size[1]
    top, bottom = round((span[0] + (span[0] > 0)) * down), round((span[1] - (span[1] < size[0])) * down)
    left, right = round((span[2] + (span[2] > 0)) * across), round((span[3] - (span[3] < size[1])) * across)
    return np.ascontiguousarray(picture[top:bottom, left:right])
