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
from typing import Protocol, TypedDict

from detector.batch_book import BatchBook
from detector.candidates import Candidates, CopyCandidate
from detector.consent import decide, worst
from detector.copying import Proofs, shortlist
from detector.decision import Decision, Evidence
from detector.errors import InputError
from detector.finding import CopyFinding, FaceFinding, Finding
from detector.imagery import DecodedImage
from detector.matches import Band, CopyClass, CopyMatch, Doubt, FaceMatch, Matches, ScoredCandidate
from detector.matching import MatchPolicy, match
from detector.ports import CandidateSearch, ConsentBook, CopyProver, Extractor, FileLookup, Screener
from detector.screening import Seen, refined, relevant
from detector.signals import SignalId, SignalKind, Signals
from detector.stages import Stages
from detector.use import SyntheticClass, Use

FILE_HASH = SignalId(SignalKind.HASH, "sha256", "1", "bytes")
"""The signal behind an exact copy: the encoded bytes are the same."""

SHORTLIST = 20
"""Talents per face asked of the search at least; the margin and the score need the runners-up."""


PICTURE_KEPT = (
    "the signals were computed elsewhere and the picture stayed there: no copy is proven by geometry"
)
"""Why a sighting has no local features."""

_REMAINING = frozenset({Doubt.CONTESTED, Doubt.WEAK})
"""Doubts of a face that a copy of its talent's reference does not settle."""

_GENERATED = frozenset({"trainedalgorithmicmedia", "algorithmicmedia", "virtualrecording"})
_EDITED = frozenset({"compositewithtrainedalgorithmicmedia", "compositesynthetic"})


class Decoder(Protocol):
    def __call__(self, data: bytes, *, source: str) -> DecodedImage: ...


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
    every face gets the extractor's full look at once; without a `prover` copies are told by hashes and faces.
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
    map_prove: Callable[[Callable[[_Found], Proofs], Iterable[_Found]], Iterable[Proofs]] = map
    map_decode: Callable[
        [Callable[[Submission], DecodedImage | InputError], Iterable[Submission]],
        Iterable[DecodedImage | InputError],
    ] = map


class Detector:
    """Answers, for each picture of a batch: is a registered talent in it, and does a consent record allow this use?"""

    def __init__(self, ports: DetectorPorts, *, top: int = 0) -> None:
        """`top` candidates are listed per face even below threshold; 0 lists only those at `possible` or above."""
        self._ports = ports
        self._top = top
        self.stages = Stages() if ports.screener is None else ports.screener.stages
        """What the stages have cost, the extractor's among them."""

    def detect(self, batch: Sequence[Submission], at: datetime) -> list[Finding]:
        """One finding per submission, in order. `at` is the moment the verdicts speak of (with a time zone)."""
        pictures = list(self._ports.map_decode(self._decode, batch))
        images = [picture for picture in pictures if isinstance(picture, DecodedImage)]
        matched, book = self._matched(images, *self._look(images), at)
        with self.stages.timed("match and decide"):
            checked = iter(matched)
            return [
                self._failed(submission, picture, at)
                if isinstance(picture, InputError)
                else self._finding(submission, next(checked), book)
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
        return [self._finding(sighting, one, book) for sighting, one in zip(batch, matched, strict=True)]

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

    def _decode(self, submission: Submission) -> DecodedImage | InputError:
        if isinstance(submission.data, InputError):
            return submission.data
        try:
            with self.stages.timed("decode"):
                return self._ports.decode(submission.data, source=submission.source)
        except InputError as error:
            return error

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

    def _finding(self, submission: Submission | Sighting, checked: _Checked, book: BatchBook) -> Finding:
        image, signals, matches = checked
        use = submission.use
        clients = tuple(self._ports.book.clients_of_domain(use.domain)) if use.domain else ()
        judge = _Judge(use, book, clients, matches)
        faces = tuple(
            FaceFinding.of(face, found, self._listed(found), judge.face(place))
            for place, (face, found) in enumerate(zip(signals.faces, matches.faces, strict=True))
        )
        copies = tuple(CopyFinding(found, judge.copy(found)) for found in matches.copies)
        decisions = [face.decision for face in faces] + [copy.decision for copy in copies]
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
            decision=worst(decisions) or judge.nothing(),
            thresholds=matches.thresholds,
            extra=submission.extra,
        )

    def _listed(self, found: FaceMatch) -> tuple[ScoredCandidate, ...]:
        if self._top:
            return found.candidates[: self._top]
        return tuple(candidate for candidate in found.candidates if candidate.band is not Band.NO_MATCH)


class _Measured(TypedDict):
    signal: str | None
    threshold: float | None


