"""Hashes over the eight turns: upright equals imagehash, a turned picture matches, edits stay near, others far."""

from __future__ import annotations

from itertools import combinations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from detector.hashing import DHASH, KINDS, PHASH, TURNS, HashKind, hashes
from detector.imagery import Pixels


def scene(seed: int) -> Pixels:
    """Smooth blobs: like a photograph, most of the energy is in low frequencies."""
    rough = np.random.default_rng(seed).integers(0, 255, (9, 7, 3), np.uint8)
    return np.asarray(cv2.resize(rough, (300, 400), interpolation=cv2.INTER_CUBIC), np.uint8)


def distance(one: Pixels, other: Pixels, kind: HashKind) -> float:
    """Smallest fraction of differing bits between one upright and the other's eight turns."""
    upright, turned = hashes(one)[kind.signal][0], hashes(other)[kind.signal]
    return float(np.unpackbits(upright ^ turned, axis=1).mean(axis=1).min())


@pytest.mark.parametrize(("kind", "size"), [(PHASH, 8), (DHASH, 32)])
def test_shape_and_upright_row(kind: HashKind, size: int) -> None:
    codes = hashes(scene(1))[kind.signal]
    assert codes.shape == (8, size)
    assert codes.dtype == np.uint8
    small = cv2.resize(cv2.cvtColor(scene(1), cv2.COLOR_RGB2GRAY), (64, 64), interpolation=cv2.INTER_AREA)
    assert codes[0].tobytes() == np.packbits(kind.compute(Image.fromarray(small)).hash.ravel()).tobytes()


def test_turns_are_the_exif_orientations_in_order() -> None:
    picture = Image.fromarray(scene(2)[:300, :300])
    for turn, orientation in zip(TURNS, range(1, 9), strict=True):
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture.info["exif"] = exif.tobytes()
        tagged = picture.copy()
        tagged.getexif()[0x0112] = orientation
        assert np.array_equal(
            turn(np.asarray(picture)[:, :, 0]), np.asarray(ImageOps.exif_transpose(tagged))[:, :, 0]
        )


@pytest.mark.parametrize("kind", KINDS)
def test_the_eight_turns_are_eight_different_hashes(kind: HashKind) -> None:
    codes = hashes(scene(3))[kind.signal]
    assert len({row.tobytes() for row in codes}) == 8


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("turn", range(8))
def test_a_turned_copy_is_found(kind: HashKind, turn: int) -> None:
    turned = np.stack([TURNS[turn](scene(4)[:, :, channel]) for channel in range(3)], axis=2)
    assert distance(scene(4), np.ascontiguousarray(turned), kind) <= 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_edits_stay_near_and_other_pictures_far(kind: HashKind) -> None:
    original = scene(5)
    edits = [
        cv2.resize(original, (150, 200)),
        cv2.GaussianBlur(original, (0, 0), 2),
        np.clip(original.astype(int) * 12 // 10, 0, 255).astype(np.uint8),
    ]
    assert max(distance(original, edit, kind) for edit in edits) < 0.15
    others = [distance(scene(a), scene(b), kind) for a, b in combinations(range(10, 20), 2)]
    assert min(others) > 0.15


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (700, 3)])
def test_any_shape(shape: tuple[int, int]) -> None:
    assert all(len(codes) == 8 for codes in hashes(np.full((*shape, 3), 9, np.uint8)).values())
