"""An image network that sees a picture squashed to a square of bytes: SSCD, and our own tower.

    picture ─ squash to side × side (mean over areas) ─▶ uint8 (n, side, side, 3) ─ network ─▶ unit vectors

Normalisation is inside the network's file, so nothing here depends on which of them it is. A call's pictures go
through in chunks, over the caller's pool: one chunk keeps one core busy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.compiled import CompiledCache
from detector.faces.recogniser import unit
from detector.imagery import Pixels
from detector.runtime import Network, Tensor
from detector.shrinking import halved
from detector.signals import SignalId, SignalKind

CHUNK = 4
"""Pictures in one run of the network. More gain nothing on a core, and leave the others idle at a batch's end."""

SSCD_SIDES = (160, 224)
"""The sides that SSCD has calibration tables for; the first is its own if none is named (docs/adr/0004)."""


@dataclass(frozen=True, slots=True)
class SquareSpec:
    """One such network: its signal, the side of its input in pixels, and the name of its output."""

    signal: SignalId
    side: int
    output: str = "embedding"


def sscd(revision: str, side: int = SSCD_SIDES[0]) -> SquareSpec:
    """SSCD (Pizzi et al., 2022, https://arxiv.org/abs/2202.10261): 512 numbers from any side."""
    return SquareSpec(SignalId(SignalKind.IMAGE, "sscd", revision, f"square{side}.area"), side)


class SquareNetwork:
    """One network of this form, a file or a model object of OpenVINO's. Thread-safe; compiled on first use. Implements
    `extractor.Embedder`."""

    def __init__(
        self,
        file: Path | Any,
        spec: SquareSpec,
        *,
        threads: int | None = None,
        cache: CompiledCache | None = None,
    ) -> None:
        self._spec = spec
        shape = (-1, spec.side, spec.side, 3)
        self._network = Network(file, shape, threads=threads, dtype=np.uint8, cache=cache)

    def load(self) -> None:
        """Compile now instead of at the first picture."""
        self._network.load()

    @property
    def signal(self) -> SignalId:
        return self._spec.signal

    def vectors(self, pictures: Sequence[Pixels], pool: Executor | None = None) -> Tensor:
        """Unit vectors (n, dimension) of at least one RGB picture of any size, in their order."""
        parts = [pictures[at : at + CHUNK] for at in range(0, len(pictures), CHUNK)]
        spread: Callable[..., Iterable[Tensor]] = map if pool is None or len(parts) < 2 else pool.map
        return np.concatenate(list(spread(self._embed, parts)))

    def _embed(self, pictures: Sequence[Pixels]) -> Tensor:
        batch = np.stack([self._squashed(picture) for picture in pictures])
        return unit(self._network.run(batch)[self._spec.output])

    def _squashed(self, picture: Pixels) -> NDArray[Any]:
        size = (self._spec.side, self._spec.side)
        return np.asarray(cv2.resize(halved(picture, size), size, interpolation=cv2.INTER_AREA))
