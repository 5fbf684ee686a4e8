"""Perceptual hashes searched exactly by FAISS's Hamming kernel.

The upright hash of each reference is stored; a query brings the hashes of its eight flips and quarter turns,
and its distance to a reference is the smallest of the eight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.signals import SignalId
from indexer.checks import VARIANTS, check_codes, check_k, check_turned_codes
from indexer.kernels import nearest_by_bits
from indexer.ports import Hit, Vectors
from indexer.rows import RowIndex


class HashIndex(RowIndex):
    """Exact Hamming search over the eight turns of each query. Implements VectorIndex."""

    def __init__(self, signal_id: SignalId) -> None:
        super().__init__(signal_id, np.uint8)

    def search(self, signal: SignalId, queries: Vectors, k: int) -> list[list[Hit]]:
        self.signal_id.require(signal)
        check_turned_codes(signal, queries, self._width())
        check_k(k)
        if not len(self) or not len(queries):
            return [[] for _ in queries]
        width = queries.shape[2]
        distances, rows = nearest_by_bits(queries.reshape(-1, width), self._rows.matrix, k)
        shape = (len(queries), VARIANTS, -1)
        found = zip(distances.reshape(shape), rows.reshape(shape), strict=True)
        return [self._hits(*of_query, bits=8 * width, k=k) for of_query in found]

    def _check(self, signal: SignalId, vectors: Vectors, width: int | None) -> None:
        check_codes(signal, vectors, width)

    def _hits(self, distances: NDArray[np.int32], rows: NDArray[np.int64], bits: int, k: int) -> list[Hit]:
        """The nearest k references, each by its nearest turn, of the (8, k) neighbours of one query's
        turns."""
        nearest: dict[int, tuple[int, int]] = {}
        for turn, (of_turn, at_rows) in enumerate(zip(distances.tolist(), rows.tolist(), strict=True)):
            for distance, row in zip(of_turn, at_rows, strict=True):
                if row >= 0 and distance < nearest.get(row, (bits + 1, 0))[0]:
                    nearest[row] = (distance, turn)
        ids = self._rows.ids
        ranked = sorted((distance, ids[row], turn) for row, (distance, turn) in nearest.items())
        return [Hit(name, 1.0 - distance / bits, turn) for distance, name, turn in ranked[:k]]
