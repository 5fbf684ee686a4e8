"""One signal's references: their vectors, whose they are, and how far they have followed the store.

`Shelf` serves hashes, `view_shelf` image embeddings. `FaceShelf` adds, per talent, the mean template, and answers in
talents instead of references.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.candidates import CopyCandidate, FaceCandidate
from detector.commonness import Commonness
from detector.signals import SignalId, SignalKind
from indexer.faiss_index import FaissIndex
from indexer.hash_index import HashIndex
from indexer.ports import Change, Hit, VectorIndex, Vectors

_UNJUDGED = 1.0
"""The weight of a reference that came without a quality."""

_LEAST_WEIGHT = 1e-3
"""A face of quality 0 still counts a little: a talent whose only reference it is must be findable."""

_FACES_AT_ONCE = 64
"""Faces scored in one matrix product; bounds its memory."""


@dataclass(frozen=True, slots=True)
class Position:
    """The last change a shelf has taken in. The reference id tells whether a store is the one that was
    followed."""

    number: int = 0
    reference_id: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ShelfContents:
    """Everything on a shelf, as a snapshot keeps it; `vectors` has one row per id of the index."""

    signal: SignalId
    position: Position
    ids: tuple[str, ...]
    talents: tuple[str, ...]
    weights: tuple[float, ...]
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class _Owner:
    talent_id: str
    weight: float


def new_index(signal: SignalId) -> FaissIndex | HashIndex:
    """The index that fits the kind of signal."""
    return HashIndex(signal) if signal.kind is SignalKind.HASH else FaissIndex(signal)


class Shelf:
    """The references of one signal. Not thread-safe while `apply` runs; the registry's lock guards it."""

    def __init__(self, signal: SignalId) -> None:
        self.signal = signal
        self.position = Position()
        self._index: VectorIndex = new_index(signal)
        self._owner: dict[str, _Owner] = {}

    def __len__(self) -> int:
        return len(self._index)

    @property
    def talents(self) -> set[str]:
        return {owner.talent_id for owner in self._owner.values()}

    def apply(self, changes: Sequence[Change]) -> int:
        """Take in changes, oldest first; all of them or, when one is refused, none. Returns how many
        references left.

        Raises SignalMismatch when the store holds a vector that this signal cannot have.
        """
        if not changes:
            return 0
        latest = {change.reference_id: change for change in changes}
        puts = {name: change for name, change in latest.items() if change.vector is not None}
        gone = [name for name in latest if name not in puts]
        self._put(puts)
        removed = self._remove(gone)
        self.position = Position(changes[-1].number, changes[-1].reference_id)
        return removed

    def nearest(self, queries: Sequence[Vectors], top: int) -> list[list[str]]:
        """Per query the ids of the `top` nearest references."""
        found = self._index.search(self.signal, np.stack(queries), top)
        return [[hit.id for hit in hits] for hits in found]

    def compare(self, query: Vectors, references: Iterable[str]) -> list[CopyCandidate]:
        """One picture against these references (those that are here), nearest first, equal ones by id."""
        ids = sorted(name for name in references if name in self._index)
        if not ids:
            return []
        similarities, turns = compare(self._index.take(ids), query)
        copies = map(self._copy, ids, similarities, turns)
        return sorted(copies, key=lambda copy: -copy.similarity)

    def contents(self) -> ShelfContents:
        """A copy of everything, independent of later changes."""
        ids = tuple(self._index.ids)
        owners = [self._owner[self._reference_of(row)] for row in ids]
        return ShelfContents(
            self.signal,
            self.position,
            ids,
            tuple(owner.talent_id for owner in owners),
            tuple(owner.weight for owner in owners),
            self._index.take(ids),
        )

    def restore(self, contents: ShelfContents) -> None:
        """Fill an empty shelf from a snapshot."""
        owners = map(_Owner, contents.talents, contents.weights)
        self._own(dict(zip(map(self._reference_of, contents.ids), owners, strict=True)))
        if contents.ids:
            self._index.add(contents.signal, contents.ids, contents.vectors)
        self.position = contents.position

    def _put(self, puts: dict[str, Change]) -> None:
        if not puts:
            return
        vectors = np.array([_stored(change) for change in puts.values()])
        self._index.add(self.signal, list(puts), vectors)
        self._own({name: self._owner_of(change) for name, change in puts.items()})

    def _owner_of(self, change: Change) -> _Owner:
        return _Owner(change.talent_id, _weight(change))

    def _reference_of(self, row: str) -> str:
        """Whose row of the index this is: here a reference has one, under its own id."""
        return row

    def _remove(self, ids: Sequence[str]) -> int:
        self._disown(ids)
        return self._index.remove(ids)

    def _own(self, owners: dict[str, _Owner]) -> None:
        self._owner.update(owners)

    def _disown(self, ids: Iterable[str]) -> None:
        for name in ids:
            self._owner.pop(name, None)

    def _copy(self, name: str, similarity: float, turn: int) -> CopyCandidate:
        return CopyCandidate(self._owner[name].talent_id, name, self.signal, _bounded(similarity), turn)


