"""Small faces in tiles: each found where it is, none made by a tile's edge, and the real network on a crowd."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.decoding import DecodeLimits, decode
from detector.faces.networks import FaceNetworks, FaceSettings
from detector.faces.tiles import OVERLAP, TILE, find_small
from detector.faces.yunet import Detection, DetectorSettings, thinned
from detector.imagery import DecodedImage, Pixels

SIDE = 640


def squares(tile: Pixels) -> list[Detection]:
    """A detector of white squares, whole or cut: its boxes are exact."""
    count, _, stats, _ = cv2.connectedComponentsWithStats((tile[..., 0] > 128).astype(np.uint8))
    boxes = [stats[at, :4].astype(np.float32) for at in range(1, count)]
    return [Detection(box, np.repeat(box[None, :2], 5, axis=0), 0.9) for box in boxes]


def with_squares(width: int, height: int, corners: list[tuple[int, int]], side: int) -> Pixels:
    picture = np.zeros((height, width, 3), np.uint8)
    for x, y in corners:
        picture[y : y + side, x : x + side] = 255
    return picture


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1290, 3000),
    st.integers(300, 2700),
    st.integers(8, OVERLAP // 2),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_small_face_anywhere_is_found_whole(
    width: int, height: int, side: int, across: float, down: float
) -> None:
    corner = (int(across * (width - side)), int(down * (height - side)))
    found = thinned(find_small(squares, with_squares(width, height, [corner], side), SIDE), 0.3)
    assert [face.box.tolist() for face in found] == [[*corner, side, side]]
    assert (found[0].points == corner).all()


def test_a_face_that_is_not_small_is_left_to_the_common_passes() -> None:
    picture = with_squares(2600, 2600, [(TILE - 200, TILE - 200)], 400)
    assert find_small(squares, picture, SIDE) == []


def test_a_picture_that_is_not_large_is_not_cut_up() -> None:
    def never(tile: Pixels) -> list[Detection]:
        raise AssertionError("looked at")

    assert find_small(never, np.zeros((900, 2 * SIDE - 1, 3), np.uint8), SIDE) == []


def crowd(face: Pixels) -> DecodedImage:
    """One face, 26 pixels wide, sixteen times over in a large grey picture."""
    picture = np.full((1800, 3600, 3), 110, np.uint8)
    for x in range(100, 3600, 900):
        for y in range(100, 1800, 450):
            picture[y : y + face.shape[0], x : x + face.shape[1]] = face
    return DecodedImage(picture, 3600, 1800, "PNG", "0" * 64)


@pytest.mark.weights
def test_tiles_find_a_crowd_that_the_common_passes_miss(weights_dir: Path, sample_dir: Path) -> None:
    files = ("face_detection_yunet_2023mar.onnx", "face_recognition_sface_2021dec.onnx")
    common, thorough = (
        FaceNetworks(
            *(weights_dir / file for file in files), settings=FaceSettings(DetectorSettings(tiles=tiles))
        )
        for tiles in (False, True)
    )
    portrait = decode((sample_dir / "obama.jpg").read_bytes(), DecodeLimits())
    width = common.find(portrait)[0].place.box[2] * portrait.scale
    size = [round(length * 26 / width) for length in portrait.pixels.shape[1::-1]]
    picture = crowd(np.asarray(cv2.resize(portrait.pixels, size, interpolation=cv2.INTER_AREA), np.uint8))
    usable = [sum(face.quality.usable for face in networks.find(picture)) for networks in (common, thorough)]
    assert usable[1] == 16
    assert usable[0] < 8
