"""What is kept of one reference: the vectors of the chosen face and of its whole picture, by signal id.

Enrolment and reindexing both ask here, so a reference made anew holds what one enrolled now would.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from detector.signals import Face, SignalId, Signals


def reference_vectors(signals: Signals, face: Face) -> dict[SignalId, NDArray[Any]]:
    """float32 or uint8 arrays of every signal that the picture has."""
    made_by = signals.made_by
    vectors: dict[SignalId, NDArray[Any]] = dict(signals.hashes)
    if made_by.face is not None:
        vectors[made_by.face] = face.vector
    if made_by.image is not None and signals.image is not None:
        vectors[made_by.image] = signals.image
    return vectors
