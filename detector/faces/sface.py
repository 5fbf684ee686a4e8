"""Turn aligned faces into vectors: SFace 2021dec (Apache-2.0), 128 numbers, unit length.

Each crop goes in twice, as it is and mirrored, and both outputs are added before the length is set to one.
That halves what the network makes of the lighting's side, and is measurably better (docs/networks.md). It
is part of the signal's id: vectors made without the mirror must not be compared with these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from pathlib import Path

import numpy as np

from detector.imagery import Pixels
from detector.runtime import Network, Tensor
from detector.signals import SignalId, SignalKind

DIMENSION = 128
CHUNK = 8
SIGNAL = SignalId(SignalKind.FACE, "sface", "2021dec", "yunet-2023mar.similarity-112.mirror-sum")


class SFace:
    """The network. Thread-safe. `pool` spreads large batches over the cores."""

    def __init__(self, model: Path, *, threads: int | None = None) -> None:
        self._network = Network(model, (-1, 3, 112, 112), threads=threads)

    def load(self) -> None:
        self._network.load()

    def plain(self, crops: Sequence[Pixels]) -> Tensor:
        """Outputs as the network gives them, without the mirror, not normalised: shape (n, 128)."""
        return self._network.run(_blob(crops))["fc1"]

    def vectors(self, crops: Sequence[Pixels], pool: Executor | None = None) -> Tensor:
        """Unit vectors, shape (n, 128), of aligned RGB crops (112, 112, 3), in their order."""
        if not crops:
            return np.zeros((0, DIMENSION), np.float32)
        parts = [crops[at : at + CHUNK] for at in range(0, len(crops), CHUNK)]
        spread: Callable[..., object] = pool.map if pool is not None and len(parts) > 1 else map
        return np.concatenate(list(spread(self._mirrored, parts)))  # type: ignore[call-overload]

    def _mirrored(self, crops: Sequence[Pixels]) -> Tensor:
        both = self.plain([*crops, *(crop[:, ::-1] for crop in crops)])
        return unit(both[: len(crops)] + both[len(crops) :])


def unit(vectors: Tensor) -> Tensor:
    """Each row with length one; a row of zeros stays zeros."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def _blob(crops: Sequence[Pixels]) -> Tensor:
    """(n, 3, 112, 112) in red, green, blue, 0 to 255: the network scales by itself."""
    return np.stack(crops).transpose(0, 3, 1, 2).astype(np.float32)
