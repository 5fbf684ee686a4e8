"""Enrolment: consented pictures become references, each judged, each row with its own answer.

    request ─ release, same file ─▶ decode ─▶ extract (a batch at once) ─▶ judge, in order ─▶ store ─▶ result

Networks run over a small batch, while the rows of the one before are judged one after the other, each against the
registry and against what the same batch accepted before it. A row is written before its result is given out: what was
acknowledged is kept. A rejected row costs nothing but itself. Without a release the picture is not even
opened.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import chain, islice
from typing import Any, Protocol

from numpy.typing import NDArray

from detector.candidates import Candidates, FaceCandidate
from detector.errors import Conflict, InputError
from detector.imagery import DecodedImage
from detector.matching import MatchPolicy
from detector.ports import Extractor
from detector.signals import Box, Face, FaceQuality, SignalId, Signals
from indexer.accepted import Accepted
from indexer.judging import (
    Objection,
    Release,
    choose_face,
    judge_likeness,
    judge_near_duplicate,
    judge_quality,
    judge_release,
    judge_same_file,
    likeness,
    note_likeness,
)
from indexer.ports import LocalSignal
from indexer.reference_vectors import local_vectors, reference_vectors
from indexer.registry import Registry

BATCH = 16
"""Pictures decoded and embedded at once: enough to fill the networks, few enough to hold in memory."""

_TOP = 5
"""Talents looked at to find the likeliest other one."""


class Status(StrEnum):
    ACCEPTED = "accepted"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class EnrolmentRequest:
    """One picture to enrol. `image` names it for a person; `read` gives its bytes or raises InputError.

    box: which face is meant, in pixels. confirmed: a person has looked, overridable objections are not to
    stop it.
    """

    talent_id: str
    talent_ref: str
    image: str
    read: Callable[[], bytes]
    release: Release | None
    box: Box | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class EnrolmentResult:
    """What became of one request. `code` and `detail` are None for a plain acceptance; one that was confirmed
    keeps the code of the objection, and one to look at has a note's. `box`: the face that was taken; `boxes`:
    those to choose from."""

    talent_ref: str
    image: str
    status: Status
    code: str | None = None
    detail: str | None = None
    reference_id: str | None = None
    box: Box | None = None
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class AcceptedReference:
    """What the store is to keep. `signals` has float32 or uint8 arrays by signal id; sha256 is of `picture`,
    in hex."""

    picture: bytes = field(repr=False)
    sha256: str
    source: str
    box: Box
    landmarks: tuple[tuple[float, float], ...]
    detection_score: float
    quality: FaceQuality
    signals: Mapping[SignalId, NDArray[Any]] = field(repr=False)


class ReferenceStore(Protocol):
    """Where references are kept."""

    def references_of_files(self, sha256s: Sequence[str]) -> Mapping[str, Sequence[tuple[str, str]]]:
        """For each SHA-256 (hex) that is a reference's: its (talent id, reference id) pairs."""
        ...

    def add(self, talent_id: str, reference: AcceptedReference) -> str:
        """Keep it durably; returns the reference id. Raises Conflict when the talent cannot have it any
        more."""
        ...


class Decoder(Protocol):
    def __call__(self, data: bytes, *, source: str) -> DecodedImage: ...


@dataclass(frozen=True, slots=True)
class EnrolmentPorts:
    """What the enroller is made of. policy: registry size to the thresholds in force. map_decode: runs the decoder
    over a batch (a pool's `map`, or the built-in). name_of: talent id to what a person calls the talent. local:
    makes what geometry needs; without it copies of a reference can't be proven."""

    decode: Decoder
    extractor: Extractor
    registry: Registry
    store: ReferenceStore
    policy: Callable[[int], MatchPolicy]
    map_decode: Callable[[Callable[[_Row], _Row], Iterable[_Row]], Iterable[_Row]] = map
    name_of: Callable[[str], str] = str
    local: LocalSignal | None = None


