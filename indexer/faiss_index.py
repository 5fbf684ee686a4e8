"""Embeddings searched exactly by FAISS's brute-force kernel, over a matrix that this process owns.

FAISS numbers rows; `Rows` keeps the string ids beside them. Searching our own matrix, instead of an
IndexFlatIP, holds every vector once: the registry gathers from the same rows, and removing one costs one row,
not a pass over all.
"""

from __future__ import annotations

import numpy as np

from detector.signals import SignalId
from indexer.checks import check_embeddings, check_k
from indexer.kernels import nearest_by_product
from indexer.ports import Hit, Vectors
from indexer.rows import RowIndex


class FaissIndex(RowIndex):
    """Exact inner-product search; the cosine when vectors have unit length. Implements VectorIndex."""

    def __init__(self, signal_id: SignalId) -> None:
        super().__init__(signal_id, np.float32)

    def search(self, signal: SignalId, queries: Vectors, k: int) -> list[list[Hit]]:
        self.signal_id.require(signal)
        check_embeddings(signal, queries, self._width())
        check_k(k)
        if not len(self) or not len(queries):
            return [[] for _ in queries]
        similarities, rows = nearest_by_product(queries, self._rows.matrix, k)
        return [self._hits(*found) for found in zip(similarities.tolist(), rows.tolist(), strict=True)]

    def _check(self, signal: SignalId, vectors: Vectors, width: int | None) -> None:
        check_embeddings(signal, vectors, width)

    def _hits(self, similarities: list[float], rows: list[int]) -> list[Hit]:
        ids = self._rows.ids
        found = [Hit(ids[row], value) for value, row in zip(similarities, rows, strict=True) if row >= 0]
        return sorted(found, key=lambda hit: (-hit.similarity, hit.id))
