"""Hashes over the eight turns: all equal imagehash's, a turned picture matches, edits stay near, others far."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image, ImageOps

from detector import hash_peer
from detector.decoding import DecodeLimits, decode
from detector.hash_peer import differing_bits, peer_codes
from detector.hashing import DHASH, KINDS, PHASH, TURNS, HashKind, hashes, turned
from detector.imagery import Pixels


def scene(seed: int) -> Pixels:
    """Smooth blobs: like a photograph, most of the energy is in low frequencies."""
    rough = np.random.default_rng(seed).integers(0, 255, (9, 7, 3), np.uint8)
    return np.asarray(cv2.resize(rough, (300, 400), interpolation=cv2.INTER_CUBIC), np.uint8)


def distance(one: Pixels, other: Pixels, kind: HashKind) -> float:
    """Smallest fraction of differing bits between one upright and the other's eight turns."""
    upright, turned = hashes(one)[kind.signal][0], hashes(other)[kind.signal]
    return float(np.unpackbits(upright ^ turned, axis=1).mean(axis=1).min())


def quarter_turned(channel: Pixels, turn: int) -> Pixels:
    """A square under one of the eight turns."""
    return np.ascontiguousarray(turned(np.stack([channel, channel.T]), TURNS[turn]))


def peers(pixels: Pixels, kind: HashKind) -> list[bytes]:
    """What imagehash makes of each turn of the small grey square."""
    return [row.tobytes() for row in peer_codes(pixels, kind)]


def test_this_machine_hashes_as_imagehash_does() -> None:
    assert differing_bits() == 0


def test_a_hash_of_another_make_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(hash_peer.PEERS, PHASH, imagehash.average_hash)
    assert differing_bits() > 0


@pytest.mark.parametrize(("kind", "size"), [(PHASH, 8), (DHASH, 32)])
@pytest.mark.parametrize("seed", range(20))
def test_every_turn_has_the_bits_of_imagehash(kind: HashKind, size: int, seed: int) -> None:
    picture = scene(seed) if seed % 2 else np.random.default_rng(seed).integers(0, 256, (90, 70, 3), np.uint8)
    codes = hashes(picture)[kind.signal]
    assert codes.shape == (8, size)
    assert codes.dtype == np.uint8
    assert [row.tobytes() for row in codes] == peers(picture, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_no_detail_has_the_bits_of_imagehash_too(kind: HashKind) -> None:
    """Its frequencies are exact zeros, and bits hang on that."""
    ramp = np.linspace(0, 255, 256).astype(np.uint8)[None, :, None]
    across = np.broadcast_to(ramp, (256, 256, 3)).copy()
    flats = [np.full((50, 70, 3), grey, np.uint8) for grey in (0, 1, 77, 128, 255)]
    for picture in [*flats, across, np.ascontiguousarray(across.transpose(1, 0, 2))]:
        assert [row.tobytes() for row in hashes(picture)[kind.signal]] == peers(picture, kind)


@pytest.mark.evaluation
@pytest.mark.parametrize("kind", KINDS)
def test_photographs_have_the_bits_of_imagehash(kind: HashKind, eval_dir: Path) -> None:
    for path in sorted((eval_dir / "lfw").glob("*/*.jpg"))[::97]:
        pixels = decode(path.read_bytes(), DecodeLimits()).pixels
        assert [row.tobytes() for row in hashes(pixels)[kind.signal]] == peers(pixels, kind)


def test_turns_are_the_exif_orientations_in_order() -> None:
    picture = Image.fromarray(scene(2)[:300, :300])
    for turn, orientation in enumerate(range(1, 9)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture.info["exif"] = exif.tobytes()
        tagged = picture.copy()
        tagged.getexif()[0x0112] = orientation
        assert np.array_equal(
            quarter_turned(np.asarray(picture)[:, :, 0], turn),
            np.asarray(ImageOps.exif_transpose(tagged))[:, :, 0],
        )


@pytest.mark.parametrize("kind", KINDS)
def test_the_eight_turns_are_eight_different_hashes(kind: HashKind) -> None:
    codes = hashes(scene(3))[kind.signal]
    assert len({row.tobytes() for row in codes}) == 8


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("turn", range(8))
def test_a_turned_copy_is_found(kind: HashKind, turn: int) -> None:
    square = scene(4)[:300, :300]
    copy = np.stack([quarter_turned(square[:, :, channel], turn) for channel in range(3)], axis=2)
    assert distance(square, copy, kind) <= 0.05


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
