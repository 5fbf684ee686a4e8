"""Small JPEG copies of pictures: as data URIs, for a report that needs no other file, and as files for a page.

Pictures go through the one decoder, so a report opens nothing that a check would refuse. Metadata is left
behind.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field

from PIL import Image

from detector.ports import Decoder

LONG_SIDE = 640
QUALITY = 80


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture for a page: its address (a data URI in a report) and its size in pixels."""

    uri: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class SmallJpeg:
    """An encoded picture and its size in pixels."""

    data: bytes = field(repr=False)
    width: int
    height: int


def thumbnail(data: bytes, decode: Decoder, *, long_side: int = LONG_SIDE) -> Thumbnail:
    """A downscaled, upright sRGB JPEG as a data URI. Raises UndecodablePicture."""
    small = small_jpeg(data, decode, long_side)
    uri = f"data:image/jpeg;base64,{base64.b64encode(small.data).decode()}"
    return Thumbnail(uri, small.width, small.height)


def small_jpeg(data: bytes, decode: Decoder, long_side: int) -> SmallJpeg:
    """A downscaled, upright sRGB JPEG. Raises UndecodablePicture."""
    image = Image.fromarray(decode(data, source="").pixels)
    image.thumbnail((long_side, long_side), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return SmallJpeg(buffer.getvalue(), image.width, image.height)
