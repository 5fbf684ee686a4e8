"""Make a picture smaller, fast: for looking at it, not for keeping it.

    pixels ─ halved by area while it is at least twice too large ─ bilinear for what is left ─▶ smaller pixels

Halving a picture of eight-bit values is the one area filter that runs on vector instructions; the general one takes ten
times as long for any other factor. What is left is a factor between one and two, where sampling alone misses next to
nothing.
"""

from __future__ import annotations

import cv2
import numpy as np

from detector.imagery import Pixels


def shrunk(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """`pixels` at `size` (width, height), which is no larger; the very same array where nothing is to do."""
    pixels = halved(pixels, size)
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def halved(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """`pixels` halved by area for as long as they are twice `size` (width, height) or more in both directions."""
    width, height = size
    while pixels.shape[1] >= 2 * width and pixels.shape[0] >= 2 * height:
        pixels = _halved(pixels)
    return pixels


def _halved(pixels: Pixels) -> Pixels:
    """Half the size; an odd last row or column is left out, so that everything stays where it was."""
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    even = pixels[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
