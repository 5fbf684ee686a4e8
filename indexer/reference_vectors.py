"""What is kept of one reference: the vectors of the chosen face and of its whole picture, by signal id.

Enrolment and reindexing both ask here, so a reference made anew holds what one enrolled now would.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from detector.imagery import DecodedImage
from detector.signals import Box, Face, SignalId, Signals
from indexer.ports import LocalSignal


def reference_vectors(signals: Signals, face: Face) -> dict[SignalId, NDArray[Any]]:
    """float32 or uint8 arrays of every signal that the picture has."""
    made_by = signals.made_by
    vectors: dict[SignalId, NDArray[Any]] = dict(signals.hashes)
    if made_by.face is not None:
        vectors[made_by.face] = face.vector
    if made_by.image is not None and signals.image is not None:
        vectors[made_by.image] = signals.image
    return vectors


def local_vectors(
    local: LocalSignal | None, images: Sequence[DecodedImage], faces: Sequence[Box | None]
) -> list[dict[SignalId, NDArray[Any]]]:
    """Per picture what geometry needs of it; nothing where no face was chosen, or no local signal is in use."""
    pairs = [(image, face) for image, face in zip(images, faces, strict=True) if face is not None]
    if local is None or not pairs:
        return [{} for _ in images]
    made = iter(local.of([image for image, _ in pairs], [face for _, face in pairs]))
    return [{} if face is None else {local.signal: next(made)} for face in faces]
