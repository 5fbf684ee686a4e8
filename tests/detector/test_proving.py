"""The prover over stored features: lazy, best first, silent where nothing can be said, and where the faces are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from detector.candidates import CopyCandidate
from detector.geometry.codec import Bytes
from detector.geometry.features import LOCAL
from detector.geometry.proving import GeometricProver
from detector.geometry.references import ReferenceFeatures
from detector.imagery import DecodedImage, Pixels
from detector.signals import Box, Face, FaceQuality, SignalId, SignalKind
from tests.detector.drawn import pasted, scene

PHASH = SignalId(SignalKind.HASH, "phash", "1", "64")
SCENE = scene(1)
FACE_BOX = Box(80, 50, 100, 110)


def image(pixels: Pixels) -> DecodedImage:
    """Twice as large as its pixels: the decoder scaled it."""
    return DecodedImage(pixels, 2 * pixels.shape[1], 2 * pixels.shape[0], "PNG", "0" * 64)


def face(box: Box) -> Face:
    doubled = Box(2 * box.x, 2 * box.y, 2 * box.width, 2 * box.height)
    quality = FaceQuality(score=1.0, pixels=60.0, sharpness=10.0, yaw=0.0)
    return Face(doubled, ((0.0, 0.0),) * 5, 0.9, quality, np.zeros(4, np.float32))


@dataclass
class Kept:
    """Features by reference id, and what was asked for."""

    features: Mapping[str, Bytes]
    asked: list[tuple[list[str], SignalId]] = field(default_factory=list)

    def vectors_of(self, reference_ids: Sequence[str], signal: SignalId) -> Mapping[str, Bytes]:
        self.asked.append((list(reference_ids), signal))
        return {name: self.features[name] for name in reference_ids if name in self.features}


def features(*pictures: Pixels) -> list[Bytes]:
    boxes = [Box(2 * FACE_BOX.x, 2 * FACE_BOX.y, 200, 220)] * len(pictures)
    return ReferenceFeatures().of([image(pixels) for pixels in pictures], boxes)


def near(*pairs: tuple[str, str]) -> list[CopyCandidate]:
    return [CopyCandidate(talent, reference, PHASH, 0.95) for talent, reference in pairs]


OWN, OTHER = features(SCENE, scene(2))


def test_what_lies_in_the_picture_is_measured_and_what_does_not_is_none() -> None:
    kept = Kept({"r1": OWN, "r2": OTHER})
    found = GeometricProver(kept).prove(image(SCENE), (), near(("ana", "r1"), ("bea", "r2"), ("bea", "r3")))
    assert kept.asked == [(["r1", "r2", "r3"], LOCAL)]
    assert found.keys() == {"r1", "r2"}
    assert found["r2"] is None
    assert found["r1"] is not None
    assert found["r1"].agreement == 1.0


def test_the_face_that_lies_where_the_references_should_is_named() -> None:
    faces = (face(Box(10, 10, 30, 30)), face(FACE_BOX))
    found = GeometricProver(Kept({"r1": OWN})).prove(image(SCENE), faces, near(("ana", "r1")))["r1"]
    assert found is not None
    assert found.face_at == 1
    shifted = pasted(scene(3, 700, 600), SCENE, 300, 300)
    elsewhere = GeometricProver(Kept({"r1": OWN})).prove(image(shifted), faces, near(("ana", "r1")))["r1"]
    assert elsewhere is not None
    assert elsewhere.face_at is None


def test_a_talents_further_references_are_not_looked_at_once_one_is_clear() -> None:
    kept = Kept({"r1": OWN, "r2": OWN, "r3": OWN})
    found = GeometricProver(kept).prove(image(SCENE), (), near(("ana", "r1"), ("ana", "r2"), ("bea", "r3")))
    assert found["r1"] is not None
    assert found["r2"] is None
    assert found["r3"] is not None


def test_nothing_is_said_without_features_or_of_a_plain_picture() -> None:
    plain = np.full((200, 300, 3), 90, np.uint8)
    (nothing,) = features(plain)
    assert GeometricProver(Kept({})).prove(image(SCENE), (), near(("ana", "r1"))) == {}
    assert GeometricProver(Kept({"r1": OWN})).prove(image(plain), (), near(("ana", "r1"))) == {}
    assert GeometricProver(Kept({"r1": nothing})).prove(image(SCENE), (), near(("ana", "r1"))) == {}
