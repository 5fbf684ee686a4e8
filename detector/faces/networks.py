"""Both face networks together: pictures in, faces with vectors out.

Detection and alignment run picture by picture; the aligned faces of all pictures of a batch then go
through the recogniser together.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from detector.compiled import CompiledCache
from detector.faces.alignment import aligned
from detector.faces.quality import QualityLimits, judge
from detector.faces.recogniser import FaceNetwork, Recogniser, unit
from detector.faces.sface import SFACE
from detector.faces.tiles import TILE, find_small
from detector.faces.yunet import Detection, DetectorSettings, YuNet, find_faces, thinned
from detector.imagery import DecodedImage, Pixels
from detector.precision import Choice
from detector.runtime import Tensor
from detector.signals import Box, Face, FacePlace, FaceQuality, FirstLook, SignalId, Vector


@dataclass(frozen=True, slots=True, eq=False)
class FoundFace:
    """A face before recognition: in pixels of the full-size picture, with its aligned crop (112, 112, 3)."""

    place: Detection
    quality: FaceQuality
    crop: Pixels

    def recognised(self, vector: Vector, first: FirstLook | None = None) -> Face:
        """With its vector; `first` where the face may be looked at again."""
        x, y, width, height = (float(value) for value in self.place.box)
        points = tuple((float(px), float(py)) for px, py in self.place.points)
        return Face(Box(x, y, width, height), points, self.place.score, self.quality, vector, first)


EXCEEDS_MAX_FACES = "exceeds_max_faces"
"""Fault of a face that is not recognised as there are enough larger ones in the picture."""


@dataclass(frozen=True, slots=True)
class FaceSettings:
    """`most`: faces of one picture that are recognised, the largest; None: all. `bfloat16`: the recogniser may run
    so where the processor can and the vectors stay the same."""

    detector: DetectorSettings = field(default_factory=DetectorSettings)
    quality: QualityLimits = field(default_factory=QualityLimits)
    most: int | None = None
    bfloat16: bool = False


class FaceNetworks:
    """YuNet and a recogniser, by default SFace. Nothing is loaded before the first picture, or `load`.
    Thread-safe."""

    def __init__(
        self,
        yunet_path: Path,
        recogniser_path: Path,
        *,
        network: FaceNetwork = SFACE,
        settings: FaceSettings | None = None,
        threads: int | None = None,
        cache: CompiledCache | None = None,
    ) -> None:
        self._yunet = YuNet(yunet_path, threads=threads, cache=cache)
        self._settings = settings or FaceSettings()
        bfloat16 = self._settings.bfloat16
        self._recogniser = Recogniser(
            network, recogniser_path, threads=threads, cache=cache, bfloat16=bfloat16
        )

    @property
    def signal(self) -> SignalId:
        return self._recogniser.network.signal

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return self._recogniser.network.dimension

    @property
    def choice(self) -> Choice:
        """The precision of the recogniser, and why; the detector's is float32."""
        return self._recogniser.choice

    def load(self) -> None:
        """Compile both networks now; a server does so before it takes traffic."""
        self._yunet.load()
        self._recogniser.load()

    def find(self, image: DecodedImage) -> list[FoundFace]:
        """The picture's faces, best detection first; empty when there is none."""
        found = [self._found(image, face) for face in self._detections(image.pixels)]
        return limited(found, self._settings.most)

    def at(self, image: DecodedImage, place: FacePlace) -> FoundFace:
        """The face whose place is known: aligned by its landmarks, and judged, not looked for."""
        corner_and_size = (place.box.x, place.box.y, place.box.width, place.box.height)
        box, points = np.array(corner_and_size, np.float32), np.array(place.landmarks, np.float32)
        return self._found(image, Detection(box, points, place.detection_score).scaled(image.scale))

    def vectors(self, crops: Sequence[Pixels], pool: Executor | None = None) -> Tensor:
        """Unit vectors (n, dimension) of aligned crops."""
        return self._recogniser.vectors(crops, pool)

    def looked_at(self, faces: Sequence[FoundFace]) -> list[Face]:
        """Faces after one pass of the network: enough to tell whose full vector is worth making. One that is not usable
        is not recognised."""
        usable = [face.crop for face in faces if face.quality.usable]
        outputs = self._recogniser.outputs(usable)
        looks = map(FirstLook, usable, outputs)
        vectors = iter(zip(unit(outputs), looks, strict=True))
        nobody = np.zeros(self.dimension, np.float32)
        return [
            face.recognised(*(next(vectors) if face.quality.usable else (nobody, None))) for face in faces
        ]

    def looked_at_again(self, faces: Sequence[Face]) -> list[Face]:
        """The same faces with their full vectors, by the pass that is missing; others stay as they are."""
        firsts = [face.first for face in faces if face.first is not None]
        if not firsts:
            return list(faces)
        outputs = np.stack([first.output for first in firsts])
        vectors = iter(self._recogniser.completed(outputs, [first.crop for first in firsts]))
        return [
            face if face.first is None else replace(face, vector=next(vectors), first=None) for face in faces
        ]

    def _detections(self, pixels: Pixels) -> list[Detection]:
        settings = self._settings.detector
        found = find_faces(self._yunet, pixels, settings)
        if not settings.tiles:
            return found
        small = find_small(lambda tile: self._yunet.detect(tile, settings, TILE), pixels, settings.side)
        return thinned([*found, *small], settings.overlap)

    def _found(self, image: DecodedImage, face: Detection) -> FoundFace:
        crop = aligned(image.pixels, face.points)
        height, width = image.pixels.shape[:2]
        quality = judge(face, crop, (width, height), image.scale, self._settings.quality)
        return FoundFace(face.scaled(1 / image.scale), quality, crop)


def limited(faces: Sequence[FoundFace], most: int | None) -> list[FoundFace]:
    """The same faces; all but the `most` largest usable ones have a fault more."""
    if most is None or len(faces) <= most:
        return list(faces)
    usable = [at for at, face in enumerate(faces) if face.quality.usable]
    left_out = set(sorted(usable, key=lambda at: -float(np.prod(faces[at].place.box[2:])))[most:])
    return [_left_out(face) if at in left_out else face for at, face in enumerate(faces)]


def _left_out(face: FoundFace) -> FoundFace:
    return replace(face, quality=replace(face.quality, faults=(*face.quality.faults, EXCEEDS_MAX_FACES)))
