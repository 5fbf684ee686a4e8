"""Vectors by id in one contiguous matrix: what the FAISS indexes search, and what both of them have in common.

A removed row is filled by the last one, so the matrix never has holes and needs no compaction; the row that
became free is overwritten with zeros, so an erased vector does not linger in memory.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray

from detector.errors import NotFound
from detector.signals import SignalId
from indexer.checks import check_rows
from indexer.ports import Vectors

_SMALLEST = 64
"""Rows reserved at first; doubled whenever they are used up."""


class Rows:
    """A growing matrix of `dtype` with a string id per row. The width is fixed by the first vectors put
    in."""

    def __init__(self, dtype: DTypeLike) -> None:
        self._matrix: Vectors = np.zeros((0, 0), dtype=dtype)
        self._ids: list[str] = []
        self._row: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, vector_id: object) -> bool:
        return vector_id in self._row

    @property
    def ids(self) -> Sequence[str]:
        return self._ids

    @property
    def width(self) -> int | None:
        """Columns of the matrix; None until something was put in."""
        return self._matrix.shape[1] or None

    @property
    def matrix(self) -> Vectors:
        """The vectors, one per id of `ids`; a view that the next change invalidates."""
        return self._matrix[: len(self._ids)]

    def put(self, ids: Sequence[str], vectors: Vectors) -> None:
        self._reserve(len(self._ids) + len(ids), vectors.shape[1])
        self._matrix[[self._row_for(vector_id) for vector_id in ids]] = vectors

    def remove(self, ids: Iterable[str]) -> int:
        before = len(self._ids)
        for vector_id in ids:
            self._drop(vector_id)
        return before - len(self._ids)

    def take(self, ids: Sequence[str]) -> Vectors:
        return self._matrix[self.rows_of(ids)]

    def rows_of(self, ids: Sequence[str]) -> NDArray[np.intp]:
        """The row of each id. Raises NotFound for an id that is not there."""
        try:
            return np.fromiter((self._row[vector_id] for vector_id in ids), dtype=np.intp, count=len(ids))
        except KeyError as missing:
            raise NotFound(f"no vector is indexed under {missing.args[0]!r}") from None

    def _row_for(self, vector_id: str) -> int:
        row = self._row.setdefault(vector_id, len(self._ids))
        if row == len(self._ids):
            self._ids.append(vector_id)
        return row

    def _reserve(self, rows: int, width: int) -> None:
        if rows <= len(self._matrix) and width == self.width:
            return
        grown = np.zeros((max(_SMALLEST, rows, 2 * len(self._matrix)), width), dtype=self._matrix.dtype)
        if self._ids:
            grown[: len(self._ids)] = self.matrix
        self._matrix = grown

    def _drop(self, vector_id: str) -> None:
        row = self._row.pop(vector_id, None)
        if row is None:
            return
        last_id = self._ids.pop()
        last_row = len(self._ids)
        if row != last_row:
            self._matrix[row] = self._matrix[last_row]
            self._ids[row] = last_id
            self._row[last_id] = row
        self._matrix[last_row] = 0


class RowIndex(ABC):
    """What a VectorIndex over `Rows` does whatever its metric. A subclass checks its vectors and searches them."""

    def __init__(self, signal_id: SignalId, dtype: DTypeLike) -> None:
        self.signal_id = signal_id
        self._rows = Rows(dtype)

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
        self._check(signal, vectors, self._width())
        check_rows(ids, vectors)
        self._rows.put(ids, vectors)

    def remove(self, ids: Sequence[str]) -> int:
        return self._rows.remove(ids)

    def take(self, ids: Sequence[str]) -> Vectors:
        return self._rows.take(ids)

    @abstractmethod
    def _check(self, signal: SignalId, vectors: Vectors, width: int | None) -> None:
        """Raise SignalMismatch unless the vectors can be kept; `width` None: any width."""

    def _width(self) -> int | None:
        return self._rows.width if len(self) else None
