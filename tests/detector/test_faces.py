"""Detection passes, turned pictures, alignment and quality: pure geometry, and the real networks on real
portraits."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.decoding import DecodeLimits, decode
from detector.errors import WeightsError
from detector.faces.alignment import TEMPLATE, aligned, mapped, misfit, similarity
from detector.faces.networks import FaceNetworks, FoundFace
from detector.faces.quality import QualityLimits, judge, sharpness, yaw
from detector.faces.sface import SFace, unit
from detector.faces.yunet import Detection
from detector.imagery import DecodedImage, Pixels
from detector.runtime import Network
from detector.signals import FaceQuality

LIMITS = QualityLimits()
SIZE = (112, 112)


@pytest.fixture(scope="module")
def networks(weights_dir: Path) -> FaceNetworks:
    return FaceNetworks(
        weights_dir / "face_detection_yunet_2023mar.onnx", weights_dir / "face_recognition_sface_2021dec.onnx"
    )


def load(path: Path, long_side: int = 2000) -> DecodedImage:
    return decode(path.read_bytes(), DecodeLimits(long_side=long_side))


def image_of(pixels: Pixels) -> DecodedImage:
    return DecodedImage(np.ascontiguousarray(pixels), pixels.shape[1], pixels.shape[0], "PNG", "0" * 64)


def noise(side: int = 112) -> Pixels:
    return np.random.default_rng(5).integers(0, 255, (side, side, 3), np.uint8)


def detection(points: np.ndarray = TEMPLATE, score: float = 0.93) -> Detection:
    return Detection(np.array([20, 20, 70, 90], np.float32), points.astype(np.float32), score)


def judged(
    face: Detection, crop: Pixels | None = None, size: tuple[int, int] = SIZE, scale: float = 1.0
) -> FaceQuality:
    return judge(face, noise() if crop is None else crop, size, scale, LIMITS)


@given(st.floats(-3.1, 3.1), st.floats(0.2, 9), st.floats(-500, 500), st.floats(-500, 500))
def test_the_similarity_undoes_any_turn_scale_and_shift(
    angle: float, scale: float, right: float, down: float
) -> None:
    a = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = TEMPLATE @ a.T + np.array([right, down])
    assert np.allclose(mapped(similarity(moved), moved), TEMPLATE, atol=1e-6)
    assert misfit(moved) < 1e-6
    assert abs(yaw(moved)) < 0.05


def test_landmarks_in_one_point_do_not_divide_by_zero() -> None:
    points = np.full((5, 2), 7.0, np.float32)
    assert np.isfinite(similarity(points)).all()
    assert "too_small" in judged(detection(points)).faults


def test_a_good_face_has_no_fault() -> None:
    quality = judged(detection())
    assert quality.usable
    assert quality.pixels == pytest.approx(35.2, abs=0.1)
    assert 0.8 < quality.score <= 1


def test_pixels_are_those_of_the_full_size_picture() -> None:
    assert judged(detection(), scale=0.5).pixels == pytest.approx(70.5, abs=0.2)


def test_small_faces() -> None:
    quarter = TEMPLATE / 4
    assert judged(detection(quarter)).faults == ("too_small",)
    assert judged(detection(quarter), scale=0.25).usable


def test_doubtful_detections() -> None:
    assert judged(detection(score=0.79)).faults == ("low_detection_score",)


def test_blurred_faces() -> None:
    flat = cv2.GaussianBlur(noise(), (0, 0), 9)
    assert sharpness(flat) < sharpness(noise()) / 100
    assert judged(detection(), crop=flat).faults == ("blurred",)
    assert judged(detection(), crop=np.zeros((112, 112, 3), np.uint8)).faults == ("blurred",)


@pytest.mark.parametrize("shift", [(0, -48), (-36, 0), (40, 0), (0, 25)])
def test_faces_that_the_edge_cuts(shift: tuple[int, int]) -> None:
    assert judged(detection(TEMPLATE + np.array(shift))).faults == ("incomplete",)


def test_a_tight_crop_is_complete() -> None:
    assert judged(detection(TEMPLATE - np.array([30, 44])), size=(52, 52)).usable


def test_extreme_poses() -> None:
    turned = TEMPLATE.copy()
    turned[2, 0] += 30  # the nose far to one side
    assert judged(detection(turned)).faults == ("extreme_pose",)
    assert yaw(turned) > 0.5
    assert yaw(TEMPLATE * np.array([-1, 1]) + np.array([112, 0])) == pytest.approx(-yaw(TEMPLATE), abs=0.1)


def test_nonsense_landmarks_are_no_head() -> None:
    shuffled = TEMPLATE[[3, 1, 2, 0, 4]]
    assert "extreme_pose" in judged(detection(shuffled)).faults


@pytest.mark.weights
def test_faces_of_a_batch_do_not_depend_on_each_other(weights_dir: Path) -> None:
    sface = SFace(weights_dir / "face_recognition_sface_2021dec.onnx")
    crops = [np.roll(noise(), step, axis=1) for step in range(11)]
    together, alone = sface.vectors(crops), np.concatenate([sface.vectors([crop]) for crop in crops])
    assert np.abs(together - alone).max() < 1e-4
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert sface.vectors([]).shape == (0, 128)


@pytest.mark.weights
def test_a_mirrored_face_has_the_same_vector(weights_dir: Path) -> None:
    sface = SFace(weights_dir / "face_recognition_sface_2021dec.onnx")
    one, mirrored = sface.vectors([noise(), noise()[:, ::-1]])
    assert one @ mirrored == pytest.approx(1, abs=1e-4)
    plain = unit(sface.plain([noise(), noise()[:, ::-1]]))
    assert plain[0] @ plain[1] < 0.99


def one_face(networks: FaceNetworks, image: DecodedImage) -> FoundFace:
    found = networks.find(image)
    assert len(found) == 1
    return found[0]


@pytest.mark.weights
def test_portraits_have_one_usable_face_and_persons_differ(networks: FaceNetworks, sample_dir: Path) -> None:
    names = ["obama.jpg", "obama2.jpg", "biden.jpg"]
    faces = [
        max(networks.find(load(sample_dir / name)), key=lambda face: face.quality.pixels) for name in names
    ]
    assert all(face.quality.usable for face in faces)
    obama, again, biden = networks.vectors([face.crop for face in faces])
    assert obama @ again > 0.6
    assert obama @ biden < 0.3


@pytest.mark.weights
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_portrait_finds_the_same_face(networks: FaceNetworks, sample_dir: Path, turns: int) -> None:
    upright = load(sample_dir / "obama2.jpg", long_side=500)
    straight = one_face(networks, upright)
    turned_pixels = np.ascontiguousarray(np.rot90(upright.pixels, turns))
    face = one_face(networks, image_of(turned_pixels))
    vectors = networks.vectors([straight.crop, face.crop])
    assert vectors[0] @ vectors[1] > 0.95
    inside = aligned(turned_pixels, face.place.points)
    assert np.abs(inside.astype(int) - straight.crop).mean() < 12


@pytest.mark.weights
def test_places_are_in_pixels_of_the_full_size_picture(networks: FaceNetworks, sample_dir: Path) -> None:
    full = one_face(networks, load(sample_dir / "obama2.jpg"))
    small = one_face(networks, load(sample_dir / "obama2.jpg", long_side=400))
    assert np.abs(full.place.box - small.place.box).max() < full.place.box[2] * 0.1
    assert small.quality.pixels == pytest.approx(full.quality.pixels, rel=0.1)


@pytest.mark.weights
def test_small_faces_in_a_large_picture_are_found(networks: FaceNetworks, sample_dir: Path) -> None:
    portrait = cv2.resize(load(sample_dir / "obama2.jpg").pixels, (90, 120), interpolation=cv2.INTER_AREA)
    canvas = np.full((1400, 1900, 3), 200, np.uint8)
    for x, y in ((100, 100), (1700, 1200), (900, 600)):
        canvas[y : y + 120, x : x + 90] = portrait
    assert len(networks.find(image_of(canvas))) == 3


@pytest.mark.weights
def test_a_face_that_fills_the_picture_is_found(networks: FaceNetworks, sample_dir: Path) -> None:
    image = load(sample_dir / "obama2.jpg")
    x, y, width, height = (int(value) for value in one_face(networks, image).place.box)
    close = cv2.resize(image.pixels[y : y + height, x : x + width], (1500, 1900))
    assert len(networks.find(image_of(close))) == 1


@pytest.mark.weights
@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (3000, 2), (31, 33), (640, 641)])
def test_any_shape_of_picture_is_searched(networks: FaceNetworks, shape: tuple[int, int]) -> None:
    assert networks.find(image_of(np.full((*shape, 3), 127, np.uint8))) == []


@pytest.mark.weights
@pytest.mark.parametrize("cut", [0.5, 0.6, 0.7])
def test_a_head_cut_above_the_mouth_is_incomplete(
    networks: FaceNetworks, sample_dir: Path, cut: float
) -> None:
    image = load(sample_dir / "obama2.jpg")
    face = one_face(networks, image).place
    eyes, mouth = face.points[:2, 1].mean(), face.points[3:, 1].mean()
    below = image.pixels[int(eyes + (mouth - eyes) * (cut - 0.3)) :]
    assert all(not found.quality.usable for found in networks.find(image_of(below)))


def test_a_file_that_is_no_network_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"not a network")
    with pytest.raises(WeightsError, match=r"net\.onnx is not a network.*weights pull"):
        Network(tmp_path / "net.onnx", (1, 3, 8, 8)).load()


@pytest.mark.evaluation
@pytest.mark.weights
@pytest.mark.slow
def test_real_faces_are_nearly_never_gated(networks: FaceNetworks, eval_dir: Path) -> None:
    """Of the main face of LFW's photographs 0.1 % (docs/networks.md), so at most one of these 400."""
    people = sorted((eval_dir / "lfw").iterdir())
    images = [load(next(person.iterdir())) for person in people[::4][:400]]
    mains = [min(networks.find(image), key=partial(off_centre, image)) for image in images]
    assert len(mains) >= 400
    assert sum(not face.quality.usable for face in mains) <= 1


def off_centre(image: DecodedImage, face: FoundFace) -> float:
    x, y, width, height = face.place.box
    return float(np.hypot(x + width / 2 - image.width / 2, y + height / 2 - image.height / 2))
