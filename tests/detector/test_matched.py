"""Keypoints for a person to look at: where they lie on each other, and none where the pictures differ."""

from __future__ import annotations

import numpy as np
import pytest

from detector.geometry.features import QUERY, describe
from detector.geometry.matched import matched_spots
from tests.detector.drawn import pasted, scene

SCENE = scene(1)


@pytest.mark.parametrize("mirrored", [False, True])
def test_matched_spots_lie_where_the_copy_was_put(mirrored: bool) -> None:
    """The scene at a quarter of a larger picture, plain or mirrored."""
    height, width = SCENE.shape[:2]
    canvas = scene(2, 2 * width, 2 * height)
    copied = pasted(canvas, SCENE[:, ::-1] if mirrored else SCENE, width // 2, height // 2)
    spots = matched_spots(describe(copied, QUERY), describe(SCENE, QUERY))
    assert len(spots) >= 12
    for (x, y), (u, v) in spots:
        along = 1 - u if mirrored else u
        assert abs(x - (0.25 + along / 2)) < 0.02
        assert abs(y - (0.25 + v / 2)) < 0.02


def test_other_pictures_have_none() -> None:
    plain = np.full((100, 100, 3), 128, np.uint8)
    assert matched_spots(describe(SCENE, QUERY), describe(scene(3), QUERY)) == []
    assert matched_spots(describe(plain, QUERY), describe(SCENE, QUERY)) == []
