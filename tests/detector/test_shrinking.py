"""Shrinking: the size asked for, everything stays in its place, and what is seen is the mean of what was there."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.imagery import Pixels
from detector.shrinking import shrunk


def scene(height: int, width: int) -> Pixels:
    rough = np.random.default_rng(3).integers(0, 256, (36, 28, 3), np.uint8)
    return np.asarray(cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 400), st.integers(1, 400), st.floats(0.02, 1.0))
def test_any_size_that_is_no_larger(height: int, width: int, factor: float) -> None:
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = shrunk(np.full((height, width, 3), 77, np.uint8), size)
    assert small.shape == (size[1], size[0], 3)
    assert (small == 77).all()


def test_the_same_size_costs_nothing() -> None:
    picture = scene(40, 30)
    assert shrunk(picture, (30, 40)) is picture


@pytest.mark.parametrize("side", [75, 160, 320, 640])
@pytest.mark.parametrize("shape", [(1200, 900), (1301, 977), (2250, 3000)])
def test_it_looks_like_the_mean_over_areas_in_the_same_places(shape: tuple[int, int], side: int) -> None:
    picture = scene(*shape)
    size = round(shape[1] * side / max(shape)), round(shape[0] * side / max(shape))
    exact = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(int)
    off = np.abs(shrunk(picture, size).astype(int) - exact)
    a_pixel_off = np.abs(np.roll(exact, 1, axis=1) - exact)[:, 1:].mean()
    assert off.mean() < a_pixel_off


def test_fine_texture_turns_grey_and_not_into_a_pattern() -> None:
    board = (np.indices((512, 512)).sum(axis=0) % 2 * 255).astype(np.uint8)
    small = shrunk(np.repeat(board[:, :, None], 3, axis=2), (100, 100)).astype(int)
    assert np.abs(small - 128).max() <= 1
