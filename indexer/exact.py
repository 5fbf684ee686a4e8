"""The oracle: the obvious search, in numpy, over a dictionary. Slow and plainly right.

Every other index is held to it by one contract suite (tests/indexer/test_contract.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.errors import NotFound
from detector.signals import SignalId
from indexer.checks import check_codes, check_embeddings, check_k, check_rows, check_turned_codes
from indexer.ports import Hit, Vectors


class _ByName:
    """What both oracles share: a dictionary from id to vector."""

    def __init__(self, signal_id: SignalId) -> None:
        self.signal_id = signal_id
        self._vectors: dict[str, Vectors] = {}

    def __len__(self) -> int:
        return len(self._vectors)

    def __contains__(self, vector_id: object) -> bool:
        return vector_id in self._vectors

    @property
    def ids(self) -> Sequence[str]:
        return list(self._vectors)

    def remove(self, ids: Sequence[str]) -> int:
        return sum(self._vectors.pop(vector_id, None) is not None for vector_id in ids)

    def take(self, ids: Sequence[str]) -> Vectors:
        missing = [vector_id for vector_id in ids if vector_id not in self._vectors]
        if missing:
            raise NotFound(f"no vector is indexed under {missing[0]!r}")
        return np.array([self._vectors[vector_id] for vector_id in ids])

    def _width(self) -> int | None:
        return next((len(vector) for vector in self._vectors.values()), None)

    def _put(self, ids: Sequence[str], vectors: Vectors) -> None:
        check_rows(ids, vectors)
        self._vectors.update(zip(ids, vectors.copy(), strict=True))


class ExactIndex(_ByName):
    """Cosine of unit vectors by one dot product per pair."""

    def add(self, signal: SignalId, ids: Sequence[str], vectors: Vectors) -> None:
        self.signal_id.require(signal)
        check_embeddings(signal, vectors, self._width())
        self._put(ids, vectors)

    def search(self, signal: SignalId, queries: Vectors, k: int) -> list[list[Hit]]:
        self.signal_id.require(signal)
        check_embeddings(signal, queries, self._width())
        check_k(k)
        return [_nearest([self._hit(name, query) for name in self._vectors], k) for query in queries]

    def _hit(self, vector_id: str, query: Vectors) -> Hit:
        return Hit(vector_id, float(np.dot(self._vectors[vector_id], query)))


class ExactHashIndex(_ByName):
    """1 - Hamming distance / bits, over the eight turns of the query; of equally near turns the first
    counts."""

    def add(self, signal: SignalId, ids: Sequence[str], vectors: Vectors) -> None:
        self.signal_id.require(signal)
        check_codes(signal, vectors, self._width())
        self._put(ids, vectors)

    def search(self, signal: SignalId, queries: Vectors, k: int) -> list[list[Hit]]:
        self.signal_id.require(signal)
        check_turned_codes(signal, queries, self._width())
        check_k(k)
        return [_nearest([self._hit(name, query) for name in self._vectors], k) for query in queries]

    def _hit(self, vector_id: str, query: Vectors) -> Hit:
        differing = np.unpackbits(np.bitwise_xor(self._vectors[vector_id], query, dtype=np.uint8), axis=1)
        distances = differing.sum(axis=1)
        turn = int(np.argmin(distances))
        return Hit(vector_id, 1.0 - float(distances[turn]) / differing.shape[1], turn)


def _nearest(hits: list[Hit], k: int) -> list[Hit]:
    return sorted(hits, key=lambda hit: (-hit.similarity, hit.id))[:k]
