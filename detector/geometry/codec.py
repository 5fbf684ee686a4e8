"""Local features as one row of bytes, uint8 (n,), as a store keeps them beside a reference.

    header (little-endian) │ small grey picture │ face │ keypoints: x, y, size, direction │ descriptors

Two elements of a descriptor share a byte. Positions are kept to 1/65535 of a side, sizes to 3 %, directions to
1.4 degrees. Damaged bytes are an error, never features.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from detector.errors import StoreError
from detector.geometry.features import FACE_SIDE, FacePatch, LocalFeatures
from detector.signals import Box

Bytes = NDArray[np.uint8]

_HEADER = struct.Struct("<HHHHHB4f")
_PER_OCTAVE = 24.0
_SMALLEST_SIZE = 0.5


def encode(features: LocalFeatures) -> Bytes:
    """uint8 (n,): 70 bytes a keypoint, the small picture, the face."""
    face = features.face
    box = Box(0.0, 0.0, 0.0, 0.0) if face is None else face.box
    header = _HEADER.pack(
        features.width,
        features.height,
        features.grey.shape[1],
        features.grey.shape[0],
        len(features),
        face is not None,
        box.x,
        box.y,
        box.width,
        box.height,
    )
    patch = np.zeros(0, np.uint8) if face is None else face.grey.ravel()
    start = np.frombuffer(header, np.uint8)
    return np.concatenate((start, features.grey.ravel(), patch, _places(features), _packed(features)))


def decode(data: Bytes) -> LocalFeatures:
    """Inverse of `encode`, to the precision that it keeps. Raises StoreError for anything else."""
    if data.dtype != np.uint8 or data.ndim != 1 or len(data) < _HEADER.size:
        raise _damaged(data)
    width, height, columns, rows, count, has_face, *sides = _HEADER.unpack(data[: _HEADER.size].tobytes())
    lengths = (rows * columns, has_face * FACE_SIDE**2, 6 * count, 64 * count)
    if len(data) != _HEADER.size + sum(lengths) or not (width and height):
        raise _damaged(data)
    _, grey, patch, places, packed = np.split(data, np.cumsum((_HEADER.size, *lengths[:-1])))
    points, scales, angles = _placed(places.reshape(count, 6), width, height)
    face = FacePatch(Box(*sides), patch.reshape(FACE_SIDE, FACE_SIDE)) if has_face else None
    descriptors = np.column_stack((packed >> 4, packed & 15)).reshape(count, 128)
    return LocalFeatures(
        width, height, points, scales, angles, descriptors, grey.reshape(rows, columns), face
    )


def _places(features: LocalFeatures) -> Bytes:
    sides = np.array([features.width, features.height], np.float32)
    places = np.clip(np.rint(features.points / sides * 65535), 0, 65535).astype("<u2")
    sizes = np.rint(np.log2(np.maximum(features.scales, _SMALLEST_SIZE) / _SMALLEST_SIZE) * _PER_OCTAVE)
    directions = np.rint(features.angles * (256 / 360)) % 256
    others = np.column_stack((np.minimum(sizes, 255), directions)).astype(np.uint8)
    return np.column_stack((places.view(np.uint8).reshape(-1, 4), others)).ravel()


def _placed(rows: Bytes, width: int, height: int) -> tuple[NDArray[np.float32], ...]:
    places = np.ascontiguousarray(rows[:, :4]).view("<u2").astype(np.float32)
    points = places * (np.array([width, height], np.float32) / 65535)
    scales = (_SMALLEST_SIZE * 2 ** (rows[:, 4] / _PER_OCTAVE)).astype(np.float32)
    return points.astype(np.float32), scales, (rows[:, 5] * (360 / 256)).astype(np.float32)


def _packed(features: LocalFeatures) -> Bytes:
    pairs = features.descriptors[:, ::2] << 4 | features.descriptors[:, 1::2]
    return np.asarray(pairs, np.uint8).ravel()


def _damaged(data: Bytes) -> StoreError:
    return StoreError(
        f"stored local features are damaged ({data.size} values); make them anew with `lookalike reindex`"
    )
