"""Reindexing: the vectors that the configured networks need, made anew from the stored pictures of the references.

    references that lack a vector, a batch ─ release ─▶ picture ─ decode ─▶ extract at the known face ─▶ store ─▶ result

The face chosen at enrolment stays chosen: it is aligned by its stored landmarks, and not looked for. Old vectors
stay beside the new ones. A reference that has all of them is never asked for again, so a run that was stopped, however
hard, is gone on with by starting it again. One that can't be made anew costs only itself, and keeps what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from numpy.typing import NDArray

from detector.errors import InputError, NotFound
from detector.imagery import DecodedImage
from detector.ports import Extractor
from detector.signals import Box, FacePlace, SignalId, Signals
from indexer.judging import Objection
from indexer.ports import LocalSignal
from indexer.reference_vectors import local_vectors, reference_vectors

BATCH = 16
"""References decoded and embedded at once."""


class KeptReference(Protocol):
    """A reference on record: whose it is, and where the chosen face lies in its picture."""

    @property
    def id(self) -> str: ...
    @property
    def talent_id(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def box(self) -> Box: ...
    @property
    def landmarks(self) -> tuple[tuple[float, float], ...]: ...
    @property
    def detection_score(self) -> float | None: ...


class ReindexStore(Protocol):
    """Where references are kept."""

    def lacking(self, signals: Collection[SignalId], after: str, limit: int) -> Sequence[KeptReference]:
        """References without a vector of at least one of the signals, by id, after the id `after`."""
        ...

    def signals_of(self, reference_ids: Sequence[str]) -> Mapping[str, Collection[SignalId]]: ...

    def picture(self, reference_id: str) -> bytes:
        """The encoded picture. Raises InputError where it is gone or altered, NotFound for no such reference."""
        ...

    def put_vectors(self, reference_id: str, signals: Mapping[SignalId, NDArray[Any]]) -> None:
        """Keep them durably, beside what is there. Raises NotFound."""
        ...


class ReferenceExtractor(Extractor, Protocol):
    """Computes the signals of a reference whose face is known."""

    def extract_known(self, images: Sequence[DecodedImage], places: Sequence[FacePlace]) -> list[Signals]: ...


class Decoder(Protocol):
    def __call__(self, data: bytes, *, source: str) -> DecodedImage: ...


class Made(StrEnum):
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Reindexed:
    """What became of one reference. `code` and `detail` say why it was not made anew."""

    reference_id: str
    talent_id: str
    source: str
    status: Made
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class ReindexPorts:
    """What the reindexer is made of. may_keep: the objection to keeping a template of this talent, if there is one.
    local: makes what geometry needs. map_decode: runs the decoder over a batch (a pool's `map`, or the built-in)."""

    store: ReindexStore
    extractor: ReferenceExtractor
    decode: Decoder
    may_keep: Callable[[str], Objection | None]
    map_decode: Callable[[Callable[[_Job], _Job | Reindexed], Iterable[_Job]], Iterable[_Job | Reindexed]] = (
        map
    )
    local: LocalSignal | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """A reference to be made anew; `image` once its picture was decoded."""

    reference: KeptReference
    image: DecodedImage | None = None

    def ended(self, status: Made, code: str | None = None, detail: str | None = None) -> Reindexed:
        kept = self.reference
        return Reindexed(kept.id, kept.talent_id, kept.source, status, code, detail)


class Reindexer:
    """Makes missing vectors. Several may run at once: both would write the same."""

    def __init__(self, ports: ReindexPorts) -> None:
        """Raises WeightsError when faces are off: a reference is a face in a picture."""
        ports.extractor.made_by.require_faces("nothing can be reindexed")
        self._ports = ports

    def run(self, wanted: Sequence[SignalId]) -> Iterator[Reindexed]:
        """One result per reference that lacks one of the wanted signals, given out once its vectors are durable."""
        after = ""
        while batch := self._ports.store.lacking(wanted, after, BATCH):
            after = batch[-1].id
            yield from self._made(batch, wanted)

    def _made(self, batch: Sequence[KeptReference], wanted: Sequence[SignalId]) -> Iterator[Reindexed]:
        """In the batch's order. The networks see the batch at once."""
        rows = self._all_opened([self._allowed(_Job(reference)) for reference in batch])
        extracted = iter(self._extract([row for row in rows if isinstance(row, _Job)], wanted))
        present = self._ports.store.signals_of([reference.id for reference in batch])
        for row in rows:
            if isinstance(row, Reindexed):
                yield row
            else:
                yield self._kept(row, next(extracted), set(wanted).difference(present[row.reference.id]))

    def _all_opened(self, rows: Sequence[_Job | Reindexed]) -> list[_Job | Reindexed]:
        jobs = [row for row in rows if isinstance(row, _Job)]
        opened = iter(list(self._ports.map_decode(self._opened, jobs)))
        return [next(opened) if isinstance(row, _Job) else row for row in rows]

    def _allowed(self, job: _Job) -> _Job | Reindexed:
        objection = self._ports.may_keep(job.reference.talent_id)
        return job if objection is None else job.ended(Made.SKIPPED, objection.code, objection.detail)

    def _opened(self, job: _Job) -> _Job | Reindexed:
        kept = job.reference
        try:
            data = self._ports.store.picture(kept.id)
            return _Job(kept, self._ports.decode(data, source=kept.source))
        except InputError as error:
            return job.ended(Made.FAILED, error.code, error.detail)
        except NotFound as error:
            return job.ended(Made.SKIPPED, error.code, error.detail)

    def _extract(
        self, jobs: Sequence[_Job], wanted: Sequence[SignalId]
    ) -> list[dict[SignalId, NDArray[Any]]]:
        images = [job.image for job in jobs if job.image is not None]
        found = self._ports.extractor.extract_known(images, [_place(job.reference) for job in jobs])
        vectors = [reference_vectors(signals, signals.faces[0]) for signals in found]
        local = self._ports.local if self._ports.local and self._ports.local.signal in wanted else None
        features = local_vectors(local, images, [job.reference.box for job in jobs])
        return [{**made, **kept} for made, kept in zip(vectors, features, strict=True)]

    def _kept(
        self, job: _Job, vectors: Mapping[SignalId, NDArray[Any]], missing: Collection[SignalId]
    ) -> Reindexed:
        """Only what is missing is written: what is there stays as it is."""
        made = {signal: vectors[signal] for signal in missing if signal in vectors}
        try:
            if made:
                self._ports.store.put_vectors(job.reference.id, made)
        except NotFound as error:
            return job.ended(Made.SKIPPED, error.code, error.detail)
        if len(made) < len(missing):
            absent = ", ".join(sorted(str(signal) for signal in missing if signal not in made))
            return job.ended(Made.FAILED, "signal_missing", f"the picture gives nothing for {absent}")
        return job.ended(Made.DONE)


def _place(reference: KeptReference) -> FacePlace:
    score = 1.0 if reference.detection_score is None else reference.detection_score
    return FacePlace(reference.box, reference.landmarks, score)
