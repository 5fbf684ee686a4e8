"""Our detector, alignment and recogniser against OpenCV's own, on real portraits and real photographs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.decoding import DecodeLimits, decode
from detector.faces.alignment import sampled
from detector.faces.sface import SFace, unit
from detector.faces.yunet import Detection, DetectorSettings, YuNet
from detector.imagery import Pixels

SETTINGS = DetectorSettings()


@pytest.fixture(scope="module")
def yunet(weights_dir: Path) -> YuNet:
    return YuNet(weights_dir / "face_detection_yunet_2023mar.onnx")


@pytest.fixture(scope="module")
def sface(weights_dir: Path) -> SFace:
    return SFace(weights_dir / "face_recognition_sface_2021dec.onnx")


class OpenCv:
    """OpenCV's own detector and recogniser on the same weights."""

    def __init__(self, weights_dir: Path) -> None:
        found, known = (str(path) for path in sorted(weights_dir.glob("*.onnx"))[:2])
        self._detector = cv2.FaceDetectorYN.create(
            found, "", (320, 320), SETTINGS.score, SETTINGS.overlap, 5000
        )
        self._recogniser = cv2.FaceRecognizerSF.create(known, "")

    def faces(self, bgr: Pixels) -> np.ndarray:
        self._detector.setInputSize((bgr.shape[1], bgr.shape[0]))
        found = self._detector.detect(bgr)[1]
        return np.zeros((0, 15), np.float32) if found is None else found

    def vector(self, bgr: Pixels, face: np.ndarray) -> np.ndarray:
        return unit(self._recogniser.feature(self._recogniser.alignCrop(bgr, face)))[0]


@pytest.fixture(scope="module")
def opencv(weights_dir: Path) -> OpenCv:
    return OpenCv(weights_dir)


def pictures(paths: Iterable[Path]) -> Iterator[Pixels]:
    """Small enough that neither side scales: both see the same pixels."""
    for path in paths:
        yield decode(path.read_bytes(), DecodeLimits(long_side=SETTINGS.side)).pixels


def disagreement(pixels: Pixels, yunet: YuNet, sface: SFace, opencv: OpenCv) -> tuple[int, float, float]:
    """Faces of one side alone, the largest difference in pixels, the smallest cosine."""
    bgr = np.ascontiguousarray(pixels[:, :, ::-1])
    ours, theirs = yunet.detect(pixels, SETTINGS, SETTINGS.side), opencv.faces(bgr)
    pairs = [(min(ours, key=lambda face: _distance(face, row)), row) for row in theirs] if ours else []
    apart = max((_distance(face, row) for face, row in pairs), default=0.0)
    cosines = [_cosine(pixels, face, bgr, row, sface, opencv) for face, row in pairs]
    return abs(len(ours) - len(theirs)), apart, min(cosines, default=1.0)


def _distance(face: Detection, row: np.ndarray) -> float:
    return float(np.abs(np.concatenate([face.box, face.points.ravel()]) - row[:14]).max())


def _cosine(
    pixels: Pixels, face: Detection, bgr: Pixels, row: np.ndarray, sface: SFace, opencv: OpenCv
) -> float:
    mine = unit(sface.plain([sampled(pixels, face.points)]))[0]
    return float(mine @ opencv.vector(bgr, row))


def check(paths: Iterable[Path], yunet: YuNet, sface: SFace, opencv: OpenCv, at_least: int) -> None:
    outcomes = [disagreement(pixels, yunet, sface, opencv) for pixels in pictures(paths)]
    assert len(outcomes) >= at_least
    assert sum(lost for lost, _, _ in outcomes) == 0
    assert max(apart for _, apart, _ in outcomes) < 0.05
    assert min(cosine for _, _, cosine in outcomes) >= 0.999


@pytest.mark.weights
def test_sample_portraits_agree_with_opencv(
    sample_dir: Path, yunet: YuNet, sface: SFace, opencv: OpenCv
) -> None:
    check(sorted(sample_dir.glob("*.jpg")), yunet, sface, opencv, at_least=6)


@pytest.mark.weights
@pytest.mark.evaluation
@pytest.mark.slow
def test_lfw_agrees_with_opencv(eval_dir: Path, yunet: YuNet, sface: SFace, opencv: OpenCv) -> None:
    people = sorted((eval_dir / "lfw").iterdir())
    paths = [next(person.iterdir()) for person in people[:: max(1, len(people) // 150)]]
    check(paths, yunet, sface, opencv, at_least=140)
