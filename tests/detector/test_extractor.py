"""SignalExtractor: order, batches, absence; with the real face networks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from pathlib import Path

import numpy as np
import pytest

from detector.decoding import DecodeLimits, decode
from detector.extractor import SignalExtractor
from detector.faces.networks import FaceNetworks
from detector.hashing import KINDS, hashes
from detector.imagery import DecodedImage, Pixels
from detector.ports import Extractor
from detector.runtime import Tensor
from detector.signals import FacePlace, SignalId, SignalKind


class MeanColour:
    """A real, tiny embedder: the picture's mean colour as a unit vector."""

    signal = SignalId(SignalKind.IMAGE, "mean-colour", "1", "none")

    def vectors(self, pictures: Sequence[Pixels], pool: Executor | None = None) -> Tensor:
        means = np.stack([picture.reshape(-1, 3).mean(axis=0) + 1 for picture in pictures])
        return (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float32)


def plain(colour: tuple[int, int, int]) -> DecodedImage:
    pixels = np.full((50, 60, 3), colour, np.uint8)
    return DecodedImage(pixels, 60, 50, "PNG", "0" * 64)


@pytest.fixture(scope="module")
def extractor(weights_dir: Path) -> Iterator[SignalExtractor]:
    faces = FaceNetworks(
        weights_dir / "face_detection_yunet_2023mar.onnx", weights_dir / "face_recognition_sface_2021dec.onnx"
    )
    made = SignalExtractor(faces, absent={SignalKind.IMAGE: "the clip extra is not installed"})
    yield made
    made.close()


@pytest.fixture
def portraits(sample_dir: Path) -> list[DecodedImage]:
    names = ["obama.jpg", "biden.jpg", "obama2.jpg"]
    return [decode((sample_dir / name).read_bytes(), DecodeLimits()) for name in names]


def test_without_networks_the_hashes_still_work_and_absence_has_its_reason() -> None:
    extractor: Extractor = SignalExtractor(None, absent={SignalKind.FACE: "weights are missing"})
    [signals] = extractor.extract([plain((200, 10, 10))])
    assert signals.faces == ()
    assert signals.image is None
    assert set(signals.hashes) == {kind.signal for kind in KINDS}
    assert signals.made_by.absent == {SignalKind.FACE: "weights are missing"}
    assert extractor.made_by.ids == tuple(kind.signal for kind in KINDS)


def test_no_pictures_no_signals() -> None:
    assert SignalExtractor(None, MeanColour()).extract([]) == []


def test_the_embedder_serves_every_picture_in_order() -> None:
    extractor = SignalExtractor(None, MeanColour())
    red, blue = extractor.extract([plain((255, 0, 0)), plain((0, 0, 255))])
    assert red.image is not None
    assert blue.image is not None
    assert red.image.argmax() == 0
    assert blue.image.argmax() == 2
    assert extractor.made_by.image == MeanColour.signal


@pytest.mark.weights
def test_a_batch_gives_what_single_pictures_give(
    extractor: SignalExtractor, portraits: list[DecodedImage]
) -> None:
    batch = [*portraits, plain((1, 2, 3)), portraits[0]]
    together = extractor.extract(batch)
    alone = [extractor.extract([image])[0] for image in batch]
    assert [len(one.faces) for one in together] == [len(one.faces) for one in alone]
    assert together[3].faces == ()
    for one, other in zip(together, alone, strict=True):
        for face, same in zip(one.faces, other.faces, strict=True):
            assert float(face.vector @ same.vector) > 0.9999
            assert face.box == same.box


@pytest.mark.weights
@pytest.mark.parametrize("long_side", [2000, 500])
def test_a_face_whose_place_is_known_has_the_vector_that_looking_for_it_gives(
    extractor: SignalExtractor, sample_dir: Path, long_side: int
) -> None:
    data = (sample_dir / "obama2.jpg").read_bytes()
    image = decode(data, DecodeLimits(long_side=long_side))
    (looked,) = extractor.extract([image])
    (face,) = looked.faces
    place = FacePlace(face.box, face.landmarks, face.detection_score)
    (known,) = extractor.extract_known([image], [place])
    assert known.faces[0].vector @ face.vector > 0.99999
    assert known.faces[0].box.overlap(face.box) > 0.999
    assert known.faces[0].quality.faults == face.quality.faults
    assert all(np.array_equal(known.hashes[name], codes) for name, codes in looked.hashes.items())


@pytest.mark.weights
def test_a_face_carries_its_place_quality_and_unit_vector(
    extractor: SignalExtractor, portraits: list[DecodedImage]
) -> None:
    signals = extractor.extract(portraits)[2]
    [face] = signals.faces
    assert 0 < face.box.x < portraits[2].width
    assert len(face.landmarks) == 5
    assert face.quality.usable
    assert np.linalg.norm(face.vector) == pytest.approx(1, abs=1e-5)
    assert signals.hashes.keys() == hashes(portraits[2].pixels).keys()
    assert signals.made_by.face is not None
    assert signals.made_by.face.kind is SignalKind.FACE
    assert SignalId.parse(str(signals.made_by.face)) == signals.made_by.face
