"""SFace 2021dec (Apache-2.0), the face network that Lookalike starts with: 128 numbers; it scales its input by
itself."""

from __future__ import annotations

from pathlib import Path

from detector.faces.recogniser import FaceNetwork, Recogniser, unit

__all__ = ["DIMENSION", "SFACE", "SIGNAL", "SFace", "unit"]

SFACE = FaceNetwork("sface", "2021dec", 128, output="fc1")
DIMENSION = SFACE.dimension
SIGNAL = SFACE.signal


class SFace(Recogniser):
    """SFace with its weights."""

    def __init__(self, model: Path, *, threads: int | None = None) -> None:
        super().__init__(SFACE, model, threads=threads)