class FaceShelf(Shelf):
    """Faces: every reference's vector, and one mean template per talent.

    The template is the mean of the talent's reference vectors, weighted by the quality of each face, of unit
    length again. It is computed from the references in the order of their ids, so that any history gives the
    same one. With `commonness`, how common each template is goes along with its candidates.
    """

    def __init__(self, signal: SignalId, commonness: Commonness | None = None) -> None:
        super().__init__(signal)
        self._measure = commonness
        self._commonness: dict[str, float] = {}
        self._references: dict[str, set[str]] = {}
        self._templates: VectorIndex = FaissIndex(signal)

    @property
    def talents(self) -> set[str]:
        return set(self._references)

    @property
    def talent_count(self) -> int:
        return len(self._references)

    def apply(self, changes: Sequence[Change]) -> int:
        touched = {change.talent_id for change in changes} | self._owners_of(changes)
        removed = super().apply(changes)
        self._refresh_templates(touched)
        return removed

    def restore(self, contents: ShelfContents) -> None:
        super().restore(contents)
        self._refresh_templates(self.talents)

    def candidates(self, queries: Vectors, top: int) -> list[list[FaceCandidate]]:
        """Per face the `top` talents by best reference and the `top` by template, together, best reference
        first.

        Both similarities are exact for every talent listed. At most 2 * `top` talents per face.
        """
        if not len(queries):
            return []
        by_reference = self._nearest_by_reference(queries, top)
        by_template = self._nearest_by_template(queries, top)
        lists = [sorted(a | b) for a, b in zip(by_reference, by_template, strict=True)]
        starts = range(0, len(queries), _FACES_AT_ONCE)
        chunks = [slice(start, start + _FACES_AT_ONCE) for start in starts]
        return [scored for chunk in chunks for scored in self._score(queries[chunk], lists[chunk])]

    def compare_face(self, face: Vectors, talent_id: str) -> FaceCandidate | None:
        """One face, shape (dimension,), against one talent; None when nothing of the talent is here."""
        if talent_id not in self._references:
            return None
        ((candidate,),) = self._score(face[np.newaxis], [[talent_id]])
        return candidate

    def _nearest_by_template(self, queries: Vectors, top: int) -> list[set[str]]:
        found = self._templates.search(self.signal, queries, top)
        return [{hit.id for hit in hits} for hits in found]

    def _nearest_by_reference(self, queries: Vectors, top: int) -> list[set[str]]:
        """The owners of the nearest references, looking further until there are `top` talents for every
        face."""
        if self.talent_count <= top:
            return [self.talents for _ in queries]
        breadth = 2 * top
        while True:
            found = self._index.search(self.signal, queries, breadth)
            nearest = [self._first_talents(hits, top) for hits in found]
            if breadth >= len(self) or all(len(talents) == top for talents in nearest):
                return nearest
            breadth *= 4

    def _first_talents(self, hits: Iterable[Hit], top: int) -> set[str]:
        talents: set[str] = set()
        for hit in hits:
            if len(talents) == top:
                break
            talents.add(self._owner[hit.id].talent_id)
        return talents

    def _score(self, queries: Vectors, lists: Sequence[list[str]]) -> list[list[FaceCandidate]]:
        """One product of the faces with every listed talent's references, one with their templates."""
        listed = sorted({talent for talents in lists for talent in talents})
        if not listed:
            return [[] for _ in lists]
        references, spans = self._gather(listed)
        to_references = queries @ self._index.take(references).T
        to_templates = queries @ self._templates.take(listed).T
        column = {talent: number for number, talent in enumerate(listed)}
        return [
            sorted(
                (
                    self._candidate(
                        talent, references, spans[talent], row, float(to_templates[face, column[talent]])
                    )
                    for talent in talents
                ),
                key=lambda candidate: (-candidate.similarity, candidate.talent_id),
            )
            for face, (talents, row) in enumerate(zip(lists, to_references, strict=True))
        ]

    def _gather(self, talents: Sequence[str]) -> tuple[list[str], dict[str, slice]]:
        """All reference ids of these talents in one list, and where each talent's stand in it."""
        references: list[str] = []
        spans: dict[str, slice] = {}
        for talent in talents:
            start = len(references)
            references += sorted(self._references[talent])
            spans[talent] = slice(start, len(references))
        return references, spans

    def _candidate(
        self, talent_id: str, references: list[str], span: slice, row: NDArray[np.float32], template: float
    ) -> FaceCandidate:
        best = int(row[span].argmax())
        return FaceCandidate(
            talent_id=talent_id,
            reference_id=references[span.start + best],
            signal=self.signal,
            similarity=_bounded(float(row[span.start + best])),
            template_similarity=_bounded(template),
            references=span.stop - span.start,
            commonness=self._commonness.get(talent_id, 0.0),
        )

    def _owners_of(self, changes: Sequence[Change]) -> set[str]:
        known = (self._owner.get(change.reference_id) for change in changes)
        return {owner.talent_id for owner in known if owner}

    def _own(self, owners: dict[str, _Owner]) -> None:
        self._disown(owners)
        super()._own(owners)
        for name, owner in owners.items():
            self._references.setdefault(owner.talent_id, set()).add(name)

    def _disown(self, ids: Iterable[str]) -> None:
        for name in ids:
            owner = self._owner.pop(name, None)
            if owner is None:
                continue
            self._references[owner.talent_id].discard(name)
            if not self._references[owner.talent_id]:
                del self._references[owner.talent_id]

    def _refresh_templates(self, touched: set[str]) -> None:
        gone = [talent for talent in touched if talent not in self._references]
        self._templates.remove(gone)
        for talent in gone:
            self._commonness.pop(talent, None)
        left = sorted(talent for talent in touched if talent in self._references)
        if not left:
            return
        references, spans = self._gather(left)
        weights = np.array([self._owner[name].weight for name in references], dtype=np.float32)
        starts = [spans[talent].start for talent in left]
        templates = mean_templates(self._index.take(references), weights, starts)
        self._templates.add(self.signal, left, templates)
        if self._measure is not None:
            self._commonness.update(zip(left, self._measure.of(templates).tolist(), strict=True))


