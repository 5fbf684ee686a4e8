"""Matching: candidates to matches. Pure; calibrated evidence with its bands and doubts, still no verdict.

    candidates ─ strength (calibration) ─▶ bands ─ one talent to one face ─▶ doubts ─▶ Matches

Per face, every candidate gets a strength: a calibrated log-likelihood ratio that grows strictly with the
score and means the same on every face and picture. Two thresholds follow from the rates that the policy
asks for and from the size of the registry: at the target rate begins `match`, at the looser rate
`possible`.

One talent is given to one face of a picture, strongest pair first. That assignment is the stable one: no
face and no talent would both rather have each other than what they got, and a weaker candidate added
anywhere never changes it (a maximum of the summed strengths has neither property: it would take a talent
away from the face that shows them best). A face whose better candidate went to another face is contested;
so is the face that won, when the other would have matched the same talent (a collage, a mirror, a sibling):
a human looks.

A face that is not usable has no candidates: its similarities are outside what was calibrated, so that a
strength would be a number without a meaning, and faces cut above the mouth, backs of heads and wheels would
match each other. It is reported as poor, and given nobody. Copies of references are `detector.copying`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from detector.calibration import CopyCalibration, FaceCalibration
from detector.candidates import Candidates, FaceCandidate
from detector.copying import Proofs, match_copies
from detector.errors import UsageError
from detector.matches import Band, Doubt, FaceMatch, Matches, ScoredCandidate
from detector.signals import Face, SignalId, SignalKind, Signals

Assignment = Mapping[int, ScoredCandidate]
"""Which candidate each face was given, by the face's place in the picture; faces without one are missing."""


SMALLEST_REGISTRY = 100
"""A smaller registry is judged like one of this size. The rate asked for would allow thresholds there at which
the evidence speaks against the talent; it costs nothing, as real pictures of a talent lie far above."""


@dataclass(frozen=True, slots=True)
class MatchPolicy:
    """How strict to be. Rates are false-positive identification rates of one face, between 0 and 1.

    calibration: the face table. registry_size: talents that can be found. target_fpir: where `match`
    begins; possible_fpir: where `possible` begins, at least as loose. margin: lead in strength over the
    second talent below which a human looks. min_quality: quality score below which a match is doubted.
    copies: one table per copy signal."""

    calibration: FaceCalibration
    registry_size: int
    target_fpir: float = 0.01
    possible_fpir: float = 0.05
    margin: float = 3.0
    min_quality: float = 0.0
    copies: Mapping[SignalId, CopyCalibration] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.possible_fpir < self.target_fpir:
            raise UsageError(
                f"possible_fpir ({self.possible_fpir}) must not be stricter than "
                f"target_fpir ({self.target_fpir})"
            )

    @property
    def bands(self) -> Bands:
        size = max(self.registry_size, SMALLEST_REGISTRY)
        rates = (self.target_fpir, self.possible_fpir)
        return Bands(*(self.calibration.threshold(rate, size) for rate in rates))


@dataclass(frozen=True, slots=True)
class Bands:
    """The two strengths at which `match` and `possible` begin."""

    match: float
    possible: float

    def of(self, strength: float) -> Band:
        if strength >= self.match:
            return Band.MATCH
        return Band.POSSIBLE if strength >= self.possible else Band.NO_MATCH


def match(
    signals: Signals, candidates: Candidates, policy: MatchPolicy, proofs: Proofs | None = None
) -> Matches:
    """Calibrate and assign the candidates of one picture; `candidates.faces` runs beside `signals.faces`.
    proofs: what geometry measured of the copy candidates.

    Raises SignalMismatch when a face candidate is of another signal than the policy's calibration.
    """
    bands = policy.bands
    scored = [
        _scored(face, found, policy, bands)
        for face, found in zip(signals.faces, candidates.faces, strict=True)
    ]
    given = assign(scored)
    contested = _contested(scored, given)
    faces = tuple(
        _face_match(face, scored[place], given.get(place), _doubted(face, place in contested, policy))
        for place, face in enumerate(signals.faces)
    )
    copies = match_copies(candidates.copies, faces, policy.copies, proofs)
    return Matches(faces, copies, _thresholds(policy, bands))


