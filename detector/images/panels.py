"""The pictures that a picture is put together from: cells of a collage, the photograph in a screenshot or a banner.

    picture ─ small ─▶ lines along which it changes abruptly over much of the height or width (seams)
            ─ cut there, and the parts again ─▶ panels, but for those that hold little but one colour

An image network sees a collage as one scene, so each panel is embedded beside the whole. Photographs have next to no
seams, so most pictures cost one embedding as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.imagery import Pixels
from detector.shrinking import halved

LOOKED_AT = 320
"""Longer side, in pixels, that the reduced picture in which seams are looked for has at most."""

STEP = 10
"""Levels of any channel from one side of a seam to the other, two pixels apart."""

RATIO = 4
"""How many times more a seam's pixel steps than what is beside it does: edges in photographs are softer."""

SEAM = 0.4
"""The share of a line's pixels that must step so. One photograph in twenty has such a line, mostly at a border."""

CONTINUED = 0.15
"""The same share where the line is a seam of a larger part: a cell's edge may be lost against a like neighbour."""

APART = 0.04
"""The least distance of a seam from the next one and from the edge, as a share of the picture's height or width."""

SMALLEST = 0.15
"""The least height and width of a panel, as shares of the picture's."""

LARGEST = 0.7
"""The most area of a panel, as a share of the picture's: what a panel fills so far has a vector near the panel's."""

BUSY = 0.3
"""The share of a panel's pixels that must not be of its commonest shade."""

CUTS = 3
"""How often a part is cut again, each time in one direction."""

MOST = 5
"""Panels kept, the largest: a bound on what one picture can cost."""

Span = tuple[int, int, int, int]
"""top, bottom, left, right in pixels of the small picture."""

Lines = tuple[int, ...]


def panels(picture: Pixels) -> list[Pixels]:
    """Views into an RGB picture, largest first; none when it is of one piece."""
    small = _reduced(picture)
    height, width = small.shape[:2]
    whole = (0, height, 0, width)
    parts = (span for span in _cut(small, whole, depth=CUTS) if span != whole)
    found = [span for span in parts if _sized(span, height, width) and _busy(small, span)]
    found.sort(key=lambda span: -_area(span))
    return [_view(picture, span, (height, width)) for span in found[:MOST]]


def _reduced(picture: Pixels) -> Pixels:
    """Halved only: any other factor would soften the seams."""
    height, width = picture.shape[:2]
    halvings = max(0, (max(height, width) - 1) // LOOKED_AT).bit_length()
    return halved(picture, (max(1, width >> halvings), max(1, height >> halvings)))


def _cut(small: Pixels, span: Span, depth: int, rows: Lines = (), columns: Lines = ()) -> Iterator[Span]:
    """The span's parts between its seams of one direction, the clearer one, each part cut again; the span itself if
    it has none. rows, columns: seams of a larger part that go on in this one, in pixels of the span."""
    top, bottom, left, right = span
    part = small[top:bottom, left:right]
    across = _seams(part, round(APART * small.shape[0]), rows)
    turned = np.ascontiguousarray(part.transpose(1, 0, 2))
    down = _seams(turned, round(APART * small.shape[1]), columns)
    if depth == 0 or not (across or down):
        yield span
    elif max(across.values(), default=0.0) >= max(down.values(), default=0.0):
        for upper, lower in _between(top, bottom, across):
            yield from _cut(small, (upper, lower, left, right), depth - 1, columns=tuple(down))
    else:
        for near, far in _between(left, right, down):
            yield from _cut(small, (top, bottom, near, far), depth - 1, rows=tuple(across))


def _between(first: int, last: int, seams: Iterable[int]) -> Iterator[tuple[int, int]]:
    yield from pairwise([first, *(first + seam for seam in sorted(seams)), last])


def _seams(part: Pixels, least: int, continued: Lines) -> dict[int, float]:
    """Rows at which much of the line steps, with that share: the strongest chosen first, `least` from each other and
    the ends. A line that is a seam of more than this part need not step as much."""
    if len(part) < max(2 * least, 8):
        return {}
    steps = _stepping(part)
    bar = np.full(len(steps), SEAM)
    bar[[line - 3 for line in continued if 3 <= line < len(steps) + 3]] = CONTINUED
    chosen: dict[int, float] = {}
    for place in sorted(np.flatnonzero(steps >= bar), key=lambda place: -steps[place]):
        seam = int(place) + 3
        if all(abs(seam - other) >= least for other in (*chosen, 0, len(part))):
            chosen[seam] = float(steps[place])
    return chosen


def _stepping(part: Pixels) -> NDArray[np.float64]:
    """Per row from the third on, the share of its pixels that step: by STEP, and RATIO times what is beside it."""
    change = np.maximum.reduce(cv2.split(cv2.absdiff(part[2:], part[:-2])))
    beside = cv2.convertScaleAbs(np.maximum(change[:-4], change[4:]), alpha=RATIO)
    step = change[2:-2]
    return np.asarray(((step > STEP) & (step > beside)).mean(axis=1))


def _sized(span: Span, height: int, width: int) -> bool:
    large = span[1] - span[0] >= SMALLEST * height and span[3] - span[2] >= SMALLEST * width
    return large and _area(span) <= LARGEST * height * width


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
