"""Signals: what is computed from one picture, each with the identity of what made it.

A signal is a face (with its vector), an embedding of the whole picture, or perceptual hashes. Vectors may be compared
only when their `SignalId` is equal: the id names the network, its revision and the preprocessing, so that an answer
can be traced to what produced it and a changed pipeline can never be mixed up with an old index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from detector.errors import SignalMismatch, WeightsError

Vector = NDArray[np.float32]
"""One unit-length embedding, shape (dimension,)."""

Views = NDArray[np.float32]
"""Unit-length embeddings of one picture, shape (views, dimension): row 0 of the whole, the others of its panels."""

HashCodes = NDArray[np.uint8]
"""Perceptual hash of the eight flips and quarter turns, shape (8, bytes); row 0 is the upright picture."""


class SignalKind(StrEnum):
    FACE = "face"
    IMAGE = "image"
    HASH = "hash"
    LOCAL = "local"


@dataclass(frozen=True, slots=True, order=True)
class SignalId:
    """What made a vector. Written `kind/model@revision/preprocessing`."""

    kind: SignalKind
    model: str
    revision: str
    preprocessing: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.model}@{self.revision}/{self.preprocessing}"

    @classmethod
    def parse(cls, text: str) -> SignalId:
        """Inverse of `str`. Raises ValueError on any other text."""
        kind, _, rest = text.partition("/")
        name, _, preprocessing = rest.rpartition("/")
        model, _, revision = name.rpartition("@")
        if not (model and revision and preprocessing):
            raise ValueError(f"not a signal id: {text!r} (expected kind/model@revision/preprocessing)")
        return cls(SignalKind(kind), model, revision, preprocessing)

    def require(self, other: SignalId) -> None:
        """Raise SignalMismatch unless both ids are the same."""
        if self != other:
            raise SignalMismatch(
                f"vectors of {self} cannot be compared with vectors of {other}; reindex the registry"
            )


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels of the upright, full-size picture; x and y are its top-left corner."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        return max(0.0, self.width) * max(0.0, self.height)

    def normalised(self, width: int, height: int) -> Box:
        """The same rectangle as fractions of the picture's width and height."""
        return Box(self.x / width, self.y / height, self.width / width, self.height / height)

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0 to 1."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        shared = max(0.0, across) * max(0.0, down)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0


@dataclass(frozen=True, slots=True)
class FacePlace:
    """Where a face was found: box and five landmarks as in `Face`, in pixels of the full-size picture."""

    box: Box
    landmarks: tuple[tuple[float, float], ...]
    detection_score: float


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """How far a face can be trusted to be recognised. `faults` empty means usable.

    pixels: distance between the eyes in pixels of the full-size picture. sharpness: dimensionless, higher is sharper.
    yaw: -1 to 1, 0 is frontal. score: 0 to 1, used as a weight.
    """

    score: float
    pixels: float
    sharpness: float
    yaw: float
    faults: tuple[str, ...] = ()

    @property
    def usable(self) -> bool:
        return not self.faults


@dataclass(frozen=True, slots=True, eq=False)
class FirstLook:
    """What a face's full vector is made from after one pass: the aligned face, RGB, and the network's output on it,
    not of unit length. Never stored."""

    crop: NDArray[np.uint8] = field(repr=False)
    output: Vector = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face of a picture. `landmarks` are five (x, y): right eye, left eye, nose, right and left mouth corner
    (the person's own right and left, YuNet's order), in pixels of the full-size picture. `vector` has unit length;
    zeros where the face was not recognised, as it is not usable. `first` is there for as long as the face may be
    looked at again."""

    box: Box
    landmarks: tuple[tuple[float, float], ...]
    detection_score: float
    quality: FaceQuality
    vector: Vector = field(repr=False)
    first: FirstLook | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SignalSet:
    """The ids of the signals that one configuration computes, and why any kind is off."""

    face: SignalId | None
    image: SignalId | None
    hashes: tuple[SignalId, ...]
    absent: Mapping[SignalKind, str] = field(default_factory=dict)

    @property
    def ids(self) -> tuple[SignalId, ...]:
        named = [signal for signal in (self.face, self.image) if signal is not None]
        return (*named, *self.hashes)

    def require_faces(self, refusal: str) -> None:
        """Raise WeightsError, which says what is refused and why, when the face signal is off."""
        if self.face is None:
            why = "; ".join(self.absent.values()) or "the face signal is off"
            raise WeightsError(f"{refusal} without the face networks: {why}")


@dataclass(frozen=True, slots=True, eq=False)
class Signals:
    """Everything computed from one picture. `image` is None when that signal is off (`made_by.absent` says why)."""

    faces: tuple[Face, ...]
    image: Views | None
    hashes: Mapping[SignalId, HashCodes]
    made_by: SignalSet
