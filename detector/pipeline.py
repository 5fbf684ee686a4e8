"""The pipeline: bytes to findings. REST, command line, folder scanner and cluster executor all call `Detector.detect`.

    bytes ─ decode ─▶ picture ─ extract ─▶ signals ─ search ─▶ candidates ─ match ─▶ matches ─ decide ─▶ finding
                                              └──── refine: who may be somebody ────┘
                                                            prove: copies, by geometry ─┘

The detector holds no rule of its own: it joins the ports and the pure functions. A picture that cannot be had or decoded
becomes a finding with its error; the rest of the batch goes on. With a screener, extraction is its first look, and the
faces that may be somebody are refined and searched again (`detector.screening`). `Detector.judge` begins at the signals:
who computes them elsewhere keeps the picture, and geometry, which needs it, says nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from detector.batch_book import BatchBook
from detector.candidates import Candidates, CopyCandidate
from detector.consent import worst
from detector.copying import Proofs, shortlist
from detector.errors import InputError
from detector.finding import CopyFinding, FaceFinding, Finding, IngredientFinding
from detector.imagery import DecodedImage
from detector.matches import Band, FaceMatch, Matches, ScoredCandidate
from detector.matching import MatchPolicy, match
from detector.opening import Opened, Opener
from detector.ports import (
    CandidateSearch,
    ConsentBook,
    CopyProver,
    Decoder,
    Extractor,
    FileLookup,
    ReadsCredentials,
    Screener,
)
from detector.screening import Seen, refined, relevant
from detector.signals import SignalId, SignalKind, Signals
from detector.stages import Stages
from detector.use import Use
from detector.verdicts import Judge

FILE_HASH = SignalId(SignalKind.HASH, "sha256", "1", "bytes")
"""The signal behind an exact copy: the encoded bytes are the same."""

SHORTLIST = 20
"""Talents per face asked of the search at least; the margin and the score need the runners-up."""


PICTURE_KEPT = (
    "the signals were computed elsewhere and the picture stayed there: no copy is proven by geometry"
)
"""Why a sighting has no local features."""


@dataclass(frozen=True, slots=True, eq=False)
class Submission:
    """One picture under check: its bytes (or why they could not be had), the use claimed, and columns to carry along."""

    source: str
    data: bytes | InputError
    use: Use = field(default_factory=Use)
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """One picture under check that is not here: its signals, computed elsewhere with full vectors, and what else is
    known of it. width, height: pixels of the upright picture. sha256: of its encoded bytes, in hex."""

    source: str
    sha256: str
    width: int
    height: int
    signals: Signals
    use: Use = field(default_factory=Use)
    extra: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """One picture with the candidates that may be named."""

    image: DecodedImage | Sighting
    signals: Signals
    candidates: Candidates


_Checked = tuple[DecodedImage | Sighting, Signals, Matches]
"""One picture, what was computed of it, and what that matches."""


@dataclass(frozen=True, slots=True)
class DetectorPorts:
    """What the detector is made of. `map_decode` runs the decoder over a batch (a pool's `map`, or the built-in).
    `clock` tells whether a template may be used today, whatever moment the verdicts speak of. Without a `screener`
    every face gets the extractor's full look at once; without a `prover` copies are told by hashes and faces; without
    `credentials` nobody asks what a file says of itself.
    `map_prove` runs the proofs over a batch, as `map_decode` the decoder."""

    decode: Decoder
    extractor: Extractor
    search: CandidateSearch
    book: ConsentBook
    files: FileLookup
    policy: Callable[[int], MatchPolicy]
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    screener: Screener | None = None
    prover: CopyProver | None = None
    credentials: ReadsCredentials | None = None
    map_prove: Callable[[Callable[[_Found], Proofs], Iterable[_Found]], Iterable[Proofs]] = map
    map_decode: Callable[
        [Callable[[Submission], Opened | InputError], Iterable[Submission]],
        Iterable[Opened | InputError],
    ] = map


class Detector:
    """Answers, for each picture of a batch: is a registered talent in it, and does a consent record allow this use?"""

    def __init__(self, ports: DetectorPorts, *, top: int = 0) -> None:
        """`top` candidates are listed per face even below threshold; 0 lists only those at `possible` or above."""
        self._ports = ports
        self._top = top
        self.stages = Stages() if ports.screener is None else ports.screener.stages
        """What the stages have cost, the extractor's among them."""
        self._opener = Opener(ports.decode, self.stages, ports.credentials)

    def detect(self, batch: Sequence[Submission], at: datetime) -> list[Finding]:
        """One finding per submission, in order. `at` is the moment the verdicts speak of (with a time zone)."""
        pictures = list(self._ports.map_decode(self._open, batch))
        opened = [picture for picture in pictures if isinstance(picture, Opened)]
        images = [image for picture in opened for image in picture.images]
        matched, book = self._matched(images, *self._look(images), at)
        with self.stages.timed("match and decide"):
            checked = iter(matched)
            return [
                self._failed(submission, picture, at)
                if isinstance(picture, InputError)
                else self._finding(submission, [next(checked) for _ in picture.images], book, picture)
                for submission, picture in zip(batch, pictures, strict=True)
            ]

    def judge(self, batch: Sequence[Sighting], at: datetime) -> list[Finding]:
        """The same for pictures whose signals were computed elsewhere. Raises SignalMismatch when something else made
        them than what is indexed."""
        signals = [_without_geometry(sighting.signals) for sighting in batch]
        searched = [Seen(*pair) for pair in zip(signals, self._search(signals), strict=True)]
        policy = self._ports.policy(self._ports.search.registry_size)
        seen = [relevant(one, policy, every_talent=self._top > 0) for one in searched]
        matched, book = self._matched(batch, seen, policy, at)
        return [self._finding(sighting, [one], book) for sighting, one in zip(batch, matched, strict=True)]

    def _matched(
        self,
        images: Sequence[DecodedImage | Sighting],
        seen: Sequence[Seen],
        policy: MatchPolicy,
        at: datetime,
    ) -> tuple[list[_Checked], BatchBook]:
        """What each picture matches, of the talents that may be found, and the records that the verdicts need."""
        with self.stages.timed("match and decide"):
            candidates = self._with_same_files(images, seen)
            book = BatchBook.read(self._ports.book, candidates, at, self._ports.clock())
            found = [
                _Found(image, one.signals, book.of_findable(evidence))
                for image, one, evidence in zip(images, seen, candidates, strict=True)
            ]
        proofs = self._prove(found, policy)
        with self.stages.timed("match and decide"):
            checked = [
                (each.image, each.signals, match(each.signals, each.candidates, policy, proven))
                for each, proven in zip(found, proofs, strict=True)
            ]
        return checked, book

    def _open(self, submission: Submission) -> Opened | InputError:
        return self._opener.open(submission.data, submission.source)

    def _look(self, images: Sequence[DecodedImage]) -> tuple[list[Seen], MatchPolicy]:
        """What the pictures show and whom that may be; and the thresholds, which depend on the registry's size."""
        screener = self._ports.screener
        signals = self._ports.extractor.extract(images) if screener is None else screener.screen(images)
        seen = [Seen(*pair) for pair in zip(signals, self._search(signals), strict=True)]
        policy = self._ports.policy(self._ports.search.registry_size)
        if screener is not None:
            seen = refined(seen, screener.refine, self._search, policy)
        return [relevant(one, policy, every_talent=self._top > 0) for one in seen], policy

    def _search(self, signals: Sequence[Signals]) -> list[Candidates]:
        with self.stages.timed("search"):
            return self._ports.search.search(signals, max(self._top, SHORTLIST))

    def _with_same_files(
        self, images: Sequence[DecodedImage | Sighting], seen: Sequence[Seen]
    ) -> list[Candidates]:
        same_file = self._ports.files.references_of_files([image.sha256 for image in images])
        return [
            Candidates(evidence.faces, (*_exact(same_file.get(image.sha256, ())), *evidence.copies))
            for image, evidence in zip(images, (one.candidates for one in seen), strict=True)
        ]

    def _prove(self, found: Sequence[_Found], policy: MatchPolicy) -> list[Proofs]:
        """One mapping per picture. A picture that is near no reference costs nothing."""
        prover = self._ports.prover

        def prove(each: _Found) -> Proofs:
            chosen = shortlist(each.candidates.copies, policy.copies, policy.registry_size)
            if not chosen or prover is None or not isinstance(each.image, DecodedImage):
                return {}
            with self.stages.timed("prove"):
                return prover.prove(each.image, each.signals.faces, chosen)

        return list(self._ports.map_prove(prove, found))

    def _failed(self, submission: Submission, error: InputError, at: datetime) -> Finding:
        data = submission.data
        return Finding(
            source=submission.source,
            sha256=hashlib.sha256(data).hexdigest() if isinstance(data, bytes) else None,
            use=submission.use,
            as_of=at,
            signals=self._ports.extractor.made_by,
            error=error,
            extra=submission.extra,
        )

    def _finding(
        self,
        submission: Submission | Sighting,
        checked: Sequence[_Checked],
        book: BatchBook,
        opened: Opened | None = None,
    ) -> Finding:
        """`checked`: the picture itself, then those that it holds of its ingredients."""
        image, signals, matches = checked[0]
        use, credentials = submission.use, opened.credentials if opened else None
        clients = tuple(self._ports.book.clients_of_domain(use.domain)) if use.domain else ()
        judge = Judge(use, book, clients, matches, credentials)
        faces = tuple(
            FaceFinding.of(face, found, self._listed(found), judge.face(place))
            for place, (face, found) in enumerate(zip(signals.faces, matches.faces, strict=True))
        )
        copies = tuple(CopyFinding(found, judge.copy(found)) for found in matches.copies)
        ingredients = tuple(_ingredients(opened, checked[1:], judge)) if opened else ()
        decisions = [face.decision for face in faces] + [copy.decision for copy in copies]
        decisions += [ingredient.decision for ingredient in ingredients]
        return Finding(
            source=submission.source,
            sha256=image.sha256,
            use=use,
            as_of=book.at,
            signals=signals.made_by,
            width=image.width,
            height=image.height,
            faces=faces,
            copies=copies,
            ingredients=ingredients,
            credentials=credentials,
            decision=worst(decisions) or judge.nothing(),
            thresholds=matches.thresholds,
            extra=submission.extra,
        )

    def _listed(self, found: FaceMatch) -> tuple[ScoredCandidate, ...]:
        if self._top:
            return found.candidates[: self._top]
        return tuple(candidate for candidate in found.candidates if candidate.band is not Band.NO_MATCH)


def _ingredients(opened: Opened, checked: Sequence[_Checked], judge: Judge) -> Iterator[IngredientFinding]:
    """The registered references among the pictures that this one says it was made from."""
    manifest = opened.credentials.manifest if opened.credentials else None
    for (place, _), (_, _, matches) in zip(opened.ingredients, checked, strict=True):
        for found in matches.copies:
            finding = judge.ingredient(place, manifest.ingredients[place], found) if manifest else None
            if finding is not None:
                yield finding


def _without_geometry(signals: Signals) -> Signals:
    absent = {**signals.made_by.absent, SignalKind.LOCAL: PICTURE_KEPT}
    return replace(signals, made_by=replace(signals.made_by, absent=absent))


def _exact(references: Iterable[tuple[str, str]]) -> Iterator[CopyCandidate]:
    for talent_id, reference_id in references:
        yield CopyCandidate(talent_id, reference_id, FILE_HASH, 1.0, exact=True)
