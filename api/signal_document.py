"""Signals as a JSON document, for checks whose picture stays with the caller (`lookalike check --remote --private`).

    Signals ─ document_of ─▶ {signals, faces, image, hashes} ─ the wire ─▶ SignalDocument ─ sighting ─▶ Sighting

Vectors go as base64 of little-endian float32, hashes of bytes, each under the id of what made it: they are compared only
with their own kind. A face that is not usable has no vector. Local features are never sent: they hold a small grey copy
of the picture, and their descriptors alone give back what it shows (docs/service.md). What is wrong with a document is
told with the code `bad_signals`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, FailFast, Field, FiniteFloat

from detector.errors import InputError, SignalMismatch
from detector.pipeline import Sighting
from detector.signals import (
    Box,
    Face,
    FaceQuality,
    HashCodes,
    SignalId,
    SignalKind,
    Signals,
    SignalSet,
    Views,
)
from detector.use import Use

BAD_SIGNALS = "bad_signals"

TURNS = 8
"""Rows of a hash: the eight flips and quarter turns."""

MOST_VIEWS = 64
MOST_FACES = 10_000
"""Views of one picture that are taken: the whole, and its panels."""

UNIT = 1e-3
"""How far from one a vector's length may be."""

Encoded = Annotated[
    str, Field(max_length=400_000, description="Base64 of little-endian float32, or of bytes.")
]
Shown = Annotated[str, Field(max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SignalNames(_Part):
    """What made the vectors: the ids of the caller's signals, and why any kind is off there."""

    face: Shown | None
    image: Shown | None = None
    hashes: list[Shown] = Field([], max_length=16)
    absent: dict[SignalKind, Shown] = {}

    @classmethod
    def of(cls, made_by: SignalSet) -> SignalNames:
        return cls(
            face=str(made_by.face) if made_by.face else None,
            image=str(made_by.image) if made_by.image else None,
            hashes=[str(signal) for signal in made_by.hashes],
            absent=dict(made_by.absent),
        )

    def signal_set(self) -> SignalSet:
        """Raises InputError for what is no id."""
        try:
            hashes = tuple(map(SignalId.parse, self.hashes))
            face, image = (SignalId.parse(text) if text else None for text in (self.face, self.image))
        except ValueError as error:
            raise _bad("a signal's id is kind/model@revision/preprocessing") from error
        return SignalSet(face, image, hashes, dict(self.absent))


class BoxDocument(_Part):
    """In pixels of the upright full-size picture."""

    x: FiniteFloat
    y: FiniteFloat
    width: Annotated[FiniteFloat, Field(gt=0)]
    height: Annotated[FiniteFloat, Field(gt=0)]


class QualityDocument(_Part):
    """As the face networks judged it; `faults` empty means usable."""

    score: Annotated[FiniteFloat, Field(ge=0, le=1)]
    pixels: Annotated[FiniteFloat, Field(ge=0)]
    sharpness: FiniteFloat
    yaw: Annotated[FiniteFloat, Field(ge=-1, le=1)]
    faults: list[Annotated[str, Field(max_length=40)]] = Field([], max_length=20)


class FaceDocument(_Part):
    box: BoxDocument
    landmarks: Annotated[list[tuple[FiniteFloat, FiniteFloat]], Field(min_length=5, max_length=5)]
    detection_score: Annotated[FiniteFloat, Field(ge=0, le=1)]
    quality: QualityDocument
    vector: Encoded | None = Field(description="Of unit length; null where the face is not usable.")

    def face(self) -> Face:
        quality = FaceQuality(**{**self.quality.model_dump(), "faults": tuple(self.quality.faults)})
        if quality.usable is (self.vector is None):
            raise _bad("a usable face has a vector, and one with faults has none")
        vector = np.zeros(0, np.float32) if self.vector is None else _units(self.vector, 1)[0]
        return Face(
            Box(**self.box.model_dump()), tuple(self.landmarks), self.detection_score, quality, vector
        )


class ImageDocument(_Part):
    """The picture's embeddings: the first of the whole, the others of its panels."""

    views: Annotated[int, Field(ge=1, le=MOST_VIEWS)]
    vectors: Encoded


class SignalDocument(_Part):
    """One picture's signals, computed by the caller."""

    source: Annotated[
        str, Field(min_length=1, max_length=500, description="What the caller calls the picture.")
    ]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="Of the encoded file.")]
    width: Annotated[int, Field(ge=1, le=1_000_000)]
    height: Annotated[int, Field(ge=1, le=1_000_000)]
    signals: SignalNames
    faces: Annotated[list[FaceDocument], Field(max_length=MOST_FACES), FailFast()]
    image: ImageDocument | None = None
    hashes: dict[Shown, Encoded] = Field({}, max_length=16)

    def sighting(self, use: Use) -> Sighting:
        """What the detector judges. Raises InputError `bad_signals`."""
        made_by = self.signals.signal_set()
        faces = _alike([face.face() for face in self.faces])
        if faces and made_by.face is None:
            raise _bad("there are faces, but no id of what recognised them")
        if (self.image is None) is not (made_by.image is None):
            raise _bad("image vectors and the id of what made them come together")
        image = _units(self.image.vectors, self.image.views) if self.image else None
        hashes = {SignalId.parse(name): _codes(text) for name, text in self._named_hashes(made_by)}
        signals = Signals(faces, image, hashes, made_by)
        return Sighting(self.source, self.sha256, self.width, self.height, signals, use)

    def _named_hashes(self, made_by: SignalSet) -> list[tuple[str, str]]:
        if set(self.hashes) != {str(signal) for signal in made_by.hashes}:
            raise _bad("hashes come under the ids that signals.hashes lists")
        return list(self.hashes.items())


