"""The refine step: faces that may be somebody get the full look, everybody else stays with the first one.

    signals (one pass a face), candidates ─ who may reach `possible`? ─▶ refine those ─▶ search them again
                                          ─ what can matter? ─▶ the rest is dropped before records are read

The full look costs another pass of the network, and most faces of a catalogue are of nobody registered. A face is
looked at again when its best candidate comes within `MARGIN` of `possible`; the verdicts are then those that the full
look at every face would give, as long as no face gains more than that by it. Pure; the network is behind the port.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from detector.candidates import Candidates, CopyCandidate, FaceCandidate
from detector.matching import MatchPolicy
from detector.signals import Face, Signals

MARGIN = 1.6
"""In strength. Of 5,680 faces of the evaluation pictures none that reached `possible` gained more than 1.2 by the mirror
(SFace; docs/networks.md); the standard deviation is 0.26."""

Refine = Callable[[Sequence[Face]], list[Face]]
Search = Callable[[Sequence[Signals]], list[Candidates]]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One picture: its signals, and what was found by them."""

    signals: Signals
    candidates: Candidates


def may_be_somebody(face: Face, found: Sequence[FaceCandidate], policy: MatchPolicy) -> bool:
    """Whether the full look could bring this face to `possible`."""
    floor = policy.bands.possible - MARGIN
    return face.quality.usable and any(_strength(item, policy) >= floor for item in found)


def refined(seen: Sequence[Seen], refine: Refine, search: Search, policy: MatchPolicy) -> list[Seen]:
    """The same pictures in the same order, with the full look at every face that may be somebody."""
    places = [_places(one, policy) for one in seen]
    again = iter(
        refine([one.signals.faces[at] for one, some in zip(seen, places, strict=True) for at in some])
    )
    looked = [
        _with_faces(one, {at: next(again) for at in some}) for one, some in zip(seen, places, strict=True)
    ]
    return list(_searched_again(looked, places, search))


def relevant(seen: Seen, policy: MatchPolicy, *, every_talent: bool) -> Seen:
    """Without the candidates that no match can come of: those of faces that are nobody (unless `every_talent` near a
    face is to be listed), and references that no signal finds near. Whose consents need not be asked for."""
    found = seen.candidates
    faces = tuple(
        some if every_talent or may_be_somebody(face, some, policy) else ()
        for face, some in zip(seen.signals.faces, found.faces, strict=True)
    )
    near = {copy.reference_id for copy in found.copies if _near(copy, policy)}
    copies = tuple(copy for copy in found.copies if copy.reference_id in near)
    return replace(seen, candidates=Candidates(faces, copies))


def _near(copy: CopyCandidate, policy: MatchPolicy) -> bool:
    table = policy.copies.get(copy.signal)
    return copy.exact or (table is not None and table.worth_proving(copy.similarity, policy.registry_size))


def _places(seen: Seen, policy: MatchPolicy) -> list[int]:
    pairs = enumerate(zip(seen.signals.faces, seen.candidates.faces, strict=True))
    return [at for at, (face, found) in pairs if may_be_somebody(face, found, policy)]


def _with_faces(seen: Seen, faces: dict[int, Face]) -> Seen:
    every = tuple(faces.get(at, face) for at, face in enumerate(seen.signals.faces))
    return replace(seen, signals=replace(seen.signals, faces=every))


def _searched_again(seen: Sequence[Seen], places: Sequence[Sequence[int]], search: Search) -> Iterator[Seen]:
    """Only the faces that are new are searched; the copies were found by signals that have not changed."""
    asked = [_only(one.signals, some) for one, some in zip(seen, places, strict=True) if some]
    found = iter(search(asked) if asked else ())
    for one, some in zip(seen, places, strict=True):
        answers = dict(zip(some, next(found).faces, strict=True)) if some else {}
        faces = tuple(answers.get(at, before) for at, before in enumerate(one.candidates.faces))
        yield replace(one, candidates=replace(one.candidates, faces=faces))


def _only(signals: Signals, places: Sequence[int]) -> Signals:
    return replace(signals, faces=tuple(signals.faces[at] for at in places), image=None, hashes={})


def _strength(candidate: FaceCandidate, policy: MatchPolicy) -> float:
    calibration = policy.calibration
    calibration.signal.require(candidate.signal)
    score = calibration.score(candidate.similarity, candidate.template_similarity, candidate.commonness)
    return calibration.strength(score)
