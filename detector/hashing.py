"""Perceptual hashes of a whole picture over its eight flips and quarter turns.

    pixels ─ grey, 64 x 64 ─▶ the square and its transpose ─ scaled ─▶ signs and flips make eight of two ─▶ codes

Two kinds, bit for bit those of the library imagehash (a test holds both together): pHash (64 bits, low
frequencies) and dHash (256 bits, slopes), which together find the most edits at the same rate of false hits
(docs/networks.md has the table). Scaling and the cosine transform treat a flipped square as the square itself,
flipped; only the transpose is a picture of its own. So two of everything make all eight. Hashes are packed,
eight bits to a byte; row 0 is the upright picture. A near hash is a hint that one picture is a copy of the
other and never a proof.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from detector.imagery import Pixels
from detector.signals import HashCodes, SignalId, SignalKind

SIDE = 64
"""Both sides of the small grey square, which each kind scales once more."""

_FLIPS = ((False, False), (True, False), (True, True), (False, True))
TURNS = tuple((transposed, *flips) for transposed in (0, 1) for flips in _FLIPS)
"""The eight flips and quarter turns, in the order of the EXIF orientations 1 to 8: whether the picture is first
transposed (1), and then whether its columns and its rows are reversed."""

Bits = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class HashKind:
    """One kind of hash: its signal id, the width and height that it scales the square to, and its bits of the eight
    turns, shape (8, number of bits), from the scaled square and the scaled transpose, shape (2, height, width)."""

    signal: SignalId
    size: tuple[int, int]
    bits: Callable[[Pixels], Bits]

    def codes(self, pair: Sequence[Image.Image]) -> HashCodes:
        """Packed hashes of a square and its transpose: shape (8, bytes)."""
        scaled = [np.asarray(one.resize(self.size, Image.Resampling.LANCZOS)) for one in pair]
        return np.packbits(self.bits(np.stack(scaled)), axis=1)


def hashes(pixels: Pixels, kinds: Sequence[HashKind] | None = None) -> Mapping[SignalId, HashCodes]:
    """Each kind's hashes of RGB `pixels`: shape (8, 8) bytes for pHash, (8, 32) for dHash."""
    square = _square(pixels)
    pair = [Image.fromarray(square), Image.fromarray(np.ascontiguousarray(square.T))]
    return {kind.signal: kind.codes(pair) for kind in (KINDS if kinds is None else kinds)}


def _square(pixels: Pixels) -> Pixels:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def turned(pair: NDArray[np.generic], turn: tuple[int, bool, bool]) -> NDArray[np.generic]:
    """One of the eight turns out of a square and its transpose, shape (2, height, width)."""
    which, columns, rows = turn
    return pair[which, :: -1 if rows else 1, :: -1 if columns else 1]


def _slopes(pair: Pixels) -> Bits:
    """dHash: is a pixel brighter than its left neighbour?"""
    views = np.stack([turned(pair, turn) for turn in TURNS])
    return np.asarray(views[:, :, 1:] > views[:, :, :-1]).reshape(len(TURNS), -1)


# pHash


LOW = 8
"""Frequencies kept along each side."""

_ODD = np.where(np.arange(LOW) % 2, -1.0, 1.0)


def _frequencies(pair: Pixels) -> Bits:
    """pHash: is a low frequency above their median? Reversed columns turn the sign of the odd ones."""
    along_rows = _low_cosines(np.swapaxes(pair, 1, 2))
    low = _low_cosines(np.swapaxes(along_rows, 1, 2))
    signs = [(_ODD if rows else 1.0, _ODD if columns else 1.0) for _, columns, rows in TURNS]
    views = np.stack(
        [
            (low[which] * np.reshape(down, (-1, 1)) * across).ravel()
            for (which, _, _), (down, across) in zip(TURNS, signs, strict=True)
        ]
    )
    middle = np.partition(views, (views.shape[1] // 2 - 1, views.shape[1] // 2), axis=1)
    median = (middle[:, views.shape[1] // 2 - 1] + middle[:, views.shape[1] // 2]) / 2
    return np.asarray(views > median[:, None])


def _low_cosines(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """The first `LOW` of the cosine transform (type II, not normalised) along the last axis, whose length is a power
    of two.

    Even frequencies see only the sums of opposite values, odd ones only the differences, and the sums have the same
    structure at half the length. What is symmetric gives exact zeros that way, as in the libraries' fast transforms,
    so that bits which hang on a zero agree with them.
    """
    ahead = values.astype(np.float64)
    out = np.empty((*ahead.shape[:-1], LOW))
    step = 1
    while ahead.shape[-1] > 1:
        half = ahead.shape[-1] // 2
        left, right = ahead[..., :half], ahead[..., : half - 1 : -1]
        wanted = range(step, LOW, 2 * step)
        if wanted:
            out[..., wanted] = (left - right) @ _ODD_COSINES[2 * half][: len(wanted)].T
        ahead, step = left + right, 2 * step
    out[..., 0] = 2 * ahead[..., 0]
    return out


_ODD_COSINES = {
    length: 2
    * np.cos(np.pi * np.arange(1, length, 2)[:, None] * (2 * np.arange(length // 2) + 1) / (2 * length))
    for length in (32, 16, 8, 4, 2)
}
"""By the length of a transform: its odd frequencies (rows) over its first half."""

PHASH = HashKind(
    SignalId(SignalKind.HASH, "phash", "imagehash4-64bit", "grey64.turns8"), (32, 32), _frequencies
)
DHASH = HashKind(SignalId(SignalKind.HASH, "dhash", "imagehash4-256bit", "grey64.turns8"), (17, 16), _slopes)
KINDS = (PHASH, DHASH)
