"""A decoded picture: upright sRGB pixels, and what is known of the file they came from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""Upright sRGB, shape (height, width, 3)."""


@dataclass(frozen=True, slots=True, eq=False)
class DecodedImage:
    """One picture, oriented and in sRGB.

    width and height are those of the upright full-size picture, in pixels; `pixels` may be smaller (the decoder may
    scale while decoding), by the factor `scale`. sha256 is of the encoded bytes, in hex.
    """

    pixels: Pixels
    width: int
    height: int
    format: str
    sha256: str

    @property
    def scale(self) -> float:
        return int(self.pixels.shape[1]) / self.width
