"""A store in memory that answers as the real one does, and pictures' signals drawn from a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from detector.signals import Box, Face, FaceQuality, SignalId, SignalKind, Signals, SignalSet

FACE = SignalId(SignalKind.FACE, "net", "1", "aligned")
IMAGE = SignalId(SignalKind.IMAGE, "clip", "1", "centre")
PHASH = SignalId(SignalKind.HASH, "phash", "1", "grey")
DHASH = SignalId(SignalKind.HASH, "dhash", "1", "grey")
MADE_BY = SignalSet(FACE, IMAGE, (PHASH, DHASH))


@dataclass(frozen=True, eq=False)
class FeedChange:
    number: int
    op: str
    reference_id: str
    talent_id: str
    vector: Any
    quality: float | None


@dataclass(frozen=True, eq=False)
class Kept:
    talent_id: str
    vectors: Mapping[SignalId, Any]
    quality: float | None


class MemoryFeed:
    """ChangeFeed as data's store answers it: a put shows the vector of now, and is left out once it has
    none."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}
        self.log: list[tuple[str, str, str]] = []

    def put(
        self, reference_id: str, talent_id: str, vectors: Mapping[SignalId, Any], quality: float | None = 1.0
    ) -> None:
        self.kept[reference_id] = Kept(talent_id, vectors, quality)
        self.log.append(("put", reference_id, talent_id))

    def remove(self, reference_id: str) -> None:
        self.log.append(("remove", reference_id, self.kept.pop(reference_id).talent_id))

    def head(self) -> int:
        return len(self.log)

    def since(self, number: int, signal_id: SignalId, limit: int) -> list[FeedChange]:
        later = enumerate(self.log[number:], start=number + 1)
        changes = (self._change(at, *entry, signal_id) for at, entry in later)
        return [change for change in changes if change.op == "remove" or change.vector is not None][:limit]

    def _change(
        self, number: int, op: str, reference_id: str, talent_id: str, signal: SignalId
    ) -> FeedChange:
        kept = self.kept.get(reference_id)
        if op == "remove" or kept is None:
            return FeedChange(number, op, reference_id, talent_id, None, None)
        return FeedChange(number, op, reference_id, talent_id, kept.vectors.get(signal), kept.quality)


class World:
    """Draws signals and builds pictures; every draw differs, every run is the same."""

    face, image, phash, dhash, made_by = FACE, IMAGE, PHASH, DHASH, MADE_BY

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def feed(self) -> MemoryFeed:
        return MemoryFeed()

    def unit(self, dimension: int = 32) -> Any:
        drawn = self._random.normal(size=dimension).astype(np.float32)
        return drawn / np.linalg.norm(drawn)

    def near(self, vector: Any, noise: float) -> Any:
        moved = vector + noise * self.unit(len(vector))
        return (moved / np.linalg.norm(moved)).astype(np.float32)

    def code(self) -> Any:
        return self._random.integers(0, 256, size=(8, 8), dtype=np.uint8)

    def vectors(self, face: Any = None) -> dict[SignalId, Any]:
        """What a reference is kept with: a face, an image embedding and two hashes (all eight turns)."""
        return {
            FACE: self.unit() if face is None else face,
            IMAGE: self.unit(16),
            PHASH: self.code(),
            DHASH: self.code(),
        }

    def fill(self, feed: MemoryFeed, talents: int, references: int) -> MemoryFeed:
        """Talents t0, t1, … with a cluster of references t0-r0, t0-r1, … each, of varied quality."""
        for talent in range(talents):
            centre = self.unit()
            for number in range(references):
                quality = float(self._random.uniform(0.1, 1))
                vectors = self.vectors(self.near(centre, 0.8))
                feed.put(f"t{talent}-r{number}", f"t{talent}", vectors, quality)
        return feed

    def seen(
        self,
        faces: Sequence[Any] = (),
        like: Mapping[SignalId, Any] | None = None,
        made_by: SignalSet = MADE_BY,
    ) -> Signals:
        """A picture with these face vectors; its copy signals are those of `like`, or drawn."""
        signals = like or self.vectors()
        hashes = {name: signals[name] for name in made_by.hashes}
        image = signals[IMAGE] if made_by.image == IMAGE else None
        return Signals(tuple(map(self.as_face, faces)), image, hashes, made_by)

    def as_face(self, vector: Any, box: Box | None = None, faults: tuple[str, ...] = ()) -> Face:
        quality = FaceQuality(score=0.9, pixels=60, sharpness=50, yaw=0, faults=faults)
        place = box or Box(10, 10, 100, 120)
        return Face(place, ((1, 1), (2, 1), (1.5, 2), (1, 3), (2, 3)), 0.9, quality, vector)


@pytest.fixture(scope="session")
def make_world() -> type[World]:
    return World


@pytest.fixture
def world() -> World:
    return World(seed=20260)