def require_same(ours: SignalSet, theirs: SignalSet) -> None:
    """Raise SignalMismatch unless the vectors were made by what this registry is searched with. Faces must be there; an
    image embedding or a hash that the caller lacks is merely not searched."""
    strange = [signal for signal in theirs.ids if signal not in ours.ids]
    if strange:
        raise SignalMismatch(f"the vectors are of {strange[0]}; this registry is searched by {_listed(ours)}")
    if theirs.face != ours.face:
        raise SignalMismatch(f"the face signal is missing; this registry is searched by {_listed(ours)}")


def _listed(signals: SignalSet) -> str:
    return ", ".join(map(str, signals.ids))


def document_of(signals: Signals) -> dict[str, Any]:
    """The fields `signals`, `faces`, `image` and `hashes` of a SignalDocument."""
    image = signals.image
    return {
        "signals": SignalNames.of(signals.made_by).model_dump(mode="json"),
        "faces": [_face_document(face) for face in signals.faces],
        "image": None if image is None else {"views": len(image), "vectors": _encoded(image)},
        "hashes": {str(signal): _encoded(codes) for signal, codes in signals.hashes.items()},
    }


def _face_document(face: Face) -> dict[str, Any]:
    box, quality = face.box, face.quality
    return {
        "box": {"x": box.x, "y": box.y, "width": box.width, "height": box.height},
        "landmarks": [list(point) for point in face.landmarks],
        "detection_score": face.detection_score,
        "quality": {
            "score": quality.score,
            "pixels": quality.pixels,
            "sharpness": quality.sharpness,
            "yaw": quality.yaw,
            "faults": list(quality.faults),
        },
        "vector": _encoded(face.vector) if quality.usable else None,
    }


def _encoded(values: NDArray[Any]) -> str:
    kind = "<f4" if values.dtype == np.float32 else "u1"
    return base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode("ascii")


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad("a vector is no base64") from error


def _units(text: str, rows: int) -> Views:
    """float32 (rows, dimension), each of unit length."""
    data = _bytes(text)
    if not data or len(data) % (4 * rows):
        raise _bad("a vector's bytes are no float32 values, or not as many as its rows need")
    vectors = np.frombuffer(data, "<f4").astype(np.float32).reshape(rows, -1)
    if not np.isfinite(vectors).all() or (abs(np.linalg.norm(vectors, axis=1) - 1) > UNIT).any():
        raise _bad("a vector has unit length and finite values")
    return vectors


def _codes(text: str) -> HashCodes:
    data = _bytes(text)
    if not data or len(data) % TURNS:
        raise _bad("a hash has eight rows of the same length")
    return np.frombuffer(data, np.uint8).reshape(TURNS, -1)


def _alike(faces: Sequence[Face]) -> tuple[Face, ...]:
    if len({len(face.vector) for face in faces if face.quality.usable}) > 1:
        raise _bad("the faces' vectors are not of one length")
    return tuple(faces)


def _bad(why: str) -> InputError:
    return InputError(f"the signals can't be used: {why}", code=BAD_SIGNALS)
