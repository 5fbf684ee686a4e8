"""The image networks and hashes that the copy benchmark compares, each as an `Embedder`."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from benchmarks.copy_edits import Pixels
from data.calibration import read_tables


class Embedder(Protocol):
    """An image network or hash whose vectors are compared by inner product. gate: from which similarity on the product
    looks at a reference; -1 where it has no table."""

    name: str
    gate: float

    def embed(self, pixels: Pixels) -> np.ndarray:
        """Unit vector, float32 [d], of a uint8 RGB picture of any size."""


class Sscd:
    """SSCD's int8 ONNX file, squashed to a square, in OpenVINO."""

    def __init__(self, onnx: Path, side: int) -> None:
        from training.teacher import Teacher  # noqa: PLC0415  only when asked for

        self._teacher = Teacher(onnx, side)
        self.name = f"sscd-int8@{side}"
        self.gate = _gate("sscd", f"square{side}.")

    def embed(self, pixels: Pixels) -> np.ndarray:
        """Unit vector, float32 [512]."""
        return self._teacher.embed(pixels)


class Tower:
    """The folder of an image tower that `python -m training` made, as the project runs it."""

    def __init__(self, folder: Path) -> None:
        from detector.images.tower import open_tower  # noqa: PLC0415  only when asked for

        self._network = open_tower(folder)
        self.name = f"tower:{folder.name}"
        self.gate = _gate("tower", "square")

    def embed(self, pixels: Pixels) -> np.ndarray:
        """Unit vector, float32 [d]."""
        return np.asarray(self._network.vectors([pixels])[0])


class PerceptualHash:
    """DCT hash of `side` by `side` bits; the inner product of two is 1 less twice their share of differing bits."""

    def __init__(self, side: int) -> None:
        self._side = side
        self.name = f"phash-{side * side}"
        self.gate = -1.0

    def embed(self, pixels: Pixels) -> np.ndarray:
        """Bits as plus and minus one, scaled to a unit vector, float32 [side * side]."""
        small = cv2.resize(
            cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (4 * self._side,) * 2, interpolation=cv2.INTER_AREA
        )
        low = cv2.dct(small.astype(np.float32))[: self._side, : self._side].ravel()
        return np.where(low > np.median(low), 1, -1).astype(np.float32) / self._side


def _gate(model: str, preprocessing: str) -> float:
    """From which similarity on the product has geometry look, by its table for this network; -1 without one."""
    tables = read_tables().copies.items()
    found = (
        table
        for signal, table in tables
        if signal.model == model and signal.preprocessing.startswith(preprocessing)
    )
    table = next(found, None)
    return -1.0 if table is None else table.shortlist