@dataclass(frozen=True, slots=True)
class _Judge:
    """Turns the matches of one picture into decisions under one use."""

    use: Use
    book: BatchBook
    clients: tuple[str, ...]
    matches: Matches

    def face(self, place: int) -> Decision:
        """A face that is in a proven copy of its talent's reference is judged as that copy, unless another face of the
        picture may be the same talent: then something was added to the copy, and a human looks."""
        found = self.matches.faces[place]
        likely = found.assigned or _disputed(found)
        talent = likely.talent_id if likely else None
        copied = next((copy for copy in self.matches.copies if _holds_face(copy, talent, place)), None)
        if copied is not None and (
            copied.copy_class is CopyClass.EXACT or not _REMAINING.intersection(found.doubts)
        ):
            return self.copy(copied)
        synthetic, source = self._origin_beside()
        evidence = Evidence(
            usable=found.usable,
            matched=talent is not None,
            doubts=found.doubts,
            synthetic=synthetic,
            synthetic_source=source,
            **self._measured(likely),
        )
        return self._decide(evidence, talent)

    def copy(self, found: CopyMatch) -> Decision:
        evidence = Evidence(
            usable=True,
            matched=True,
            doubts=() if found.band is Band.MATCH else (Doubt.WEAK,),
            copy_class=found.copy_class,
            reference_id=found.reference_id,
            synthetic=synthetic_class(self.use, found.copy_class),
            synthetic_source=_source_of_class(self.use),
            **self._measured(found),
        )
        return self._decide(evidence, found.talent_id)

    def _origin_beside(self) -> tuple[SyntheticClass, str]:
        """What a face without a copy of its own is known to be made by, also from the copies beside it: a picture
        that is the photograph of a reference is one for everybody in it, and a changed one is for nobody."""
        claimed = synthetic_class(self.use, None)
        classes = {copy.copy_class for copy in self.matches.copies}
        if CopyClass.ALTERED in classes and claimed is SyntheticClass.CAPTURED:
            return SyntheticClass.UNKNOWN, "declared captured, and a face or body was changed"
        if claimed is SyntheticClass.UNKNOWN and classes & {CopyClass.EXACT, CopyClass.REENCODED}:
            return SyntheticClass.CAPTURED, "the picture is the photograph of a reference"
        return claimed, _source_of_class(self.use)

    def nothing(self) -> Decision:
        """The decision on a picture with neither face nor copy."""
        return self._decide(Evidence(usable=False, matched=False), None)

    def _measured(self, found: ScoredCandidate | CopyMatch | None) -> _Measured:
        """The signal behind a match and the threshold applied to it, so that the decision names both."""
        if found is None:
            return {"signal": None, "threshold": None}
        name = str(found.signal)
        return {"signal": name, "threshold": self.matches.thresholds.get(name)}

    def _decide(self, evidence: Evidence, talent_id: str | None) -> Decision:
        standing = self.book.standing.get(talent_id) if talent_id else None
        records = self.book.records.get(talent_id, ()) if talent_id else ()
        return decide(evidence, self.use, records, standing, self.book.at, self.clients)


def _holds_face(copy: CopyMatch, talent_id: str | None, place: int) -> bool:
    """Whether this copy speaks for a face of the picture: it is its talent's, it is no mere hint, and where geometry
    knows the reference's face to be, there this one is. A face beside a copy is not in it."""
    if copy.talent_id != talent_id or copy.copy_class is None:
        return False
    if copy.proof is None:
        return copy.band is Band.MATCH
    firm = copy.band is Band.MATCH or copy.copy_class is not CopyClass.ALTERED
    return firm and copy.proof.face_at == place


def _disputed(found: FaceMatch) -> ScoredCandidate | None:
    """The talent that a face would have been given, had another face of the picture not shown them better."""
    first = next(iter(found.candidates), None)
    return first if first and first.band is Band.MATCH and Doubt.CONTESTED in found.doubts else None


def synthetic_class(use: Use, copy_class: CopyClass | None) -> SyntheticClass:
    """How the picture was made, by what is claimed of it. A claim of AI outweighs a claim of none.

    IPTC terms: https://cv.iptc.org/newscodes/digitalsourcetype/
    """
    declared = (use.digital_source_type or "").rstrip("/").rpartition("/")[2].casefold()
    if declared in _GENERATED:
        return SyntheticClass.AI_GENERATED
    if declared in _EDITED:
        return SyntheticClass.AI_EDITED
    if use.declared_ai or use.labelled_ai:
        return SyntheticClass.AI_GENERATED if copy_class is None else SyntheticClass.AI_EDITED
    return SyntheticClass.UNKNOWN if use.declared_ai is None else SyntheticClass.CAPTURED


def _source_of_class(use: Use) -> str:
    claims = (use.declared_ai, use.labelled_ai, use.digital_source_type)
    return "" if all(claim is None for claim in claims) else "declared with the use"


def _without_geometry(signals: Signals) -> Signals:
    absent = {**signals.made_by.absent, SignalKind.LOCAL: PICTURE_KEPT}
    return replace(signals, made_by=replace(signals.made_by, absent=absent))


def _exact(references: Iterable[tuple[str, str]]) -> Iterator[CopyCandidate]:
    for talent_id, reference_id in references:
        yield CopyCandidate(talent_id, reference_id, FILE_HASH, 1.0, exact=True)