@dataclass(frozen=True, slots=True)
class _Stopped:
    """A request that goes no further. `face`: the one that was judged, if it came so far."""

    request: EnrolmentRequest
    objection: Objection
    face: Face | None = None

    def result(self) -> EnrolmentResult:
        unchanged = self.objection.code == "duplicate_picture"
        return EnrolmentResult(
            self.request.talent_ref,
            self.request.image,
            Status.UNCHANGED if unchanged else Status.REJECTED,
            self.objection.code,
            self.objection.detail,
            box=None if self.face is None else self.face.box,
            boxes=self.objection.boxes,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """A request whose bytes were had. `objection`: one that the caller has confirmed away."""

    request: EnrolmentRequest
    data: bytes = field(repr=False)
    sha256: str
    objection: Objection | None = None

    def stopped(self, objection: Objection, face: Face | None = None) -> _Stopped:
        return _Stopped(self.request, objection, face)


@dataclass(frozen=True, slots=True, eq=False)
class _Decoded:
    read: _Read
    image: DecodedImage


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """`size`: width and height of the picture, in pixels. `note`: what a person should know of an
    acceptance. `local`: what geometry needs, by its signal."""

    read: _Read
    size: tuple[int, int]
    signals: Signals
    note: Objection | None = None
    local: Mapping[SignalId, NDArray[Any]] = field(default_factory=dict, repr=False)

    def noted(self, note: Objection | None) -> _Seen:
        """The first note stays: it is about the more serious thing."""
        return self if self.note or not note else replace(self, note=note)


_Row = _Stopped | _Read | _Decoded
"""A request before the networks have seen it."""


class Enroller:
    """Judges pictures as references and keeps the accepted ones. One at a time per store."""

    def __init__(self, ports: EnrolmentPorts) -> None:
        """Raises WeightsError when faces are off: nobody can be enrolled without a template."""
        ports.extractor.made_by.require_faces("nobody can be enrolled")
        self._ports = ports

    def enrol(self, requests: Iterable[EnrolmentRequest], at: datetime) -> Iterator[EnrolmentResult]:
        """One result per request, in order; a result is given out after its reference is durably kept.

        Requests are drawn a batch at a time, one batch ahead: while one is judged and stored, the networks look at the
        next. `at` is the moment the releases are judged at.
        """
        remaining = iter(requests)
        with ThreadPoolExecutor(1, thread_name_prefix="enrol") as ahead:
            looked: Future[list[_Stopped | _Seen]] | None = None
            while batch := list(islice(remaining, BATCH)):
                following = ahead.submit(self._look, batch, at)
                if looked is not None:
                    yield from self._judge_batch(looked.result())
                looked = following
            if looked is not None:
                yield from self._judge_batch(looked.result())

    def _look(self, batch: Sequence[EnrolmentRequest], at: datetime) -> list[_Stopped | _Seen]:
        """All that needs no other row's answer."""
        read = self._without_same_files([_read(request, at) for request in batch])
        return self._extract(list(self._ports.map_decode(self._decode, read)))

    def _without_same_files(self, rows: Sequence[_Row]) -> list[_Row]:
        kept = self._ports.store.references_of_files([row.sha256 for row in rows if isinstance(row, _Read)])
        return [self._judge_file(row, kept) if isinstance(row, _Read) else row for row in rows]

    def _judge_file(self, row: _Read, kept: Mapping[str, Sequence[tuple[str, str]]]) -> _Read | _Stopped:
        objection = judge_same_file(row.request.talent_id, kept.get(row.sha256, ()), self._ports.name_of)
        if objection is None:
            return row
        return replace(row, objection=objection) if _waived(objection, row) else row.stopped(objection)

    def _decode(self, row: _Row) -> _Row:
        if not isinstance(row, _Read):
            return row
        try:
            return _Decoded(row, self._ports.decode(row.data, source=row.request.image))
        except InputError as error:
            return row.stopped(Objection(error.code, error.detail))

    def _extract(self, rows: Sequence[_Row]) -> list[_Stopped | _Seen]:
        images = [row.image for row in rows if isinstance(row, _Decoded)]
        extracted = iter(self._ports.extractor.extract(images) if images else [])
        seen = (_seen(row, next(extracted)) if isinstance(row, _Decoded) else row for row in rows)
        return self._described([row for row in seen if not isinstance(row, _Read)], images)

    def _described(
        self, rows: Sequence[_Stopped | _Seen], images: Sequence[DecodedImage]
    ) -> list[_Stopped | _Seen]:
        """images: of the seen rows."""
        boxes = [_chosen_box(row) for row in rows if isinstance(row, _Seen)]
        made = iter(local_vectors(self._ports.local, images, boxes))
        return [replace(row, local=next(made)) if isinstance(row, _Seen) else row for row in rows]

    def _judge_batch(self, rows: Sequence[_Stopped | _Seen]) -> Iterator[EnrolmentResult]:
        self._ports.registry.refresh()
        policy = self._ports.policy(self._ports.registry.registry_size)
        accepted = Accepted(self._ports.extractor.made_by, self._ports.registry.commonness)
        accepted.files.update(self._kept_since(rows))
        for row in rows:
            yield row.result() if isinstance(row, _Stopped) else self._judge(row, accepted, policy)

    def _kept_since(self, rows: Sequence[_Stopped | _Seen]) -> dict[str, list[tuple[str, str]]]:
        """Which of these files are references by now: the batch before may have accepted them."""
        files = [row.read.sha256 for row in rows if isinstance(row, _Seen)]
        return {name: list(kept) for name, kept in self._ports.store.references_of_files(files).items()}

    def _judge(self, row: _Seen, accepted: Accepted, policy: MatchPolicy) -> EnrolmentResult:
        read = self._judge_file(row.read, accepted.files)
        if isinstance(read, _Stopped):
            return read.result()
        choice = choose_face(row.signals.faces, read.request.box, row.size)
        if isinstance(choice, Objection):
            return read.stopped(choice).result()
        objection, note = self._judge_face(row, choice.face, accepted, policy)
        if objection is not None and not _waived(objection, read):
            return read.stopped(objection, choice.face).result()
        waived = objection or read.objection
        row = row.noted(None if waived is None else _confirmed(waived)).noted(note).noted(choice.note)
        return self._keep(row, choice.face, accepted)

    def _judge_face(
        self, row: _Seen, face: Face, accepted: Accepted, policy: MatchPolicy
    ) -> tuple[Objection | None, Objection | None]:
        """The objection to this face, and the note on it if it is accepted all the same."""
        poor = judge_quality(face)
        if poor is not None:
            return poor, None
        talent_id = row.read.request.talent_id
        registries = (self._ports.registry, accepted.registry)
        answers = [_search(registry, row.signals, face) for registry in registries]
        own = _merged([registry.compare(face.vector, talent_id) for registry in registries])
        like = likeness(talent_id, own, chain.from_iterable(one.faces[0] for one in answers), policy)
        copies = chain.from_iterable(one.copies for one in answers)
        objection = judge_likeness(like, policy, self._ports.name_of)
        return objection or judge_near_duplicate(talent_id, own, copies, policy), note_likeness(like)

    def _keep(self, row: _Seen, face: Face, accepted: Accepted) -> EnrolmentResult:
        request, note = row.read.request, row.note
        reference = _reference(row, face)
        try:
            reference_id = self._ports.store.add(request.talent_id, reference)
        except Conflict as error:
            return row.read.stopped(Objection(error.code, error.detail), face).result()
        accepted.add(request.talent_id, reference_id, reference)
        return EnrolmentResult(
            request.talent_ref,
            request.image,
            Status.ACCEPTED,
            None if note is None else note.code,
            None if note is None else note.detail,
            reference_id,
            face.box,
        )


def _read(request: EnrolmentRequest, at: datetime) -> _Row:
    """The bytes, unless there is no release: then the picture is not even opened."""
    objection = judge_release(request.release, at)
    if objection is not None:
        return _Stopped(request, objection)
    try:
        data = request.read()
    except InputError as error:
        return _Stopped(request, Objection(error.code, error.detail))
    return _Read(request, data, hashlib.sha256(data).hexdigest())


def _seen(row: _Decoded, signals: Signals) -> _Seen:
    return _Seen(row.read, (row.image.width, row.image.height), signals)


def _chosen_box(row: _Seen) -> Box | None:
    choice = choose_face(row.signals.faces, row.read.request.box, row.size)
    return None if isinstance(choice, Objection) else choice.face.box


def _confirmed(objection: Objection) -> Objection:
    return replace(objection, detail=f"taken because it was confirmed: {objection.detail}")


def _waived(objection: Objection, row: _Read) -> bool:
    return objection.overridable and row.request.confirmed


def _search(registry: Registry, signals: Signals, face: Face) -> Candidates:
    (found,) = registry.search([replace(signals, faces=(face,))], _TOP)
    return found


def _merged(own: Iterable[FaceCandidate | None]) -> FaceCandidate | None:
    """The talent's candidate over the registry and this batch: the better of each similarity."""
    present = [candidate for candidate in own if candidate is not None]
    if not present:
        return None
    best = max(present, key=lambda candidate: candidate.similarity)
    template = max(candidate.template_similarity for candidate in present)
    return replace(best, template_similarity=template, references=sum(one.references for one in present))


def _reference(row: _Seen, face: Face) -> AcceptedReference:
    return AcceptedReference(
        picture=row.read.data,
        sha256=row.read.sha256,
        source=row.read.request.image,
        box=face.box,
        landmarks=face.landmarks,
        detection_score=face.detection_score,
        quality=face.quality,
        signals={**reference_vectors(row.signals, face), **row.local},
    )
