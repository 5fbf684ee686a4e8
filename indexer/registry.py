"""The registry: every consented reference of every talent, searchable, following the store of truth.

    feed ─ changes since the last number ─▶ shelves (one per signal) ─▶ candidates
    snapshot ─▶ shelves at some number ─ replay ─▶ the same shelves as a full rebuild

It is a cache that can be thrown away. `refresh` takes in what the store has committed since; readers see the
state before or after a batch of changes, never between. When a reference leaves, the snapshot on disk is
written anew at once, so that an erased face is gone from it too.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from detector.candidates import Candidates, CopyCandidate, FaceCandidate
from detector.commonness import Commonness
from detector.errors import SignalMismatch, SnapshotError
from detector.signals import SignalId, Signals, SignalSet, Vector
from indexer import snapshot
from indexer.locking import ReadWriteLock
from indexer.ports import UNSEALED, Change, ChangeFeed, Sealer, Vectors
from indexer.shelf import FaceShelf, Position, Shelf
from indexer.view_shelf import ViewShelf

logger = logging.getLogger(__name__)

_PAGE = 2000
"""Changes of one signal taken in at once."""

_WITNESSES = 16
"""Changes read at once to recognise a store; the first one nearly always does."""


class Registry:
    """Implements detector.ports.CandidateSearch over the references of one store. Safe to share between
    threads."""

    def __init__(
        self,
        signals: SignalSet,
        feed: ChangeFeed,
        snapshot_path: Path | None = None,
        commonness: Commonness | None = None,
        sealer: Sealer = UNSEALED,
    ) -> None:
        """An empty registry; `refresh` fills it. Without `snapshot_path` nothing is ever written to disk. commonness:
        that of the face signal's calibration. sealer: what the snapshot is encrypted by."""
        self._signals = signals
        self.commonness = commonness
        self._feed = feed
        self._path = snapshot_path
        self._sealer = sealer
        self._lock = ReadWriteLock()
        self._one_follower = threading.Lock()
        self._head = 0
        self._clear()
        self.rebuilt_because: str | None = None
        """Why the snapshot could not be used, for a person; None when it was used or there was none."""

    @classmethod
    def open(
        cls,
        signals: SignalSet,
        feed: ChangeFeed,
        snapshot_path: Path | None = None,
        commonness: Commonness | None = None,
        sealer: Sealer = UNSEALED,
    ) -> Registry:
        """Load the snapshot, or rebuild from the feed when it is absent, damaged or of something else; catch
        up.

        Keeps a snapshot of the result when it differs from what was loaded, or was sealed with another key.
        """
        registry = cls(signals, feed, snapshot_path, commonness, sealer)
        restored = registry._restore()
        changed = registry.refresh()
        if snapshot_path is not None and (
            changed or not restored or not snapshot.is_current(snapshot_path, sealer)
        ):
            registry.save()
            registry.refresh()  # what left while the snapshot was written must not stay in it
        return registry

    @property
    def signals(self) -> SignalSet:
        return self._signals

    @property
    def registry_size(self) -> int:
        """How many talents can be found."""
        with self._lock.reading():
            if self._faces is not None:
                return self._faces.talent_count
            return len({talent for shelf in self._copies for talent in shelf.talents})

    @property
    def change_number(self) -> int:
        """The newest change that has been taken in."""
        with self._lock.reading():
            return max((shelf.position.number for shelf in self._shelves), default=0)

    def search(self, signals: Sequence[Signals], top: int) -> list[Candidates]:
        """Per picture: for each face up to 2 * `top` talents (the `top` by best reference and the `top` by
        template, both similarities exact), and per copy signal the `top` nearest references. Raises
        SignalMismatch."""
        for one in signals:
            self._require(one)
        with self._lock.reading():
            faces = self._search_faces(signals, top)
            copies = self._search_copies(signals, top)
        return [Candidates(*found) for found in zip(faces, copies, strict=True)]

    def compare(self, face: Vector, talent_id: str) -> FaceCandidate | None:
        """One face against one talent, however unlike; None when the talent has no reference with a face."""
        with self._lock.reading():
            return None if self._faces is None else self._faces.compare_face(face, talent_id)

    def refresh(self) -> int:
        """Take in every change the store has committed. Returns how many there were; several threads may call
        it."""
        with self._one_follower:
            applied, removed = self._catch_up()
            while removed:
                self.save()
                # what left while the snapshot was written must not stay in it
                more, removed = self._catch_up()
                applied += more
            return applied

    def _catch_up(self) -> tuple[int, int]:
        """Returns how many changes were taken in, and how many references left by them."""
        applied = removed = 0
        while batch := self._read_changes():
            applied += sum(len(changes) for _, changes in batch)
            with self._lock.writing():
                removed += sum(shelf.apply(changes) for shelf, changes in batch)
        return applied, removed

    def save(self) -> None:
        """Write the snapshot, if this registry has a place for one.

        A full disk costs the snapshot, not the answer: then no snapshot is left at all, as an old one might
        hold what was erased.
        """
        if self._path is None:
            return
        with self._lock.reading():
            contents = [shelf.contents() for shelf in self._shelves]
        try:
            snapshot.save(self._path, contents, self._sealer)
        except OSError as error:
            logger.warning("index snapshot %s could not be written (%s)", self._path, error.strerror)
            _discard(self._path)

    @property
    def _shelves(self) -> list[Shelf]:
        return [*([] if self._faces is None else [self._faces]), *self._copies]

    def _clear(self) -> None:
        face = self._signals.face
        self._faces = None if face is None else FaceShelf(face, self.commonness)
        image = [] if self._signals.image is None else [ViewShelf(self._signals.image)]
        self._copies: list[Shelf] = [*image, *map(Shelf, self._signals.hashes)]

    def _require(self, signals: Signals) -> None:
        """What made these signals must be what is indexed; a signal that they lack is merely not searched."""
        indexed = set(self._signals.ids)
        for signal in signals.made_by.ids:
            if signal not in indexed:
                kept = ", ".join(map(str, self._signals.ids)) or "nothing"
                raise SignalMismatch(
                    f"vectors of {signal} cannot be searched: {kept} is indexed; reindex the registry"
                )

    def _search_faces(
        self, signals: Sequence[Signals], top: int
    ) -> list[tuple[tuple[FaceCandidate, ...], ...]]:
        """A face that is not usable has no vector to be searched by."""
        vectors = [face.vector for one in signals for face in one.faces if face.quality.usable]
        if self._faces is None or not vectors:
            return [tuple(() for _ in one.faces) for one in signals]
        found = iter(self._faces.candidates(np.stack(vectors), top))
        return [
            tuple(tuple(next(found)) if face.quality.usable else () for face in one.faces) for one in signals
        ]

    def _search_copies(self, signals: Sequence[Signals], top: int) -> list[tuple[CopyCandidate, ...]]:
        """What is near by one signal is compared by all of them: two hashes that agree say more than one."""
        near: list[set[str]] = [set() for _ in signals]
        for shelf in self._copies:
            for at, found in self._nearest(shelf, signals, top):
                near[at].update(found)
        return [self._compare(one, references) for one, references in zip(signals, near, strict=True)]

    def _nearest(self, shelf: Shelf, signals: Sequence[Signals], top: int) -> Iterator[tuple[int, list[str]]]:
        queries = {
            at: query for at, one in enumerate(signals) if (query := _query(one, shelf.signal)) is not None
        }
        if queries:
            yield from zip(queries, shelf.nearest(list(queries.values()), top), strict=True)

    def _compare(self, signals: Signals, references: set[str]) -> tuple[CopyCandidate, ...]:
        pairs = ((shelf, _query(signals, shelf.signal)) for shelf in self._copies)
        return tuple(
            copy for shelf, query in pairs if query is not None for copy in shelf.compare(query, references)
        )

    def _read_changes(self) -> list[tuple[Shelf, list[Change]]]:
        """The next page of every shelf, none past one moment, so that all shelves stop at the same change."""
        head = self._feed.head()
        if head <= self._head:
            return []
        batch = []
        for shelf in self._shelves:
            page = self._feed.since(shelf.position.number, shelf.signal, _PAGE)
            changes = [change for change in page if change.number <= head]
            if changes:
                batch.append((shelf, changes))
        if not batch:
            self._head = head
        return batch

    def _restore(self) -> bool:
        """Fill the shelves from the snapshot; False when there was none that could be used."""
        if self._path is None or not self._path.exists():
            return False
        try:
            self._fill(self._path)
        except SnapshotError as error:
            self.rebuilt_because = error.detail
            logger.warning("%s; the index is rebuilt from the store", error.detail)
            self._clear()
            return False
        return True

    def _fill(self, path: Path) -> None:
        contents = {shelf.signal: shelf for shelf in snapshot.load(path, self._sealer)}
        if contents.keys() != {shelf.signal for shelf in self._shelves}:
            raise SnapshotError(f"index snapshot {path} holds other signals than are used now")
        for shelf in self._shelves:
            shelf.restore(contents[shelf.signal])
            self._recognise(shelf, path)

    def _recognise(self, shelf: Shelf, path: Path) -> None:
        """Raise SnapshotError unless the store knows the reference of the shelf's last change, then or since.

        Ids of references are random: another store has no change of this one.
        """
        if shelf.position == Position():
            return
        following = shelf.position.number - 1
        while page := self._feed.since(following, shelf.signal, _WITNESSES):
            if any(change.reference_id == shelf.position.reference_id for change in page):
                return
            following = page[-1].number
        raise SnapshotError(f"index snapshot {path} follows another store")


def _query(signals: Signals, signal: SignalId) -> Vectors | None:
    """What one picture has to be searched by for copies: its image embedding, or one of its hashes."""
    return signals.image if signal == signals.made_by.image else signals.hashes.get(signal)


def _discard(path: Path) -> None:
    try:
        snapshot.discard(path)
    except OSError:
        if path.exists():
            logger.error("index snapshot %s is out of date and cannot be deleted; delete it by hand", path)
