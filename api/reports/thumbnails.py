"""Small JPEG copies of pictures, as data URIs, for a report that needs no other file.

Pictures go through the one decoder, so a report opens nothing that a check would refuse. Metadata is left
behind.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

from PIL import Image

from detector.pipeline import Decoder

LONG_SIDE = 640
QUALITY = 80


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture for a page: its data URI and its size in pixels."""

    uri: str
    width: int
    height: int


def thumbnail(data: bytes, decode: Decoder, *, long_side: int = LONG_SIDE) -> Thumbnail:
    """A downscaled, upright sRGB JPEG. Raises UndecodablePicture."""
    decoded = decode(data, source="")
    image = Image.fromarray(decoded.pixels)
    image.thumbnail((long_side, long_side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return Thumbnail(
        f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}", image.width, image.height
    )
