"""The local features of references: made at enrolment and reindexing, kept beside the other signals, never searched.

picture, chosen face ─ describe ─▶ encode ─▶ uint8 (n,) under the signal id LOCAL
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from detector.geometry.codec import Bytes, encode
from detector.geometry.features import LOCAL, REFERENCE, describe
from detector.imagery import DecodedImage
from detector.signals import Box, SignalId

Spread = Callable[
    [Callable[[DecodedImage, Box], Bytes], Iterable[DecodedImage], Iterable[Box]], Iterable[Bytes]
]


class ReferenceFeatures:
    """Makes what is kept of a reference for the proof. spread: runs over a batch (a pool's `map`, or the built-in)."""

    signal: SignalId = LOCAL

    def __init__(self, spread: Spread = map) -> None:
        self._spread = spread

    def of(self, images: Sequence[DecodedImage], faces: Sequence[Box]) -> list[Bytes]:
        """One row of bytes per picture. faces: the chosen face of each, pixels of the full-size picture."""
        return list(self._spread(_kept, images, faces))


def _kept(image: DecodedImage, face: Box) -> Bytes:
    return encode(describe(image.pixels, REFERENCE, face.normalised(image.width, image.height)))
