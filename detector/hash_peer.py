"""Are the hashes of this machine those of the library imagehash? Hashes are shared with others, so their bits must be.

`detector.hashing` computes all eight turns at once, in a quarter of the time that the library takes for them one by one.
The result hangs on sums of floating-point numbers, and so on the processor: `lookalike doctor` asks here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import imagehash
import numpy as np
from PIL import Image

from detector.hashing import DHASH, KINDS, PHASH, SIDE, TURNS, HashKind, hashes, turned
from detector.imagery import Pixels
from detector.signals import HashCodes

PEERS: dict[HashKind, Callable[[Image.Image], imagehash.ImageHash]] = {
    PHASH: imagehash.phash,
    DHASH: partial(imagehash.dhash, hash_size=16),
}

_SAMPLES = 8


def peer_codes(pixels: Pixels, kind: HashKind) -> HashCodes:
    """What imagehash makes of the eight turns of the small grey square: shape (8, bytes)."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    square = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    pair = np.stack([square, square.T])
    views = (Image.fromarray(np.ascontiguousarray(turned(pair, turn))) for turn in TURNS)
    return np.stack([np.packbits(PEERS[kind](view).hash.ravel()) for view in views])


def differing_bits() -> int:
    """Over a few made-up pictures: bits in which our hashes differ from imagehash's. 0 unless something is wrong."""
    pictures = [_made_up(seed) for seed in range(_SAMPLES)]
    return sum(
        int(np.unpackbits(hashes(picture)[kind.signal] ^ peer_codes(picture, kind)).sum())
        for picture in pictures
        for kind in KINDS
    )


def _made_up(seed: int) -> Pixels:
    """Smooth blobs: like a photograph, most of the energy is in low frequencies."""
    rough = np.random.default_rng(seed).integers(0, 255, (9, 7, 3), np.uint8)
    return np.asarray(cv2.resize(rough, (300, 400), interpolation=cv2.INTER_CUBIC), np.uint8)
