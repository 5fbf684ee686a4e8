"""Small faces in large pictures: the picture at its full size, tile by tile.

    picture ─ overlapping tiles ─ detect ─▶ faces of each, without those that a tile's edge may cut ─▶ one list

`yunet.find_faces` looks at the picture scaled down; a face of a large group has too few pixels left there. Tiles
bound the memory (a 12-megapixel picture at once takes 800 MiB). They overlap by `OVERLAP`, so a face that one tile
cuts lies whole in the next; a face wider than half of that is no small face, and the common passes find it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from detector.faces.yunet import Detection
from detector.imagery import Pixels

TILE = 1280
OVERLAP = 160
FROM = 2
"""A picture is looked at in tiles when its longer side is at least so many times the side of the common pass."""

Detect = Callable[[Pixels], list[Detection]]


def find_small(detect: Detect, pixels: Pixels, side: int) -> list[Detection]:
    """Faces up to OVERLAP / 2 wide, in the picture's own pixels; none in a picture that is not large against
    `side`. A face in an overlap may be there twice."""
    height, width = pixels.shape[:2]
    if max(height, width) < FROM * side:
        return []
    corners = [(left, top) for top in _starts(height) for left in _starts(width)]
    return [_moved(face, left, top) for left, top in corners for face in _whole(detect, pixels, left, top)]


def _moved(face: Detection, right: int, down: int) -> Detection:
    shift = np.array([right, down], np.float32)
    return Detection(np.concatenate([face.box[:2] + shift, face.box[2:]]), face.points + shift, face.score)


def _starts(length: int) -> list[int]:
    """Where tiles begin, evenly spread, so that the last one ends with the picture."""
    if length <= TILE:
        return [0]
    count = -(-(length - OVERLAP) // (TILE - OVERLAP))
    return [round(start) for start in np.linspace(0, length - TILE, count)]


def _whole(detect: Detect, pixels: Pixels, left: int, top: int) -> Iterator[Detection]:
    """The small faces of one tile that no edge inside the picture cuts."""
    height, width = pixels.shape[:2]
    tile = np.ascontiguousarray(pixels[top : top + TILE, left : left + TILE])
    low = np.array([0 if left else -np.inf, 0 if top else -np.inf])
    right, bottom = left + tile.shape[1], top + tile.shape[0]
    high = np.array(
        [tile.shape[1] if right < width else np.inf, tile.shape[0] if bottom < height else np.inf]
    )
    for face in detect(tile):
        corner, size = face.box[:2], face.box[2:]
        if size[0] <= OVERLAP / 2 and (corner > low).all() and (corner + size < high).all():
            yield face
