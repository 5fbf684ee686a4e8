"""Alignment: where the landmarks end up, what happens to texture finer than the crop, and what lies outside."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.faces.alignment import TEMPLATE, aligned, sampled
from detector.imagery import Pixels


def marked(points: np.ndarray, side: int = 700) -> Pixels:
    """A grey picture with a soft white spot on each landmark, as wide as a few pixels of the crop."""
    picture = np.zeros((side, side), np.float32)
    wide = float(np.linalg.norm(points[1] - points[0])) / 15
    down, across = np.mgrid[:side, :side]
    for x, y in points:
        picture += np.exp(-((across - x) ** 2 + (down - y) ** 2) / (2 * wide**2))
    return np.repeat((255 * picture.clip(0, 1)).astype(np.uint8)[..., None], 3, axis=2)


def centre(crop: Pixels, point: np.ndarray) -> np.ndarray:
    """The weighted middle of the spot nearest to `point`."""
    x, y = np.round(point).astype(int)
    spot = crop[y - 5 : y + 6, x - 5 : x + 6, 0].astype(np.float64)
    down, across = np.mgrid[y - 5 : y + 6, x - 5 : x + 6]
    return np.array([(across * spot).sum(), (down * spot).sum()]) / spot.sum()


@settings(max_examples=15, deadline=None)
@given(st.floats(0.9, 4.5), st.floats(-0.6, 0.6), st.floats(-9, 9), st.floats(-9, 9))
def test_landmarks_lie_on_the_template_whatever_the_face_s_size(
    scale: float, angle: float, right: float, down: float
) -> None:
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = (TEMPLATE - 56) @ turn.T + 350 + np.array([right, down])
    crop = aligned(marked(points), points)
    for point in TEMPLATE:
        assert np.abs(centre(crop, point) - point).max() < 0.15


def test_texture_finer_than_the_crop_becomes_its_mean() -> None:
    checks = np.indices((900, 900)).sum(axis=0) % 2 * 255
    picture = np.repeat(checks.astype(np.uint8)[..., None], 3, axis=2)
    points = (TEMPLATE - 56) * 6.3 + 450
    assert sampled(picture, points).std() > 35
    assert aligned(picture, points).std() < 12
    assert aligned(picture, points).mean() == pytest.approx(127.5, abs=1)


@pytest.mark.parametrize("scale", [0.4, 1.0, 1.3])
def test_a_face_not_much_larger_than_the_crop_is_only_sampled(scale: float) -> None:
    picture = np.random.default_rng(1).integers(0, 255, (112, 112, 3), np.uint8)
    points = (TEMPLATE - 56) * scale + 56
    assert np.array_equal(aligned(picture, points), sampled(picture, points))


@pytest.mark.parametrize("middle", [(0, 0), (400, 200), (-900, -900)])
def test_outside_the_picture_it_is_black(middle: tuple[int, int]) -> None:
    picture = np.full((400, 400, 3), 200, np.uint8)
    points = (TEMPLATE - 56) * 2.5 + np.array(middle)
    crop = aligned(picture, points)
    plain = sampled(picture, points)
    inside = cv2.erode((plain[..., 0] == 200).astype(np.uint8), np.ones((5, 5)))
    outside = cv2.erode((plain[..., 0] == 0).astype(np.uint8), np.ones((5, 5)))
    assert (crop[inside == 1] == 200).all()
    assert (crop[outside == 1] == 0).all()
    assert inside.any() == (middle[0] >= 0)
