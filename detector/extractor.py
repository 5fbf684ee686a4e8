"""Compute every signal of a batch of pictures.

Flow: a bounded pool finds the faces and the hashes picture by picture (the networks and OpenCV release the
interpreter while they work); then all aligned faces of the batch go through the recogniser together, and the
pictures through the image embedding if there is one, each with its panels if it is put together from several. The
answer has one `Signals` per picture, in order. Which signals there are, and why one is off, is `made_by`.

`extract` gives every face its full vector; enrolment takes it. `screen` and `refine` are the same in two steps, for
pictures whose faces are mostly nobody's: one pass of the recogniser for every usable face, both for those asked for.
These two work in the thread that calls them and leave the pool alone: a scan runs one batch per core, and batches that
shared a pool would wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Protocol

import numpy as np

from detector.faces.networks import FaceNetworks, FoundFace
from detector.hashing import KINDS, HashKind, hashes
from detector.imagery import DecodedImage, Pixels
from detector.images.panels import panels
from detector.precision import Choice
from detector.runtime import Tensor, cores
from detector.signals import Face, FacePlace, HashCodes, SignalId, SignalKind, Signals, SignalSet, Views
from detector.stages import Stages


class Embedder(Protocol):
    """Turns whole pictures into unit vectors, shape (n, dimension), spread over the caller's pool."""

    @property
    def signal(self) -> SignalId: ...

    def load(self) -> None:
        """Make everything ready for the first picture."""
        ...

    def vectors(self, pictures: Sequence[Pixels], pool: Executor | None = None) -> Tensor: ...


@dataclass(frozen=True, slots=True, eq=False)
class _Looked:
    """What one picture gives on its own."""

    faces: list[FoundFace]
    hashes: Mapping[SignalId, HashCodes]


class SignalExtractor:
    """Implements `ports.Extractor` and `ports.Screener`. `faces` or `embedder` None switches that signal off;
    `absent` says why."""

    def __init__(
        self,
        faces: FaceNetworks | None,
        embedder: Embedder | None = None,
        absent: Mapping[SignalKind, str] | None = None,
        *,
        kinds: Sequence[HashKind] = KINDS,
        threads: int | None = None,
        stages: Stages | None = None,
    ) -> None:
        self._faces = faces
        self._embedder = embedder
        self._kinds = tuple(kinds)
        self._made_by = SignalSet(
            faces.signal if faces else None,
            embedder.signal if embedder else None,
            tuple(kind.signal for kind in self._kinds),
            dict(absent or {}),
        )
        self._pool = ThreadPoolExecutor(threads or cores(), thread_name_prefix="extract")
        self.stages = stages or Stages()

    @property
    def made_by(self) -> SignalSet:
        return self._made_by

    def extract(self, images: Sequence[DecodedImage]) -> list[Signals]:
        """One `Signals` per picture, in order. A picture without a face has `faces` empty."""
        looked = list(self._pool.map(self._look, images))
        return self._completed(images, looked, self._recognise(looked), self._pool)

    def extract_known(self, images: Sequence[DecodedImage], places: Sequence[FacePlace]) -> list[Signals]:
        """The same for references: of each picture the one face whose place is known, and the picture's own signals."""
        looked = list(self._pool.map(self._look_at, images, places))
        return self._completed(images, looked, self._recognise(looked), self._pool)

    def precisions(self) -> Mapping[SignalId, Choice]:
        """What the networks run in, by the signal they make. One that has no choice is left out."""
        parts = [
            (part.signal, getattr(part, "choice", None)) for part in (self._faces, self._embedder) if part
        ]
        return {signal: choice for signal, choice in parts if choice is not None}

    def load_ahead(self) -> None:
        """Begin to load the networks while something else is done. What goes wrong is told at the first picture."""
        for part in (self._faces, self._embedder):
            if part is not None:
                self._pool.submit(part.load)

    def screen(self, images: Sequence[DecodedImage]) -> list[Signals]:
        """The same, each usable face with its vector of one pass; one that isn't has zeros."""
        looked = [self._look(image) for image in images]
        return self._completed(images, looked, self._screen(looked), None)

    def refine(self, faces: Sequence[Face]) -> list[Face]:
        """Screened faces with their full vectors; the others as they are."""
        with self.stages.timed("refine"):
            return self._faces.looked_at_again(faces) if self._faces else list(faces)

    def _completed(
        self,
        images: Sequence[DecodedImage],
        looked: Sequence[_Looked],
        faces: Sequence[tuple[Face, ...]],
        pool: Executor | None,
    ) -> list[Signals]:
        with self.stages.timed("embed"):
            wholes = self._embed(images, pool)
        return [
            Signals(found, whole, one.hashes, self._made_by)
            for found, whole, one in zip(faces, wholes, looked, strict=True)
        ]

    def close(self) -> None:
        """Stop the pool's threads."""
        self._pool.shutdown()

    def _look(self, image: DecodedImage) -> _Looked:
        with self.stages.timed("find faces"):
            found = self._faces.find(image) if self._faces else []
        with self.stages.timed("hash"):
            return _Looked(found, hashes(image.pixels, self._kinds))

    def _look_at(self, image: DecodedImage, place: FacePlace) -> _Looked:
        found = [self._faces.at(image, place)] if self._faces else []
        return _Looked(found, hashes(image.pixels, self._kinds))

    def _recognise(self, looked: Sequence[_Looked]) -> list[tuple[Face, ...]]:
        found = [face for one in looked for face in one.faces]
        if not found or self._faces is None:
            return [() for _ in looked]
        vectors = iter(self._faces.vectors([face.crop for face in found], self._pool))
        return [tuple(face.recognised(next(vectors)) for face in one.faces) for one in looked]

    def _screen(self, looked: Sequence[_Looked]) -> list[tuple[Face, ...]]:
        if self._faces is None:
            return [() for _ in looked]
        with self.stages.timed("recognise"):
            faces = iter(self._faces.looked_at([face for one in looked for face in one.faces]))
        return [tuple(islice(faces, len(one.faces))) for one in looked]

    def _embed(self, images: Sequence[DecodedImage], pool: Executor | None) -> Sequence[Views | None]:
        if self._embedder is None or not images:
            return [None] * len(images)
        spread = pool.map if pool is not None else map
        views = list(spread(lambda image: [image.pixels, *panels(image.pixels)], images))
        vectors = self._embedder.vectors([view for picture in views for view in picture], pool)
        return np.split(vectors, list(accumulate(map(len, views[:-1]))))