def assign(scored: Sequence[Sequence[ScoredCandidate]]) -> Assignment:
    """Give each talent to one face and each face one talent, strongest pair first; `no_match` is never
    given."""
    given: dict[int, ScoredCandidate] = {}
    taken: set[str] = set()
    for place, candidate in sorted(_pairs(scored), key=_strongest_first):
        if place not in given and candidate.talent_id not in taken:
            given[place] = candidate
            taken.add(candidate.talent_id)
    return given


def _pairs(scored: Sequence[Sequence[ScoredCandidate]]) -> Iterator[tuple[int, ScoredCandidate]]:
    for place, candidates in enumerate(scored):
        yield from ((place, item) for item in candidates if item.band is not Band.NO_MATCH)


def _strongest_first(pair: tuple[int, ScoredCandidate]) -> tuple[float, str, int]:
    place, candidate = pair
    return -candidate.strength, candidate.talent_id, place


def _contested(scored: Sequence[Sequence[ScoredCandidate]], given: Assignment) -> set[int]:
    """Faces in a dispute over a talent: those who lost one to another face, and a winner whose rival
    matched too."""
    owners = {candidate.talent_id: place for place, candidate in given.items()}
    contested: set[int] = set()
    for place, candidate in _pairs(scored):
        owner = owners.get(candidate.talent_id, place)
        if owner == place or not _preferred(candidate, given.get(place)):
            continue
        contested.add(place)
        if candidate.band is Band.MATCH:
            contested.add(owner)
    return contested


def _preferred(candidate: ScoredCandidate, given: ScoredCandidate | None) -> bool:
    """Would the face rather have had this candidate than what it got?"""
    return given is None or candidate.strength > given.strength


def _scored(
    face: Face, found: Sequence[FaceCandidate], policy: MatchPolicy, bands: Bands
) -> tuple[ScoredCandidate, ...]:
    if not face.quality.usable:
        return ()
    scored = (_calibrated(candidate, policy.calibration, bands) for candidate in found)
    return tuple(sorted(scored, key=lambda item: (-item.strength, item.talent_id)))


def _calibrated(candidate: FaceCandidate, calibration: FaceCalibration, bands: Bands) -> ScoredCandidate:
    calibration.signal.require(candidate.signal)
    score = calibration.score(candidate.similarity, candidate.template_similarity, candidate.commonness)
    strength = calibration.strength(score)
    return ScoredCandidate(
        talent_id=candidate.talent_id,
        reference_id=candidate.reference_id,
        signal=candidate.signal,
        similarity=candidate.similarity,
        strength=strength,
        band=bands.of(strength),
    )


def _doubted(face: Face, contested: bool, policy: MatchPolicy) -> _Doubted:
    poor = not face.quality.usable or face.quality.score < policy.min_quality
    return _Doubted(poor, contested, policy.margin)


@dataclass(frozen=True, slots=True)
class _Doubted:
    """What the doubts of one face hang on beside its own strengths."""

    poor: bool
    contested: bool
    margin: float

    def about(self, assigned: ScoredCandidate | None, margin: float | None) -> Iterator[Doubt]:
        if assigned is not None and assigned.band is Band.POSSIBLE:
            yield Doubt.WEAK
        if margin is not None and margin < self.margin:
            yield Doubt.SMALL_MARGIN
        if self.poor:
            yield Doubt.POOR_QUALITY
        if self.contested:
            yield Doubt.CONTESTED


def _face_match(
    face: Face, scored: tuple[ScoredCandidate, ...], assigned: ScoredCandidate | None, doubted: _Doubted
) -> FaceMatch:
    margin = None if assigned is None else _margin(assigned, scored)
    doubts = tuple(doubted.about(assigned, margin))
    return FaceMatch(scored, assigned, margin, doubts, face.quality.usable)


def _margin(assigned: ScoredCandidate, scored: Sequence[ScoredCandidate]) -> float | None:
    """Lead over the strongest other talent; negative when that one went to another face; None when there is
    no other."""
    others = [item.strength for item in scored if item.talent_id != assigned.talent_id]
    return assigned.strength - max(others) if others else None


def _thresholds(policy: MatchPolicy, bands: Bands) -> Mapping[str, float]:
    judged = {signal: table for signal, table in policy.copies.items() if signal.kind is not SignalKind.IMAGE}
    copies = {str(signal): table.near for signal, table in judged.items()}  # an image network only shortlists
    return {str(policy.calibration.signal): bands.match, **copies}
