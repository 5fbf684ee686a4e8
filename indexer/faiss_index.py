"""Embeddings searched exactly by FAISS's brute-force kernel, over a matrix that this process owns.

FAISS numbers rows; `Rows` keeps the string ids beside them. Searching our own matrix, instead of an
IndexFlatIP, holds every vector once: the registry gathers from the same rows, and removing one costs one row,
not a pass over all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.signals import SignalId
from indexer.checks import check_embeddings, check_k, check_rows
from indexer.kernels import nearest_by_product
from indexer.ports import Hit, Vectors
from indexer.rows import Rows


class FaissIndex:
    """Exact inner-product search; the cosine when vectors have unit length. Implements VectorIndex."""

    def __init__(self, signal_id: SignalId) -> None:
        self.signal_id = signal_id
        self._rows = Rows(np.float32)

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, vector_id: object) -> bool:
        return vector_id in self._rows

    @property
    def ids(self) -> Sequence[str]:
        return self._rows.ids

    @property
    def matrix(self) -> Vectors:
        """All vectors in the order of `ids`; a view that the next change invalidates."""
        return self._rows.matrix

    def add(self, signal: SignalId, ids: Sequence[str], vectors: Vectors) -> None:
        self.signal_id.require(signal)
        check_embeddings(signal, vectors, self._width())
        check_rows(ids, vectors)
        self._rows.put(ids, vectors)

    def remove(self, ids: Sequence[str]) -> int:
        return self._rows.remove(ids)

    def take(self, ids: Sequence[str]) -> Vectors:
        return self._rows.take(ids)

    def search(self, signal: SignalId, queries: Vectors, k: int) -> list[list[Hit]]:
        self.signal_id.require(signal)
        check_embeddings(signal, queries, self._width())
        check_k(k)
        if not len(self) or not len(queries):
            return [[] for _ in queries]
        similarities, rows = nearest_by_product(queries, self._rows.matrix, k)
        return [self._hits(*found) for found in zip(similarities.tolist(), rows.tolist(), strict=True)]

    def _width(self) -> int | None:
        return self._rows.width if len(self) else None

    def _hits(self, similarities: list[float], rows: list[int]) -> list[Hit]:
        ids = self._rows.ids
        found = [Hit(ids[row], value) for value, row in zip(similarities, rows, strict=True) if row >= 0]
        return sorted(found, key=lambda hit: (-hit.similarity, hit.id))