def mean_templates(vectors: Vectors, weights: NDArray[np.float32], starts: Sequence[int]) -> Vectors:
    """Weighted means of runs of unit vectors, of unit length again; a run begins at each of `starts`.

    A run whose vectors cancel out has no direction: its first vector stands for it.
    """
    sums = np.add.reduceat(vectors * weights[:, np.newaxis], np.asarray(starts), axis=0)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    totals = np.add.reduceat(weights, np.asarray(starts))[:, np.newaxis]
    means = np.where(lengths > 1e-6 * totals, sums, vectors[list(starts)])
    templates: Vectors = means / np.linalg.norm(means, axis=1, keepdims=True)
    return templates.astype(np.float32)


def compare(stored: Vectors, query: Vectors) -> tuple[list[float], list[int]]:
    """Similarity and turn of one query to each stored row: (n, bytes) to (8, bytes), or (n, d) to (d,)."""
    if query.ndim == 1:
        return (stored @ query).tolist(), [0] * len(stored)
    distances = np.bitwise_count(stored[:, np.newaxis, :] ^ query).sum(axis=2, dtype=np.int64)
    similarities = 1.0 - distances.min(axis=1) / (8 * query.shape[1])
    return similarities.tolist(), distances.argmin(axis=1).tolist()


def _weight(change: Change) -> float:
    return _UNJUDGED if change.quality is None else max(_LEAST_WEIGHT, change.quality)


def _stored(change: Change) -> Vectors:
    """The row to keep: of a hash with its eight turns only the upright one."""
    vector: Vectors = np.asarray(change.vector)
    return vector if vector.ndim == 1 else vector[0]


def _bounded(similarity: float) -> float:
    """Rounding can carry a cosine of equal vectors past 1."""
    return min(1.0, max(-1.0, similarity))
