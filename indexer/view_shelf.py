"""Image embeddings: several vectors per reference, the whole picture and the panels it is put together from.

    reference ─ (views, dimension) ─▶ rows reference#0, reference#1, … of one index
    query     ─ (views, dimension) ─▶ nearest rows of each view ─▶ references, each by its best pair of views

A picture and a reference are as alike as the two views that are most alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

import numpy as np

from detector.candidates import CopyCandidate
from detector.signals import SignalId
from indexer.checks import check_embeddings
from indexer.ports import Change, Hit, Vectors
from indexer.shelf import Shelf, ShelfContents

_MARK = "#"
"""Between a reference's id and the number of its view, in the id of a row."""


class ViewShelf(Shelf):
    """A shelf whose references have one or more vectors each. One vector counts as a single view."""

    def __init__(self, signal: SignalId) -> None:
        super().__init__(signal)
        self._views: dict[str, int] = {}
        self._most = 1

    def __len__(self) -> int:
        return len(self._views)

    def nearest(self, queries: Sequence[Vectors], top: int) -> list[list[str]]:
        views = [np.atleast_2d(query) for query in queries]
        # so many rows hold `top` references at least, whosever views they are
        found = iter(self._index.search(self.signal, np.concatenate(views), top * self._most))
        return [_first(top, (next(found) for _ in query)) for query in views]

    def compare(self, query: Vectors, references: Iterable[str]) -> list[CopyCandidate]:
        ids = sorted(name for name in references if name in self._views)
        if not ids:
            return []
        rows = self._index.take([row for name in ids for row in self._rows_of(name)])
        starts = [0, *accumulate(self._views[name] for name in ids[:-1])]
        best = np.maximum.reduceat((rows @ np.atleast_2d(query).T).max(axis=1), starts).tolist()
        copies = [self._copy(name, similarity, 0) for name, similarity in zip(ids, best, strict=True)]
        return sorted(copies, key=lambda copy: -copy.similarity)

    def restore(self, contents: ShelfContents) -> None:
        super().restore(contents)
        for row in contents.ids:
            self._count(_reference(row), 1 + self._views.get(_reference(row), 0))

    def _put(self, puts: dict[str, Change]) -> None:
        vectors = {name: np.atleast_2d(np.asarray(change.vector)) for name, change in puts.items()}
        width = next((views.shape[-1] for views in vectors.values()), None)
        for views in vectors.values():
            check_embeddings(self.signal, views, width)
        if not vectors:
            return
        rows = [_row(name, view) for name, views in vectors.items() for view in range(len(views))]
        self._index.add(self.signal, rows, np.concatenate(list(vectors.values())))
        self._index.remove(
            [row for name, views in vectors.items() for row in self._rows_of(name)[len(views) :]]
        )
        self._own({name: self._owner_of(change) for name, change in puts.items()})
        for name, views in vectors.items():
            self._count(name, len(views))

    def _remove(self, ids: Sequence[str]) -> int:
        self._disown(ids)
        here = [name for name in ids if name in self._views]
        self._index.remove([row for name in here for row in self._rows_of(name)])
        for name in here:
            del self._views[name]
        return len(here)

    def _reference_of(self, row: str) -> str:
        return _reference(row)

    def _count(self, name: str, views: int) -> None:
        self._views[name] = views
        self._most = max(self._most, views)

    def _rows_of(self, name: str) -> list[str]:
        return [_row(name, view) for view in range(self._views.get(name, 0))]


def _row(name: str, view: int) -> str:
    return f"{name}{_MARK}{view}"


def _reference(row: str) -> str:
    return row.rpartition(_MARK)[0]


def _first(top: int, found: Iterable[Sequence[Hit]]) -> list[str]:
    """The `top` references by their best row, equal ones by id."""
    best: dict[str, float] = {}
    for hits in found:
        for hit in hits:
            name = _reference(hit.id)
            best[name] = max(hit.similarity, best.get(name, -1.0))
    return sorted(best, key=lambda name: (-best[name], name))[:top]
