"""Geometry on drawn pictures: a copy is proven with its regions, another picture is not, features survive storage."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.errors import StoreError
from detector.geometry.agreement import agreement
from detector.geometry.codec import decode, encode
from detector.geometry.features import QUERY, REFERENCE, Effort, LocalFeatures, describe, spread
from detector.geometry.placement import plausible
from detector.geometry.proof import Prover
from detector.geometry.refinement import refined
from detector.imagery import Pixels
from detector.proofs import Proof
from detector.signals import Box
from tests.detector.drawn import pasted, resized, scene

PICTURE = scene(1)
FACE = Box(0.3, 0.2, 0.3, 0.4)
KEPT = describe(PICTURE, REFERENCE, FACE)


def prove(query: Pixels, reference: LocalFeatures = KEPT) -> Proof | None:
    return Prover(describe(query, QUERY)).prove(reference)


def proven(query: Pixels, reference: LocalFeatures = KEPT) -> Proof:
    found = prove(query, reference)
    assert found is not None
    assert found.agreement > 0.8
    return found


def turned(degrees: float) -> Pixels:
    height, width = PICTURE.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    return np.asarray(cv2.warpAffine(PICTURE, matrix, (width, height)), np.uint8)


def test_the_picture_itself_fills_both() -> None:
    found = proven(PICTURE)
    assert found.inliers > 60
    assert (found.query_share, found.reference_share) == pytest.approx((1, 1), abs=0.02)
    assert (found.mirrored, found.rotation) == (False, pytest.approx(0, abs=0.5))
    assert found.face_agreement == pytest.approx(1)
    assert found.face_box is not None
    assert found.face_box.overlap(Box(0.27, 0.16, 0.36, 0.48)) > 0.9  # with a margin of a tenth


@pytest.mark.parametrize(
    "edit",
    [
        lambda picture: resized(picture, 120, 98),
        lambda picture: cv2.GaussianBlur(picture, (0, 0), 2),
        lambda picture: np.clip(picture.astype(float) * 0.6 + 60, 0, 255).astype(np.uint8),
        lambda picture: np.ascontiguousarray(picture[..., ::-1]),
        lambda picture: resized(picture, 200, 260),
    ],
)
def test_routine_edits_fill_both(edit: Callable[[Pixels], Pixels]) -> None:
    found = proven(edit(PICTURE))
    assert min(found.query_share, found.reference_share) > 0.95


def test_a_mirror_is_called_one_and_its_region_is_the_querys_own() -> None:
    crop = np.ascontiguousarray(PICTURE[:, :160][:, ::-1])
    found = proven(pasted(scene(3), crop, 20, 0))
    assert found.mirrored
    # the frame of the reference begins left of the picture and ends where its left edge was put
    assert found.query_share == pytest.approx(180 / 320, abs=0.03)
    assert max(x for x, _ in found.query_region) == pytest.approx(180 / 320, abs=0.02)
    assert max(x for x, _ in found.reference_region) == pytest.approx(180 / 320, abs=0.02)


@pytest.mark.parametrize("degrees", [-90.0, -10.0, 30.0, 180.0])
def test_a_turn_is_measured_clockwise(degrees: float) -> None:
    found = proven(turned(degrees))
    assert (found.rotation - degrees + 180) % 360 - 180 == pytest.approx(0, abs=1)
    assert not found.mirrored


def test_a_crop_is_part_of_the_reference_and_all_of_the_query() -> None:
    found = proven(np.ascontiguousarray(PICTURE[60:190, 40:200]))
    assert found.query_share == pytest.approx(1, abs=0.02)
    assert found.reference_share == pytest.approx(0.25, abs=0.02)
    assert Box(40 / 320, 60 / 260, 0.5, 0.5).overlap(_around(found.reference_region)) > 0.9


def test_a_picture_in_a_page_is_all_of_the_reference_and_part_of_the_query() -> None:
    found = proven(pasted(scene(2, 480, 420), resized(PICTURE, 240, 195), 100, 150))
    assert found.reference_share == pytest.approx(1, abs=0.03)
    assert found.query_share == pytest.approx(240 * 195 / (480 * 420), abs=0.02)


@pytest.mark.parametrize("seed", range(2, 8))
def test_another_picture_has_no_placement(seed: int) -> None:
    assert prove(scene(seed)) is None


def test_another_picture_before_the_same_wall_lies_over_it_and_does_not_agree() -> None:
    found = prove(pasted(PICTURE, scene(9, 240, 200, 50), 40, 30))
    assert found is not None
    assert found.inliers > 10
    assert found.agreement < 0.5


def test_another_face_in_the_picture_is_seen_at_the_face() -> None:
    found = prove(pasted(PICTURE, scene(9, 96, 104, 30), 96, 52))
    assert found is not None
    assert found.agreement > 0.6
    assert found.face_agreement is not None
    assert found.face_agreement < 0.4


def test_a_blot_is_told_from_another_picture() -> None:
    blot = pasted(PICTURE, np.full((104, 160, 3), 40, np.uint8), 96, 52)
    other = pasted(PICTURE, scene(9, 160, 104, 30), 96, 52)
    covered, changed = prove(blot), prove(other)
    assert covered is not None
    assert changed is not None
    assert covered.filled > 0.5
    assert changed.filled < 0.25


def test_pictures_without_a_keypoint_prove_nothing() -> None:
    flat = np.full((200, 200, 3), 128, np.uint8)
    assert len(describe(flat, QUERY)) == 0
    assert prove(flat) is None
    assert prove(PICTURE, describe(flat, REFERENCE)) is None


def test_a_placement_that_is_some_pixels_off_is_made_exact() -> None:
    grey = np.asarray(cv2.cvtColor(PICTURE, cv2.COLOR_RGB2GRAY), np.uint8)
    small = np.asarray(cv2.resize(grey, (96, 78), interpolation=cv2.INTER_AREA), np.uint8)
    blurred = np.asarray(cv2.GaussianBlur(grey, (0, 0), 3), np.uint8)
    right = np.diag([320 / 96, 260 / 78, 1.0])
    off = right @ np.array([[1.03, 0.01, 2.0], [-0.01, 1.02, -1.5], [0, 0, 1.0]])
    assert agreement(small, blurred, off).share < 0.8
    assert agreement(small, blurred, refined(small, blurred, off)).share > 0.95


def test_where_nothing_fits_better_the_placement_stays() -> None:
    flat = np.full((60, 60), 128, np.uint8)
    np.testing.assert_array_equal(refined(flat, flat, np.eye(3)), np.eye(3))


def test_flat_on_flat_is_no_agreement() -> None:
    flat = np.full((60, 60), 128, np.uint8)
    found = agreement(flat, flat, np.eye(3))
    assert (found.share, found.spots) == (0.0, 0)


def test_the_mirrored_features_are_those_of_the_mirror() -> None:
    everything = Effort(side=256, keypoints=4000, kept_side=256)  # the spreading chooses others in a mirror
    from_features = describe(PICTURE, everything).mirrored()
    from_pixels = describe(np.ascontiguousarray(PICTURE[:, ::-1]), everything)
    apart = np.abs(from_features.points[:, None] - from_pixels.points[None]).sum(2)
    apart += np.abs(from_features.angles[:, None] - from_pixels.angles[None])
    nearest = apart.argmin(1)
    same = apart.min(1) < 0.5
    assert same.mean() > 0.85
    difference = from_features.descriptors[same].astype(int) - from_pixels.descriptors[nearest[same]]
    assert np.abs(difference).mean() < 0.1


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_storage_keeps_features(seed: int, with_face: bool) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 12))
    face = KEPT.face if with_face else None
    kept = LocalFeatures(
        320,
        200,
        (rng.random((count, 2)) * (320, 200)).astype(np.float32),
        rng.uniform(1, 200, count).astype(np.float32),
        rng.uniform(0, 359.9, count).astype(np.float32),
        rng.integers(0, 16, (count, 128), np.uint8),
        rng.integers(0, 256, (int(rng.integers(1, 9)), int(rng.integers(1, 9))), np.uint8),
        face,
    )
    again = decode(encode(kept))
    assert (again.width, again.height) == (kept.width, kept.height)
    np.testing.assert_allclose(again.points, kept.points, atol=0.01)
    np.testing.assert_allclose(again.scales, kept.scales, rtol=0.03)
    assert (np.abs((again.angles - kept.angles + 180) % 360 - 180) < 0.8).all()
    np.testing.assert_array_equal(again.descriptors, kept.descriptors)
    np.testing.assert_array_equal(again.grey, kept.grey)
    assert (again.face is None) is (face is None)


@given(st.integers(0, 400))
def test_cut_bytes_are_an_error(length: int) -> None:
    with pytest.raises(StoreError, match="damaged"):
        decode(encode(KEPT)[:length])


def test_a_stored_reference_is_small_and_proves_the_same() -> None:
    stored = encode(KEPT)
    assert stored.nbytes <= 40_000
    fresh, kept = proven(turned(5)), proven(turned(5), decode(stored))
    assert kept.agreement == pytest.approx(fresh.agreement, abs=0.02)
    assert kept.inliers == pytest.approx(fresh.inliers, rel=0.1)


@pytest.mark.parametrize(
    "matrix",
    [
        np.diag([-1.0, 1.0, 1.0]),
        np.diag([0.01, 0.01, 1.0]),
        np.diag([1.0, 0.2, 1.0]),
        np.array([[1.0, 0, 0], [0, 1, 0], [-0.008, 0, 1]]),
        np.array([[1.0, 0, 0], [0, 1, 0], [0.02, 0, 1]]),
        np.full((3, 3), np.nan),
    ],
    ids=["turned over", "crushed", "stretched", "folded", "tilted", "no numbers"],
)
def test_impossible_placements_are_refused(matrix: np.ndarray) -> None:
    assert not plausible(matrix, 200, 150)


@given(st.floats(0, 360), st.floats(0.1, 8), st.floats(-500, 500), st.floats(0.5, 20))
def test_turning_scaling_and_moving_is_possible(
    angle: float, scale: float, along: float, unit: float
) -> None:
    turn = np.deg2rad(angle)
    matrix = np.array(
        [
            [scale * np.cos(turn), -scale * np.sin(turn), along],
            [scale * np.sin(turn), scale * np.cos(turn), -along],
            [0, 0, 1],
        ]
    )
    assert plausible(unit * matrix, 200, 150)


@given(
    st.lists(st.tuples(st.floats(0, 300), st.floats(0, 200), st.floats(0, 1)), max_size=60),
    st.integers(1, 40),
)
def test_spreading_chooses_at_most_so_many_and_the_strongest_first(
    found: list[tuple[float, float, float]], at_most: int
) -> None:
    strengths = [strength for *_, strength in found]
    chosen = spread([(x, y) for x, y, _ in found], strengths, at_most)
    assert len(chosen) == len(set(chosen)) == min(at_most, len(found))
    if chosen:
        assert strengths[chosen[0]] == max(strengths)


def _around(polygon: tuple[tuple[float, float], ...]) -> Box:
    x, y = zip(*polygon, strict=True)
    return Box(min(x), min(y), max(x) - min(x), max(y) - min(y))
