"""Perceptual hashes of a whole picture over its eight flips and quarter turns.

The picture is made grey and small once; the eight turns are turns of that small square, so that all eight
cost little more than one. Two kinds, both imagehash's: pHash (64 bits, low frequencies) and dHash (256
bits, slopes), which together find the most edits at the same rate of false hits (docs/networks.md has the
table). Hashes are packed, eight bits to a byte; row 0 is the upright picture. A near hash is a hint that
one picture is a copy of the other and never a proof.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import imagehash
import numpy as np
from PIL import Image

from detector.imagery import Pixels
from detector.signals import HashCodes, SignalId, SignalKind

SIDE = 64
"""Both sides of the small grey square; imagehash scales it once more to what each kind needs."""

TURNS: tuple[Callable[[Pixels], Pixels], ...] = (
    lambda square: square,
    np.fliplr,
    partial(np.rot90, k=2),
    np.flipud,
    np.transpose,
    partial(np.rot90, k=3),
    lambda square: np.rot90(np.transpose(square), k=2),
    partial(np.rot90, k=1),
)
"""The eight flips and quarter turns, in the order of the EXIF orientations 1 to 8."""


@dataclass(frozen=True, slots=True)
class HashKind:
    """One kind of hash: its signal id, and imagehash's function for it."""

    signal: SignalId
    compute: Callable[[Image.Image], imagehash.ImageHash]

    def codes(self, views: Sequence[Image.Image]) -> HashCodes:
        return np.stack([np.packbits(self.compute(view).hash.ravel()) for view in views])


PHASH = HashKind(SignalId(SignalKind.HASH, "phash", "imagehash4-64bit", "grey64.turns8"), imagehash.phash)
DHASH = HashKind(
    SignalId(SignalKind.HASH, "dhash", "imagehash4-256bit", "grey64.turns8"),
    partial(imagehash.dhash, hash_size=16),
)
KINDS = (PHASH, DHASH)


def hashes(pixels: Pixels, kinds: Sequence[HashKind] = KINDS) -> Mapping[SignalId, HashCodes]:
    """Each kind's hashes of RGB `pixels`: shape (8, 8) bytes for pHash, (8, 32) for dHash."""
    square = _square(pixels)
    views = [Image.fromarray(np.ascontiguousarray(turn(square))) for turn in TURNS]
    return {kind.signal: kind.codes(views) for kind in kinds}


def _square(pixels: Pixels) -> Pixels:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
